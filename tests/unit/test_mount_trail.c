/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the audit log says of mounts, over servers that come and go, while this test says which
 * mounts each of them serves.
 */
#include "fs/mount_trail.h"

#include <errno.h>
#include <string.h>

#include "fs/mount.h"
#include "index/import.h"
#include "index/outbox.h"
#include "policy/audit.h"
#include "policy/audit_reader.h"
#include "tests/unit/failing_write.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

#define MOUNTS_MAX 4

static const struct vt_mount_plan shared = {.kind = VT_MOUNT_SHARED};
static const struct vt_mount_plan private = {.kind = VT_MOUNT_PRIVATE, .user = 1, .any_uid = true};

static struct vt_session_info served[MOUNTS_MAX];
static size_t served_count;

void __wrap_vt_sessions_each(struct vt_sessions *sessions,
			     void (*each)(void *context, const struct vt_session_info *info),
			     void *context);
void __wrap_vt_sessions_each(struct vt_sessions *sessions,
			     void (*each)(void *context, const struct vt_session_info *info),
			     void *context)
{
	for (size_t i = 0; i < served_count; i++)
		each(context, &served[i]);
}

static void set_up(void)
{
	service_set_up();
	served_count = 0;
	write_fails = 0;
}

/* The server dies with what it had not delivered, and another serves `count` of the mounts. */
static void begin_anew(size_t count)
{
	served_count = count;
	vt_service_close(host.service);
	must(vt_service_open(vt_scratch_dir, 32 << 20, &host.service, &err) == 0);
	vt_mount_trail_settle(host.service->mount_trail);
}

static void begin(const char *mountpoint, const struct vt_mount_plan *plan)
{
	vt_mount_trail_begin(host.service->mount_trail, 1000, mountpoint, plan);
	ck_assert_uint_lt(served_count, MOUNTS_MAX);
	served[served_count++] =
		(struct vt_session_info){.mountpoint = mountpoint, .uid = 1000, .plan = *plan};
}

static void end(const char *mountpoint, const struct vt_mount_plan *plan)
{
	vt_mount_trail_end(host.service->mount_trail, 1000, mountpoint, plan);
}

/* How many records have the text; all are there once the calls above return. */
static unsigned recorded(const char *text)
{
	vt_cleanup(vt_audit_reader_closep) struct vt_audit_reader *reader = NULL;
	unsigned count = 0;
	const char *line;
	size_t len;

	must(vt_audit_reader_open(vt_scratch_path("audit"), &reader, &err) == 0);
	while (vt_audit_reader_line(reader, &line, &len, &err) > 0)
		count += memmem(line, len, text, strlen(text)) != NULL;
	return count;
}

#define BEGUN  "\"kind\":\"mount\""
#define ENDED  "\"kind\":\"umount\""
#define UNSEEN "\"how\":\"unseen\""

START_TEST(a_mount_is_recorded_with_its_end)
{
	set_up();
	begin("/mnt", &private);
	ck_assert_uint_eq(recorded(BEGUN), 1);
	ck_assert_uint_eq(recorded("\"any_uid\":1"), 1);
	ck_assert_uint_eq(recorded("\"who_uid\":1"), 1);
	ck_assert_uint_eq(recorded("\"point\":\"/mnt\""), 1);
	end("/mnt", &private);
	ck_assert_uint_eq(recorded(ENDED), 1);
	ck_assert_uint_eq(recorded("\"any_uid\":1"), 2);
	begin_anew(0);
	ck_assert_uint_eq(recorded(ENDED), 1);
	ck_assert_uint_eq(vt_outbox_count(host.service->index->store), 0);
	service_tear_down();
}
END_TEST

START_TEST(what_the_next_server_goes_on_with_has_not_ended)
{
	set_up();
	begin("/mnt", &shared);
	begin("/other", &shared);
	begin_anew(2);
	begin_anew(2);
	ck_assert_uint_eq(recorded(ENDED), 0);
	end("/mnt", &shared);
	ck_assert_uint_eq(recorded(ENDED), 1);
	ck_assert_uint_eq(recorded(BEGUN), 2);
	service_tear_down();
}
END_TEST

START_TEST(what_the_next_server_does_not_have_has_ended_unseen)
{
	set_up();
	begin("/mnt", &shared);
	begin("/other", &private);
	begin_anew(1);
	ck_assert_uint_eq(recorded(UNSEEN), 1);
	ck_assert_uint_eq(recorded("\"point\":\"/other\""), 2);
	begin_anew(0);
	ck_assert_uint_eq(recorded(UNSEEN), 2);
	begin_anew(0);
	ck_assert_uint_eq(recorded(UNSEEN), 2);
	ck_assert_uint_eq(recorded(ENDED), 2);
	service_tear_down();
}
END_TEST

/* In two mount namespaces, say. */
START_TEST(of_equal_mounts_each_ends_once)
{
	set_up();
	begin("/mnt", &shared);
	begin("/mnt", &shared);
	begin_anew(2);
	ck_assert_uint_eq(recorded(ENDED), 0);
	end("/mnt", &shared);
	begin_anew(1);
	ck_assert_uint_eq(recorded(ENDED), 1);
	end("/mnt", &shared);
	begin_anew(0);
	ck_assert_uint_eq(recorded(ENDED), 2);
	service_tear_down();
}
END_TEST

START_TEST(an_end_that_cannot_be_written_is_made_up_for)
{
	set_up();
	begin("/mnt", &shared);
	write_fails = ENOSPC;
	end("/mnt", &shared);
	begin("/full", &shared);
	write_fails = 0;
	ck_assert_uint_eq(recorded(ENDED), 0);
	begin_anew(0);
	ck_assert_uint_eq(recorded(UNSEEN), 1);
	ck_assert_uint_eq(recorded("/full"), 0);
	service_tear_down();
}
END_TEST

/* Of an older program, which kept no row. */
START_TEST(an_end_without_a_row_is_recorded_all_the_same)
{
	set_up();
	end("/mnt", &shared);
	ck_assert_uint_eq(recorded(ENDED), 1);
	service_tear_down();
}
END_TEST

VT_SUITE("mount_trail", a_mount_is_recorded_with_its_end,
	 what_the_next_server_goes_on_with_has_not_ended,
	 what_the_next_server_does_not_have_has_ended_unseen, of_equal_mounts_each_ends_once,
	 an_end_that_cannot_be_written_is_made_up_for,
	 an_end_without_a_row_is_recorded_all_the_same)
