/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes of mounts, over servers that come and go, while this test says what the kernel still has:
 * when the gate is shut, and what opens it again.
 */
#include "fs/leftovers.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fs/mount.h"
#include "index/base/clock.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

#define DEVICE makedev(0, 4999) /* of no mount table */
#define NOTE   "run/mounts/0:4999"

static int kernel_has; /* 1, 0, or an error: for every device */
static _Atomic uint64_t now_ns = VT_NS_PER_SEC;

int __wrap_vt_fuse_connections_have(int fd, uint64_t device);
int __wrap_vt_fuse_connections_have(int fd, uint64_t device)
{
	return kernel_has;
}

uint64_t __wrap_vt_clock_monotonic_ns(void);
uint64_t __wrap_vt_clock_monotonic_ns(void)
{
	return now_ns;
}

static void pass(unsigned seconds)
{
	now_ns += seconds * VT_NS_PER_SEC;
}

/* ---- a server -------------------------------------------------------------------------------- */

static void set_up(void)
{
	service_set_up();
	kernel_has = 1;
}

static void tear_down(void)
{
	vt_clock_set_boot_id(NULL);
	service_tear_down();
}

static int serve_as(enum vt_mount_kind kind, uint64_t device, bool standing)
{
	const struct vt_mount_site site = {
		.mountpoint = "/mnt", .source = "/store", .device = device};
	const struct vt_mount_plan plan = {.kind = kind};

	return vt_leftovers_serve(host.service->leftovers, &site, &plan, standing, &err);
}

static void serve(bool standing)
{
	must(serve_as(VT_MOUNT_SHARED, DEVICE, standing) == 0);
}

/* The server dies, and another opens the store. */
static void begin_anew(void)
{
	vt_service_close(host.service);
	must(vt_service_open(vt_scratch_dir, 32 << 20, &host.service, &err) == 0);
}

static void count(void *context, const struct vt_leftover *leftover)
{
	ck_assert_uint_eq(leftover->device, DEVICE);
	(*(unsigned *) context)++;
}

static unsigned left_over(void)
{
	struct vt_decision lease = {.allowed = true};
	const struct vt_place store = {0};
	unsigned found = 0;

	vt_leftovers_check(host.service->leftovers);
	vt_leftovers_each(host.service->leftovers, count, &found);
	vt_gate_apply_shut(host.service->gate, VT_RIGHT_LEASE, store, &lease);
	ck_assert_int_eq(!lease.allowed, found > 0);
	return found;
}

static bool is_noted(void)
{
	return access(vt_scratch_path(NOTE), F_OK) == 0;
}

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(what_is_served_is_not_left_over)
{
	set_up();
	serve(false);
	ck_assert(is_noted());
	ck_assert_uint_eq(left_over(), 0);
	begin_anew();
	vt_leftovers_resume(host.service->leftovers, DEVICE);
	ck_assert_uint_eq(left_over(), 0);
	tear_down();
}
END_TEST

START_TEST(what_nobody_serves_is_left_over_until_the_kernel_has_forgotten_it)
{
	set_up();
	serve(false);
	begin_anew();
	ck_assert_uint_eq(left_over(), 1);
	begin_anew();
	ck_assert_uint_eq(left_over(), 1);
	kernel_has = 0;
	ck_assert_uint_eq(left_over(), 0);
	ck_assert(!is_noted());
	tear_down();
}
END_TEST

START_TEST(a_kernel_that_cannot_be_asked_may_still_have_it)
{
	set_up();
	serve(false);
	begin_anew();
	kernel_has = -EBADF;
	ck_assert_uint_eq(left_over(), 1);
	tear_down();
}
END_TEST

START_TEST(another_boot_of_the_machine_forgets_it)
{
	static const uint8_t other[VT_BOOT_ID_LEN] = {1};

	set_up();
	serve(false);
	vt_clock_set_boot_id(other);
	begin_anew();
	ck_assert_uint_eq(left_over(), 0);
	ck_assert(!is_noted());
	tear_down();
}
END_TEST

START_TEST(a_standing_mount_is_waited_for)
{
	set_up();
	serve(true);
	begin_anew();
	pass(9);
	ck_assert_uint_eq(left_over(), 0);
	ck_assert(is_noted());
	pass(1);
	ck_assert_uint_eq(left_over(), 1);
	serve(true);
	ck_assert_uint_eq(left_over(), 0);
	ck_assert(is_noted());
	tear_down();
}
END_TEST

START_TEST(a_mount_that_was_cut_off_from_its_server_is_left_over)
{
	set_up();
	serve(false);
	vt_leftovers_ended(host.service->leftovers, DEVICE);
	pass(4);
	ck_assert_uint_eq(left_over(), 0);
	pass(1);
	ck_assert_uint_eq(left_over(), 1);
	tear_down();
}
END_TEST

