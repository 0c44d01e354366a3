/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See control_client.h. A connection counts only once hello was answered: a server that is closing
 * still has callers in its backlog, who notice by the missing answer and try again. Later a lost
 * connection is made anew only when the request cannot have reached anybody.
 */
#include "fs/control_client.h"

#include "fs/control_socket.h"
#include "fs/message.h"
#include "fs/server.h"
#include "index/base/clock.h"
#include "index/base/error.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* How long to wait for servers that come and go. One that ends gives requests 5 s, mounts 2 s. */
#define REACH_NS       (30 * VT_NS_PER_SEC)
#define REACH_STEP_MS  10  /* before another one is tried, at first */
#define REACH_STEP_MAX 320 /* ms; many who wait must not keep those from coming */

struct vt_client {
	char *dir;
	bool start;                /* a server may be started */
	struct vt_channel channel; /* .fd -1: not connected */
	bool begun;                /* something that lives on the connection, and nowhere else */
	bool lost;                 /* that, by the server's end */
};

/* ---- one request ----------------------------------------------------------------------------- */

static int send_request(struct vt_client *client, const struct vt_call *call, json_t *request,
			struct vt_error *err)
{
	int fd = call->fd > 0 ? call->fd : -1;
	int r = vt_channel_send(&client->channel, request, call->blob, call->blob_len, fd, err);

	return r < 0 ? r : vt_channel_flush(&client->channel, err);
}

static int take_error(const json_t *error, struct vt_error *err)
{
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *text = json_string_value(json_object_get(error, "text"));

	return vt_fail(err, vt_errno_by_name(code ? code : ""), "%s",
		       text ? text : "the server refused without a reason");
}

static int ended_early(struct vt_client *client, const char *op, struct vt_error *err)
{
	client->lost = client->begun;
	return vt_fail(err, ECONNRESET, "the server of store '%s' ended while it worked on '%s'",
		       client->dir, op);
}

/* 1: more follows; 0: that was the result. */
static int take_answer(const struct vt_call *call, struct vt_message *message, json_t **result,
		       struct vt_error *err)
{
	json_t *member = json_object_get(message->json, "error");
	int r;

	if (member)
		return take_error(member, err);
	member = json_object_get(message->json, "result");
	if (member) {
		if (result)
			*result = json_incref(member);
		return 0;
	}
	member = json_object_get(message->json, "row");
	if (!member)
		return vt_fail(err, EPROTO, "the server answered with neither a row nor a result");
	if (!call->row)
		return 1;
	r = call->row(call->context, member, message->blob.data, message->blob.len);
	return r == 0 ? 1 : r < 0 ? r : -ECANCELED;
}

/* `*over`: the answer came to its end, so that the connection serves on. */
static int receive_answer(struct vt_client *client, const struct vt_call *call, json_t **result,
			  bool *over, struct vt_error *err)
{
	int r;

	*over = false;
	do {
		vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;

		r = vt_channel_receive(&client->channel, &message, err);
		if (r == 0 || r == -ECONNRESET)
			return ended_early(client, call->op, err);
		if (r < 0)
			return r;
		r = take_answer(call, &message, result, err);
		*over = r == 0 || json_object_get(message.json, "error");
	} while (r > 0);
	return r;
}

/* ---- reaching a server ----------------------------------------------------------------------- */

static void hang_up(struct vt_client *client)
{
	vt_channel_done(&client->channel);
}

static int check_protocol(const struct vt_client *client, const json_t *hello, struct vt_error *err)
{
	json_int_t protocol = json_integer_value(json_object_get(hello, "protocol"));
	const char *version = json_string_value(json_object_get(hello, "version"));

	if (protocol == VT_PROTOCOL)
		return 0;
	return vt_fail(err, ENOTSUP,
		       "the server of store '%s' is vitrine %s, which speaks another protocol than "
		       "this " VT_VERSION "; stop it to have this one started",
		       client->dir, version ? version : "(of unknown version)");
}

/* It went while it was spoken to. If it had mounts, its keeper starts the next one. */
static bool has_died(int r)
{
	return r == -ECONNRESET || r == -EPIPE;
}

static int greet(struct vt_client *client, struct vt_error *err)
{
	const struct vt_call hello = {.op = "hello"};
	json_t *request = json_pack("{s:s}", "op", hello.op), *result = NULL;
	bool over;
	int r;

	if (!request)
		return vt_fail(err, ENOMEM, "no memory for a request");
	r = send_request(client, &hello, request, err);
	json_decref(request);
	/* The reason may have been sent to us before the other end closed. */
	if (r >= 0 || has_died(r))
		r = receive_answer(client, &hello, &result, &over, err);
	if (r >= 0)
		r = check_protocol(client, result, err);
	json_decref(result);
	return r == -EPROTO ? -ENOTSUP : r;
}

