/* SPDX-License-Identifier: Apache-2.0 */
/* See trail.h. */
#include "fs/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount_table.h"
#include "fs/node.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/session.h"
#include "index/base/array.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"
#include "index/outbox.h"
#include "policy/audit_reader.h"
#include "policy/book.h"
#include "policy/people.h"
#include "policy/reason.h"

#define TEXT_MAX 1024u /* of messages and reasons: a record is a line of 4 KiB */

/* ---- opening --------------------------------------------------------------------------------- */

static void name_object(void *context, uint32_t dataset, uint32_t version,
			char out[VT_AUDIT_NAME_MAX])
{
	struct vt_service *service = context;
	const struct vt_pattern pattern = {
		.scope = version   ? VT_SCOPE_VERSION
			 : dataset ? VT_SCOPE_DATASET
				   : VT_SCOPE_ALL,
		.dataset = dataset,
		.version = version,
	};

	vt_pattern_format(service->index->catalog, &pattern, out, VT_AUDIT_NAME_MAX);
}

static void name_user(void *context, uint32_t uid, char out[VT_AUDIT_NAME_MAX])
{
	(void) context;
	vt_people_name_of(uid, out, VT_AUDIT_NAME_MAX);
}

static const char *name_reason(uint32_t reason)
{
	return vt_reason_words((enum vt_reason) reason)->name;
}

static const char *name_right(uint32_t right)
{
	return vt_right_name((enum vt_right) right);
}

int vt_trail_open(struct vt_service *service, struct vt_error *err)
{
	char dir[PATH_MAX], keys[PATH_MAX], origin[64];
	const struct vt_audit_settings settings = {
		.dir = dir,
		.keys = keys,
		.origin = origin,
		.names = {.object = name_object,
			  .user = name_user,
			  .reason = name_reason,
			  .right = name_right,
			  .context = service},
	};
	int r;

	(void) snprintf(origin, sizeof origin, "vitrine/%s", service->uuid);
	if (snprintf(dir, sizeof dir, "%s/audit", service->dir) >= (int) sizeof dir ||
	    snprintf(keys, sizeof keys, "%s/keys", service->dir) >= (int) sizeof keys)
		return vt_fail(err, ENAMETOOLONG, "the path of the store is too long");
	r = vt_audit_open(&settings, &service->audit, err);
	if (r == 0)
		vt_trail_deliver(service);
	return r;
}

