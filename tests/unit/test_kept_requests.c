/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests are left to a successor from the instant they are read until they are answered. The
 * kernel is the other end of a socket pair, which keeps messages whole as /dev/fuse does.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "fs/kept_requests.h"
#include "tests/unit/instants.h"

#define SHORT 60u
#define LONG  (VT_SESSION_REQUEST_MAX + 5000u)

static struct vt_kept_requests *kept;
static int kernel, device;

union message {
	struct fuse_in_header header;
	uint8_t bytes[2 * LONG];
};

static void open_kept(void)
{
	ck_assert_int_eq(vt_kept_requests_open(state, &kept, NULL), 0);
}

static void begin(void)
{
	int ends[2];

	ck_assert_int_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	kernel = ends[0];
	device = ends[1];
	session_begin();
	open_kept();
}

static void end(void)
{
	vt_kept_requests_close(kept);
	session_end();
	(void) close(kernel);
	(void) close(device);
}

static void succeed(void)
{
	vt_kept_requests_close(kept);
	session_dies();
	session_begin();
	open_kept();
}

static uint8_t byte_at(uint64_t unique, size_t at)
{
	return (uint8_t) (unique * 7 + at);
}

static void ask_long(uint64_t unique, uint32_t opcode, uint32_t len)
{
	static union message message;

	for (size_t i = 0; i < len; i++)
		message.bytes[i] = byte_at(unique, i);
	message.header = (struct fuse_in_header){.len = len, .opcode = opcode, .unique = unique};
	ck_assert_int_eq(send(kernel, &message, len, 0), (ssize_t) len);
}

static void ask(uint64_t unique)
{
	ask_long(unique, FUSE_LOOKUP, SHORT);
}

static void check_whole(const union message *message, size_t len)
{
	ck_assert_uint_eq(message->header.len, len);
	for (size_t i = sizeof message->header; i < len; i++)
		ck_assert_uint_eq(message->bytes[i], byte_at(message->header.unique, i));
}

static ssize_t read_message(union message *out)
{
	return vt_kept_requests_read(kept, device, out, sizeof *out);
}

/* The unique of what is read, 0 if nothing is there. */
static uint64_t read_one(void)
{
	static union message message;
	ssize_t n = read_message(&message);

	if (n < 0) {
		ck_assert_int_eq(errno, EAGAIN);
		return 0;
	}
	check_whole(&message, (size_t) n);
	return message.header.unique;
}

static void ask_and_read(uint64_t unique)
{
	ask(unique);
	ck_assert_uint_eq(read_one(), unique);
}

START_TEST(what_is_not_answered_is_left_in_the_kernels_order)
{
	begin();
	ask_and_read(6);
	ask_and_read(2);
	ask_and_read(8);
	ask_and_read(4);
	vt_kept_requests_answered(kept, 8);
	ask(10);
	succeed();
	ck_assert_uint_eq(read_one(), 2);
	ck_assert_uint_eq(read_one(), 4);
	ck_assert_uint_eq(read_one(), 6);
	ck_assert_uint_eq(read_one(), 10);
	ck_assert_uint_eq(read_one(), 0);
	end();
}
END_TEST

START_TEST(what_was_left_is_left_again_until_it_is_answered)
{
	begin();
	ask_and_read(2);
	ask_and_read(4);
	succeed();
	ck_assert_uint_eq(read_one(), 2);
	ask(6);
	succeed();
	ck_assert_uint_eq(read_one(), 2);
	ck_assert_uint_eq(read_one(), 4);
	ck_assert_uint_eq(read_one(), 6);
	vt_kept_requests_answered(kept, 4);
	succeed();
	ck_assert_uint_eq(read_one(), 2);
	ck_assert_uint_eq(read_one(), 6);
	ck_assert_uint_eq(read_one(), 0);
	end();
}
END_TEST

START_TEST(slots_are_used_again)
{
	begin();
	for (uint64_t i = 1; i <= 1000; i++) {
		ask_and_read(4 * i);
		ask_and_read(4 * i + 2);
		vt_kept_requests_answered(kept, 4 * i);
		vt_kept_requests_answered(kept, 4 * i); /* a second time */
		vt_kept_requests_answered(kept, 4 * i + 2);
	}
	ck_assert_uint_eq(read_one(), 0);
	ck_assert_uint_eq(state->record->request_top, 2);
	succeed();
	ck_assert_uint_eq(read_one(), 0);
	ask_and_read(4);
	ck_assert_uint_eq(state->record->request_top, 2);
	end();
}
END_TEST

