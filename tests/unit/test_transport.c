/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INIT, and requests across the death of a server. The kernel is the other end of a socket pair,
 * which keeps messages whole as /dev/fuse does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "fs/kept_requests.h"
#include "fs/session.h"
#include "fs/transport.h"
#include "tests/unit/instants.h"

#define HAS_RESEND (1u << 7) /* of flags2 */

enum { INIT = 2, LOOKUP = 4, RESEND = 7 };

static struct vt_session session;
static struct vt_service service;
static bool answering; /* else LOOKUPs stay without an answer */
static int kernel, device;

static void answer_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void) parent, (void) name;
	if (answering)
		(void) fuse_reply_err(req, ENOENT);
}

/* A server takes the mount up: the first one, or a successor. */
static void serve(void)
{
	static const struct fuse_lowlevel_ops ops = {.lookup = answer_lookup};
	char *argv[] = {(char *) "test", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	session = (struct vt_session){.service = &service,
				      .state = state,
				      .fuse_fd = dup(device),
				      .mountpoint = (char *) "here"};
	session.fuse = fuse_session_new(&args, &ops, sizeof ops, &session);
	ck_assert_ptr_nonnull(session.fuse);
	ck_assert_int_eq(vt_transport_begin(&session, NULL), 0);
}

static void begin(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	kernel = ends[0];
	device = ends[1];
	answering = true;
	service.counters = vt_counters_new();
	ck_assert_ptr_nonnull(service.counters);
	session_begin();
	serve();
}

static void close_session(void)
{
	fuse_session_destroy(session.fuse); /* closes fuse_fd */
	vt_kept_requests_close(session.kept);
	free(session.stash);
}

static void succeed(void)
{
	close_session();
	session_dies();
	session_begin();
	serve();
}

static void end(void)
{
	close_session();
	session_end();
	vt_counters_free(service.counters);
	(void) close(kernel);
	(void) close(device);
}

static void ask_init(uint32_t flags2)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_init_in in;
	} init = {.header = {.len = sizeof init, .opcode = FUSE_INIT, .unique = INIT},
		  .in = {.major = 7, .minor = 38, .flags = FUSE_INIT_EXT, .flags2 = flags2}};

	ck_assert_int_eq(send(kernel, &init, sizeof init, 0), sizeof init);
}

static void ask_lookup(void)
{
	const struct {
		struct fuse_in_header header;
		char name[8];
	} lookup = {.header = {.len = sizeof lookup,
			       .opcode = FUSE_LOOKUP,
			       .unique = LOOKUP,
			       .nodeid = 1},
		    .name = "name"};

	ck_assert_int_eq(send(kernel, &lookup, sizeof lookup, 0), sizeof lookup);
}

/* What a thread of libfuse does in its loop; the memory is ours, or it would be made every time. */
static void turn(void)
{
	static char memory[2u << 20];
	struct fuse_buf buf = {.mem = memory};

	if (fuse_session_receive_buf(session.fuse, &buf) <= 0)
		_exit(1);
	fuse_session_process_buf(session.fuse, &buf);
}

/* What the kernel is told next; unique 0 and error 0: nothing. */
static struct fuse_out_header told(void)
{
	struct {
		struct fuse_out_header header;
		char rest[4096];
	} message = {0};

	(void) recv(kernel, &message, sizeof message, MSG_DONTWAIT);
	return message.header;
}

static void check_told(uint64_t unique, int error)
{
	struct fuse_out_header header = told();

	ck_assert_uint_eq(header.unique, unique);
	ck_assert_int_eq(header.error, error);
}

static void check_told_nothing(void)
{
	check_told(0, 0);
}

static void mount_with(uint32_t flags2)
{
	begin();
	ask_init(flags2);
	turn();
	check_told(INIT, 0);
}

static void leave_lookup(void)
{
	answering = false;
	ask_lookup();
	turn();
	check_told_nothing();
	answering = true;
}

static void check_lookup_is_answered(void)
{
	turn();
	check_told(LOOKUP, -ENOENT);
	check_told_nothing();
}

START_TEST(an_old_kernels_requests_are_answered_by_the_next_server)
{
	mount_with(0);
	ck_assert_uint_eq(state->record->repeat, VT_REPEAT_KEPT);
	leave_lookup();
	succeed();
	check_told_nothing(); /* neither INIT's answer again nor RESEND */
	check_lookup_is_answered();
	succeed();
	check_told_nothing();
	ask_lookup();
	check_lookup_is_answered();
	end();
}
END_TEST

START_TEST(messages_and_answers_that_are_errors_are_counted)
{
	struct vt_counted counted;

	mount_with(HAS_RESEND);
	for (int i = 0; i < 3; i++) {
		ask_lookup();
		check_lookup_is_answered();
	}
	vt_counters_sum(service.counters, &counted);
	ck_assert_uint_eq(counted.messages[FUSE_INIT], 1);
	ck_assert_uint_eq(counted.messages[FUSE_LOOKUP], 3);
	ck_assert_uint_eq(counted.errors[ENOENT], 3);
	ck_assert_uint_eq(vt_striped_sum(&session.request_count), 4);
	end();
}
END_TEST

START_TEST(a_kernel_that_can_is_asked_to_send_again)
{
	mount_with(HAS_RESEND);
	ck_assert_uint_eq(state->record->repeat, VT_REPEAT_BY_KERNEL);
	leave_lookup();
	succeed();
	check_told(0, RESEND);
	check_told_nothing();
	ask_lookup(); /* nothing was kept, or that would be answered first */
	check_lookup_is_answered();
	end();
}
END_TEST

