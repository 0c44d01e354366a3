/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `ahead.begin` and `ahead.files`: files are brought into memory (warm.h) in the order in which
 * they will be read, and no further ahead of the readers than was asked (lead.h). What was begun is
 * the connection's; its thread waits for the readers. Rows say how far it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/lead.h"
#include "fs/memory.h"
#include "fs/requests.h"
#include "fs/service.h"
#include "fs/warm.h"
#include "index/base/buf.h"
#include "index/base/error.h"
#include "index/index.h"
#include "index/json_text.h"
#include "index/tree.h"

#define TELL_MS  200              /* between two rows while readers are waited for */
#define BLOB_MAX (256u << 10)     /* bytes of names in a request */
#define AT_ONCE  (64ull << 20)    /* bytes: less room than this is not worth a look at the disk */
#define ROOM_MAX (UINT64_MAX / 2) /* of what is brought: readers bound it */

struct vt_ahead {
	uint32_t dataset, version; /* ids; constant */
	uint64_t most;             /* bytes; constant */
	struct vt_lead *lead;
	struct vt_warm *warm;
	uint64_t files, bytes; /* that were taken */
	uint64_t missing;      /* names of no file */
	struct vt_buf first_missing;
};

static void free_ahead(struct vt_ahead *ahead)
{
	if (!ahead)
		return;
	vt_lead_end(ahead->lead);
	vt_warm_free(ahead->warm);
	vt_buf_done(&ahead->first_missing);
	free(ahead);
}
VT_DEFINE_CLEANUP(struct vt_ahead, free_ahead);

void vt_control_end_ahead(struct vt_connection *connection)
{
	free_ahead(vt_steal(&connection->ahead));
}

/* ---- begin ----------------------------------------------------------------------------------- */

/* As many bytes as are asked for, but never more than half of the memory that is free. */
static int find_most(const struct vt_control_request *request, uint64_t *out, struct vt_error *err)
{
	uint64_t most = vt_memory_available() / 2, wanted = most;
	int r = 0;

	if (json_object_get(request->args, "most"))
		r = vt_arg_number(request->args, "most", INT64_MAX, &wanted, err);
	*out = wanted < most ? wanted : most;
	return r;
}

int vt_serve_ahead_begin(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(free_aheadp) struct vt_ahead *ahead = calloc(1, sizeof *ahead);
	struct vt_connection *connection = request->connection;
	struct vt_service *service = request->service;
	int r;

	if (connection->ahead)
		return vt_fail(err, EBUSY, "an order was already begun on this connection");
	if (!ahead)
		return vt_fail(err, ENOMEM, "no memory to go ahead of readers");
	ahead->dataset = request->dataset->id;
	ahead->version = request->version->serial;
	r = find_most(request, &ahead->most, err);
	if (r >= 0)
		r = vt_lead_begin(service->leads, vt_control_caller(request), &ahead->lead, err);
	if (r >= 0)
		r = vt_warm_new(service->index, service->source, request->dataset->domain, ROOM_MAX,
				&ahead->warm, err);
	if (r < 0)
		return r;
	request->result = json_pack("{s:s, s:I}", "version", request->version->name, "most",
				    (json_int_t) ahead->most);
	if (!request->result)
		return vt_fail(err, ENOMEM, "no memory for an answer");
	if (connection->channel.max.blob_len < BLOB_MAX)
		connection->channel.max.blob_len = BLOB_MAX;
	connection->ahead = vt_steal(&ahead);
	return 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* NULL: no memory. */
static json_t *state_of(const struct vt_ahead *ahead)
{
	const struct vt_buf *first = &ahead->first_missing;
	json_t *state = json_pack("{s:I, s:I, s:I, s:I}", "files", (json_int_t) ahead->files,
				  "bytes", (json_int_t) ahead->bytes, "stored_bytes",
				  (json_int_t) vt_warm_stored(ahead->warm), "missing",
				  (json_int_t) ahead->missing);

	if (state && ahead->missing > 0 &&
	    vt_json_set_text(state, "first_missing", (const char *) first->data, first->len) < 0) {
		json_decref(state);
		return NULL;
	}
	return state;
}

/*
 * Waits until a good piece of what may be ahead is free again: all that was noted is brought
 * before, since the readers may want it next.
 */
static int wait_for_readers(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_ahead *ahead = request->connection->ahead;
	uint64_t piece = ahead->most / 4 < AT_ONCE ? ahead->most / 4 : AT_ONCE;
	int r = 0;

	if (vt_lead_wait(ahead->lead, ahead->most, 0))
		return 0;
	r = vt_warm_finish(ahead->warm, err);
	while (r >= 0 && !vt_lead_wait(ahead->lead, ahead->most - piece, TELL_MS)) {
		if (vt_control_is_over(request) || vt_control_is_last(request))
			return vt_control_stopped(request, err);
		r = vt_control_send(request, state_of(ahead), NULL, 0, err);
		if (r >= 0)
			r = vt_channel_flush(&request->connection->channel, err);
	}
	return r;
}

/* A name of no file is passed over, and counted. */
static int bring(struct vt_control_request *request, const char *path, size_t len,
		 struct vt_error *err)
{
	struct vt_ahead *ahead = request->connection->ahead;
	vt_cleanup(vt_node_done) struct vt_node node = {0};
	int r = wait_for_readers(request, err);

	if (r < 0)
		return r;
	r = vt_tree_find(&request->service->index->pages, &request->version->tree, path, len, &node,
			 err);
	if (r == -ENOENT || r == -ENOTDIR || (r == 0 && node.entry.type != VT_FILE)) {
		if (ahead->missing++ == 0)
			vt_buf_put(&ahead->first_missing, path, len);
		return 0;
	}
	if (r < 0)
		return r;
	ahead->files++;
	ahead->bytes += node.entry.size;
	r = vt_lead_add(ahead->lead, &node.entry.content, node.entry.size, err);
	return r < 0 ? r : vt_warm_add(ahead->warm, &node.entry, err);
}

/* The blob is names, each with a NUL behind it. */
static int bring_all(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_buf *names = &request->message->blob;
	int r = 0;

	if (names->len > 0 && names->data[names->len - 1] != '\0')
		return vt_fail(err, EINVAL, "the blob is no list of names that end with NUL");
	for (size_t at = 0, len; r >= 0 && at < names->len; at += len + 1) {
		const char *path = (const char *) names->data + at;

		len = strlen(path);
		r = bring(request, path, len, err);
	}
	return r < 0 ? r : vt_warm_finish(request->connection->ahead->warm, err);
}

int vt_serve_ahead_files(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_ahead *ahead = request->connection->ahead;
	int r;

	if (!ahead || ahead->dataset != request->dataset->id ||
	    ahead->version != request->version->serial)
		return vt_fail(err, EINVAL, "no order of '%s@%s' was begun on this connection",
			       request->dataset->name, request->version->name);
	r = bring_all(request, err);
	if (r < 0)
		return r;
	request->result = state_of(ahead);
	return request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}
