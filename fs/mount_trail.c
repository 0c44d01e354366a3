/* SPDX-License-Identifier: Apache-2.0 */
/* See mount_trail.h. A row is "mount/" and a number; its value what both records have in common. */
#include "fs/mount_trail.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "fs/mount.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"
#include "index/outbox.h"
#include "index/record.h"
#include "policy/people.h"

#define PREFIX     "mount/"
#define PREFIX_LEN (sizeof PREFIX - 1)
#define KEY_LEN    (PREFIX_LEN + 8)
#define POINT_MAX  1024u /* bytes of a mount point that are recorded */

struct row {
	uint64_t number;
	json_t *fields;
	bool claimed; /* by a mount of this server */
	struct row *prev, *next;
};

struct vt_mount_trail {
	struct vt_service *service; /* constant */
	pthread_mutex_t lock;       /* also over the writes; before that of the sessions. Guards */
	struct row *rows;           /* in order of numbers */
};

static void key_of(const struct row *row, uint8_t key[KEY_LEN])
{
	memcpy(key, PREFIX, PREFIX_LEN);
	vt_key_u64(row->number, key + PREFIX_LEN);
}

/* ---- rows in memory, under the lock ---------------------------------------------------------- */

/* Takes the fields. NULL: no memory. */
static struct row *add(struct vt_mount_trail *trail, uint64_t number, json_t *fields)
{
	struct row *row = fields ? calloc(1, sizeof *row) : NULL;

	if (!row) {
		json_decref(fields);
		return NULL;
	}
	row->number = number;
	row->fields = fields;
	DL_APPEND(trail->rows, row);
	return row;
}

static void forget(struct vt_mount_trail *trail, struct row *row)
{
	DL_DELETE(trail->rows, row);
	json_decref(row->fields);
	free(row);
}

static json_t *fields_of(uint32_t uid, const char *mountpoint, const struct vt_mount_plan *plan)
{
	json_t *fields = json_pack("{s:I, s:s}", "uid", (json_int_t) uid, "mount",
				   vt_mount_kind_name(plan->kind));

	(void) vt_json_set_text(fields, "point", mountpoint, strnlen(mountpoint, POINT_MAX));
	if (plan->kind == VT_MOUNT_PRIVATE) {
		(void) json_object_set_new(fields, "who_uid", json_integer(plan->user));
		(void) json_object_set_new(fields, "any_uid", json_integer(plan->any_uid));
	}
	return fields;
}

/* NULL: none. `fresh`: that no mount has claimed yet. */
static struct row *find(const struct vt_mount_trail *trail, const json_t *fields, bool fresh)
{
	struct row *row;

	DL_FOREACH (trail->rows, row)
		if (!(fresh && row->claimed) && json_equal(row->fields, fields))
			return row;
	return NULL;
}

/* ---- records --------------------------------------------------------------------------------- */

/* `how`: of an end, or NULL. */
static json_t *record_of(json_t *fields, enum vt_audit_kind kind, const char *how)
{
	const json_t *who = json_object_get(fields, "who_uid");
	json_t *record = json_copy(fields);
	char name[VT_AUDIT_NAME_MAX];

	(void) json_object_set_new(record, "kind", json_string(vt_audit_kind_name(kind)));
	if (how)
		(void) json_object_set_new(record, "how", json_string(how));
	if (who) {
		vt_people_name_of((uint32_t) json_integer_value(who), name, sizeof name);
		(void) json_object_set_new(record, "who", json_string(name));
	}
	return record;
}

/* Takes the record. The batch with its row, or without it. */
static int write_with(struct vt_mount_trail *trail, struct vt_batch *batch, json_t *record)
{
	struct vt_store *store = trail->service->index->store;
	struct vt_error err;
	int r = vt_outbox_post_record(batch, store, record, &err);

	if (r == 0)
		r = vt_store_write(store, batch, true, &err);
	if (r < 0)
		vt_log(VT_LOG_ERROR, "a mount is not in the audit log: %s", err.text);
	return r;
}

static void begin(struct vt_mount_trail *trail, json_t *fields)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	vt_autofree char *text = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t number = trail->rows ? trail->rows->prev->number + 1 : 1;
	struct row *row = text ? add(trail, number, json_incref(fields)) : NULL;
	uint8_t key[KEY_LEN];

	if (!row) {
		vt_log(VT_LOG_ERROR, "a mount is not in the audit log: no memory");
		return;
	}
	row->claimed = true;
	key_of(row, key);
	vt_batch_put(batch, trail->service->index->store, VT_CF_META, key, sizeof key, text,
		     strlen(text));
	if (write_with(trail, batch, record_of(fields, VT_AUDIT_MOUNT, NULL)) < 0)
		forget(trail, row);
}

