/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums for the audit log. An access is found by its whole key in one of a few shards, each with a
 * lock held for a lookup and a bit; a denial in one table, as refusing is no hot path. Records are
 * made outside the locks, from what was taken out under them: no lock is held while names are
 * asked for or the queue is entered.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "policy/audit_private.h"
#include "policy/base64.h"
#include "policy/positions.h"

#define SHARDS       16u
#define ACCESSES_MAX 4096u /* kept in a shard; more are recorded one by one */
#define DENIALS_MAX  65536u
#define DENIALS_EACH 10u
#define MINUTE_NS    (60 * VT_NS_PER_SEC)
#define PIECE        2100u /* bytes of positions in one record: 2,800 as base64 */

struct access {
	struct vt_audit_access key;
	uint64_t opens, first_ns, last_ns; /* since the last record */
	struct vt_positions positions;
	UT_hash_handle hh;
};

struct shard {
	pthread_mutex_t lock;
	struct access *accesses; /* guarded by lock */
};

struct denial {
	struct vt_audit_denial key;
	uint64_t minute_ns, in_minute;     /* when it began, how many were recorded in it */
	uint64_t count, first_ns, last_ns; /* not recorded yet */
	UT_hash_handle hh;
};

struct vt_audit_fold {
	struct vt_audit *audit; /* constant, as the names */
	struct vt_audit_names names;
	struct shard shards[SHARDS];
	pthread_mutex_t lock;
	struct denial *denials; /* guarded by lock */
	struct denial others;   /* guarded by lock: what found no room */
};

/* ---- accesses ------------------------------------------------------------------------------- */

static void object_name(const struct vt_audit_fold *fold, uint32_t dataset, uint32_t version,
			char out[VT_AUDIT_NAME_MAX])
{
	out[0] = '\0';
	if (fold->names.object)
		fold->names.object(fold->names.context, dataset, version, out);
}

static void user_name(const struct vt_audit_fold *fold, uint32_t uid, char out[VT_AUDIT_NAME_MAX])
{
	out[0] = '\0';
	if (fold->names.user)
		fold->names.user(fold->names.context, uid, out);
}

static const char *word(const char *(*words)(uint32_t number), uint32_t number)
{
	return words ? words(number) : "";
}

/* One record: `opens` is stated in the first piece only, so that they can be added up. */
static void write_piece(struct vt_audit_fold *fold, const struct access *access, uint64_t opens,
			const struct vt_buf *runs, uint64_t files)
{
	const struct vt_audit_access *key = &access->key;
	char object[VT_AUDIT_NAME_MAX], user[VT_AUDIT_NAME_MAX], text[VT_BASE64_LEN(PIECE) + 1];
	json_t *fields;

	object_name(fold, key->dataset, key->version, object);
	user_name(fold, key->uid, user);
	vt_base64_encode(runs->data, runs->len, text);
	fields = json_pack("{s:I, s:I, s:I, s:I, s:s, s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:s}",
			   "ds", (json_int_t) key->dataset, "ver", (json_int_t) key->version,
			   "files", (json_int_t) files, "first", (json_int_t) access->first_ns,
			   "object", object, "opens", (json_int_t) opens, "positions", text, "last",
			   (json_int_t) access->last_ns, "reason",
			   word(fold->names.reason, key->reason), "rule", (json_int_t) key->rule,
			   "session", (json_int_t) key->session, "uid", (json_int_t) key->uid,
			   "user", user);
	(void) vt_audit_append(fold->audit, VT_AUDIT_ACCESS, fields, false, NULL);
}

/* What was taken out of the table; given up here. */
static void write_access(struct vt_audit_fold *fold, struct access *access)
{
	vt_cleanup(vt_buf_done) struct vt_buf runs = VT_BUF_INIT;
	uint64_t from = 0, files, opens = access->opens;

	while (vt_positions_encode(&access->positions, &from, PIECE, &runs, &files) || opens > 0) {
		write_piece(fold, access, opens, &runs, files);
		vt_buf_reset(&runs);
		opens = 0;
	}
	vt_positions_done(&access->positions);
}

static void write_single(struct vt_audit_fold *fold, const struct vt_audit_access *key,
			 uint32_t position, uint64_t now)
{
	struct access access = {.key = *key, .opens = 1, .first_ns = now, .last_ns = now};

	(void) vt_positions_add(&access.positions, position);
	write_access(fold, &access);
}

/* The key is what is hashed and compared: no padding in it. */
_Static_assert(sizeof(struct vt_audit_access) == 4 * sizeof(uint32_t) + 2 * sizeof(uint64_t),
	       "padding in a key");
