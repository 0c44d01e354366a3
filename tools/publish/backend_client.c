/* SPDX-License-Identifier: Apache-2.0 */
/* See backend_client.h: each call is one request of fs/requests.md, "import.*". */
#include "tools/publish/backend_client.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/control_client.h"
#include "index/base/error.h"

struct client_backend {
	struct vt_publish_backend base; /* first */
	struct vt_client *client;       /* borrowed */
	const char *shard_op;           /* that gives a new shard */
	struct vt_digest parent_tree;   /* zero without a parent */
	uint64_t parent_page;           /* of its root */
	json_t *commit_args;            /* borrowed; or NULL */
	vt_client_row *commit_row;      /* or NULL */
	void *commit_context;
};

/* ---- asking ------------------------------------------------------------------------------------
 */

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for a request");
}

static int ask(struct vt_publish_backend *b, const struct vt_call *call, json_t **result,
	       struct vt_error *err)
{
	return call->args ? vt_client_call(((struct client_backend *) b)->client, call, result, err)
			  : no_memory(err);
}

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t) json_integer_value(json_object_get(object, key));
}

static int put_row(void *context, const json_t *row, const void *blob, size_t len)
{
	struct vt_buf *out = context;

	(void) row;
	vt_buf_put(out, blob, len);
	return vt_buf_failed(out) ? -ENOMEM : 0;
}

/* Asks with a blob; the answer's blobs, which must be `expected` bytes in all, go to `out`. */
static int ask_blob(struct vt_publish_backend *b, const char *op, const void *blob, size_t len,
		    size_t expected, struct vt_buf *out, struct vt_error *err)
{
	const struct vt_call call = {.op = op,
				     .args = json_object(),
				     .blob = blob,
				     .blob_len = len,
				     .row = put_row,
				     .context = out};
	int r = ask(b, &call, NULL, err);

	if (r >= 0 && out->len != expected)
		r = vt_fail(err, EPROTO, "the server answered %s with %zu bytes instead of %zu", op,
			    out->len, expected);
	return r;
}

/* ---- numbers and lists ----------------------------------------------------------------------- */

static int ask_shard(struct vt_publish_backend *b, uint32_t *serial, char uuid[37], char path[4096],
		     struct vt_error *err)
{
	const struct vt_call call = {.op = ((struct client_backend *) b)->shard_op,
				     .args = json_object()};
	json_t *result = NULL;
	int r = ask(b, &call, &result, err);

	if (r < 0)
		return r;
	*serial = (uint32_t) number(result, "serial");
	(void) snprintf(uuid, 37, "%s", json_string_value(json_object_get(result, "uuid")) ?: "");
	(void) snprintf(path, 4096, "%s", json_string_value(json_object_get(result, "path")) ?: "");
	json_decref(result);
	return 0;
}

static int ask_known(struct vt_publish_backend *b, const struct vt_digest *contents, size_t count,
		     struct vt_known *out, struct vt_error *err)
{
	struct vt_buf answer = VT_BUF_INIT;
	struct vt_reader reader;
	int r = ask_blob(b, "import.known", contents, count * sizeof *contents, count * 24, &answer,
			 err);

	reader = vt_reader_over(answer.data, answer.len);
	for (size_t i = 0; i < count && r >= 0; i++) {
		out[i].kind = (uint8_t) vt_reader_le32(&reader);
		out[i].at = vt_location_get(&reader);
		out[i].length = vt_reader_le32(&reader);
	}
	vt_buf_done(&answer);
	return r;
}

static int ask_pages(struct vt_publish_backend *b, const struct vt_digest *digests, size_t count,
		     uint64_t *ids, struct vt_error *err)
{
	struct vt_buf answer = VT_BUF_INIT;
	struct vt_reader reader;
	int r = ask_blob(b, "import.pages", digests, count * sizeof *digests, count * 8, &answer,
			 err);

	reader = vt_reader_over(answer.data, answer.len);
	for (size_t i = 0; i < count && r >= 0; i++)
		ids[i] = vt_reader_le64(&reader);
	vt_buf_done(&answer);
	return r;
}

