/* SPDX-License-Identifier: Apache-2.0 */
/* Framing: what one end sends the other receives; what breaks a rule is refused by its name. */
#include "fs/message.h"
#include "index/base/error.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct pair {
	struct vt_channel near, far;
};

static struct pair connected(void)
{
	struct pair pair;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	vt_channel_init(&pair.near, ends[0]);
	vt_channel_init(&pair.far, ends[1]);
	return pair;
}

static void done(struct pair *pair)
{
	vt_channel_done(&pair->near);
	vt_channel_done(&pair->far);
}

static void send_text(struct vt_channel *channel, const char *text, const void *blob, size_t len,
		      int fd)
{
	json_t *json = json_loads(text, 0, NULL);

	ck_assert_int_eq(vt_channel_send(channel, json, blob, len, fd, NULL), 0);
	json_decref(json);
}

static void put_raw(struct vt_channel *channel, const void *bytes, size_t len)
{
	ck_assert_int_eq(write(channel->fd, bytes, len), (ssize_t) len);
}

/* A head with the given lengths. */
static void put_head(struct vt_channel *channel, const char *magic, uint32_t json, uint32_t blob,
		     uint32_t reserved)
{
	struct vt_buf head = VT_BUF_INIT;

	vt_buf_put(&head, magic, 4);
	vt_buf_put_le32(&head, json);
	vt_buf_put_le32(&head, blob);
	vt_buf_put_le32(&head, reserved);
	put_raw(channel, head.data, head.len);
	vt_buf_done(&head);
}

static void refused(struct vt_channel *channel, int code, const char *words)
{
	vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;
	struct vt_error err = {"nothing"};

	ck_assert_int_eq(vt_channel_receive(channel, &message, &err), -code);
	ck_assert_msg(strstr(err.text, words), "'%s' has no '%s'", err.text, words);
	ck_assert_ptr_null(message.json);
}

START_TEST(a_message_arrives_as_it_was_sent)
{
	struct pair pair = connected();
	vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;

	send_text(&pair.near, "{\"op\": \"x\"}", "blob", 4, -1);
	ck_assert_int_eq(vt_channel_flush(&pair.near, NULL), 0);
	ck_assert_int_eq(vt_channel_receive(&pair.far, &message, NULL), 1);
	ck_assert_str_eq(json_string_value(json_object_get(message.json, "op")), "x");
	ck_assert_uint_eq(message.blob.len, 4);
	ck_assert_mem_eq(message.blob.data, "blob", 4);
	ck_assert_int_eq(message.fd, -1);
	done(&pair);
}
END_TEST

START_TEST(small_messages_wait_for_a_flush_and_keep_their_order)
{
	struct pair pair = connected();
	char byte;

	send_text(&pair.near, "{\"n\": 1}", NULL, 0, -1);
	send_text(&pair.near, "{\"n\": 2}", NULL, 0, -1);
	ck_assert_int_eq(recv(pair.far.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT), -1);
	ck_assert_int_eq(vt_channel_flush(&pair.near, NULL), 0);
	for (int i = 1; i <= 2; i++) {
		vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;

		ck_assert_int_eq(vt_channel_receive(&pair.far, &message, NULL), 1);
		ck_assert_int_eq(json_integer_value(json_object_get(message.json, "n")), i);
	}
	done(&pair);
}
END_TEST

START_TEST(a_descriptor_comes_with_its_own_message)
{
	struct pair pair = connected();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat given, got;

	send_text(&pair.near, "{\"n\": 1}", NULL, 0, -1);
	send_text(&pair.near, "{\"n\": 2}", NULL, 0, null);
	for (int i = 1; i <= 2; i++) {
		vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;

		ck_assert_int_eq(vt_channel_receive(&pair.far, &message, NULL), 1);
		ck_assert_int_eq(json_integer_value(json_object_get(message.json, "n")), i);
		ck_assert_int_eq(message.fd >= 0, i == 2);
		if (i < 2)
			continue;
		ck_assert_int_eq(fstat(null, &given), 0);
		ck_assert_int_eq(fstat(message.fd, &got), 0);
		ck_assert_uint_eq(given.st_rdev, got.st_rdev);
		ck_assert_int_ne(fcntl(message.fd, F_GETFD) & FD_CLOEXEC, 0);
	}
	(void) close(null);
	done(&pair);
}
END_TEST