static struct shard *shard_of(struct vt_audit_fold *fold, const struct vt_audit_access *key)
{
	uint64_t mix =
		(key->session ^ (uint64_t) key->uid << 32 ^ key->version) * 0x9e3779b97f4a7c15ull;

	return &fold->shards[mix >> 60];
}

/* Under the shard's lock: the first of its kind, recorded by the caller. */
static void insert_access(struct shard *shard, const struct vt_audit_access *key)
{
	struct access *access;

	if (HASH_COUNT(shard->accesses) >= ACCESSES_MAX)
		return;
	access = calloc(1, sizeof *access);
	if (!access)
		return;
	access->key = *key;
	HASH_ADD(hh, shard->accesses, key, sizeof access->key, access);
	if (!access->hh.tbl)
		free(access);
}

int vt_audit_access(struct vt_audit *audit, const struct vt_audit_access *key, uint32_t position)
{
	struct vt_audit_fold *fold = vt_audit_get_fold(audit);
	struct shard *shard = shard_of(fold, key);
	uint64_t now = vt_clock_realtime_ns();
	struct access *access;
	bool single;

	if (!vt_audit_is_open(audit))
		return -EIO;
	(void) pthread_mutex_lock(&shard->lock);
	HASH_FIND(hh, shard->accesses, key, sizeof *key, access);
	single = !access || vt_positions_add(&access->positions, position) < 0;
	if (!access) {
		insert_access(shard, key);
	} else if (!single) {
		access->first_ns = access->opens++ ? access->first_ns : now;
		access->last_ns = now;
	}
	(void) pthread_mutex_unlock(&shard->lock);
	if (single)
		write_single(fold, key, position, now);
	return 0;
}

/*
 * Under the shard's lock: takes the sums of those that match out, as a list by hh.next's place (the
 * positions move with them). What had nothing new since the last time is forgotten with `forget`.
 */
static struct access *take_accesses(struct shard *shard, uint64_t session, uint32_t version,
				    bool forget, size_t *count)
{
	struct access *access, *next, *taken = NULL;

	*count = 0;
	HASH_ITER (hh, shard->accesses, access, next) {
		struct access *more;

		if ((session && access->key.session != session) ||
		    (version && access->key.version != version))
			continue;
		if (access->opens == 0) {
			if (forget) {
				HASH_DEL(shard->accesses, access);
				vt_positions_done(&access->positions);
				free(access);
			}
			continue;
		}
		more = reallocarray(taken, *count + 1, sizeof *taken);
		if (!more)
			break; /* the sums stay, for the next time */
		taken = more;
		taken[(*count)++] = *access;
		access->positions = (struct vt_positions){0};
		access->opens = 0;
	}
	return taken;
}

static void write_accesses(struct vt_audit_fold *fold, uint64_t session, uint32_t version,
			   bool forget)
{
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = &fold->shards[i];
		struct access *taken;
		size_t count;

		(void) pthread_mutex_lock(&shard->lock);
		taken = take_accesses(shard, session, version, forget, &count);
		(void) pthread_mutex_unlock(&shard->lock);
		for (size_t j = 0; j < count; j++)
			write_access(fold, &taken[j]);
		free(taken);
	}
}

void vt_audit_access_flush(struct vt_audit *audit, uint64_t session, uint32_t version)
{
	write_accesses(vt_audit_get_fold(audit), session, version, false);
}

/* ---- denials -------------------------------------------------------------------------------- */

static void write_denial(struct vt_audit_fold *fold, const struct vt_audit_denial *key,
			 uint64_t count, uint64_t first_ns, uint64_t last_ns)
{
	char object[VT_AUDIT_NAME_MAX], user[VT_AUDIT_NAME_MAX];
	json_t *fields;

	object_name(fold, key->dataset, key->version, object);
	user_name(fold, key->uid, user);
	fields = json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:I, s:I, s:s}", "count",
			   (json_int_t) count, "ds", (json_int_t) key->dataset, "ver",
			   (json_int_t) key->version, "first", (json_int_t) first_ns, "last",
			   (json_int_t) last_ns, "object", object, "reason",
			   word(fold->names.reason, key->reason), "right",
			   word(fold->names.right, key->right), "rule", (json_int_t) key->rule,
			   "uid", (json_int_t) key->uid, "user", user);
	(void) vt_audit_append(fold->audit, VT_AUDIT_DENY, fields, false, NULL);
}

/* What is counted together: the uid and the object; the rest is of the first. */
#define DENIAL_KEY (3 * sizeof(uint32_t))

/* Under the lock. */
static struct denial *find_denial(struct vt_audit_fold *fold, const struct vt_audit_denial *key)
{
	struct denial *denial;

