/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How access shrinks on a session (mount.h has the promise, exhibits.h the means). Catalog or
 * policy have changed before; from then on every OPEN is judged by what is so now. Then, per
 * session:
 *
 *     1  judge   who has a handle and is not entitled any more. No lock: the user database may be
 *                asked, and who opens meanwhile is judged by the new policy
 *     2  flip    under `access`: the ids of those handles die, or those of whole versions
 *     3  drain   requests on dead ids that were admitted before; stragglers are answered for
 *     4  drop    the kernel forgets boundaries' attributes, then pages and attributes of dead ids
 *     5  names   what folders show may have changed: kept listings are read again
 *
 * No inval_entry: it would wait for a directory's lock, which a stalled listing can hold for ever.
 * Names heal: their ids answer ESTALE, and the kernel looks them up again. Nothing is held while
 * the kernel is notified but `narrowing`, which no handler takes: it may wait for a page that one
 * of our answers unlocks.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/mount.h"
#include "fs/node.h"
#include "fs/session.h"
#include "index/base/array.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/idmap.h"
#include "index/import.h"
#include "policy/gate.h"
#include "policy/people.h"

#define STRAGGLER_NS 300000000ull /* a narrowing waits so long, then it answers itself */
#define TIMEOUT_NS   5000000000ull
#define DRAIN_US     50

enum { KEEPS = 1, LOSES = 2 };

struct position {
	uint32_t serial, position;
};

/* A noted version that the pattern covers. */
struct covered {
	uint32_t serial;
	bool is_buried; /* it was gone when it was retired */
};

struct narrowing {
	struct vt_session *session;
	const struct vt_pattern *pattern;
	bool retire;
	struct vt_idmap judged; /* uid, serial -> KEEPS, LOSES */
	struct covered *versions;
	size_t version_count, version_room;
	struct position *burns; /* what losers have open */
	size_t burn_count, burn_room;
	int failed; /* negative: memory was short */
};

static struct vt_catalog *catalog_of(const struct vt_session *session)
{
	return session->service->index->catalog;
}

/* ---- which versions -------------------------------------------------------------------------- */

static bool covers(const struct vt_pattern *pattern, struct vt_catalog *catalog, uint32_t serial)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	char space[VT_NAME_PART_MAX + 1];
	struct vt_object object;

	if (pattern->scope == VT_SCOPE_ALL ||
	    (pattern->scope == VT_SCOPE_VERSION && pattern->version == serial))
		return true;
	if (vt_catalog_version(catalog, serial, &version, NULL) < 0 ||
	    vt_catalog_dataset_by_id(catalog, version->dataset, &dataset, NULL) < 0)
		return true; /* it is gone, so that nobody may read it */
	object = (struct vt_object){
		.dataset = dataset->id,
		.version = version->base,
		.space = vt_dataset_space(dataset->name, space),
	};
	return vt_pattern_covers(pattern, &object);
}

static void add_version(void *context, uint32_t serial)
{
	struct narrowing *narrowing = context;

	if (!covers(narrowing->pattern, catalog_of(narrowing->session), serial))
		return;
	if (vt_array_reserve(narrowing->versions, narrowing->version_room,
			     narrowing->version_count + 1) < 0) {
		narrowing->failed = -ENOMEM;
		return;
	}
	narrowing->versions[narrowing->version_count++] = (struct covered){.serial = serial};
}

/* ---- judging --------------------------------------------------------------------------------- */

/* The version a handle stands in: 0 when its id is dead already or not of a version. */
static uint32_t serial_of(struct vt_session *session, uint64_t id)
{
	const struct vt_version *version;
	uint32_t serial;

	if (vt_exhibits_version(session->exhibits, catalog_of(session), id, &version) < 0)
		return 0;
	serial = version->serial;
	vt_version_unref(version);
	return serial;
}

static uint64_t judged_key(uint32_t uid, uint32_t serial)
{
	return (uint64_t) uid << 32 | serial;
}

static void note_opener(void *context, uint64_t id, uint32_t uid)
{
	struct narrowing *narrowing = context;
	uint32_t serial = serial_of(narrowing->session, id);

	if (serial && vt_idmap_add(&narrowing->judged, judged_key(uid, serial), KEEPS) < 0)
		narrowing->failed = -ENOMEM;
}

static bool may_read(struct vt_session *session, uint32_t uid, uint32_t serial)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	const struct vt_subject subject = {.uid = uid};

	if (vt_catalog_version(catalog_of(session), serial, &version, NULL) < 0)
		return false;
	return vt_gate_keeps(session->service->gate, &subject,
			     (struct vt_place){version->dataset, serial});
}

