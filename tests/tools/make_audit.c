/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_audit AUDIT KEYS SERIAL VERSION: an audit log as a server would write it, of the lease that
 * alice takes on birds@VERSION, what she opens of it before, by a rule of the lease's number
 * (position 1), and in it (1 to 3), what bob opens (2), and what is refused.
 *
 * make_audit AUDIT KEYS: a few records, with a key and a file of its own for each.
 */
#include <errno.h>
#include <stdio.h>

#include "index/base/error.h"
#include "policy/audit.h"
#include "policy/evaluate.h"

static const char *version;

static void object_name(void *context, uint32_t dataset, uint32_t serial,
			char out[VT_AUDIT_NAME_MAX])
{
	(void) snprintf(out, VT_AUDIT_NAME_MAX, "birds@%s", version);
}

static void user_name(void *context, uint32_t uid, char out[VT_AUDIT_NAME_MAX])
{
	(void) snprintf(out, VT_AUDIT_NAME_MAX, "%s", uid == 1001 ? "alice" : "bob");
}

static const char *reason_name(uint32_t reason)
{
	return reason == VT_REASON_HOLDER ? "holder" : reason == VT_REASON_RULE ? "rule" : "leased";
}

static const char *right_name(uint32_t right)
{
	return right == VT_RIGHT_READ ? "read" : "browse";
}

static int lease(struct vt_audit *audit, enum vt_audit_kind kind, struct vt_error *err)
{
	char object[VT_AUDIT_NAME_MAX];

	object_name(NULL, 0, 0, object);
	return vt_audit_append(audit, kind,
			       json_pack("{s:i, s:i, s:s, s:s, s:i}", "lease", 7, "fence", 1,
					 "object", object, "user", "alice", "uid", 1001),
			       true, err);
}

static int fill(struct vt_audit *audit, uint32_t serial, struct vt_error *err)
{
	struct vt_audit_access before = {1001, 1, serial, VT_REASON_RULE, 1, 7};
	struct vt_audit_access alice = {1001, 1, serial, VT_REASON_HOLDER, 1, 7};
	struct vt_audit_access bob = {1002, 1, serial, VT_REASON_RULE, 1, 12};
	struct vt_audit_denial denied = {1002, 1, serial, VT_RIGHT_READ, VT_REASON_LEASED, 7};
	int r = vt_audit_access(audit, &bob, 2);

	if (r == 0)
		r = vt_audit_access(audit, &before, 1);
	if (r == 0)
		r = lease(audit, VT_AUDIT_LEASE_ACQUIRE, err);
	for (uint32_t i = 1; r == 0 && i <= 3; i++)
		r = vt_audit_access(audit, &alice, i);
	vt_audit_deny(audit, &denied);
	vt_audit_access_flush(audit, 0, 0);
	if (r == 0)
		r = lease(audit, VT_AUDIT_LEASE_DRAIN, err);
	return r < 0 ? r : lease(audit, VT_AUDIT_LEASE_END, err);
}

/* Each is signed on its own, so that the key and the file are done with. */
static int fill_files(struct vt_audit *audit, struct vt_error *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < 4; i++) {
		r = vt_audit_append(audit, VT_AUDIT_GC, json_pack("{s:i}", "uid", 0), true, err);
		if (r == 0)
			r = vt_audit_settle(audit, err);
	}
	return r;
}

int main(int argc, char **argv)
{
	struct vt_audit_settings settings = {
		.origin = "vitrine/e2e",
		.names = {object_name, user_name, reason_name, right_name, NULL},
		.reserve_bytes = 4096,
	};
	struct vt_error err = {""};
	struct vt_audit *audit;
	int r;

	if (argc != 3 && argc != 5)
		return 2;
	settings.dir = argv[1];
	settings.keys = argv[2];
	if (argc == 3)
		settings.key_checkpoints = settings.segment_bytes = 1;
	else
		version = argv[4];
	r = vt_audit_open(&settings, &audit, &err);
	if (r == 0) {
		r = argc == 3 ? fill_files(audit, &err)
			      : fill(audit, (uint32_t) strtoul(argv[3], NULL, 10), &err);
		vt_audit_close(audit);
	}
	if (r < 0)
		(void) fprintf(stderr, "make_audit: %s\n", err.text);
	return r < 0;
}
