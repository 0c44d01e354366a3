/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: bounds on connections, the way to a long path, draining. */
#include "fs/control.h"
#include "fs/control_socket.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

#include <poll.h>
#include <sys/stat.h>

static struct vt_control *control;
static int listener = -1;
static atomic_uint changes;

static void changed(struct vt_host *h)
{
	changes++;
}

static void set_up(void)
{
	service_set_up();
	changes = 0;
	must(vt_control_listen(vt_scratch_dir, &listener, &err) == 0);
	must(vt_control_new(&host, changed, &control, &err) == 0);
}

static void tear_down(void)
{
	(void) close(listener);
	vt_control_drain(control, 10000);
	vt_control_free(control);
	service_tear_down();
}

/* A caller whose other end is served. */
static void call_in(struct visit *visit)
{
	int fd;

	*visit = (struct visit){0};
	must(vt_control_dial(vt_scratch_dir, &fd, &err) == 0);
	vt_channel_init(&visit->channel, fd);
	vt_control_accept(control, listener);
}

static int hello(struct visit *visit)
{
	struct reply reply;
	int r = ask(visit, "hello", "{}", &reply);

	if (r == 0)
		ck_assert_int_eq(json_integer_value(json_object_get(reply.result, "caller_uid")),
				 getuid());
	reply_done(&reply);
	return r;
}

START_TEST(a_caller_is_who_the_kernel_says)
{
	struct visit visit;

	set_up();
	call_in(&visit);
	must(hello(&visit) == 0);
	ck_assert_uint_eq(vt_control_count(control), 1);
	vt_channel_done(&visit.channel);
	tear_down();
	ck_assert_uint_eq(changes, 1);
}
END_TEST

START_TEST(the_excess_of_a_uid_is_refused_with_a_sentence)
{
	static struct visit visits[VT_CONNECTIONS_PER_UID];
	struct visit one_more;
	struct reply reply;

	set_up();
	for (size_t i = 0; i < VT_CONNECTIONS_PER_UID; i++)
		call_in(&visits[i]);
	call_in(&one_more);
	ck_assert_int_eq(reply_receive(&one_more, &reply), -EMFILE);
	ck_assert_ptr_nonnull(strstr(err.text, "already has 64 connections"));
	reply_done(&reply);
	vt_channel_done(&one_more.channel);
	for (size_t i = 0; i < VT_CONNECTIONS_PER_UID; i++)
		must(hello(&visits[i]) == 0);

	/* Room again when one has gone. */
	vt_channel_done(&visits[0].channel);
	while (vt_control_count(control) == VT_CONNECTIONS_PER_UID)
		(void) poll(NULL, 0, 1);
	call_in(&one_more);
	must(hello(&one_more) == 0);
	vt_channel_done(&one_more.channel);
	for (size_t i = 1; i < VT_CONNECTIONS_PER_UID; i++)
		vt_channel_done(&visits[i].channel);
	tear_down();
}
END_TEST