/* `row` may be NULL: of a mount whose beginning could not be written, or an older server did not.
 */
static void end(struct vt_mount_trail *trail, struct row *row, json_t *fields, const char *how)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint8_t key[KEY_LEN];

	if (row) {
		key_of(row, key);
		vt_batch_delete(batch, trail->service->index->store, VT_CF_META, key, sizeof key);
	}
	if (write_with(trail, batch, record_of(fields, VT_AUDIT_UMOUNT, how)) == 0 && row)
		forget(trail, row); /* else the next server finds it */
}

void vt_mount_trail_begin(struct vt_mount_trail *trail, uint32_t uid, const char *mountpoint,
			  const struct vt_mount_plan *plan)
{
	json_t *fields = fields_of(uid, mountpoint, plan);

	(void) pthread_mutex_lock(&trail->lock);
	begin(trail, fields);
	(void) pthread_mutex_unlock(&trail->lock);
	VT_CRASHPOINT("mount-recorded");
	vt_trail_deliver(trail->service);
	json_decref(fields);
}

void vt_mount_trail_end(struct vt_mount_trail *trail, uint32_t uid, const char *mountpoint,
			const struct vt_mount_plan *plan)
{
	json_t *fields = fields_of(uid, mountpoint, plan);

	VT_CRASHPOINT("umount-seen");
	(void) pthread_mutex_lock(&trail->lock);
	end(trail, find(trail, fields, false), fields, NULL);
	(void) pthread_mutex_unlock(&trail->lock);
	VT_CRASHPOINT("umount-recorded");
	vt_trail_deliver(trail->service);
	json_decref(fields);
}

/* ---- after another server -------------------------------------------------------------------- */

static void claim(void *context, const struct vt_session_info *info)
{
	json_t *fields = fields_of(info->uid, info->mountpoint, &info->plan);
	struct row *row = find(context, fields, true);

	if (row)
		row->claimed = true;
	json_decref(fields);
}

void vt_mount_trail_settle(struct vt_mount_trail *trail)
{
	struct row *row, *next;

	(void) pthread_mutex_lock(&trail->lock);
	vt_sessions_each(trail->service->sessions, claim, trail);
	DL_FOREACH_SAFE(trail->rows, row, next)
	if (!row->claimed) {
		end(trail, row, row->fields, "unseen");
		VT_CRASHPOINT("unseen-end-recorded");
	}
	(void) pthread_mutex_unlock(&trail->lock);
	vt_trail_deliver(trail->service);
}

/* ---- opening --------------------------------------------------------------------------------- */

static int load(struct vt_mount_trail *trail, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *rows = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(trail->service->index->store, VT_CF_META, PREFIX, PREFIX_LEN, NULL,
				0, &rows, err);

	while (r >= 0 && (r = vt_iterator_next(rows, &key, &value, err)) > 0) {
		json_t *fields = json_loadb(value.data, value.len, 0, NULL);

		if (key.len != KEY_LEN || !json_is_object(fields)) {
			json_decref(fields);
			return vt_fail(err, EBADMSG, "the row of a mount is damaged");
		}
		if (!add(trail, vt_key_read_u64((const uint8_t *) key.data + PREFIX_LEN), fields))
			return vt_fail(err, ENOMEM, "no memory for the mounts of before");
	}
	return r;
}

int vt_mount_trail_open(struct vt_service *service, struct vt_mount_trail **out,
			struct vt_error *err)
{
	vt_cleanup(vt_mount_trail_freep) struct vt_mount_trail *trail = calloc(1, sizeof *trail);
	int r;

	if (!trail)
		return vt_fail(err, ENOMEM, "no memory for the mounts of before");
	trail->service = service;
	(void) pthread_mutex_init(&trail->lock, NULL);
	r = load(trail, err);
	if (r < 0)
		return r;
	*out = vt_steal(&trail);
	return 0;
}

void vt_mount_trail_free(struct vt_mount_trail *trail)
{
	struct row *row, *next;

	if (!trail)
		return;
	DL_FOREACH_SAFE(trail->rows, row, next)
	forget(trail, row);
	(void) pthread_mutex_destroy(&trail->lock);
	free(trail);
}