static void judge_openers(struct narrowing *narrowing)
{
	struct vt_session *session = narrowing->session;

	(void) pthread_mutex_lock(&session->access);
	vt_handles_each(session->handles, note_opener, narrowing);
	(void) pthread_mutex_unlock(&session->access);
	for (size_t i = 0; i < narrowing->judged.room; i++) {
		struct vt_idmap_slot *slot = &narrowing->judged.slots[i];

		if (slot->id &&
		    !may_read(session, (uint32_t) (slot->id >> 32), (uint32_t) slot->id))
			slot->value = LOSES;
	}
}

/*
 * On mounts without handles: may those it is for go on? Whoever sees names there, and no more,
 * could read what the kernel still has of an earlier right to read.
 */
static bool is_lost(struct vt_session *session, struct vt_place place)
{
	struct vt_gate *gate = session->service->gate;
	const struct vt_subject user = {.uid = session->plan->user};

	switch (session->plan->kind) {
	case VT_MOUNT_PRIVATE:
		return vt_gate_check(gate, &user, VT_RIGHT_READ, place, false, NULL, NULL) < 0;
	case VT_MOUNT_OPEN_ONLY:
		return !vt_gate_is_open(gate, place);
	case VT_MOUNT_SHARED:
		break;
	}
	return false;
}

/* ---- flipping -------------------------------------------------------------------------------- */

static void add_burn(void *context, uint64_t id, uint32_t uid)
{
	struct narrowing *narrowing = context;
	uint32_t serial = serial_of(narrowing->session, id);
	uint64_t judgement = KEEPS;

	(void) vt_idmap_find(&narrowing->judged, judged_key(uid, serial), &judgement);
	if (!serial || judgement == KEEPS)
		return;
	if (vt_array_reserve(narrowing->burns, narrowing->burn_room, narrowing->burn_count + 1) <
	    0) {
		narrowing->failed = -ENOMEM;
		return;
	}
	narrowing->burns[narrowing->burn_count++] = (struct position){serial, vt_node_position(id)};
}

static int compare_positions(const void *a, const void *b)
{
	const struct position *x = a, *y = b;

	if (x->serial != y->serial)
		return x->serial < y->serial ? -1 : 1;
	return (x->position > y->position) - (x->position < y->position);
}

/* Burns positions [from, to) of one version, each once. A full log costs the whole version. */
static int burn_version(struct narrowing *narrowing, size_t from, size_t to)
{
	struct vt_exhibits *exhibits = narrowing->session->exhibits;
	uint32_t *positions = calloc(to - from, sizeof *positions);
	size_t count = 0;
	int r;

	if (!positions)
		return -ENOMEM;
	for (size_t i = from; i < to; i++)
		if (count == 0 || positions[count - 1] != narrowing->burns[i].position)
			positions[count++] = narrowing->burns[i].position;
	r = vt_exhibits_burn(exhibits, narrowing->burns[from].serial, positions, count);
	if (r == -ENFILE)
		r = vt_exhibits_retire(exhibits, narrowing->burns[from].serial);
	free(positions);
	return r;
}

static int burn(struct narrowing *narrowing)
{
	size_t from = 0;
	int r = 0;

	vt_handles_each(narrowing->session->handles, add_burn, narrowing);
	if (narrowing->burn_count == 0)
		return 0;
	qsort(narrowing->burns, narrowing->burn_count, sizeof *narrowing->burns, compare_positions);
	for (size_t i = 1; i <= narrowing->burn_count && r == 0; i++)
		if (i == narrowing->burn_count ||
		    narrowing->burns[i].serial != narrowing->burns[from].serial) {
			r = burn_version(narrowing, from, i);
			from = i;
		}
	return r;
}

static int retire_one(struct narrowing *narrowing, struct covered *covered)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	struct vt_session *session = narrowing->session;
	uint32_t serial = covered->serial;
	bool gone = vt_catalog_version(catalog_of(session), serial, &version, NULL) < 0 ||
		    version->state != VT_VERSION_LIVE;
	int r;

	if (!gone && !narrowing->retire &&
	    !is_lost(session, (struct vt_place){version->dataset, serial}))
		return 0;
	r = vt_exhibits_retire(session->exhibits, serial);
	covered->is_buried = gone && r == 0;
	return r;
}

/* Each as far as it goes: what cannot be done for one version is no reason to spare another. */
static int retire_versions(struct narrowing *narrowing)
{
	int failed = 0;

	for (size_t i = 0; i < narrowing->version_count; i++) {
		int r = retire_one(narrowing, &narrowing->versions[i]);

		failed = r < 0 ? r : failed;
	}
	return failed;
}