START_TEST(a_test_may_choose_and_that_holds_for_the_session)
{
	ck_assert_int_eq(setenv("VITRINE_NO_RESEND", "1", 1), 0);
	mount_with(HAS_RESEND);
	ck_assert_int_eq(unsetenv("VITRINE_NO_RESEND"), 0);
	ck_assert_uint_eq(state->record->repeat, VT_REPEAT_KEPT);
	leave_lookup();
	succeed();
	check_told_nothing();
	check_lookup_is_answered();
	end();
}
END_TEST

/* Its slot was not free yet when the server died; another thread had the next request already. */
START_TEST(an_init_that_was_answered_is_answered_before_the_others)
{
	mount_with(0);
	leave_lookup();
	memcpy(state->requests[state->record->request_top++].message, state->record->init,
	       state->record->init_len);
	succeed();
	check_told(INIT, 0);
	check_told_nothing();
	check_lookup_is_answered();
	end();
}
END_TEST

START_TEST(a_program_that_answers_init_otherwise_is_known)
{
	mount_with(HAS_RESEND);
	succeed();
	ck_assert(!session.differs);
	state->record->reply[state->record->reply_len - 1]++;
	succeed();
	ck_assert(session.differs);
	end();
}
END_TEST

START_TEST(memory_for_a_request_is_there_before_it_comes)
{
	const size_t size = 2u << 20;
	struct fuse_buf buf = {.mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
	unsigned char present[2] = {0};

	ck_assert_ptr_ne(buf.mem, MAP_FAILED);
	mount_with(HAS_RESEND);
	ck_assert_int_eq(fcntl(session.fuse_fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_lt(fuse_session_receive_buf(session.fuse, &buf), 0); /* none comes */
	ck_assert_int_eq(mincore(buf.mem, 4096, present), 0);
	ck_assert(present[0] & 1);
	(void) munmap(buf.mem, size);
	end();
}
END_TEST

static void *receive_nothing(void *unused)
{
	struct fuse_buf buf = {.mem = NULL};

	(void) unused;
	ck_assert_int_eq(fuse_session_receive_buf(session.fuse, &buf), 0);
	free(buf.mem);
	return NULL;
}

/* libfuse cancels its threads at the end: one that had the lock then would keep it. */
START_TEST(the_end_by_an_error_needs_no_lock_of_standard_error)
{
	pthread_t thread;

	mount_with(HAS_RESEND);
	ask_lookup();
	turn();
	(void) close(kernel); /* with an answer unread: the other end reads ECONNRESET */
	kernel = -1;
	flockfile(stderr);
	ck_assert_int_eq(pthread_create(&thread, NULL, receive_nothing, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	funlockfile(stderr);
	ck_assert(fuse_session_exited(session.fuse));
	end();
}
END_TEST

static void *answer(void *unused)
{
	(void) unused;
	turn();
	return NULL;
}

START_TEST(a_server_that_fell_silent_leaves_its_requests_to_the_next)
{
	pthread_t thread;

	mount_with(0);
	ask_lookup();
	vt_transport_fall_silent();
	ck_assert_int_eq(pthread_create(&thread, NULL, answer, NULL), 0);
	(void) usleep(200000);
	check_told_nothing();
	ck_assert_uint_eq(((struct fuse_in_header *) state->requests[0].message)->unique, LOOKUP);
}
END_TEST

/* ---- death inside INIT ----------------------------------------------------------------------- */

static uint32_t flags2_asked;

/* The kernel has INIT if it was not read, or sends it again; what was told before is of no use. */
static void check_successor(void)
{
	const struct vt_session_record *record = state->record;
	uint64_t first = ((struct fuse_in_header *) state->requests[0].message)->unique;

	if (record->reply_len == 0 && (record->repeat == VT_REPEAT_BY_KERNEL || first != INIT))
		ask_init(flags2_asked);
	serve();
	if (record->reply_len == 0)
		turn();
	ck_assert_uint_eq(record->repeat, flags2_asked ? VT_REPEAT_BY_KERNEL : VT_REPEAT_KEPT);
	while (told().len > 0)
		;
	ask_lookup();
	check_lookup_is_answered();
	close_session();
}

static void dies_in_init(uint32_t flags2)
{
	struct vt_session before;

	flags2_asked = flags2;
	begin();
	ask_init(flags2);
	before = session;
	dies_at_every_instant(turn, check_successor);
	session = before;
	close_session();
	(void) close(kernel);
	(void) close(device);
}

START_TEST(a_server_may_die_in_the_init_of_an_old_kernel)
{
	dies_in_init(0);
}
END_TEST

START_TEST(a_server_may_die_in_the_init_of_a_kernel_that_sends_again)
{
	dies_in_init(HAS_RESEND);
}
END_TEST

VT_SUITE(transport, an_old_kernels_requests_are_answered_by_the_next_server,
	 messages_and_answers_that_are_errors_are_counted, a_kernel_that_can_is_asked_to_send_again,
	 a_test_may_choose_and_that_holds_for_the_session,
	 an_init_that_was_answered_is_answered_before_the_others,
	 a_program_that_answers_init_otherwise_is_known,
	 memory_for_a_request_is_there_before_it_comes,
	 the_end_by_an_error_needs_no_lock_of_standard_error,
	 a_server_that_fell_silent_leaves_its_requests_to_the_next,
	 a_server_may_die_in_the_init_of_an_old_kernel,
	 a_server_may_die_in_the_init_of_a_kernel_that_sends_again)
