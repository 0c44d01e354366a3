/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of a repair: index/repair.h over the socket. Like a publish it is an import that lives
 * on its connection, but of no dataset; what it may do is for the store's owner and root.
 */
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/idmap.h"
#include "index/index.h"
#include "index/json_text.h"
#include "index/repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOB_FULL  (1u << 20) /* bytes, then it is sent */
#define MOVE_BYTES 36u
#define SHARDS_MAX 1000000u

static int too_little_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for a request of a repair");
}

/* ---- what is where --------------------------------------------------------------------------- */

struct answer {
	struct vt_control_request *request;
	struct vt_buf blob;
};

static int send_blob(struct answer *answer, size_t least, struct vt_error *err)
{
	int r;

	if (vt_buf_failed(&answer->blob))
		return too_little_memory(err);
	if (answer->blob.len < least)
		return 0;
	r = vt_control_send(answer->request, json_object(), answer->blob.data, answer->blob.len,
			    err);
	vt_buf_reset(&answer->blob);
	return r;
}

/* In pieces: a long recipe fits no message. */
static int send_placed(void *context, const struct vt_placed *placed, struct vt_error *err)
{
	struct answer *answer = context;
	int r = 0;

	for (size_t first = 0; r == 0 && first < placed->count; first += VT_RECIPE_SEGMENT) {
		size_t count = placed->count - first < VT_RECIPE_SEGMENT ? placed->count - first
									 : VT_RECIPE_SEGMENT;

		vt_buf_put(&answer->blob, placed->content.bytes, VT_DIGEST_LEN);
		vt_buf_put_u8(&answer->blob, placed->single);
		vt_buf_put_le32(&answer->blob, (uint32_t) count);
		for (size_t i = first; i < first + count; i++) {
			vt_buf_put_le64(&answer->blob, placed->extents[i].length);
			vt_location_put(&placed->extents[i].at, &answer->blob);
		}
		r = send_blob(answer, BLOB_FULL, err);
	}
	return r;
}

static int read_serials(const json_t *args, struct vt_idmap *out, struct vt_error *err)
{
	const json_t *list = json_object_get(args, "shards"), *serial;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > SHARDS_MAX)
		return vt_fail(err, EINVAL, "'shards' must be a list of at most %u", SHARDS_MAX);
	json_array_foreach(list, i, serial)
	{
		if (json_integer_value(serial) <= 0 || json_integer_value(serial) > UINT32_MAX)
			return vt_fail(err, EINVAL, "'shards' holds what is no serial");
		if (vt_idmap_add(out, (uint64_t) json_integer_value(serial), 0) < 0)
			return too_little_memory(err);
	}
	return 0;
}

int vt_serve_repair_contents(struct vt_control_request *request, struct vt_error *err)
{
	struct answer answer = {.request = request};
	struct vt_idmap shards = {0};
	int r = read_serials(request->args, &shards, err);

	if (r >= 0)
		r = vt_repair_contents(request->service->index, &shards, send_placed, &answer, err);
	if (r >= 0)
		r = send_blob(&answer, 1, err);
	vt_idmap_done(&shards);
	vt_buf_done(&answer.blob);
	return r;
}

static int send_name(void *context, const struct vt_dataset *dataset,
		     const struct vt_version *version, const char *path, size_t path_len,
		     const struct vt_digest *content, struct vt_error *err)
{
	char hex[VT_DIGEST_HEX];
	json_t *row;

	vt_digest_format(content, hex);
	row = json_pack("{s:s, s:s, s:s}", "dataset", dataset->name, "version", version->name,
			"content", hex);
	if (row && path && vt_json_set_text(row, "path", path, path_len) < 0)
		json_decref(vt_steal(&row));
	return vt_control_send(context, row, NULL, 0, err);
}

int vt_serve_repair_names(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_buf *blob = &request->message->blob;

	if (blob->len % VT_DIGEST_LEN != 0)
		return vt_fail(err, EINVAL, "the blob is no list of digests of %d bytes",
			       VT_DIGEST_LEN);
	return vt_repair_names(request->service->index, (struct vt_digest *) (void *) blob->data,
			       blob->len / VT_DIGEST_LEN, send_name, request, err);
}

/* ---- the import ------------------------------------------------------------------------------ */

int vt_serve_repair_begin(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	struct vt_import_info *info = &connection->import_info;
	int r = vt_control_check_owner(request, "repair: what a repair writes is trusted", err);

	if (r >= 0 && connection->import)
		r = vt_fail(err, EBUSY, "an import is already open on this connection");
	if (r >= 0)
		r = vt_repair_begin(request->service->index, &connection->import, info, err);
	if (r < 0)
		return r;
	atomic_fetch_add(&connection->host->imports, 1);
	request->result = json_pack("{s:I, s:s, s:I}", "id", (json_int_t) info->id, "dir",
				    info->dir, "domain", (json_int_t) info->domain);
	return request->result ? 0 : too_little_memory(err);
}

static int check_open(const struct vt_control_request *request, struct vt_error *err)
{
	if (request->connection->import && request->connection->import_info.dataset == 0)
		return 0;
	return vt_fail(err, EINVAL, "no repair is open on this connection");
}

int vt_serve_repair_shard(struct vt_control_request *request, struct vt_error *err)
{
	int r = check_open(request, err);

	return r < 0 ? r : vt_serve_import_shard(request, err);
}

int vt_serve_repair_move(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_buf *blob = &request->message->blob;
	struct vt_buf *moves = &request->connection->moves;
	struct vt_reader reader = vt_reader_over(blob->data, blob->len);
	int r = check_open(request, err);

	if (r >= 0 && blob->len % MOVE_BYTES != 0)
		r = vt_fail(err, EINVAL, "the blob is no list of moves of %u bytes", MOVE_BYTES);
	while (r >= 0 && vt_reader_left(&reader) > 0) {
		struct vt_move move = {.from = vt_location_get(&reader)};

		move.to = vt_location_get(&reader);
		move.length = vt_reader_le32(&reader);
		vt_buf_put(moves, &move, sizeof move);
	}
	return r < 0 || !vt_buf_failed(moves) ? r : too_little_memory(err);
}

int vt_serve_repair_commit(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	struct vt_buf *moves = &connection->moves;
	vt_autofree struct vt_new_shard *shards = NULL;
	uint64_t rows = 0;
	size_t count = 0;
	int r = check_open(request, err);

	if (r >= 0)
		r = vt_control_read_shards(request->args, &shards, &count, err);
	if (r >= 0)
		r = vt_repair_commit(connection->import, shards, count,
				     (struct vt_move *) (void *) moves->data,
				     moves->len / sizeof(struct vt_move), &rows, err);
	if (r < 0)
		return r;
	vt_control_abort_import(connection); /* it is over: only its memory goes */
	request->result = json_pack("{s:I}", "rows", (json_int_t) rows);
	return request->result ? 0 : too_little_memory(err);
}