/* Else each later narrowing would retire them again. */
static void bury(const struct narrowing *narrowing)
{
	for (size_t i = 0; i < narrowing->version_count; i++)
		if (narrowing->versions[i].is_buried)
			vt_exhibits_bury(narrowing->session->exhibits,
					 narrowing->versions[i].serial);
}

/* What goes as a whole first: there is nothing left to burn in it. */
static int flip(struct narrowing *narrowing)
{
	struct vt_session *session = narrowing->session;
	int retired, burned;

	(void) pthread_mutex_lock(&session->access);
	retired = retire_versions(narrowing);
	burned = burn(narrowing);
	(void) pthread_mutex_unlock(&session->access);
	if (retired < 0 || burned < 0)
		return retired < 0 ? retired : burned;
	return narrowing->failed;
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/* -ENOENT everywhere below: the kernel does not hold it (any more). */
static void drop_attributes(struct vt_session *session, uint64_t id)
{
	(void) fuse_lowlevel_notify_inval_inode(session->fuse, id, -1, 0);
}

static void drop(void *context, uint64_t id)
{
	struct vt_session *session = context;

	(void) fuse_lowlevel_notify_inval_inode(session->fuse, id, 0, 0);
}

static void drop_view(void *context, uint64_t id)
{
	drop_attributes(context, id);
}

/* The folders of a version, and of its dataset: owner, mode and list are asked for again. */
static void refresh_version(struct vt_session *session, uint32_t serial)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	uint32_t base = vt_exhibits_base(session->exhibits, serial);

	drop_attributes(session, vt_node_id(base, 0));
	drop_attributes(session, vt_node_id(base, VT_POSITION_DOCUMENTS));
	drop_attributes(session, vt_node_id(base, VT_POSITION_LABELS));
	drop_attributes(session, vt_node_id(base, VT_POSITION_QUERIES));
	vt_views_each(session->views, serial, drop_view, session);
	if (vt_catalog_version(catalog_of(session), serial, &version, NULL) < 0)
		return;
	drop_attributes(session, vt_node_id_of(VT_SHOWN_DATASET, version->dataset));
	drop_attributes(session, vt_node_id_of(VT_SHOWN_DOCUMENTS, version->dataset));
	drop_attributes(session, vt_node_id_of(VT_SHOWN_LABELS, version->dataset));
	drop_attributes(session, vt_node_id_of(VT_SHOWN_QUERIES, version->dataset));
}

