/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See audit.h. A record is made into text by whoever appends it, with room for its number; the
 * writer thread numbers the records of the queue in order, hashes and writes them, syncs once for
 * all that wait, and signs. Nothing that was not synced survives a failed write: it is taken out
 * of file and tree again, counted, and its waiters are told; so the log on disk has no holes but
 * those that a gap record states.
 *
 * One lock, `lock`; the log itself is the writer's alone.
 */
#include "policy/audit.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "policy/audit_log.h"
#include "policy/audit_private.h"

#define GROUP_NS         200000000ull /* what nobody waits for is synced after it */
#define CHECKPOINT_EVERY 1024u        /* records */
#define DIGITS           20u          /* room for a number in a line */

struct item {
	struct item *next;
	bool durable, sealed, done; /* done: guarded by lock */
	int result;
	uint64_t time_ns, opens, denials;
	size_t seq_at, t_at; /* where the zeros of both stand in `text` */
	size_t len;
	char text[];
};

/* Of a log since its start record; the writer's. A heartbeat states them. */
struct totals {
	uint64_t records, opens, denials;
};

struct vt_audit {
	struct vt_audit_settings settings; /* constant */
	struct vt_audit_fold *fold;        /* constant */
	atomic_bool open;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t work, done;

	/* guarded by lock */
	struct item *head, **tail;
	size_t queued;
	bool stop, settle, fold_now;
	uint64_t settled; /* rounds of the writer that ended with all synced and signed */
	uint64_t lost, lost_since_ns; /* realtime */
	char why[256];

	/* the writer's */
	struct vt_audit_log *log;
	struct totals totals, synced_totals;
	uint64_t sync_at_ns, checkpoint_at_ns, fold_at_ns, retry_at_ns; /* monotonic; 0: not due */
	uint64_t unsynced; /* records that a failure now would lose unseen */
	bool seal, broken; /* broken: the files must be rolled back before anything is added */
};

bool vt_audit_is_open(const struct vt_audit *audit)
{
	return atomic_load_explicit(&audit->open, memory_order_acquire);
}

struct vt_audit_fold *vt_audit_get_fold(struct vt_audit *audit)
{
	return audit->fold;
}

uint64_t vt_audit_closed_since(struct vt_audit *audit, struct vt_error *why)
{
	uint64_t since;

	(void) pthread_mutex_lock(&audit->lock);
	since = vt_audit_is_open(audit) ? 0 : audit->lost_since_ns;
	if (since)
		(void) vt_fail(why, EIO, "%s", audit->why);
	(void) pthread_mutex_unlock(&audit->lock);
	return since;
}

/* ---- appending ------------------------------------------------------------------------------ */

static int find_zero(const struct vt_audit_line *line, const char *key, const char *text)
{
	return (int) (vt_audit_line_find(line, key)->value - text);
}

static int make_item(enum vt_audit_kind kind, json_t *fields, struct item **out,
		     struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	struct vt_audit_line line;
	struct item *item = NULL;
	int r;

	if (!fields || json_object_set_new(fields, "kind", json_string(vt_audit_kind_name(kind))) ||
	    json_object_set_new(fields, "seq", json_integer(0)) ||
	    json_object_set_new(fields, "t", json_integer(0)))
		return vt_fail(err, ENOMEM, "no memory for a record of the audit log");
	r = vt_audit_line_encode(fields, &text, err);
	if (r < 0)
		return r;
	if (text.len + 2 * DIGITS > VT_AUDIT_LINE_MAX)
		return vt_fail(err, E2BIG, "a record of the audit log is too long");
	item = calloc(1, sizeof *item + text.len);
	if (!item)
		return vt_fail(err, ENOMEM, "no memory for a record of the audit log");
	memcpy(item->text, text.data, text.len);
	item->len = text.len;
	(void) vt_audit_line_parse(item->text, item->len, &line, NULL); /* it was just written */
	item->seq_at = (size_t) find_zero(&line, "seq", item->text);
	item->t_at = (size_t) find_zero(&line, "t", item->text);
	item->sealed = vt_audit_kind_is_sealed(kind);
	if (kind == VT_AUDIT_ACCESS)
		item->opens = (uint64_t) vt_audit_line_number(&line, "opens", 0);
	if (kind == VT_AUDIT_DENY)
		item->denials = (uint64_t) vt_audit_line_number(&line, "count", 0);
	*out = item;
	return 0;
}