START_TEST(what_wants_no_answer_is_not_kept)
{
	begin();
	for (uint64_t i = 1; i <= 100; i++) {
		ask_long(2 * i, FUSE_FORGET, SHORT);
		ck_assert_uint_eq(read_one(), 2 * i);
		ask_long(2 * i, FUSE_BATCH_FORGET, LONG);
		ck_assert_uint_eq(read_one(), 2 * i);
		ask_long(2 * i + 1, FUSE_INTERRUPT, SHORT);
		ck_assert_uint_eq(read_one(), 2 * i + 1);
	}
	ck_assert_uint_eq(state->record->request_top, 1);
	succeed();
	ck_assert_uint_eq(read_one(), 0);
	end();
}
END_TEST

static void check_refused(uint64_t unique)
{
	struct fuse_out_header header;

	ck_assert_int_eq(recv(kernel, &header, sizeof header, 0), sizeof header);
	ck_assert_uint_eq(header.len, sizeof header);
	ck_assert_uint_eq(header.unique, unique);
	ck_assert_int_eq(header.error, -ENOSYS);
}

START_TEST(a_message_longer_than_a_slot_is_whole_and_later_refused)
{
	begin();
	ask_long(2, FUSE_IOCTL, LONG);
	ck_assert_uint_eq(read_one(), 2);
	ask_long(4, FUSE_LOOKUP, VT_SESSION_REQUEST_MAX);
	ck_assert_uint_eq(read_one(), 4);
	succeed();
	ck_assert_uint_eq(read_one(), 4);
	check_refused(2);
	succeed();
	ck_assert_uint_eq(read_one(), 4);
	ck_assert_uint_eq(read_one(), 0);
	ck_assert_int_lt(recv(kernel, &(char){0}, 1, 0), 0);
	end();
}
END_TEST

/* Those that are as far apart as there are slots share a chain. */
START_TEST(any_of_several_in_a_chain_can_be_answered)
{
	static const uint64_t apart = 2ull * VT_SESSION_REQUESTS;

	for (uint64_t answered = 0; answered < 3; answered++) {
		begin();
		for (uint64_t i = 0; i < 3; i++)
			ask_and_read(2 + i * apart);
		vt_kept_requests_answered(kept, 2 + answered * apart);
		vt_kept_requests_answered(kept, 2 + 3 * apart); /* is not there */
		succeed();
		for (uint64_t i = 0; i < 3; i++)
			if (i != answered)
				ck_assert_uint_eq(read_one(), 2 + i * apart);
		ck_assert_uint_eq(read_one(), 0);
		end();
	}
}
END_TEST

/* ---- all slots are taken --------------------------------------------------------------------- */

static atomic_bool answering;

static void *read_last(void *unused)
{
	(void) unused;
	ck_assert_uint_eq(read_one(), 1000000);
	ck_assert(answering);
	return NULL;
}

START_TEST(when_all_slots_are_taken_a_reader_waits_for_an_answer)
{
	pthread_t reader;

	begin();
	for (uint64_t i = 1; i <= VT_SESSION_REQUESTS; i++)
		ask_and_read(2 * i);
	ask(1000000);
	ck_assert_int_eq(pthread_create(&reader, NULL, read_last, NULL), 0);
	(void) usleep(100000); /* what does not wait has the time to show it */
	answering = true;
	vt_kept_requests_answered(kept, 500);
	ck_assert_int_eq(pthread_join(reader, NULL), 0);
	succeed();
	for (uint64_t i = 1; i <= VT_SESSION_REQUESTS; i++)
		if (i != 250)
			ck_assert_uint_eq(read_one(), 2 * i);
	ck_assert_uint_eq(read_one(), 1000000);
	end();
}
END_TEST

/* libfuse cancels its threads when a session ends; the answers that are due still are written. */
START_TEST(a_reader_that_waits_can_be_cancelled)
{
	pthread_t reader;

	begin();
	for (uint64_t i = 1; i <= VT_SESSION_REQUESTS; i++)
		ask_and_read(2 * i);
	ck_assert_int_eq(fcntl(device, F_SETFL, 0), 0);
	ck_assert_int_eq(pthread_create(&reader, NULL, read_last, NULL), 0);
	(void) usleep(100000);
	ck_assert_int_eq(pthread_cancel(reader), 0);
	vt_kept_requests_answered(kept, 500);
	ck_assert_int_eq(pthread_join(reader, NULL), 0);
	vt_kept_requests_answered(kept, 502);
	end();
}
END_TEST

