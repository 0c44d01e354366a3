/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See instant.h. From an anchor that was taken when nothing spoke against the wall clock,
 *
 *     est = anchor's wall + boottime since       raw lo = min(wall, est), raw hi = max(wall, est)
 *
 * and the answers are raw lo and raw hi, neither ever below what was answered before. A wall clock
 * that jumps moves one of the two sides alone, and the gap between hi and raw lo makes it suspect.
 *
 * The anchor follows the wall clock while the two agree within VT_CLOCK_SUSPECT_NS, every ten
 * minutes at most, so that the steps of a time server do not add up. Otherwise it stays until an
 * administrator says that the wall clock is right.
 *
 * After a reboot nothing is known of the time that passed: est is the wall clock itself. It becomes
 * the anchor as soon as it stands beyond what was already answered, which a clock that lost its
 * battery does only once a time server has set it.
 */
#include "policy/instant.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/store.h"
#include "policy/policy_record.h"

#define ANCHOR_EVERY_NS (600 * VT_NS_PER_SEC)

struct vt_timekeeper {
	struct vt_store *store;          /* constant */
	uint8_t boot_id[VT_BOOT_ID_LEN]; /* constant: present */
	pthread_mutex_t lock;            /* guards all below */
	bool anchored;
	uint64_t wall_ns, boottime_ns; /* the anchor */
	struct vt_instant last;        /* answered; hi: highest ever seen */
	uint64_t raw_lo_ns;            /* of the last look */
};

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void anchor(struct vt_timekeeper *keeper, uint64_t wall_ns, uint64_t boottime_ns)
{
	keeper->anchored = true;
	keeper->wall_ns = wall_ns;
	keeper->boottime_ns = boottime_ns;
}

/* With the lock: looks at both clocks. */
static struct vt_instant look(struct vt_timekeeper *keeper)
{
	uint64_t wall = vt_clock_realtime_ns(), boottime = vt_clock_boottime_ns(), est = wall;

	if (!keeper->anchored && wall >= keeper->last.lo_ns)
		anchor(keeper, wall, boottime);
	if (keeper->anchored)
		est = keeper->wall_ns + (boottime - min(boottime, keeper->boottime_ns));
	keeper->raw_lo_ns = min(wall, est);
	keeper->last.lo_ns = max(keeper->last.lo_ns, keeper->raw_lo_ns);
	keeper->last.hi_ns = max(keeper->last.hi_ns, max(wall, est));
	return keeper->last;
}

static bool suspect(const struct vt_timekeeper *keeper)
{
	return keeper->last.hi_ns - keeper->raw_lo_ns > VT_CLOCK_SUSPECT_NS;
}

static int load(struct vt_timekeeper *keeper, struct vt_error *err)
{
	static const uint8_t no_boot[VT_BOOT_ID_LEN];
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	struct vt_clock_record record;
	int r = vt_store_get(keeper->store, VT_CF_POLICY, VT_POLICY_KEY_CLOCK,
			     strlen(VT_POLICY_KEY_CLOCK), false, &value, err);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = vt_clock_decode(value.data, value.len, &record, err);
	if (r < 0)
		return r;
	keeper->last = (struct vt_instant){record.lo_ns, record.hi_ns};
	if (memcmp(record.boot_id, keeper->boot_id, VT_BOOT_ID_LEN) == 0 &&
	    memcmp(record.boot_id, no_boot, VT_BOOT_ID_LEN) != 0)
		anchor(keeper, record.wall_ns, record.boottime_ns);
	return 0;
}

int vt_timekeeper_open(struct vt_store *store, struct vt_timekeeper **out, struct vt_error *err)
{
	vt_cleanup(vt_timekeeper_freep) struct vt_timekeeper *keeper = calloc(1, sizeof *keeper);
	int r;

	if (!keeper)
		return vt_fail(err, ENOMEM, "no memory for the policy's clock");
	(void) pthread_mutex_init(&keeper->lock, NULL);
	keeper->store = store;
	vt_clock_boot_id(keeper->boot_id);
	r = load(keeper, err);
	if (r < 0)
		return r;
	(void) look(keeper);
	*out = vt_steal(&keeper);
	return 0;
}

void vt_timekeeper_free(struct vt_timekeeper *keeper)
{
	if (!keeper)
		return;
	(void) pthread_mutex_destroy(&keeper->lock);
	free(keeper);
}

struct vt_instant vt_timekeeper_now(struct vt_timekeeper *keeper)
{
	struct vt_instant now;

	(void) pthread_mutex_lock(&keeper->lock);
	now = look(keeper);
	(void) pthread_mutex_unlock(&keeper->lock);
	return now;
}

bool vt_timekeeper_is_suspect(struct vt_timekeeper *keeper)
{
	bool is;

	(void) pthread_mutex_lock(&keeper->lock);
	(void) look(keeper);
	is = suspect(keeper);
	(void) pthread_mutex_unlock(&keeper->lock);
	return is;
}

static void put(struct vt_timekeeper *keeper, struct vt_batch *batch)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_clock_record record = {
		.wall_ns = keeper->wall_ns,
		.boottime_ns = keeper->boottime_ns,
		.lo_ns = keeper->last.lo_ns,
		.hi_ns = keeper->last.hi_ns,
	};

	if (keeper->anchored)
		memcpy(record.boot_id, keeper->boot_id, sizeof record.boot_id);
	if (vt_clock_encode(&record, &value) ==
	    0) /* else the older note stays: it is true as well */
		vt_batch_put(batch, keeper->store, VT_CF_POLICY, VT_POLICY_KEY_CLOCK,
			     strlen(VT_POLICY_KEY_CLOCK), value.data, value.len);
}

void vt_timekeeper_note(struct vt_timekeeper *keeper, struct vt_batch *batch)
{
	uint64_t boottime;

	(void) pthread_mutex_lock(&keeper->lock);
	(void) look(keeper);
	boottime = vt_clock_boottime_ns();
	if (keeper->anchored && !suspect(keeper) &&
	    boottime - keeper->boottime_ns >= ANCHOR_EVERY_NS)
		anchor(keeper, vt_clock_realtime_ns(), boottime);
	put(keeper, batch);
	(void) pthread_mutex_unlock(&keeper->lock);
}

int vt_timekeeper_accept(struct vt_timekeeper *keeper, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	struct vt_timekeeper before;
	uint64_t wall = vt_clock_realtime_ns();
	int r;

	/* Over the write too: nobody may be answered by a clock that is not durable. */
	(void) pthread_mutex_lock(&keeper->lock);
	before = *keeper;
	anchor(keeper, wall, vt_clock_boottime_ns());
	keeper->last = (struct vt_instant){wall, wall};
	keeper->raw_lo_ns = wall;
	put(keeper, batch);
	r = vt_store_write(keeper->store, batch, true, err);
	VT_CRASHPOINT("clock-accepted");
	if (r < 0) {
		keeper->anchored = before.anchored;
		keeper->wall_ns = before.wall_ns;
		keeper->boottime_ns = before.boottime_ns;
		keeper->last = before.last;
		keeper->raw_lo_ns = before.raw_lo_ns;
	}
	(void) pthread_mutex_unlock(&keeper->lock);
	return r;
}