static int ask_take(struct vt_publish_backend *b, enum vt_counter counter, uint64_t count,
		    uint64_t *first, struct vt_error *err)
{
	const struct vt_call call = {.op = "import.take",
				     .args = json_pack("{s:i, s:I}", "counter", (int) counter,
						       "count", (json_int_t) count)};
	json_t *result = NULL;
	int r = ask(b, &call, &result, err);

	if (r < 0)
		return r;
	*first = number(result, "first");
	json_decref(result);
	return 0;
}

static int ask_ingest(struct vt_publish_backend *b, enum vt_family family, const char *file,
		      struct vt_error *err)
{
	const struct vt_call call = {
		.op = "import.ingest",
		.args = json_pack("{s:i, s:s}", "family", (int) family, "file", file)};

	return ask(b, &call, NULL, err);
}

static int ask_parent(struct vt_publish_backend *b, struct vt_digest *tree, uint64_t *root_page,
		      struct vt_error *err)
{
	const struct client_backend *backend = (const struct client_backend *) b;

	(void) err;
	*tree = backend->parent_tree;
	*root_page = backend->parent_page;
	return 0;
}

static int ask_dictionary(struct vt_publish_backend *b, uint32_t id, struct vt_buf *out,
			  struct vt_error *err)
{
	const struct vt_call call = {.op = "import.dictionary",
				     .args = json_pack("{s:I}", "id", (json_int_t) id),
				     .row = put_row,
				     .context = out};

	return ask(b, &call, NULL, err);
}

/* ---- the tree -------------------------------------------------------------------------------- */

struct changes {
	vt_diff_each *each;
	void *context;
	struct vt_buf path;
	int result; /* what `each` or a bad row ended it with */
};

static enum vt_entry_type type_of(const json_t *row, const char *key, enum vt_entry_type otherwise)
{
	const char *name = json_string_value(json_object_get(row, key));

	if (!name)
		return otherwise;
	return name[0] == 'd' ? VT_DIRECTORY : name[0] == 's' ? VT_SYMLINK : VT_FILE;
}

/* One side of a change; false when the row does not have it. */
static bool side_of(const json_t *row, const char *size_key, const char *content_key,
		    enum vt_entry_type type, struct vt_entry *out)
{
	const char *content = json_string_value(json_object_get(row, content_key));
	const json_t *size = json_object_get(row, size_key);

	*out = (struct vt_entry){.type = type, .nodes = 1};
	if (!size)
		return false;
	out->size = (uint64_t) json_integer_value(size);
	return !content || vt_digest_parse(content, &out->content) == 0;
}

static int put_path(const json_t *row, struct vt_buf *out)
{
	const char *hex = json_string_value(json_object_get(row, "path_hex"));
	const char *path = json_string_value(json_object_get(row, "path"));

	vt_buf_reset(out);
	if (!hex) {
		vt_buf_put(out, path ? path : "", path ? strlen(path) : 0);
	} else {
		for (unsigned byte; sscanf(hex, "%2x", &byte) == 1; hex += 2)
			vt_buf_put_u8(out, (uint8_t) byte);
	}
	return vt_buf_failed(out) ? -ENOMEM : 0;
}

static int take_change(void *context, const json_t *row, const void *blob, size_t len)
{
	struct changes *changes = context;
	const char *change = json_string_value(json_object_get(row, "change"));
	enum vt_entry_type type = type_of(row, "type", VT_FILE);
	struct vt_entry before, after;
	bool has_before, has_after;

	(void) blob;
	(void) len;
	has_before = side_of(row, "before", "before_content", type_of(row, "before_type", type),
			     &before);
	has_after = side_of(row, "after", "after_content", type, &after);
	if (!change || (!has_before && !has_after))
		return changes->result = -EPROTO;
	changes->result = put_path(row, &changes->path);
	if (changes->result == 0)
		changes->result =
			changes->each(changes->context, (enum vt_change) * change,
				      (const char *) changes->path.data, changes->path.len,
				      has_before ? &before : NULL, has_after ? &after : NULL);
	return changes->result;
}

/* The tree as a blob; its trailer is for the arguments. */
static int put_tree(const struct vt_tree *tree, struct vt_buf *out, struct vt_error *err)
{
	int r = vt_tree_encode(tree, out, err);

	return r >= 0 && vt_buf_failed(out) ? no_memory(err) : r;
}

static struct vt_call call_of_tree(const char *op, const struct vt_tree *tree,
				   const struct vt_buf *blob)
{
	return (struct vt_call){
		.op = op,
		.args = json_pack("{s:I, s:I}", "page", (json_int_t) tree->root.page, "links",
				  (json_int_t) tree->links),
		.blob = blob->data,
		.blob_len = blob->len,
	};
}

