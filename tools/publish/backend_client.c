/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See backend_client.h. Each call is one request of fs/requests.md; what the server answers is
 * checked as foreign bytes are, though it is our own program: it may be another version.
 */
#include "tools/publish/backend_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/control_client.h"
#include "fs/rows.h"
#include "index/base/error.h"
#include "tools/output.h"

#define BATCH      32768u /* digests in a request: 1 MiB of a blob */
#define KNOWN_SIZE 24u    /* bytes of one answer of import.known */

struct client_backend {
	struct vt_publish_backend base; /* first */
	struct vt_client *client;       /* borrowed */
	char dataset[VT_DATASET_NAME_MAX + 1];
	uint32_t parent; /* serial; 0: none */
};

static struct client_backend *of(struct vt_publish_backend *b)
{
	return (struct client_backend *) b;
}

static void json_freep(json_t **json)
{
	json_decref(*json);
}

static int not_understood(const char *op, struct vt_error *err)
{
	return vt_fail(err, EPROTO, "the answer of the server to '%s' lacks something", op);
}

static int call(struct vt_publish_backend *b, const struct vt_call *how, json_t **result,
		struct vt_error *err)
{
	return vt_client_call(of(b)->client, how, result, err);
}

/* A member of an answer; false when it is no number of that range. */
static bool get_number(const json_t *object, const char *key, uint64_t max, uint64_t *out)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t) json_integer_value(value) > max)
		return false;
	*out = (uint64_t) json_integer_value(value);
	return true;
}

/* A member that is a text, copied. */
static bool get_text(const json_t *object, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || strlen(text) >= size)
		return false;
	(void) strcpy(out, text);
	return true;
}

static bool get_digest(const json_t *object, const char *key, struct vt_digest *out)
{
	const char *hex = json_string_value(json_object_get(object, key));

	return hex && vt_digest_parse(hex, out) == 0;
}

static int keep_blob(void *buf, const json_t *row, const void *blob, size_t blob_len)
{
	vt_buf_put(buf, blob, blob_len);
	return vt_buf_failed(buf) ? -ENOMEM : 0;
}

/* ---- questions ------------------------------------------------------------------------------- */

static int ask_shard(struct vt_publish_backend *b, uint32_t *serial, char uuid[37], char path[4096],
		     struct vt_error *err)
{
	vt_cleanup(json_freep) json_t *result = NULL;
	const struct vt_call how = {.op = "import.shard"};
	uint64_t number;
	int r = call(b, &how, &result, err);

	if (r < 0)
		return r;
	if (!get_number(result, "serial", UINT32_MAX, &number) ||
	    !get_text(result, "uuid", uuid, 37) || !get_text(result, "path", path, 4096))
		return not_understood(how.op, err);
	*serial = (uint32_t) number;
	return 0;
}

/* Sends digests, gets `size` bytes for each. */
static int ask_digests(struct vt_publish_backend *b, const char *op,
		       const struct vt_digest *digests, size_t count, size_t size,
		       struct vt_buf *out, struct vt_error *err)
{
	const struct vt_call how = {
		.op = op,
		.blob = digests,
		.blob_len = count * sizeof *digests,
		.row = keep_blob,
		.context = out,
	};
	int r = call(b, &how, NULL, err);

	if (r >= 0 && out->len != count * size)
		return not_understood(op, err);
	return r;
}

static int ask_known_batch(struct vt_publish_backend *b, const struct vt_digest *contents,
			   size_t count, struct vt_known *out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf answer = VT_BUF_INIT;
	struct vt_reader r;
	int failed = ask_digests(b, "import.known", contents, count, KNOWN_SIZE, &answer, err);

	if (failed < 0)
		return failed;
	r = vt_reader_over(answer.data, answer.len);
	for (size_t i = 0; i < count; i++) {
		out[i].kind = (uint8_t) vt_reader_le32(&r);
		out[i].at.shard = vt_reader_le32(&r);
		out[i].at.frame_offset = vt_reader_le32(&r);
		out[i].at.frame_size = vt_reader_le32(&r);
		out[i].at.skip = vt_reader_le32(&r);
		out[i].length = vt_reader_le32(&r);
	}
	return 0;
}

static int ask_known(struct vt_publish_backend *b, const struct vt_digest *contents, size_t count,
		     struct vt_known *out, struct vt_error *err)
{
	int r = 0;

	for (size_t i = 0, n; i < count && r >= 0; i += n) {
		n = count - i < BATCH ? count - i : BATCH;
		r = ask_known_batch(b, contents + i, n, out + i, err);
	}
	return r;
}

static int ask_pages(struct vt_publish_backend *b, const struct vt_digest *digests, size_t count,
		     uint64_t *ids, struct vt_error *err)
{
	for (size_t i = 0, n; i < count; i += n) {
		vt_cleanup(vt_buf_done) struct vt_buf answer = VT_BUF_INIT;
		struct vt_reader reader;
		int r;

		n = count - i < BATCH ? count - i : BATCH;
		r = ask_digests(b, "import.pages", digests + i, n, sizeof *ids, &answer, err);
		if (r < 0)
			return r;
		reader = vt_reader_over(answer.data, answer.len);
		for (size_t k = 0; k < n; k++)
			ids[i + k] = vt_reader_le64(&reader);
	}
	return 0;
}

