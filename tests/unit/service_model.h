/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A whole store with its service in a scratch folder, and a host that remembers what it was asked.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include "fs/control_client.h"
#include "fs/requests.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/index.h"
#include "tests/unit/scratch.h"

#define STRANGER 12345u

static struct vt_error err;
static struct vt_host host;
static atomic_bool was_stopped;

/* An assertion that shows the sentence of the last failure. */
#define must(condition) ck_assert_msg(condition, "%s: %s", #condition, err.text)

static void model_stop(struct vt_host *h)
{
	was_stopped = true;
}

static int model_upgrade(struct vt_host *h, int program, struct vt_error *e)
{
	was_stopped = true;
	return 0;
}

static int model_mount(struct vt_host *h, int fuse_fd, int state_fd,
		       const struct vt_mount_site *site, const struct vt_mount_plan *plan,
		       uint64_t *id, struct vt_error *e)
{
	(void) close(fuse_fd);
	vt_cleanup_close(&state_fd);
	*id = 7;
	return 0;
}

static inline void service_set_up(void)
{
	must(vt_index_create(vt_scratch(), &err) == 0);
	must(vt_service_open(vt_scratch_dir, 32 << 20, &host.service, &err) == 0);
	host.stop = model_stop;
	host.mount = model_mount;
	host.upgrade = model_upgrade;
	was_stopped = false;
}

static inline void service_tear_down(void)
{
	vt_service_close(host.service);
	vt_scratch_done();
}

/* An empty version of the dataset, live; the caller's reference. */
static inline const struct vt_version *service_commit(uint32_t dataset, uint32_t nodes)
{
	const struct vt_version *version = NULL;
	struct vt_version model = {
		.dataset = dataset,
		.state = VT_VERSION_LIVE,
		.reason = "",
		.tree.root = {.type = VT_DIRECTORY, .mode = 0755, .nodes = nodes},
		.author = "ann",
		.created_ns = 1,
		.message = "first",
		.licence = "",
	};

	must(vt_catalog_commit(host.service->index->catalog, &model, 0, NULL, &version, &err) == 0);
	return version;
}

static inline uint32_t service_dataset(const char *name, uint32_t owner_uid)
{
	uint32_t id = 0;

	must(vt_catalog_create_dataset(host.service->index->catalog, name, owner_uid, &id, &err) ==
	     0);
	return id;
}

/* A served connection whose other end is `channel`. */
struct visit {
	struct vt_connection connection;
	struct vt_channel channel;
	pthread_t thread;
};

static void *visit_serve(void *context)
{
	struct visit *visit = context;

	vt_connection_serve(&visit->connection);
	vt_channel_done(&visit->connection.channel);
	return NULL;
}

static inline void visit_begin(struct visit *visit, uid_t uid)
{
	int ends[2];

	*visit = (struct visit){0};
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	visit->connection.host = &host;
	visit->connection.subject = (struct vt_subject){.uid = uid, .gid = uid, .pid = 1};
	vt_channel_init(&visit->connection.channel, ends[0]);
	vt_channel_init(&visit->channel, ends[1]);
	ck_assert_int_eq(pthread_create(&visit->thread, NULL, visit_serve, visit), 0);
}

static inline void visit_end(struct visit *visit)
{
	vt_channel_done(&visit->channel);
	(void) pthread_join(visit->thread, NULL);
}

/*
 * Asks and gathers: `rows` is an array of the rows, `blobs` their blobs end to end. Returns 0, or
 * the refusal's -errno with its sentence in `err`.
 */
struct reply {
	json_t *rows, *result;
	struct vt_buf blobs;
};

static inline void reply_done(struct reply *reply)
{
	json_decref(reply->rows);
	json_decref(reply->result);
	vt_buf_done(&reply->blobs);
}

static inline int reply_take(struct reply *reply, const struct vt_message *message)
{
	json_t *error = json_object_get(message->json, "error");
	json_t *row = json_object_get(message->json, "row");

	if (row) {
		(void) json_array_append(reply->rows, row);
		vt_buf_put(&reply->blobs, message->blob.data, message->blob.len);
		return 1;
	}
	if (error)
		return vt_fail(&err,
			       vt_errno_by_name(json_string_value(json_object_get(error, "code"))),
			       "%s", json_string_value(json_object_get(error, "text")));
	reply->result = json_incref(json_object_get(message->json, "result"));
	ck_assert_ptr_nonnull(reply->result);
	return 0;
}

static inline int reply_receive(struct visit *visit, struct reply *reply)
{
	int r;

	*reply = (struct reply){.rows = json_array()};
	do {
		vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;

		r = vt_channel_receive(&visit->channel, &message, &err);
		if (r == 0)
			r = vt_fail(&err, ECONNRESET, "the connection ended");
		if (r > 0)
			r = reply_take(reply, &message);
	} while (r > 0);
	return r;
}

/* `args` is JSON text. */
static inline void send_with(struct visit *visit, const char *op, const char *args,
			     const void *blob, size_t blob_len, int fd)
{
	json_t *request = json_pack("{s:s, s:o}", "op", op, "args", json_loads(args, 0, NULL));

	ck_assert_ptr_nonnull(request);
	must(vt_channel_send(&visit->channel, request, blob, blob_len, fd, &err) == 0);
	must(vt_channel_flush(&visit->channel, &err) == 0);
	json_decref(request);
}

static inline void send_only(struct visit *visit, const char *op, const char *args)
{
	send_with(visit, op, args, NULL, 0, -1);
}

static inline int ask_with(struct visit *visit, const char *op, const char *args, const void *blob,
			   size_t blob_len, int fd, struct reply *reply)
{
	send_with(visit, op, args, blob, blob_len, fd);
	return reply_receive(visit, reply);
}

static inline int ask(struct visit *visit, const char *op, const char *args, struct reply *reply)
{
	return ask_with(visit, op, args, NULL, 0, -1, reply);
}