START_TEST(garbage_is_refused_and_harms_nobody)
{
	struct visit garbage, good;
	struct reply reply;

	set_up();
	call_in(&garbage);
	call_in(&good);
	ck_assert_int_eq(write(garbage.channel.fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	ck_assert_int_eq(reply_receive(&garbage, &reply), -EPROTO);
	reply_done(&reply);
	must(hello(&good) == 0);
	vt_channel_done(&garbage.channel);
	vt_channel_done(&good.channel);
	tear_down();
}
END_TEST

START_TEST(draining_ends_those_who_wait)
{
	struct visit silent, halfway;
	char byte;

	set_up();
	call_in(&silent);
	call_in(&halfway);
	ck_assert_int_eq(write(halfway.channel.fd, "VTC", 3), 3);
	vt_control_drain(control, 10000);
	ck_assert_uint_eq(vt_control_count(control), 0);
	ck_assert_int_le(read(silent.channel.fd, &byte, 1), 0);
	vt_channel_done(&silent.channel);
	vt_channel_done(&halfway.channel);
	tear_down();
}
END_TEST

START_TEST(draining_lets_finish_what_was_asked)
{
	static const char size_3[] = "{\"dataset\": \"birds\", \"where\": \"size=3\"}";
	const struct vt_version *version;
	struct reply reply;
	int fd;

	set_up();
	version = service_commit(service_dataset("birds", getuid()), 1);
	for (unsigned i = 0; i < 20; i++) {
		struct visit visit = {0};

		must(vt_control_dial(vt_scratch_dir, &fd, &err) == 0);
		vt_channel_init(&visit.channel, fd);
		send_only(&visit, "select", size_3);
		vt_control_accept(control, listener);
		vt_control_drain(control, 10000);
		must(reply_receive(&visit, &reply) == 0);
		reply_done(&reply);
		vt_channel_done(&visit.channel);
	}
	vt_version_unref(version);
	tear_down();
}
END_TEST

START_TEST(draining_cuts_off_who_takes_nothing)
{
	struct visit stuck;
	const char request[] = "VTC1\x0f\0\0\0\0\0\0\0\0\0\0\0{\"op\": \"hello\"}";

	set_up();
	call_in(&stuck);
	/* Answers that nobody reads, until the server's thread waits to send. */
	for (;;) {
		struct pollfd p = {.fd = stuck.channel.fd, .events = POLLOUT};

		if (poll(&p, 1, 200) == 0)
			break;
		ck_assert_int_gt(send(stuck.channel.fd, request, sizeof request - 1, MSG_NOSIGNAL),
				 0);
	}
	vt_control_drain(control, 1);
	ck_assert_uint_eq(vt_control_count(control), 0);
	vt_channel_done(&stuck.channel);
	tear_down();
}
END_TEST

START_TEST(everybody_may_connect_and_a_dead_socket_is_replaced)
{
	struct stat st;
	int fd;

	set_up();
	ck_assert_int_eq(stat(vt_scratch_path("run/control.sock"), &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFSOCK | 0666);
	(void) close(listener);
	ck_assert_int_eq(vt_control_dial(vt_scratch_dir, &fd, &err), -ECONNREFUSED);
	must(vt_control_listen(vt_scratch_dir, &listener, &err) == 0);
	must(vt_control_dial(vt_scratch_dir, &fd, &err) == 0);
	(void) close(fd);
	vt_control_unlink(vt_scratch_dir);
	ck_assert_int_eq(vt_control_dial(vt_scratch_dir, &fd, &err), -ENOENT);
	tear_down();
}
END_TEST

/* Listens as a user who is not root, in a folder that is his at first. */
static void listen_as(uid_t uid)
{
	must(chmod(vt_scratch(), 0711) == 0);
	must(mkdir(vt_scratch_path("run"), 0711) == 0);
	must(chown(vt_scratch_path("run"), uid, (gid_t) -1) == 0);
	must(seteuid(uid) == 0);
	must(vt_control_listen(vt_scratch_dir, &listener, &err) == 0);
	must(seteuid(0) == 0);
}

START_TEST(who_is_not_the_owner_of_the_store_is_not_taken_for_its_server)
{
	enum { OWNER = 4242, OTHER = 4243 };
	int fd;

	if (geteuid() != 0)
		return;
	listen_as(OWNER);
	must(vt_control_dial(vt_scratch_dir, &fd, &err) == 0);
	(void) close(fd);
	must(chown(vt_scratch_path("run"), OTHER, (gid_t) -1) == 0);
	ck_assert_int_eq(vt_control_dial(vt_scratch_dir, &fd, &err), -EACCES);
	(void) close(listener);
	vt_scratch_done();
}
END_TEST

START_TEST(the_path_of_a_store_may_be_long)
{
	char path[1024];
	int fd, there;

	(void) snprintf(path, sizeof path, "%s/%0200d", vt_scratch(), 0);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void) strcat(path, "/run");
	ck_assert_int_eq(mkdir(path, 0711), 0);
	path[strlen(path) - strlen("/run")] = '\0';
	must(vt_control_listen(path, &fd, &err) == 0);
	must(vt_control_dial(path, &there, &err) == 0);
	(void) close(there);
	(void) close(fd);
	vt_scratch_done();
}
END_TEST

VT_SUITE(control, a_caller_is_who_the_kernel_says,
	 who_is_not_the_owner_of_the_store_is_not_taken_for_its_server,
	 the_excess_of_a_uid_is_refused_with_a_sentence, garbage_is_refused_and_harms_nobody,
	 draining_ends_those_who_wait, draining_lets_finish_what_was_asked,
	 draining_cuts_off_who_takes_nothing, everybody_may_connect_and_a_dead_socket_is_replaced,
	 the_path_of_a_store_may_be_long)