static int ask_take(struct vt_publish_backend *b, enum vt_counter counter, uint64_t count,
		    uint64_t *first, struct vt_error *err)
{
	vt_cleanup(json_freep) json_t *result = NULL;
	const struct vt_call how = {
		.op = "import.take",
		.args = json_pack("{s:i, s:I}", "counter", (int) counter, "count",
				  (json_int_t) count),
	};
	int r = call(b, &how, &result, err);

	if (r >= 0 && !get_number(result, "first", INT64_MAX, first))
		return not_understood(how.op, err);
	return r;
}

static int ask_ingest(struct vt_publish_backend *b, enum vt_family family, const char *file,
		      struct vt_error *err)
{
	const struct vt_call how = {
		.op = "import.ingest",
		.args = json_pack("{s:i, s:s}", "family", (int) family, "file", file),
	};

	return call(b, &how, NULL, err);
}

static int ask_dictionary(struct vt_publish_backend *b, uint32_t id, struct vt_buf *out,
			  struct vt_error *err)
{
	const struct vt_call how = {
		.op = "import.dictionary",
		.args = json_pack("{s:I}", "id", (json_int_t) id),
		.row = keep_blob,
		.context = out,
	};

	return call(b, &how, NULL, err);
}

/* ---- the parent ------------------------------------------------------------------------------ */

struct parent_search {
	uint32_t serial;
	struct vt_digest *tree;
	bool found;
};

static int look_for_parent(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	struct parent_search *search = context;
	uint64_t serial;

	if (get_number(row, "serial", UINT32_MAX, &serial) && serial == search->serial)
		search->found = get_digest(row, "tree", search->tree);
	return 0;
}

static int ask_parent(struct vt_publish_backend *b, struct vt_digest *tree, struct vt_error *err)
{
	struct parent_search search = {.serial = of(b)->parent, .tree = tree};
	const struct vt_call how = {
		.op = "versions",
		.args = json_pack("{s:s}", "dataset", of(b)->dataset),
		.row = look_for_parent,
		.context = &search,
	};
	int r = call(b, &how, NULL, err);

	if (r >= 0 && !search.found)
		return vt_fail(err, ESTALE, "the latest version of '%s' went away meanwhile",
			       of(b)->dataset);
	return r;
}

struct diffing {
	vt_diff_each *each;
	void *context;
};

static enum vt_entry_type type_of(const char *name)
{
	return strcmp(name, "directory") == 0 ? VT_DIRECTORY
	       : strcmp(name, "symlink") == 0 ? VT_SYMLINK
					      : VT_FILE;
}

/* One side of a change row; false when the row has none. */
static bool get_side(const json_t *row, const char *size_key, const char *content_key,
		     const char *type, struct vt_entry *out)
{
	*out = (struct vt_entry){.type = type_of(type)};
	(void) get_digest(row, content_key, &out->content);
	return get_number(row, size_key, INT64_MAX, &out->size);
}

static int hand_on_change(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	const struct diffing *diffing = context;
	const char *change = json_string_value(json_object_get(row, "change"));
	const char *type = json_string_value(json_object_get(row, "type"));
	const char *type_before = json_string_value(json_object_get(row, "before_type"));
	struct vt_entry before, after;
	bool has_before, has_after;

	if (!change || !type)
		return -EPROTO;
	has_before = get_side(row, "before", "before_content", type_before ? type_before : type,
			      &before);
	has_after = get_side(row, "after", "after_content", type, &after);
	vt_json_get_bytes(row, "path", &path);
	if (vt_buf_failed(&path) || (!has_before && !has_after))
		return -EPROTO;
	return diffing->each(diffing->context, (enum vt_change) * change, (const char *) path.data,
			     path.len, has_before ? &before : NULL, has_after ? &after : NULL);
}

static json_t *tree_args(const struct vt_tree *tree)
{
	return json_pack("{s:I, s:I}", "page", (json_int_t) tree->root.page, "links",
			 (json_int_t) tree->links);
}

static int ask_diff(struct vt_publish_backend *b, const struct vt_tree *tree, vt_diff_each *each,
		    void *context, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct diffing diffing = {each, context};
	struct vt_call how = {.op = "import.diff", .row = hand_on_change, .context = &diffing};
	int r = vt_tree_encode(tree, &bytes, err);

	if (r < 0)
		return r;
	how.args = tree_args(tree);
	how.blob = bytes.data;
	how.blob_len = bytes.len;
	return call(b, &how, NULL, err);
}

/* ---- commit ---------------------------------------------------------------------------------- */

static void set_digest(json_t *object, const char *key, const struct vt_digest *digest)
{
	char hex[VT_DIGEST_HEX];

	if (vt_digest_is_zero(digest))
		return;
	vt_digest_format(digest, hex);
	(void) json_object_set_new(object, key, json_string(hex));
}

