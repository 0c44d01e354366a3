/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An audit log in a scratch folder, and what verifying it says. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/error.h"
#include "policy/audit.h"
#include "policy/audit_verify.h"
#include "tests/unit/scratch.h"

static inline void audit_model_object(void *context, uint32_t dataset, uint32_t version,
				      char out[VT_AUDIT_NAME_MAX])
{
	(void) snprintf(out, VT_AUDIT_NAME_MAX, "d%u@v%u", dataset, version);
}

static inline void audit_model_user(void *context, uint32_t uid, char out[VT_AUDIT_NAME_MAX])
{
	(void) snprintf(out, VT_AUDIT_NAME_MAX, "u%u", uid);
}

/* Everything of the clock's is far away: what happens is what a test asks for. */
static struct vt_audit_settings audit_model = {
	.origin = "vitrine/test",
	.names = {.object = audit_model_object, .user = audit_model_user},
	.reserve_bytes = 4096,
	.checkpoint_ns = 3600ull * 1000000000,
	.fold_ns = 3600ull * 1000000000,
};

static inline void audit_model_begin(void)
{
	static char dir[128], keys[128];

	(void) vt_scratch();
	(void) snprintf(dir, sizeof dir, "%s/audit", vt_scratch_dir);
	(void) snprintf(keys, sizeof keys, "%s/keys", vt_scratch_dir);
	audit_model.dir = dir;
	audit_model.keys = keys;
}

static inline struct vt_audit *audit_model_open(void)
{
	struct vt_audit *audit = NULL;
	struct vt_error err = {""};

	ck_assert_msg(vt_audit_open(&audit_model, &audit, &err) == 0, "%s", err.text);
	return audit;
}

static inline void audit_model_note(struct vt_audit *audit, const char *text, bool durable)
{
	struct vt_error err = {""};

	ck_assert_msg(vt_audit_append(audit, VT_AUDIT_GC, json_pack("{s:s}", "note", text), durable,
				      &err) == 0,
		      "%s", err.text);
}

static char audit_model_first[1200]; /* the first problem of the last verification */

static inline void audit_model_finding(void *context, uint64_t seq, bool warning, const char *text)
{
	if (!warning && !audit_model_first[0])
		(void) snprintf(audit_model_first, sizeof audit_model_first, "%llu: %s",
				(unsigned long long) seq, text);
}

static inline struct vt_audit_verdict audit_model_verify_in(const char *dir, const char *head)
{
	struct vt_audit_verify ask = {.dir = dir,
				      .heads = &head,
				      .head_count = head ? 1 : 0,
				      .finding = audit_model_finding};
	struct vt_audit_verdict verdict;
	struct vt_error err = {""};

	audit_model_first[0] = '\0';
	ck_assert_msg(vt_audit_verify(&ask, &verdict, &err) == 0, "%s", err.text);
	return verdict;
}

static inline struct vt_audit_verdict audit_model_verify(void)
{
	return audit_model_verify_in(audit_model.dir, NULL);
}

static inline void audit_model_sound(void)
{
	struct vt_audit_verdict verdict = audit_model_verify();

	ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
}

/* A whole file; freed with free(). */
static inline char *audit_model_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	char *data;

	ck_assert_msg(file && fstat(fileno(file), &st) == 0, "%s", path);
	data = malloc((size_t) st.st_size + 1);
	*len = fread(data, 1, (size_t) st.st_size, file);
	data[*len] = '\0';
	(void) fclose(file);
	return data;
}

/* In place: a file that was cut to nothing and written anew is flushed by some file systems. */
static inline void audit_model_write(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0 && write(fd, data, len) == (ssize_t) len &&
			      ftruncate(fd, (off_t) len) == 0,
		      "%s", path);
	(void) close(fd);
}

#define AUDIT_LOG   "audit/00000000000000000000.log"
#define AUDIT_NOTES "audit/00000000000000000000.notes"

/* The last checkpoint of the first segment, as one would have noted it down. Freed with free(). */
static inline char *audit_model_head(void)
{
	size_t len, at = 0, used = 0;
	char *notes = audit_model_read(vt_scratch_path(AUDIT_NOTES), &len), *head;
	struct vt_checkpoint note;

	while (at + used < len) {
		at += used;
		ck_assert_int_eq(vt_checkpoint_parse(notes + at, len - at, &note, &used, NULL), 0);
	}
	head = strndup(notes + at, used);
	free(notes);
	return head;
}