	HASH_FIND(hh, fold->denials, key, DENIAL_KEY, denial);
	if (denial)
		return denial;
	if (HASH_COUNT(fold->denials) >= DENIALS_MAX)
		return NULL;
	denial = calloc(1, sizeof *denial);
	if (!denial)
		return NULL;
	denial->key = *key;
	HASH_ADD(hh, fold->denials, key, DENIAL_KEY, denial);
	if (denial->hh.tbl)
		return denial;
	free(denial);
	return NULL;
}

/* Under the lock: is this one recorded by itself? */
static bool count_denial(struct denial *denial, uint64_t now)
{
	if (now - denial->minute_ns >= MINUTE_NS) { /* or the clock was set back */
		denial->minute_ns = now;
		denial->in_minute = 0;
	}
	if (denial->in_minute < DENIALS_EACH) {
		denial->in_minute++;
		return true;
	}
	denial->first_ns = denial->count++ ? denial->first_ns : now;
	denial->last_ns = now;
	return false;
}

void vt_audit_deny(struct vt_audit *audit, const struct vt_audit_denial *key)
{
	struct vt_audit_fold *fold = vt_audit_get_fold(audit);
	uint64_t now = vt_clock_realtime_ns();
	struct denial *denial;
	bool each;

	(void) pthread_mutex_lock(&fold->lock);
	denial = find_denial(fold, key);
	each = count_denial(denial ? denial : &fold->others, now);
	(void) pthread_mutex_unlock(&fold->lock);
	if (each)
		write_denial(fold, key, 1, now, now);
}

/* Under the lock; the counts of those taken begin anew, idle ones are forgotten. */
static struct denial *take_denials(struct vt_audit_fold *fold, size_t *count)
{
	struct denial *denial, *next, *taken = NULL;
	uint64_t now = vt_clock_realtime_ns();

	*count = 0;
	HASH_ITER (hh, fold->denials, denial, next) {
		struct denial *more;

		if (denial->count == 0 && now - denial->minute_ns >= MINUTE_NS) {
			HASH_DEL(fold->denials, denial);
			free(denial);
			continue;
		}
		if (denial->count == 0)
			continue;
		more = reallocarray(taken, *count + 1, sizeof *taken);
		if (!more)
			break;
		taken = more;
		taken[(*count)++] = *denial;
		denial->count = 0;
	}
	return taken;
}

static void write_denials(struct vt_audit_fold *fold)
{
	struct denial *taken, others;
	size_t count;

	(void) pthread_mutex_lock(&fold->lock);
	taken = take_denials(fold, &count);
	others = fold->others;
	fold->others.count = 0;
	(void) pthread_mutex_unlock(&fold->lock);
	for (size_t i = 0; i < count; i++)
		write_denial(fold, &taken[i].key, taken[i].count, taken[i].first_ns,
			     taken[i].last_ns);
	if (others.count > 0)
		write_denial(fold, &others.key, others.count, others.first_ns, others.last_ns);
	free(taken);
}

/* ---- both ----------------------------------------------------------------------------------- */

void vt_audit_fold_write(struct vt_audit_fold *fold)
{
	write_accesses(fold, 0, 0, true);
	write_denials(fold);
}

int vt_audit_fold_new(struct vt_audit *audit, const struct vt_audit_settings *settings,
		      struct vt_audit_fold **out, struct vt_error *err)
{
	struct vt_audit_fold *fold = calloc(1, sizeof *fold);

	if (!fold)
		return vt_fail(err, ENOMEM, "no memory for the audit log");
	fold->audit = audit;
	fold->names = settings->names;
	fold->others.key.uid = UINT32_MAX;
	(void) pthread_mutex_init(&fold->lock, NULL);
	for (size_t i = 0; i < SHARDS; i++)
		(void) pthread_mutex_init(&fold->shards[i].lock, NULL);
	*out = fold;
	return 0;
}

void vt_audit_fold_free(struct vt_audit_fold *fold)
{
	struct access *access, *next_access;
	struct denial *denial, *next_denial;

	if (!fold)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		HASH_ITER (hh, fold->shards[i].accesses, access, next_access) {
			HASH_DEL(fold->shards[i].accesses, access);
			vt_positions_done(&access->positions);
			free(access);
		}
		(void) pthread_mutex_destroy(&fold->shards[i].lock);
	}
	HASH_ITER (hh, fold->denials, denial, next_denial) {
		HASH_DEL(fold->denials, denial);
		free(denial);
	}
	(void) pthread_mutex_destroy(&fold->lock);
	free(fold);
}