static json_t *shard_rows(const struct vt_new_shard *shards, size_t count)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct vt_new_shard *s = &shards[i];
		json_t *row = json_pack(
			"{s:I, s:I, s:I, s:I, s:I}", "serial", (json_int_t) s->serial, "size",
			(json_int_t) s->size, "content_size", (json_int_t) s->content_size,
			"frames", (json_int_t) s->frames, "dictionary", (json_int_t) s->dictionary);

		set_digest(row, "digest", &s->digest);
		(void) json_array_append_new(rows, row);
	}
	return rows;
}

static json_t *version_row(const struct vt_version *version)
{
	const struct vt_counts *counts = &version->counts;
	json_t *documents = json_array();
	json_t *row = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "files",
				(json_int_t) counts->files, "directories",
				(json_int_t) counts->directories, "symlinks",
				(json_int_t) counts->symlinks, "bytes", (json_int_t) counts->bytes,
				"stored_bytes", (json_int_t) counts->stored_bytes, "outline",
				(json_int_t) version->outline, "document_body", documents);

	for (size_t i = 0; i < VT_DOCUMENT_COUNT; i++)
		(void) json_array_append_new(documents,
					     json_integer((json_int_t) version->document_body[i]));
	(void) vt_json_set_text(row, "message", version->message, strlen(version->message));
	(void) vt_json_set_text(row, "licence", version->licence, strlen(version->licence));
	if (version->author && *version->author)
		(void) vt_json_set_text(row, "author", version->author, strlen(version->author));
	set_digest(row, "changes", &version->changes);
	set_digest(row, "label_digest", &version->label_digest);
	return row;
}

static int ask_commit(struct vt_publish_backend *b, const struct vt_new_shard *shards, size_t count,
		      struct vt_version *version, const char *stamps, char name[101],
		      struct vt_digest *digest, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf tree = VT_BUF_INIT;
	vt_cleanup(json_freep) json_t *result = NULL;
	struct vt_call how = {.op = "import.commit"};
	int r = vt_tree_encode(&version->tree, &tree, err);

	if (r < 0)
		return r;
	how.args = tree_args(&version->tree);
	(void) json_object_set_new(how.args, "shards", shard_rows(shards, count));
	(void) json_object_set_new(how.args, "version", version_row(version));
	if (stamps)
		(void) json_object_set_new(how.args, "stamps", json_string(stamps));
	how.blob = tree.data;
	how.blob_len = tree.len;
	r = call(b, &how, &result, err);
	if (r < 0)
		return r;
	if (!get_text(result, "version", name, 101) || !get_digest(result, "digest", digest))
		return not_understood(how.op, err);
	return 0;
}

/* ---- opening --------------------------------------------------------------------------------- */

static const struct vt_publish_backend_ops client_ops = {
	.shard = ask_shard,
	.known = ask_known,
	.pages = ask_pages,
	.take = ask_take,
	.ingest = ask_ingest,
	.parent = ask_parent,
	.dictionary = ask_dictionary,
	.diff = ask_diff,
	.commit = ask_commit,
};

static bool get_info(const json_t *result, struct vt_import_info *out)
{
	uint64_t dataset, domain, parent, dictionary, page_chunk;

	if (!get_number(result, "id", INT64_MAX, &out->id) ||
	    !get_text(result, "dir", out->dir, sizeof out->dir) ||
	    !get_number(result, "dataset", UINT32_MAX, &dataset) ||
	    !get_number(result, "domain", UINT32_MAX, &domain) ||
	    !get_number(result, "parent", UINT32_MAX, &parent) ||
	    !get_number(result, "dictionary", UINT32_MAX, &dictionary) ||
	    !get_number(result, "page_chunk", UINT32_MAX, &page_chunk))
		return false;
	out->dataset = (uint32_t) dataset;
	out->domain = (uint32_t) domain;
	out->parent = (uint32_t) parent;
	out->dictionary = (uint32_t) dictionary;
	out->page_chunk = (uint32_t) page_chunk;
	return true;
}

int vt_publish_backend_open(struct vt_client *client, const char *dataset, const char *as,
			    struct vt_publish_backend **out, struct vt_import_info *info,
			    struct vt_error *err)
{
	vt_cleanup(json_freep) json_t *result = NULL;
	const struct vt_call how = {
		.op = "import.begin",
		.args = json_pack("{s:s, s:s*}", "dataset", dataset, "as", as),
	};
	struct client_backend *backend;
	int r = vt_client_call(client, &how, &result, err);

	if (r < 0)
		return r;
	if (!get_info(result, info))
		return not_understood(how.op, err);
	backend = calloc(1, sizeof *backend);
	if (!backend)
		return vt_fail(err, ENOMEM, "no memory for a publish");
	backend->base.ops = &client_ops;
	backend->client = client;
	backend->parent = info->parent;
	(void) snprintf(backend->dataset, sizeof backend->dataset, "%s", dataset);
	*out = &backend->base;
	return 0;
}

void vt_publish_backend_close(struct vt_publish_backend *backend)
{
	free(backend);
}