/* Under the lock. Something will be missing from the log. */
static void lose(struct vt_audit *audit, uint64_t records, const char *why)
{
	if (audit->lost_since_ns == 0) {
		audit->lost_since_ns = vt_clock_realtime_ns();
		(void) snprintf(audit->why, sizeof audit->why, "%.255s", why);
	}
	audit->lost += records;
	atomic_store_explicit(&audit->open, false, memory_order_release);
}

/* Under the lock. */
static int enqueue(struct vt_audit *audit, struct item *item)
{
	if (!vt_audit_is_open(audit) || audit->queued >= audit->settings.queue_max) {
		lose(audit, !item->durable, "more was recorded than could be written");
		(void) pthread_cond_signal(&audit->work);
		return -EIO;
	}
	item->time_ns = vt_clock_realtime_ns();
	*audit->tail = item;
	audit->tail = &item->next;
	if (audit->queued++ == 0 || item->durable)
		(void) pthread_cond_signal(&audit->work);
	return 0;
}

int vt_audit_append(struct vt_audit *audit, enum vt_audit_kind kind, json_t *fields, bool durable,
		    struct vt_error *err)
{
	struct item *item;
	int r = make_item(kind, fields, &item, err);

	json_decref(fields);
	if (r < 0)
		return r;
	item->durable = durable;
	(void) pthread_mutex_lock(&audit->lock);
	r = enqueue(audit, item);
	while (r == 0 && durable && !item->done)
		(void) pthread_cond_wait(&audit->done, &audit->lock);
	if (r == 0 && durable)
		r = item->result;
	if (r < 0)
		(void) vt_fail(err, EIO, "the audit log cannot be written: %s", audit->why);
	(void) pthread_mutex_unlock(&audit->lock);
	if (r < 0 || durable)
		free(item);
	return r < 0 ? -EIO : 0;
}

int vt_audit_settle(struct vt_audit *audit, struct vt_error *err)
{
	uint64_t round;
	int r = 0;

	(void) pthread_mutex_lock(&audit->lock);
	/* The round under way may have begun before the last append. */
	round = audit->settled + 2;
	while (r == 0 && audit->settled < round) {
		if (!vt_audit_is_open(audit))
			r = vt_fail(err, EIO, "the audit log cannot be written: %s", audit->why);
		audit->settle = true;
		(void) pthread_cond_signal(&audit->work);
		if (r == 0)
			(void) pthread_cond_wait(&audit->done, &audit->lock);
	}
	(void) pthread_mutex_unlock(&audit->lock);
	return r;
}

/* ---- the writer ----------------------------------------------------------------------------- */

/* The text with its two numbers in place: seq stands before t, as the keys are sorted. */
static size_t compose(const struct item *item, uint64_t seq, char out[VT_AUDIT_LINE_MAX])
{
	size_t len = item->seq_at;

	memcpy(out, item->text, len);
	len += (size_t) sprintf(out + len, "%" PRIu64, seq);
	memcpy(out + len, item->text + item->seq_at + 1, item->t_at - item->seq_at - 1);
	len += item->t_at - item->seq_at - 1;
	len += (size_t) sprintf(out + len, "%" PRIu64, item->time_ns);
	memcpy(out + len, item->text + item->t_at + 1, item->len - item->t_at - 1);
	return len + item->len - item->t_at - 1;
}