static int ask_diff(struct vt_publish_backend *b, const struct vt_tree *tree, vt_diff_each *each,
		    void *context, struct vt_error *err)
{
	struct changes changes = {.each = each, .context = context};
	struct vt_buf blob = VT_BUF_INIT;
	int r = put_tree(tree, &blob, err);

	if (r >= 0) {
		struct vt_call call = call_of_tree("import.diff", tree, &blob);

		call.row = take_change;
		call.context = &changes;
		r = ask(b, &call, NULL, err);
	}
	vt_buf_done(&blob);
	vt_buf_done(&changes.path);
	return changes.result ? changes.result : r;
}

static int ask_tree(struct vt_publish_backend *b, const struct vt_tree *tree, struct vt_error *err)
{
	struct vt_buf blob = VT_BUF_INIT;
	int r = put_tree(tree, &blob, err);

	if (r >= 0) {
		const struct vt_call call = call_of_tree("import.tree", tree, &blob);

		r = ask(b, &call, NULL, err);
	}
	vt_buf_done(&blob);
	return r;
}

/* ---- commit ---------------------------------------------------------------------------------- */

static json_t *pack_digest(const struct vt_digest *digest)
{
	char hex[VT_DIGEST_HEX];

	vt_digest_format(digest, hex);
	return json_string(hex);
}

static json_t *pack_shards(const struct vt_new_shard *shards, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void) json_array_append_new(
			list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "serial",
					(json_int_t) shards[i].serial, "size",
					(json_int_t) shards[i].size, "content_size",
					(json_int_t) shards[i].content_size, "frames",
					(json_int_t) shards[i].frames, "dictionary",
					(json_int_t) shards[i].dictionary, "digest",
					pack_digest(&shards[i].digest)));
	return list;
}

static json_t *pack_version(const struct vt_version *version)
{
	const struct vt_counts *n = &version->counts;
	json_t *sizes = json_array(), *object;

	for (int i = 0; i < VT_DOCUMENT_COUNT; i++)
		(void) json_array_append_new(sizes,
					     json_integer((json_int_t) version->document_body[i]));
	object = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "message",
			   version->message, "licence", version->licence, "files",
			   (json_int_t) n->files, "directories", (json_int_t) n->directories,
			   "symlinks", (json_int_t) n->symlinks, "bytes", (json_int_t) n->bytes,
			   "stored_bytes", (json_int_t) n->stored_bytes, "outline",
			   (json_int_t) version->outline, "document_body", sizes);
	if (version->author && *version->author)
		(void) json_object_set_new(object, "author", json_string(version->author));
	if (!vt_digest_is_zero(&version->changes))
		(void) json_object_set_new(object, "changes", pack_digest(&version->changes));
	return object;
}

static int read_made(const json_t *result, struct vt_publish_made *out, struct vt_error *err)
{
	const char *version = json_string_value(json_object_get(result, "version"));
	const char *hex = json_string_value(json_object_get(result, "digest"));

	if (!version || !hex || vt_digest_parse(hex, &out->digest) < 0)
		return vt_fail(err, EPROTO, "the server's answer names no version");
	(void) snprintf(out->name, sizeof out->name, "%s", version);
	out->index_bytes = number(result, "index_bytes");
	return 0;
}

static int ask_commit(struct vt_publish_backend *b, const struct vt_new_shard *shards, size_t count,
		      struct vt_version *version, const char *stamps, struct vt_publish_made *made,
		      struct vt_error *err)
{
	const struct client_backend *backend = (const struct client_backend *) b;
	struct vt_buf blob = VT_BUF_INIT;
	json_t *result = NULL;
	int r = put_tree(&version->tree, &blob, err);