static int dial(struct vt_client *client, struct vt_error *err)
{
	int fd;
	int r = vt_control_dial(client->dir, &fd, err);

	if (r < 0)
		return r;
	vt_channel_init(&client->channel, fd);
	r = greet(client, err);
	if (r < 0)
		hang_up(client);
	return r;
}

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

static int reach(struct vt_client *client, struct vt_error *err)
{
	uint64_t deadline = vt_clock_monotonic_ns() + REACH_NS;
	int step_ms = REACH_STEP_MS;

	for (;;) {
		int r = dial(client, err);

		if (!is_absent(r) && !has_died(r))
			return r;
		if (is_absent(r))
			r = vt_server_start(client->dir, client->start, err);
		if (r < 0 && r != -EBUSY && !has_died(r))
			return r;
		if (vt_clock_monotonic_ns() >= deadline)
			return vt_fail(err, EBUSY,
				       "store '%s' is held by another process that does not answer",
				       client->dir);
		if (r == 0)
			continue;
		(void) poll(NULL, 0, step_ms); /* another one is starting or ending */
		if (step_ms < REACH_STEP_MAX)
			step_ms *= 2;
	}
}

int vt_client_connect(const char *dir, bool start, struct vt_client **out, struct vt_error *err)
{
	vt_cleanup(vt_client_closep) struct vt_client *client = calloc(1, sizeof *client);
	int r;

	if (!client)
		return vt_fail(err, ENOMEM, "no memory for a connection");
	vt_channel_init(&client->channel, -1);
	client->start = start;
	client->dir = strdup(dir);
	if (!client->dir)
		return vt_fail(err, ENOMEM, "no memory for a connection");
	r = reach(client, err);
	if (r < 0)
		return r;
	*out = vt_steal(&client);
	return 0;
}

void vt_client_close(struct vt_client *client)
{
	if (!client)
		return;
	hang_up(client);
	free(client->dir);
	free(client);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool is_step(const char *op, const char *step)
{
	const char *found = strchr(op, '.');

	return found && strcmp(found, step) == 0;
}

/*
 * What is published, labelled or repaired lives on its connection, from its begin to its commit.
 * Once that connection is lost everything fails, also when the first failure is passed over.
 */
static void note_begun(struct vt_client *client, const char *op)
{
	if (is_step(op, ".begin")) {
		client->begun = true;
		client->lost = false;
	} else if (is_step(op, ".commit")) {
		client->begun = false;
	}
}

/* Servers may come and go several times before one of them takes it. */
static int submit(struct vt_client *client, const struct vt_call *call, json_t *request,
		  struct vt_error *err)
{
	uint64_t deadline = vt_clock_monotonic_ns() + REACH_NS;

	for (;;) {
		int r = -EPIPE;

		if (client->channel.fd >= 0)
			r = send_request(client, call, request, err);
		if (!has_died(r))
			return r;
		hang_up(client);
		if (client->begun && !is_step(call->op, ".begin"))
			return ended_early(client, call->op, err);
		if (vt_clock_monotonic_ns() >= deadline)
			return vt_fail(err, EBUSY, "the servers of store '%s' end one by one",
				       client->dir);
		r = reach(client, err);
		if (r < 0)
			return r;
	}
}

int vt_client_call(struct vt_client *client, const struct vt_call *call, json_t **result,
		   struct vt_error *err)
{
	json_t *request = json_pack("{s:s, s:o*}", "op", call->op, "args", call->args);
	json_t *answer = NULL;
	bool over = false;
	int r;

	if (!request)
		return vt_fail(err, ENOMEM, "no memory for a request");
	r = submit(client, call, request, err);
	json_decref(request);
	if (r >= 0)
		r = receive_answer(client, call, &answer, &over, err);
	if (!over)
		hang_up(client);
	if (r >= 0)
		note_begun(client, call->op);
	if (r >= 0 && result)
		*result = vt_steal(&answer);
	json_decref(answer);
	return r;
}

bool vt_client_has_lost(struct vt_client *client)
{
	const struct vt_call hello = {.op = "hello"};
	struct vt_error err;

	if (client->begun && !client->lost && client->channel.fd >= 0)
		(void) vt_client_call(client, &hello, NULL, &err);
	return client->lost;
}