static int add_items(struct vt_audit *audit, const struct item *item, bool *durable,
		     struct vt_error *err)
{
	char line[VT_AUDIT_LINE_MAX];
	int r = 0;

	for (const struct item *i = item; i; i = i->next)
		audit->unsynced += !i->durable;
	for (; r == 0 && item; item = item->next) {
		size_t len = compose(item, vt_audit_log_size(audit->log), line);

		r = vt_audit_log_add(audit->log, line, len, err);
		audit->totals.records++;
		audit->totals.opens += item->opens;
		audit->totals.denials += item->denials;
		audit->seal |= item->sealed;
		*durable |= item->durable || item->sealed;
	}
	return r;
}

static void finish_items(struct vt_audit *audit, struct item *item, int result)
{
	struct item *next;

	(void) pthread_mutex_lock(&audit->lock);
	for (; item; item = next) {
		next = item->next;
		item->result = result;
		item->done = true; /* of a durable one: its waiter frees it */
		if (!item->durable)
			free(item);
	}
	(void) pthread_cond_broadcast(&audit->done);
	(void) pthread_mutex_unlock(&audit->lock);
}

static int sync_log(struct vt_audit *audit, struct vt_error *err)
{
	int r = vt_audit_log_sync(audit->log, err);

	if (r < 0)
		return r;
	audit->synced_totals = audit->totals;
	audit->unsynced = audit->sync_at_ns = 0;
	if (audit->checkpoint_at_ns == 0 &&
	    vt_audit_log_synced(audit->log) > vt_audit_log_signed(audit->log))
		audit->checkpoint_at_ns = vt_clock_monotonic_ns() + audit->settings.checkpoint_ns;
	return 0;
}

static bool checkpoint_is_due(const struct vt_audit *audit, bool now)
{
	uint64_t unsigned_count = vt_audit_log_synced(audit->log) - vt_audit_log_signed(audit->log);

	return unsigned_count > 0 &&
	       (now || audit->seal || unsigned_count >= CHECKPOINT_EVERY ||
		(audit->checkpoint_at_ns && vt_clock_monotonic_ns() >= audit->checkpoint_at_ns));
}

static int checkpoint(struct vt_audit *audit, struct vt_error *err)
{
	uint64_t before = vt_audit_log_synced(audit->log), added;
	int r = vt_audit_log_checkpoint(audit->log, err);

	added = vt_audit_log_synced(audit->log) - before; /* of a key, of a segment */
	audit->totals.records += added;
	audit->synced_totals.records += added;
	if (r < 0)
		return r;
	audit->seal = false;
	audit->checkpoint_at_ns = 0;
	return 0;
}

static int put_heartbeat(struct vt_audit *audit, struct vt_error *err)
{
	const struct totals *t = &audit->totals;
	int r = vt_audit_log_put(audit->log, VT_AUDIT_HEARTBEAT,
				 json_pack("{s:I, s:I, s:I}", "records", (json_int_t) t->records,
					   "opens", (json_int_t) t->opens, "denials",
					   (json_int_t) t->denials),
				 err);

	audit->totals.records++;
	return r;
}

static int put_gap(struct vt_audit *audit, const char *state, const char *why, uint64_t lost,
		   uint64_t since_ns, struct vt_error *err)
{
	int r = vt_audit_log_put(audit->log, VT_AUDIT_GAP,
				 json_pack("{s:s, s:s, s:I, s:I, s:I}", "state", state, "reason",
					   why, "lost", (json_int_t) lost, "from",
					   (json_int_t) since_ns, "until",
					   (json_int_t) vt_clock_realtime_ns()),
				 err);

	audit->totals.records++;
	audit->seal = true;
	if (r == 0)
		r = sync_log(audit, err);
	return r < 0 ? r : checkpoint(audit, err);
}