	if (r >= 0) {
		const struct vt_call call = {
			.op = "import.commit",
			.row = backend->commit_row,
			.context = backend->commit_context,
			.args = json_pack("{s:o, s:o, s:I, s:I, s:s*}", "shards",
					  pack_shards(shards, count), "version",
					  pack_version(version), "page",
					  (json_int_t) version->tree.root.page, "links",
					  (json_int_t) version->tree.links, "stamps", stamps),
			.blob = blob.data,
			.blob_len = blob.len,
		};

		if (call.args && backend->commit_args)
			(void) json_object_update(call.args, backend->commit_args);
		r = ask(b, &call, &result, err);
	}
	vt_buf_done(&blob);
	if (r == -ECONNRESET)
		r = vt_fail(err, ECONNRESET,
			    "the server ended during the commit: 'vitrine log' shows whether the "
			    "version is there");
	if (r >= 0)
		r = read_made(result, made, err);
	json_decref(result);
	return r;
}

/* ---- begin and end --------------------------------------------------------------------------- */

static int read_info(const json_t *result, struct vt_import_info *out,
		     struct client_backend *backend, struct vt_error *err)
{
	const char *dir = json_string_value(json_object_get(result, "dir"));
	const char *tree = json_string_value(json_object_get(result, "parent_tree"));

	if (!dir || strlen(dir) >= sizeof out->dir)
		return vt_fail(err, EPROTO, "the server named no folder for the import");
	if (tree && vt_digest_parse(tree, &backend->parent_tree) < 0)
		return vt_fail(err, EPROTO, "the server named no tree of the parent version");
	backend->parent_page = number(result, "parent_page");
	*out = (struct vt_import_info){
		.id = number(result, "id"),
		.dataset = (uint32_t) number(result, "dataset"),
		.domain = (uint32_t) number(result, "domain"),
		.parent = (uint32_t) number(result, "parent"),
		.dictionary = (uint32_t) number(result, "dictionary"),
		.page_chunk = (uint32_t) number(result, "page_chunk"),
	};
	memcpy(out->dir, dir, strlen(dir) + 1);
	return 0;
}

/* `args` is stolen. */
static int open_backend(struct vt_client *client, const char *op, json_t *args,
			const char *shard_op, struct vt_publish_backend **out,
			struct vt_import_info *info, struct vt_error *err)
{
	static const struct vt_publish_backend_ops ops = {
		.shard = ask_shard,
		.known = ask_known,
		.pages = ask_pages,
		.take = ask_take,
		.ingest = ask_ingest,
		.parent = ask_parent,
		.dictionary = ask_dictionary,
		.diff = ask_diff,
		.tree = ask_tree,
		.commit = ask_commit,
	};
	const struct vt_call call = {.op = op, .args = args};
	struct client_backend *backend = calloc(1, sizeof *backend);
	json_t *result = NULL;
	int r;

	if (!backend) {
		json_decref(args);
		return no_memory(err);
	}
	*backend = (struct client_backend){.base = {&ops}, .client = client, .shard_op = shard_op};
	r = ask(&backend->base, &call, &result, err);
	if (r >= 0)
		r = read_info(result, info, backend, err);
	json_decref(result);
	if (r < 0) {
		free(backend);
		return r;
	}
	*out = &backend->base;
	return 0;
}

int vt_publish_backend_open(struct vt_client *client, const char *dataset, const char *as,
			    bool open, struct vt_publish_backend **out, struct vt_import_info *info,
			    struct vt_error *err)
{
	return open_backend(
		client, "import.begin",
		json_pack("{s:s, s:s*, s:b}", "dataset", dataset, "as", as, "open", open),
		"import.shard", out, info, err);
}

int vt_publish_backend_open_repair(struct vt_client *client, struct vt_publish_backend **out,
				   struct vt_import_info *info, struct vt_error *err)
{
	return open_backend(client, "repair.begin", json_object(), "repair.shard", out, info, err);
}

int vt_publish_backend_commit_repair(struct vt_publish_backend *backend,
				     const struct vt_new_shard *shards, size_t count,
				     struct vt_error *err)
{
	const struct vt_call call = {
		.op = "repair.commit",
		.args = json_pack("{s:o}", "shards", pack_shards(shards, count))};
	int r = ask(backend, &call, NULL, err);

	return r == -ECONNRESET ? vt_fail(err, ECONNRESET,
					  "the server ended during the commit: repair once more")
				: r;
}

void vt_publish_backend_judge(struct vt_publish_backend *backend, json_t *args, vt_client_row *row,
			      void *context)
{
	struct client_backend *client = (struct client_backend *) backend;

	client->commit_args = args;
	client->commit_row = row;
	client->commit_context = context;
}

void vt_publish_backend_close(struct vt_publish_backend *backend)
{
	free(backend);
}
