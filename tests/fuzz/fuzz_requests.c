/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as requests of one connection to a real server, by its owner or by a stranger, as the
 * first byte says: each is the lengths of its JSON and of its blob, two bytes each, and these. The
 * framing is right (fuzz_message.c is about that), what is framed is not. By one without bytes the
 * other end first hears the answers to those before: what takes longer is cancelled at the end.
 * Whatever is asked, the connection ends when the other end has said all.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "fs/requests.h"
#include "tests/fuzz/small_service.h"

#define STRANGER    12345u
#define PATIENCE_MS 20000
#define SILENCE_MS  20
#define PAUSES_MAX  3 /* of an input: they take their time */

static struct vt_host host;

static void do_not_stop(struct vt_host *h)
{
}

static int do_not_upgrade(struct vt_host *h, int program, struct vt_error *err)
{
	return -EOPNOTSUPP;
}

static int do_not_mount(struct vt_host *h, int fuse_fd, int state_fd,
			const struct vt_mount_site *site, const struct vt_mount_plan *plan,
			uint64_t *id, struct vt_error *err)
{
	(void) close(fuse_fd);
	vt_cleanup_close(&state_fd);
	return -EOPNOTSUPP;
}

static void *serve(void *connection)
{
	vt_connection_serve(connection);
	vt_channel_done(&((struct vt_connection *) connection)->channel);
	return NULL;
}

/* ---- the other end --------------------------------------------------------------------------- */

/* What is answered is of no interest here; false: the connection has ended. */
static bool drain(int fd, int timeout_ms)
{
	static char bytes[1 << 16];
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int r = TEMP_FAILURE_RETRY(poll(&ready, 1, timeout_ms)); /* a fuzzer has its alarms */

	return r == 0 || (r > 0 && recv(fd, bytes, sizeof bytes, 0) > 0);
}

/* Until nothing more is said. */
static void hear_all(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	while (TEMP_FAILURE_RETRY(poll(&ready, 1, SILENCE_MS)) > 0 && drain(fd, 0))
		;
}

static bool say(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno != EAGAIN || !drain(fd, 10)))
			return false;
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t) n : 0;
	}
	return true;
}

static bool say_request(int fd, const uint8_t *json, size_t json_len, const uint8_t *blob,
			size_t blob_len)
{
	struct vt_buf message = VT_BUF_INIT;
	bool said;

	vt_buf_put(&message, "VTC1", 4);
	vt_buf_put_le32(&message, (uint32_t) json_len);
	vt_buf_put_le32(&message, (uint32_t) blob_len);
	vt_buf_put_le32(&message, 0);
	vt_buf_put(&message, json, json_len);
	vt_buf_put(&message, blob, blob_len);
	said = say(fd, message.data, message.len);
	vt_buf_done(&message);
	return said;
}

static void say_all(int fd, struct vt_reader input)
{
	unsigned pauses = 0;
	bool said = true;

	while (said && vt_reader_left(&input) > 4) {
		size_t json_len = vt_reader_le16(&input), blob_len = vt_reader_le16(&input);
		const uint8_t *json = vt_reader_get(&input, json_len);
		const uint8_t *blob = vt_reader_get(&input, blob_len);

		if (json_len + blob_len == 0 && pauses++ < PAUSES_MAX)
			hear_all(fd);
		else
			said = json && blob && say_request(fd, json, json_len, blob, blob_len);
	}
}

static void wait_for_end(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	(void) shutdown(fd, SHUT_WR);
	do
		must(TEMP_FAILURE_RETRY(poll(&ready, 1, PATIENCE_MS)) > 0);
	while (drain(fd, 0));
}

/* A request may have removed it. */
static void restore_dataset(void)
{
	const struct vt_dataset *dataset;
	bool is_there = vt_catalog_dataset(service->index->catalog, "fuzz", &dataset, NULL) == 0;

	bool is_empty = !is_there || dataset->latest == 0;

	if (is_there)
		vt_dataset_unref(dataset);
	if (is_empty)
		small_service_publish();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vt_connection connection = {.host = &host};
	pthread_t thread;
	int ends[2];

	if (!service) {
		small_service_open();
		host = (struct vt_host){.service = service,
					.stop = do_not_stop,
					.upgrade = do_not_upgrade,
					.mount = do_not_mount};
	}
	if (size == 0)
		return 0;
	restore_dataset();
	connection.subject.uid = data[0] % 2 ? STRANGER : service->owner_uid;
	connection.subject.gid = connection.subject.uid;
	connection.subject.pid = getpid();
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	vt_channel_init(&connection.channel, ends[0]);
	must(pthread_create(&thread, NULL, serve, &connection) == 0);
	say_all(ends[1], vt_reader_over(data + 1, size - 1));
	wait_for_end(ends[1]);
	must(pthread_join(thread, NULL) == 0);
	(void) close(ends[1]);
	return 0;
}