int vt_trail_check(struct vt_service *service, struct vt_error *err)
{
	struct vt_error why;

	if (vt_audit_closed_since(service->audit, &why) == 0)
		return 0;
	return vt_fail(err, EIO, "the audit log cannot be written, so nobody is let in: %s",
		       why.text);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void append(struct vt_service *service, enum vt_audit_kind kind, json_t *fields)
{
	struct vt_error err;

	if (vt_audit_append(service->audit, kind, fields, true, &err) < 0)
		vt_log(VT_LOG_ERROR, "not in the audit log kind=%s: %s", vt_audit_kind_name(kind),
		       err.text);
}

static json_t *by(uint32_t uid)
{
	char name[VT_AUDIT_NAME_MAX];

	vt_people_name_of(uid, name, sizeof name);
	return json_pack("{s:I, s:s}", "uid", (json_int_t) uid, "user", name);
}

void vt_trail_clock(struct vt_service *service, uint32_t by_uid, struct vt_instant before)
{
	json_t *fields = by(by_uid);

	vt_audit_set_time(fields, "from", before.lo_ns);
	vt_audit_set_time(fields, "until", before.hi_ns);
	append(service, VT_AUDIT_CLOCK, fields);
}

void vt_trail_gc(struct vt_service *service, uint32_t by_uid)
{
	append(service, VT_AUDIT_GC, by(by_uid));
}

/* ---- what catalog and book have posted --------------------------------------------------------
 */

/* The times of what the log ends with, for messages that may be in it already. */
struct delivery {
	struct vt_service *service;
	bool looked;
	uint64_t *at;
	size_t count, room;
};

static void note_line(struct delivery *delivery, const char *text, size_t len)
{
	struct vt_audit_line line;

	if (vt_audit_line_parse(text, len, &line, NULL) < 0 || !vt_audit_line_find(&line, "at"))
		return;
	if (vt_array_reserve(delivery->at, delivery->room, delivery->count + 1) < 0)
		return; /* then it is recorded twice */
	delivery->at[delivery->count++] = (uint64_t) vt_audit_line_number(&line, "at", 0);
}

/* A message is recorded soon after it was posted: in one of the last two files. */
static int look(struct delivery *delivery, const char *dir, struct vt_error *err)
{
	vt_cleanup(vt_audit_reader_closep) struct vt_audit_reader *reader = NULL;
	vt_autoclose int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vt_autofree uint64_t *firsts = NULL;
	const char *line;
	size_t count = 0, len;
	int r = fd < 0 ? vt_fail(err, errno, "cannot open '%s': %m", dir)
		       : vt_audit_segments(fd, &firsts, &count, err);

	if (r == 0)
		r = vt_audit_reader_open(dir, &reader, err);
	if (r < 0)
		return r;
	if (count > 2)
		vt_audit_reader_seek(reader, firsts[count - 2]);
	while ((r = vt_audit_reader_line(reader, &line, &len, err)) > 0)
		note_line(delivery, line, len);
	return r;
}

static bool is_recorded(struct delivery *delivery, uint64_t at)
{
	char dir[PATH_MAX];
	struct vt_error err;

	if (!delivery->looked) {
		(void) snprintf(dir, sizeof dir, "%s/audit", delivery->service->dir);
		if (look(delivery, dir, &err) < 0)
			vt_log(VT_LOG_WARNING, "cannot see what is recorded already: %s", err.text);
		delivery->looked = true;
	}
	for (size_t i = 0; i < delivery->count; i++)
		if (delivery->at[i] == at)
			return true;
	return false;
}

/* Takes `fields`. What could never be recorded must not keep back what comes after it. */
static int record(struct vt_service *service, enum vt_audit_kind kind, json_t *fields,
		  struct vt_error *err)
{
	char name[VT_AUDIT_NAME_MAX];
	const json_t *uid = json_object_get(fields, "uid");
	int r;

	(void) json_object_del(fields, "kind");
	if (uid && !json_object_get(fields, "user")) {
		vt_people_name_of((uint32_t) json_integer_value(uid), name, sizeof name);
		(void) json_object_set_new(fields, "user", json_string(name));
	}
	r = vt_audit_append(service->audit, kind, json_incref(fields), true, err);
	if (r == -E2BIG && json_object_del(fields, "text") == 0) /* who did it matters more */
		r = vt_audit_append(service->audit, kind, json_incref(fields), true, err);
	json_decref(fields);
	if (r != -EINVAL && r != -E2BIG)
		return r;
	vt_log(VT_LOG_ERROR, "not in the audit log kind=%s: %s", vt_audit_kind_name(kind),
	       err->text);
	return 0;
}

static int deliver_one(struct delivery *delivery, json_t *fields, bool left, struct vt_error *err)
{
	const char *name = json_string_value(json_object_get(fields, "kind"));
	enum vt_audit_kind kind = name ? vt_audit_kind_find(name) : VT_AUDIT_KINDS;
	uint64_t at = (uint64_t) json_integer_value(json_object_get(fields, "at"));

	if (kind == VT_AUDIT_KINDS) {
		vt_log(VT_LOG_ERROR, "a message for the audit log cannot be read");
		return 0;
	}
	if (left && is_recorded(delivery, at))
		return 0;
	if (left)
		vt_log(VT_LOG_INFO, "recording what an earlier server left kind=%s", name);
	return record(delivery->service, kind, json_incref(fields), err);
}

static int deliver(void *context, const char *text, size_t len, bool left, struct vt_error *err)
{
	json_t *fields = json_loadb(text, len, 0, NULL);
	int r = deliver_one(context, fields, left, err);

	json_decref(fields);
	return r;
}

void vt_trail_deliver(struct vt_service *service)
{
	struct delivery delivery = {.service = service};
	struct vt_error err;

	if (vt_outbox_empty(service->index->store, deliver, &delivery, &err) < 0)
		vt_log(VT_LOG_ERROR, "not in the audit log yet: %s", err.text);
	free(delivery.at);
}

/* ---- mounts without a server ----------------------------------------------------------------- */

static void set_site(json_t *fields, const char *mountpoint, uint64_t device)
{
	char text[VT_DEVICE_TEXT];

	vt_device_format(device, text);
	(void) json_object_set_new(fields, "device", json_string(text));
	(void) vt_json_set_text(fields, "mount", mountpoint, strnlen(mountpoint, TEXT_MAX));
}

void vt_trail_leftover(struct vt_service *service, const char *mountpoint, const char *kind,
		       uint64_t device)
{
	json_t *fields = json_pack("{s:s, s:s}", "state", "leftover", "shows", kind);

	set_site(fields, mountpoint, device);
	append(service, VT_AUDIT_GAP, fields);
}

void vt_trail_leftover_end(struct vt_service *service, const char *mountpoint, uint64_t device,
			   const char *how, const uint32_t *by_uid)
{
	json_t *fields = by_uid ? by(*by_uid) : json_object();

	(void) json_object_set_new(fields, "how", json_string(how));
	set_site(fields, mountpoint, device);
	append(service, VT_AUDIT_LEFTOVER, fields);
}

/* ---- readers --------------------------------------------------------------------------------- */

int vt_trail_read(struct vt_service *service, const struct vt_audit_access *access,
		  uint32_t position)
{
	struct vt_place place = {access->dataset, access->version};

	if (vt_audit_access(service->audit, access, position) == 0 ||
	    vt_gate_is_open(service->gate, place))
		return 0;
	return -EIO;
}

int vt_trail_access(const struct vt_request *request, const struct vt_shown *shown,
		    const struct vt_decision *decision)
{
	struct vt_place place = vt_shown_place(shown);
	const struct vt_audit_access access = {
		.uid = request->uid,
		.dataset = place.dataset,
		.version = place.version,
		.session = request->session->id,
		.reason = decision->reason,
		.rule = decision->rule,
	};

	return vt_trail_read(request->session->service, &access, vt_node_position(shown->id));
}

void vt_trail_refusal(struct vt_service *service, uint32_t uid, enum vt_right right,
		      struct vt_place place, const struct vt_decision *decision)
{
	vt_audit_deny(service->audit, &(struct vt_audit_denial){.uid = uid,
								.dataset = place.dataset,
								.version = place.version,
								.right = right,
								.reason = decision->reason,
								.rule = decision->rule});
}

void vt_trail_denial(const struct vt_request *request, enum vt_right right, struct vt_place place,
		     const struct vt_decision *decision)
{
	vt_trail_refusal(request->session->service, request->uid, right, place, decision);
}