START_TEST(a_mount_that_was_unmounted_is_not)
{
	static const int answers[] = {0, -EBADF};

	for (size_t i = 0; i < 2; i++) {
		set_up();
		serve(false);
		kernel_has = answers[i];
		vt_leftovers_ended(host.service->leftovers, DEVICE);
		ck_assert(!is_noted());
		kernel_has = 1;
		pass(60);
		ck_assert_uint_eq(left_over(), 0);
		tear_down();
	}
}
END_TEST

/* Only what this server served can end. */
START_TEST(a_leftover_does_not_end_by_a_mount_that_failed)
{
	set_up();
	serve(false);
	begin_anew();
	kernel_has = -EBADF;
	ck_assert_uint_eq(left_over(), 1);
	vt_leftovers_ended(host.service->leftovers, DEVICE);
	ck_assert_uint_eq(left_over(), 1);
	tear_down();
}
END_TEST

START_TEST(an_accepted_one_does_not_come_back)
{
	set_up();
	serve(false);
	begin_anew();
	ck_assert_uint_eq(vt_leftovers_accept(host.service->leftovers, 0), 0);
	ck_assert_uint_eq(left_over(), 1);
	ck_assert_uint_eq(vt_leftovers_accept(host.service->leftovers, 0), 1);
	ck_assert_uint_eq(left_over(), 0);
	begin_anew();
	ck_assert_uint_eq(left_over(), 0);
	tear_down();
}
END_TEST

START_TEST(an_open_only_mount_is_not_noted_and_takes_the_place_of_what_had_its_device)
{
	set_up();
	must(serve_as(VT_MOUNT_OPEN_ONLY, DEVICE, false) == 0);
	ck_assert(!is_noted());
	serve(false);
	begin_anew();
	ck_assert_uint_eq(left_over(), 1);
	must(serve_as(VT_MOUNT_OPEN_ONLY, DEVICE, false) == 0);
	ck_assert_uint_eq(left_over(), 0);
	ck_assert(!is_noted());
	tear_down();
}
END_TEST

/* /proc is mounted: of the same source, by another type. */
START_TEST(a_device_that_is_another_file_systems_by_now_is_not_ours)
{
	const struct vt_mount_plan plan = {.kind = VT_MOUNT_PRIVATE};
	struct vt_mount_site site = {.mountpoint = "/mnt", .source = "proc"};
	struct stat st;

	set_up();
	ck_assert_int_eq(stat("/proc", &st), 0);
	site.device = st.st_dev;
	must(vt_leftovers_serve(host.service->leftovers, &site, &plan, false, &err) == 0);
	begin_anew();
	ck_assert_uint_eq(left_over(), 0);
	tear_down();
}
END_TEST

START_TEST(a_note_that_cannot_be_read_counts_and_one_that_was_not_finished_does_not)
{
	set_up();
	serve(false);
	ck_assert_int_eq(truncate(vt_scratch_path(NOTE), 5), 0);
	begin_anew();
	ck_assert_uint_eq(left_over(), 1);
	ck_assert_int_eq(rename(vt_scratch_path(NOTE), vt_scratch_path(NOTE ".new")), 0);
	begin_anew();
	ck_assert_uint_eq(left_over(), 0);
	ck_assert_int_ne(access(vt_scratch_path(NOTE ".new"), F_OK), 0);
	tear_down();
}
END_TEST

START_TEST(what_is_guarded_is_not_served_without_a_note)
{
	set_up();
	ck_assert_int_eq(serve_as(VT_MOUNT_SHARED, 0, false), -EINVAL);
	ck_assert_int_eq(rmdir(vt_scratch_path("run/mounts")), 0);
	ck_assert_int_eq(serve_as(VT_MOUNT_SHARED, DEVICE, false), -ENOENT);
	ck_assert_uint_eq(left_over(), 0);
	tear_down();
}
END_TEST

VT_SUITE(leftovers, what_is_served_is_not_left_over,
	 what_nobody_serves_is_left_over_until_the_kernel_has_forgotten_it,
	 a_kernel_that_cannot_be_asked_may_still_have_it, another_boot_of_the_machine_forgets_it,
	 a_standing_mount_is_waited_for, a_mount_that_was_cut_off_from_its_server_is_left_over,
	 a_mount_that_was_unmounted_is_not, a_leftover_does_not_end_by_a_mount_that_failed,
	 an_accepted_one_does_not_come_back,
	 an_open_only_mount_is_not_noted_and_takes_the_place_of_what_had_its_device,
	 a_device_that_is_another_file_systems_by_now_is_not_ours,
	 a_note_that_cannot_be_read_counts_and_one_that_was_not_finished_does_not,
	 what_is_guarded_is_not_served_without_a_note)