/* Nothing can be written: what is not synced is gone, and the reserve is spent on saying so. */
static void close_log(struct vt_audit *audit, struct item *items, const struct vt_error *why)
{
	uint64_t lost = audit->unsynced, since_ns;
	char reason[256];

	(void) pthread_mutex_lock(&audit->lock);
	lose(audit, lost, why->text);
	since_ns = audit->lost_since_ns;
	(void) snprintf(reason, sizeof reason, "%s", audit->why);
	(void) pthread_mutex_unlock(&audit->lock);
	finish_items(audit, items, -EIO);

	audit->retry_at_ns = vt_clock_monotonic_ns() + audit->settings.retry_ns;
	audit->sync_at_ns = audit->checkpoint_at_ns = audit->unsynced = 0;
	audit->totals = audit->synced_totals;
	audit->broken = true;
	vt_audit_log_release_reserve(audit->log);
	if (vt_audit_log_rollback(audit->log, NULL) == 0 &&
	    put_gap(audit, "closed", reason, lost, since_ns, NULL) < 0)
		audit->totals = audit->synced_totals;
}

/* Tries to write again. The reserve first: without it the next full disk could not be reported. */
static void reopen(struct vt_audit *audit)
{
	struct vt_error err = {""};
	uint64_t lost, since_ns;
	char why[256];
	int r = vt_audit_log_take_reserve(audit->log, &err);

	audit->retry_at_ns = vt_clock_monotonic_ns() + audit->settings.retry_ns;
	(void) pthread_mutex_lock(&audit->lock);
	lost = audit->lost;
	since_ns = audit->lost_since_ns;
	(void) snprintf(why, sizeof why, "%s", audit->why);
	(void) pthread_mutex_unlock(&audit->lock);
	if (r == 0 && audit->broken) /* a queue that overflowed harmed no file */
		r = vt_audit_log_rollback(audit->log, &err);
	if (r == 0)
		r = put_gap(audit, "open", why, lost, since_ns, &err);
	if (r < 0) {
		audit->totals = audit->synced_totals;
		audit->unsynced = audit->sync_at_ns = audit->checkpoint_at_ns = 0;
		audit->broken = true;
		vt_audit_log_release_reserve(audit->log);
		return;
	}
	(void) pthread_mutex_lock(&audit->lock);
	audit->lost -= lost;
	audit->broken = false;
	if (audit->lost == 0) { /* else more went missing meanwhile: once again */
		audit->lost_since_ns = audit->retry_at_ns = 0;
		atomic_store_explicit(&audit->open, true, memory_order_release);
	}
	(void) pthread_mutex_unlock(&audit->lock);
}

static struct item *take_items(struct vt_audit *audit)
{
	struct item *items = audit->head;