START_TEST(descriptors_beyond_the_first_are_closed)
{
	struct pair pair = connected();
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {0};
	struct cmsghdr *c = (struct cmsghdr *) control;
	char head[] = "VTC1\2\0\0\0\0\0\0\0\0\0\0\0{}";
	struct iovec part = {head, sizeof head - 1};
	struct msghdr raw = {.msg_iov = &part,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof control};
	vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;
	int pipes[2], writers[2];
	char byte;

	ck_assert_int_eq(pipe(pipes), 0);
	writers[0] = dup(pipes[1]);
	writers[1] = pipes[1];
	*c = (struct cmsghdr){CMSG_LEN(sizeof writers), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), writers, sizeof writers);
	ck_assert_int_eq(sendmsg(pair.near.fd, &raw, 0), sizeof head - 1);
	(void) close(writers[0]);
	(void) close(writers[1]);
	ck_assert_int_eq(vt_channel_receive(&pair.far, &message, NULL), 1);
	ck_assert_int_ge(message.fd, 0);
	vt_message_done(&message);
	/* The pipe ends only when no writer is left anywhere. */
	ck_assert_int_eq(fcntl(pipes[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(read(pipes[0], &byte, 1), 0);
	(void) close(pipes[0]);
	done(&pair);
}
END_TEST

START_TEST(the_end_between_two_messages_is_no_error)
{
	struct pair pair = connected();
	struct vt_message message;

	vt_channel_done(&pair.near);
	ck_assert_int_eq(vt_channel_receive(&pair.far, &message, NULL), 0);
	done(&pair);
}
END_TEST

START_TEST(a_message_cut_short_anywhere_is_an_error)
{
	static const char whole[] = "VTC1\2\0\0\0\3\0\0\0\0\0\0\0{}abc";

	for (size_t len = 1; len < sizeof whole - 1; len++) {
		struct pair pair = connected();

		put_raw(&pair.near, whole, len);
		vt_channel_done(&pair.near);
		refused(&pair.far, ECONNRESET, "closed within a message");
		done(&pair);
	}
}
END_TEST

START_TEST(another_magic_is_another_protocol)
{
	struct pair pair = connected();

	put_head(&pair.near, "VTC2", 2, 0, 0);
	refused(&pair.far, EPROTO, "protocol");
	done(&pair);
}
END_TEST

START_TEST(sizes_beyond_the_bounds_are_refused_unread)
{
	const uint32_t sizes[][2] = {{VT_MESSAGE_JSON_MAX + 1, 0},
				     {2, VT_MESSAGE_BLOB_MAX + 1},
				     {UINT32_MAX, UINT32_MAX}};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct pair pair = connected();

		put_head(&pair.near, "VTC1", sizes[i][0], sizes[i][1], 0);
		refused(&pair.far, EMSGSIZE, "larger");
		done(&pair);
	}
}
END_TEST

START_TEST(a_channel_may_be_narrower)
{
	struct pair pair = connected();

	pair.far.max = (struct vt_message_head){.json_len = 8, .blob_len = 0};
	put_head(&pair.near, "VTC1", 2, 1, 0);
	refused(&pair.far, EMSGSIZE, "larger");
	done(&pair);
}
END_TEST

START_TEST(what_is_no_object_is_refused)
{
	const char *const texts[] = {"",
				     "[]",
				     "1",
				     "{",
				     "{}x",
				     "{\"a\":1,\"a\":2}",
				     "{\"a\": \"\xff\"}",
				     "{\"a\": \"\\u0000\"}"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct pair pair = connected();

		put_head(&pair.near, "VTC1", (uint32_t) strlen(texts[i]), 0, 0);
		put_raw(&pair.near, texts[i], strlen(texts[i]));
		refused(&pair.far, EBADMSG, "JSON");
		done(&pair);
	}
}
END_TEST

START_TEST(deep_nesting_is_refused)
{
	enum { DEPTH = 100000 };
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	struct vt_error err;
	json_t *json;

	vt_buf_printf(&text, "{\"a\":");
	memset(vt_buf_grow(&text, DEPTH), '[', DEPTH);
	memset(vt_buf_grow(&text, DEPTH), ']', DEPTH);
	vt_buf_put_u8(&text, '}');
	ck_assert_int_eq(vt_message_parse_json(text.data, text.len, &json, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "depth"));
}
END_TEST

START_TEST(the_reserved_field_must_be_zero)
{
	struct pair pair = connected();

	put_head(&pair.near, "VTC1", 2, 0, 1);
	refused(&pair.far, EBADMSG, "reserved");
	done(&pair);
}
END_TEST

START_TEST(nobody_waits_longer_than_told)
{
	struct pair pair = connected();

	pair.far.idle_ms = 0;
	refused(&pair.far, ETIMEDOUT, "silent");
	done(&pair);
}
END_TEST

START_TEST(a_peer_that_is_gone_is_told_apart)
{
	struct pair pair = connected();
	struct vt_error err;

	vt_channel_done(&pair.far);
	send_text(&pair.near, "{}", NULL, 0, -1);
	ck_assert_int_eq(vt_channel_flush(&pair.near, &err), -EPIPE);
	done(&pair);
}
END_TEST

static void *send_large(void *context)
{
	struct vt_channel *channel = context;
	uint8_t *blob = malloc(VT_MESSAGE_BLOB_MAX);

	for (size_t i = 0; i < VT_MESSAGE_BLOB_MAX; i++)
		blob[i] = (uint8_t) (i * 7 >> 3);
	for (int i = 0; i < 3; i++)
		send_text(channel, "{\"row\": {}}", blob, VT_MESSAGE_BLOB_MAX, -1);
	free(blob);
	return NULL;
}

START_TEST(the_largest_blobs_pass_through_a_small_socket)
{
	struct pair pair = connected();
	pthread_t sender;

	ck_assert_int_eq(pthread_create(&sender, NULL, send_large, &pair.near), 0);
	for (int i = 0; i < 3; i++) {
		vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;

		ck_assert_int_eq(vt_channel_receive(&pair.far, &message, NULL), 1);
		ck_assert_uint_eq(message.blob.len, VT_MESSAGE_BLOB_MAX);
		for (size_t k = 0; k < VT_MESSAGE_BLOB_MAX; k += 4093)
			ck_assert_uint_eq(message.blob.data[k], (uint8_t) (k * 7 >> 3));
	}
	(void) pthread_join(sender, NULL);
	done(&pair);
}
END_TEST

START_TEST(what_is_too_large_to_send_leaves_the_channel_whole)
{
	struct pair pair = connected();
	vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;
	json_t *json = json_object();

	ck_assert_int_eq(vt_channel_send(&pair.near, json, "", VT_MESSAGE_BLOB_MAX + 1, -1, NULL),
			 -EMSGSIZE);
	json_decref(json);
	send_text(&pair.near, "{\"n\": 1}", NULL, 0, -1);
	ck_assert_int_eq(vt_channel_flush(&pair.near, NULL), 0);
	ck_assert_int_eq(vt_channel_receive(&pair.far, &message, NULL), 1);
	done(&pair);
}
END_TEST

START_TEST(errors_travel_by_name)
{
	ck_assert_str_eq(vt_errno_name(ENOENT), "ENOENT");
	ck_assert_str_eq(vt_errno_name(0), "EIO");
	ck_assert_str_eq(vt_errno_name(100000), "EIO");
	for (int code = 1; code < 130; code++)
		if (strerrorname_np(code))
			ck_assert_int_eq(vt_errno_by_name(vt_errno_name(code)), code);
	ck_assert_int_eq(vt_errno_by_name("ENONSENSE"), EIO);
	ck_assert_int_eq(vt_errno_by_name(""), EIO);
}
END_TEST

VT_SUITE(message, a_message_arrives_as_it_was_sent,
	 small_messages_wait_for_a_flush_and_keep_their_order,
	 a_descriptor_comes_with_its_own_message, descriptors_beyond_the_first_are_closed,
	 the_end_between_two_messages_is_no_error, a_message_cut_short_anywhere_is_an_error,
	 another_magic_is_another_protocol, sizes_beyond_the_bounds_are_refused_unread,
	 a_channel_may_be_narrower, what_is_no_object_is_refused, deep_nesting_is_refused,
	 the_reserved_field_must_be_zero, nobody_waits_longer_than_told,
	 a_peer_that_is_gone_is_told_apart, the_largest_blobs_pass_through_a_small_socket,
	 what_is_too_large_to_send_leaves_the_channel_whole, errors_travel_by_name)