/* Folders whose names may have changed: listings are kept where OPENDIR is not asked. */
static void refresh_names(struct vt_session *session)
{
	struct vt_catalog *catalog = catalog_of(session);
	const struct vt_dataset **datasets;
	uint32_t *spaces;
	size_t count;

	if (session->plan->kind == VT_MOUNT_SHARED)
		return;
	drop(session, vt_node_id_of(VT_SHOWN_ROOT, 1));
	if (vt_catalog_spaces(catalog, &spaces, &count) == 0) {
		for (size_t i = 0; i < count; i++)
			drop(session, vt_node_id_of(VT_SHOWN_SPACE, spaces[i]));
		free(spaces);
	}
	if (vt_catalog_datasets(catalog, &datasets, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		drop(session, vt_node_id_of(VT_SHOWN_DATASET, datasets[i]->id));
		drop(session, vt_node_id_of(VT_SHOWN_DOCUMENTS, datasets[i]->id));
		drop(session, vt_node_id_of(VT_SHOWN_LABELS, datasets[i]->id));
		drop(session, vt_node_id_of(VT_SHOWN_QUERIES, datasets[i]->id));
	}
	vt_datasets_free(datasets, count);
}

static int drain(struct vt_session *session)
{
	uint64_t begun = vt_clock_monotonic_ns();

	while (vt_request_pending(&session->requests, VT_REQUEST_DEAD)) {
		uint64_t waited = vt_clock_monotonic_ns() - begun;

		if (waited > TIMEOUT_NS)
			return -ETIMEDOUT;
		if (waited > STRAGGLER_NS)
			(void) vt_request_answer_late(&session->requests, VT_REQUEST_DEAD,
						      UINT64_MAX, ESTALE);
		(void) usleep(DRAIN_US);
	}
	return 0;
}

/* What is dead is drained and dropped. Under `narrowing`. */
static int finish(struct vt_session *session)
{
	int r = drain(session);

	if (r < 0)
		return r;
	VT_CRASHPOINT("narrow-drained");
	vt_exhibits_each_dead(session->exhibits, drop, session);
	vt_views_drop_dead(session->views, drop, session);
	vt_exhibits_done(session->exhibits);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/*
 * What is unfinished is finished first, so that its versions can be retired again. If that cannot
 * be now, the flip must not wait for it: who has an id that is live reads on.
 */
static int narrow_locked(struct narrowing *narrowing)
{
	struct vt_session *session = narrowing->session;
	int r, finished;

	if (vt_exhibits_pending(session->exhibits))
		(void) finish(session);
	vt_exhibits_each(session->exhibits, add_version, narrowing);
	judge_openers(narrowing);
	r = flip(narrowing);
	VT_CRASHPOINT("narrow-flipped");
	for (size_t i = 0; i < narrowing->version_count; i++)
		refresh_version(session, narrowing->versions[i].serial);
	finished = finish(session);
	if (finished == 0)
		bury(narrowing);
	VT_CRASHPOINT("narrow-finished");
	return r < 0 ? r : finished;
}

static int narrow_session(struct vt_session *session, const struct vt_pattern *pattern, bool retire)
{
	struct narrowing narrowing = {.session = session, .pattern = pattern, .retire = retire};
	int r;

	(void) pthread_mutex_lock(&session->narrowing);
	r = narrow_locked(&narrowing);
	/* What failed is made up for by a narrowing of all there is. */
	if (r < 0 || pattern->scope == VT_SCOPE_ALL)
		session->unsettled = r < 0;
	(void) pthread_mutex_unlock(&session->narrowing);
	refresh_names(session);
	vt_idmap_done(&narrowing.judged);
	free(narrowing.versions);
	free(narrowing.burns);
	if (r < 0)
		vt_log(VT_LOG_WARNING, "cannot narrow yet mount='%s' error=%d", session->mountpoint,
		       -r);
	return r;
}

int vt_sessions_narrow(struct vt_sessions *sessions, const struct vt_pattern *pattern, bool retire,
		       struct vt_error *err)
{
	struct vt_session *session = NULL;
	int r = 0;

	while ((session = vt_session_pin_next(sessions, session)))
		if (narrow_session(session, pattern, retire) < 0)
			r = vt_fail(err, ETIMEDOUT,
				    "the mount '%s' still answers older requests; what was taken "
				    "away stays refused there, and it is tried again",
				    session->mountpoint);
	return r;
}

void vt_session_settle(struct vt_session *session)
{
	const struct vt_pattern all = {.scope = VT_SCOPE_ALL};

	(void) narrow_session(session, &all, false);
}

bool vt_sessions_settle(struct vt_sessions *sessions)
{
	struct vt_session *session = NULL;
	bool settled = true;

	while ((session = vt_session_pin_next(sessions, session))) {
		if (session->unsettled)
			vt_session_settle(session);
		settled = settled && !session->unsettled;
	}
	return settled;
}

/* ---- the user database ----------------------------------------------------------------------- */

/* Without memory for it a reader is asked about the next time. */
static void note_reader(void *context, uint64_t id, uint32_t uid)
{
	(void) id;
	(void) vt_idmap_add(context, 1 + (uint64_t) uid, 0);
}

static void ask_about(struct vt_session *session, uint32_t uid)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;

	(void) vt_people_get(session->service->people, uid, false, &person);
}

static void ask_about_readers(struct vt_session *session)
{
	struct vt_idmap readers = {0};

	if (session->plan->kind == VT_MOUNT_PRIVATE)
		note_reader(&readers, 0, session->plan->user);
	(void) pthread_mutex_lock(&session->access);
	vt_handles_each(session->handles, note_reader, &readers);
	(void) pthread_mutex_unlock(&session->access);
	for (size_t i = 0; i < readers.room; i++)
		if (readers.slots[i].id)
			ask_about(session, (uint32_t) (readers.slots[i].id - 1));
	vt_idmap_done(&readers);
}

void vt_sessions_ask_about_readers(struct vt_sessions *sessions)
{
	struct vt_session *session = NULL;

	while ((session = vt_session_pin_next(sessions, session)))
		ask_about_readers(session);
}

/* ---- growing --------------------------------------------------------------------------------- */

void vt_sessions_refresh(struct vt_sessions *sessions, const struct vt_pattern *pattern)
{
	struct vt_session *session = NULL;

	while ((session = vt_session_pin_next(sessions, session))) {
		struct narrowing which = {.session = session, .pattern = pattern};

		vt_exhibits_each(session->exhibits, add_version, &which);
		for (size_t i = 0; i < which.version_count; i++)
			refresh_version(session, which.versions[i].serial);
		free(which.versions);
		refresh_names(session);
	}
}