	audit->head = NULL;
	audit->tail = &audit->head;
	audit->queued = 0;
	return items;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Under the lock. */
static void wait_for_work(struct vt_audit *audit)
{
	uint64_t at = earliest(earliest(audit->sync_at_ns, audit->checkpoint_at_ns),
			       earliest(audit->fold_at_ns, audit->retry_at_ns));
	struct timespec until = {.tv_sec = (time_t) (at / VT_NS_PER_SEC),
				 .tv_nsec = (long) (at % VT_NS_PER_SEC)};

	while (!audit->head && !audit->stop && !audit->settle && !audit->fold_now &&
	       (vt_audit_is_open(audit) || audit->retry_at_ns)) {
		if (pthread_cond_timedwait(&audit->work, &audit->lock, &until) == ETIMEDOUT)
			return;
	}
}

/* What was queued before the log broke, and is seen only now. */
static void drop_items(struct vt_audit *audit, struct item *items)
{
	uint64_t lost = 0;

	for (const struct item *item = items; item; item = item->next)
		lost += !item->durable;
	(void) pthread_mutex_lock(&audit->lock);
	audit->lost += lost;
	(void) pthread_mutex_unlock(&audit->lock);
	finish_items(audit, items, -EIO);
}

/* One round: all that is queued, then what is due. `now`: sync and sign whatever there is. */
static void write_round(struct vt_audit *audit, struct item *items, bool now)
{
	struct vt_error err = {""};
	bool durable = now;
	int r;

	if (audit->broken) {
		drop_items(audit, items);
		return;
	}
	r = add_items(audit, items, &durable, &err);
	if (r == 0 && items && audit->sync_at_ns == 0)
		audit->sync_at_ns = vt_clock_monotonic_ns() + GROUP_NS;
	if (r == 0 &&
	    (durable || (audit->sync_at_ns && vt_clock_monotonic_ns() >= audit->sync_at_ns)))
		r = sync_log(audit, &err);
	if (r < 0) {
		close_log(audit, items, &err);
		return;
	}
	finish_items(audit, items, 0);
	if (checkpoint_is_due(audit, now) && checkpoint(audit, &err) < 0)
		close_log(audit, NULL, &err);
}

/* Sums go into the queue, and the heartbeat behind them. */
static void fold(struct vt_audit *audit)
{
	struct vt_error err = {""};
	struct item *items;

	audit->fold_at_ns = vt_clock_monotonic_ns() + audit->settings.fold_ns;
	if (!vt_audit_is_open(audit))
		return; /* the sums wait */
	vt_audit_fold_write(audit->fold);
	(void) pthread_mutex_lock(&audit->lock);
	items = take_items(audit);
	(void) pthread_mutex_unlock(&audit->lock);
	write_round(audit, items, false);
	if (vt_audit_is_open(audit) && put_heartbeat(audit, &err) < 0)
		close_log(audit, NULL, &err);
	if (audit->sync_at_ns == 0)
		audit->sync_at_ns = vt_clock_monotonic_ns() + GROUP_NS;
}

static void *run_writer(void *context)
{
	struct vt_audit *audit = context;
	bool stop = false, settle, fold_now;

	while (!stop) {
		struct item *items;

		(void) pthread_mutex_lock(&audit->lock);
		wait_for_work(audit);
		stop = audit->stop;
		settle = audit->settle || stop;
		fold_now = audit->fold_now || stop;
		audit->settle = audit->fold_now = false;
		items = take_items(audit);
		(void) pthread_mutex_unlock(&audit->lock);

		write_round(audit, items, settle);
		if (!vt_audit_is_open(audit) &&
		    (stop || vt_clock_monotonic_ns() >= audit->retry_at_ns))
			reopen(audit);
		if (fold_now || vt_clock_monotonic_ns() >= audit->fold_at_ns)
			fold(audit);
		if (stop)
			write_round(audit, NULL, true);
		(void) pthread_mutex_lock(&audit->lock);
		audit->settled++;
		(void) pthread_cond_broadcast(&audit->done);
		(void) pthread_mutex_unlock(&audit->lock);
	}
	return NULL;
}

void vt_audit_fold(struct vt_audit *audit)
{
	(void) pthread_mutex_lock(&audit->lock);
	audit->fold_now = true;
	(void) pthread_cond_signal(&audit->work);
	(void) pthread_mutex_unlock(&audit->lock);
}

/* ---- opening -------------------------------------------------------------------------------- */

static void set_defaults(struct vt_audit_settings *s)
{
#define VT_DEFAULT(member, value) s->member = s->member ? s->member : (value)
	VT_DEFAULT(segment_bytes, 1ull << 20);
	VT_DEFAULT(reserve_bytes, 16ull << 20);
	VT_DEFAULT(key_checkpoints, 100);
	VT_DEFAULT(checkpoint_ns, 10 * VT_NS_PER_SEC);
	VT_DEFAULT(fold_ns, 60 * VT_NS_PER_SEC);
	VT_DEFAULT(retry_ns, VT_NS_PER_SEC);
	VT_DEFAULT(queue_max, 65536);
#undef VT_DEFAULT
}

/* The records that every opening makes: what was found, and that counting starts anew. */
static int put_start(struct vt_audit *audit, const struct vt_audit_recovery *found,
		     struct vt_error *err)
{
	char boot[VT_BOOT_ID_TEXT];
	int r = 0;