/* ---- death ----------------------------------------------------------------------------------- */

static bool is_in_state(uint64_t unique)
{
	for (uint32_t slot = 0; slot < state->record->request_top; slot++)
		if (((struct fuse_in_header *) state->requests[slot].message)->unique == unique)
			return true;
	return false;
}

static bool is_with_the_kernel(void)
{
	return poll(&(struct pollfd){.fd = device, .events = POLLIN}, 1, 0) > 0;
}

static void one_has_it(void)
{
	ck_assert(is_with_the_kernel() || is_in_state(6));
}

static void some_are_kept(void)
{
	begin();
	ask_and_read(8);
	ask_and_read(2);
	ask_and_read(4);
	vt_kept_requests_answered(kept, 8); /* 6 comes where this was */
}

static void dies_with_requests(void (*operation)(void), void (*check)(void))
{
	struct vt_kept_requests *before = kept;

	dies_at_every_instant(operation, check);
	vt_kept_requests_close(before);
	(void) close(kernel);
	(void) close(device);
}

static void read_it(void)
{
	static union message message;

	if (read_message(&message) < 0)
		_exit(1);
}

static void check_after_reading(void)
{
	uint64_t unique;

	open_kept();
	ck_assert_uint_eq(read_one(), 2);
	ck_assert_uint_eq(read_one(), 4);
	unique = read_one(); /* and is whole, which that checks */
	ck_assert(unique == 6 || unique == 0);
	ck_assert_uint_eq(read_one(), 0);
	vt_kept_requests_close(kept);
}

START_TEST(while_it_reads_one_at_least_one_has_it)
{
	some_are_kept();
	ask(6);
	holds_always = one_has_it;
	dies_with_requests(read_it, check_after_reading);
}
END_TEST

static void check_after_a_new_slot(void)
{
	uint64_t unique;

	open_kept();
	ck_assert_uint_eq(read_one(), 2);
	ck_assert_uint_eq(read_one(), 4);
	ck_assert_uint_eq(read_one(), 6);
	unique = read_one();
	ck_assert(unique == 10 || unique == 0);
	ck_assert_uint_eq(read_one(), 0);
	vt_kept_requests_close(kept);
}

START_TEST(while_it_takes_a_slot_that_was_never_used)
{
	some_are_kept();
	ask_and_read(6);
	ask(10);
	dies_with_requests(read_it, check_after_a_new_slot);
}
END_TEST

static void answer_it(void)
{
	vt_kept_requests_answered(kept, 2);
}

static void check_after_answering(void)
{
	uint64_t unique;

	open_kept();
	unique = read_one();
	if (unique == 2)
		unique = read_one();
	ck_assert_uint_eq(unique, 4);
	ck_assert_uint_eq(read_one(), 0);
	vt_kept_requests_close(kept);
}

START_TEST(while_it_notes_an_answer_the_others_are_kept)
{
	some_are_kept();
	dies_with_requests(answer_it, check_after_answering);
}
END_TEST

static void succeed_and_answer(void)
{
	if (vt_kept_requests_open(state, &kept, NULL) < 0)
		_exit(1);
	read_it();
	answer_it();
}

START_TEST(while_a_successor_takes_them_up)
{
	some_are_kept();
	dies_with_requests(succeed_and_answer, check_after_answering);
}
END_TEST

VT_SUITE(kept_requests, what_is_not_answered_is_left_in_the_kernels_order,
	 what_was_left_is_left_again_until_it_is_answered, slots_are_used_again,
	 what_wants_no_answer_is_not_kept, a_message_longer_than_a_slot_is_whole_and_later_refused,
	 any_of_several_in_a_chain_can_be_answered,
	 when_all_slots_are_taken_a_reader_waits_for_an_answer,
	 a_reader_that_waits_can_be_cancelled, while_it_reads_one_at_least_one_has_it,
	 while_it_takes_a_slot_that_was_never_used, while_it_notes_an_answer_the_others_are_kept,
	 while_a_successor_takes_them_up)