	if (found->torn_bytes || found->torn_note_bytes)
		r = vt_audit_log_put(audit->log, VT_AUDIT_GAP,
				     json_pack("{s:s, s:I, s:I, s:s, s:I}", "state", "torn", "lost",
					       (json_int_t) 0, "bytes",
					       (json_int_t) found->torn_bytes, "moved_to",
					       found->torn, "note_bytes",
					       (json_int_t) found->torn_note_bytes),
				     err);
	vt_clock_boot_id_format(boot);
	if (r == 0)
		r = vt_audit_log_put(audit->log, VT_AUDIT_START,
				     json_pack("{s:s, s:s, s:i}", "boot", boot, "version",
					       VT_VERSION, "pid", (int) getpid()),
				     err);
	audit->totals.records = 1;
	if (r == 0)
		r = sync_log(audit, err);
	return r < 0 ? r : checkpoint(audit, err);
}

static int open_log(struct vt_audit *audit, struct vt_error *err)
{
	const struct vt_audit_settings *s = &audit->settings;
	struct vt_audit_log_settings log = {
		.dir = s->dir,
		.keys = s->keys,
		.origin = s->origin,
		.segment_bytes = s->segment_bytes,
		.key_checkpoints = s->key_checkpoints,
		.key_ns = 24 * 3600 * VT_NS_PER_SEC,
		.reserve_bytes = s->reserve_bytes,
	};
	struct vt_audit_recovery found;
	int r = vt_audit_log_open(&log, &audit->log, &found, err);

	if (r == 0)
		r = vt_audit_log_take_reserve(audit->log, err);
	return r < 0 ? r : put_start(audit, &found, err);
}

static void free_audit(struct vt_audit *audit)
{
	vt_audit_log_close(audit->log);
	vt_audit_fold_free(audit->fold);
	(void) pthread_cond_destroy(&audit->work);
	(void) pthread_cond_destroy(&audit->done);
	(void) pthread_mutex_destroy(&audit->lock);
	free(audit);
}

int vt_audit_open(const struct vt_audit_settings *settings, struct vt_audit **out,
		  struct vt_error *err)
{
	struct vt_audit *audit = calloc(1, sizeof *audit);
	pthread_condattr_t attributes;
	int r;

	if (!audit)
		return vt_fail(err, ENOMEM, "no memory for the audit log");
	audit->settings = *settings;
	set_defaults(&audit->settings);
	audit->tail = &audit->head;
	(void) pthread_mutex_init(&audit->lock, NULL);
	(void) pthread_condattr_init(&attributes);
	(void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&audit->work, &attributes);
	(void) pthread_cond_init(&audit->done, NULL);
	(void) pthread_condattr_destroy(&attributes);
	r = vt_audit_fold_new(audit, &audit->settings, &audit->fold, err);
	if (r == 0)
		r = open_log(audit, err);
	audit->fold_at_ns = vt_clock_monotonic_ns() + audit->settings.fold_ns;
	audit->open = r == 0;
	if (r == 0) {
		r = pthread_create(&audit->thread, NULL, run_writer, audit);
		r = r ? vt_fail(err, r, "cannot start the audit log's thread: %m") : 0;
	}
	if (r < 0) {
		free_audit(audit);
		return r;
	}
	*out = audit;
	return 0;
}

void vt_audit_close(struct vt_audit *audit)
{
	if (!audit)
		return;
	(void) pthread_mutex_lock(&audit->lock);
	audit->stop = true;
	(void) pthread_cond_signal(&audit->work);
	(void) pthread_mutex_unlock(&audit->lock);
	(void) pthread_join(audit->thread, NULL);
	free_audit(audit);
}
