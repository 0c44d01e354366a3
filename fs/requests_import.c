/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of a publish: index/import.h over the socket. The import lives on its connection, so
 * that a publisher that dies or gives up is noticed and cleaned up after at once.
 */
#include "fs/checks.h"
#include "fs/narrow.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/index.h"
#include "index/label_schema.h"
#include "index/record.h"
#include "index/relabel.h"
#include "policy/book.h"
#include "policy/people.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define TAKE_MAX   (1ull << 32) /* numbers handed out at once */
#define SHARDS_MAX 65536u       /* of one publish: 16 TiB */

static int too_little_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for a request of an import");
}

/* ---- beginning and ending -------------------------------------------------------------------- */

static int remember_name(struct vt_connection *connection, const char *as, struct vt_error *err)
{
	int r = as ? vt_version_name_check(as, err) : 0;

	if (r >= 0)
		(void) snprintf(connection->import_as, sizeof connection->import_as, "%s",
				as ? as : "");
	return r;
}

static json_t *pack_info(const struct vt_import_info *info, const struct vt_version *parent)
{
	json_t *object = json_pack(
		"{s:I, s:s, s:I, s:I, s:I, s:I, s:I}", "id", (json_int_t) info->id, "dir",
		info->dir, "dataset", (json_int_t) info->dataset, "domain",
		(json_int_t) info->domain, "parent", (json_int_t) info->parent, "dictionary",
		(json_int_t) info->dictionary, "page_chunk", (json_int_t) info->page_chunk);
	char hex[VT_DIGEST_HEX];

	if (object && parent) {
		vt_digest_format(&parent->tree_digest, hex);
		(void) json_object_set_new(object, "parent_tree", json_string(hex));
		(void) json_object_set_new(object, "parent_page",
					   json_integer((json_int_t) parent->tree.root.page));
	}
	return object;
}

static int parent_of(const struct vt_control_request *request, const struct vt_version **out,
		     struct vt_error *err)
{
	uint32_t parent = request->connection->import_info.parent;

	if (parent == 0 ||
	    vt_catalog_version(request->service->index->catalog, parent, out, NULL) == 0)
		return 0;
	return vt_fail(err, ESTALE, "the latest version was removed meanwhile");
}

/* Rows and pages of a publisher are taken in as they are (index/schema.md, "Imports"). */
static int check_trusted(const struct vt_control_request *request, struct vt_error *err)
{
	if (vt_control_is_owner(request))
		return 0;
	return vt_fail(
		err, EACCES,
		"only root and the store's owner, uid %u, can publish: what a publisher writes "
		"is trusted",
		(unsigned) request->service->owner_uid);
}

int vt_serve_import_begin(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	struct vt_import_info *info = &connection->import_info;
	vt_cleanup(vt_version_unrefp) const struct vt_version *parent = NULL;
	const char *dataset, *as = NULL;
	int r;

	if (connection->import)
		return vt_fail(err, EBUSY, "an import is already open on this connection");
	r = check_trusted(request, err);
	if (r >= 0)
		r = vt_arg_text(request->args, "dataset", &dataset, err);
	if (r >= 0)
		r = vt_arg_text_or(request->args, "as", &as, err);
	if (r >= 0)
		r = vt_arg_flag(request->args, "open", &connection->import_open, err);
	if (r >= 0)
		r = remember_name(connection, as, err);
	if (r >= 0)
		r = vt_import_begin(request->service->index, dataset, as, connection->subject.uid,
				    &connection->import, info, err);
	if (r < 0)
		return r;
	atomic_fetch_add(&connection->host->imports, 1);
	if (!request->dataset) /* made by the import */
		(void) vt_catalog_dataset_by_id(request->service->index->catalog, info->dataset,
						&request->dataset, NULL);
	r = parent_of(request, &parent, err);
	if (r < 0)
		return r;
	request->result = pack_info(info, parent);
	return request->result ? 0 : too_little_memory(err);
}

void vt_control_abort_import(struct vt_connection *connection)
{
	if (!connection->import)
		return;
	vt_relabel_free(vt_steal(&connection->relabel));
	vt_label_schema_free(vt_steal(&connection->schema));
	vt_buf_done(&connection->moves);
	vt_import_free(vt_steal(&connection->import));
	atomic_fetch_sub(&connection->host->imports, 1);
}

/* ---- questions ------------------------------------------------------------------------------- */

int vt_serve_import_shard(struct vt_control_request *request, struct vt_error *err)
{
	char uuid[37], path[4096];
	uint32_t serial;
	int r = vt_import_shard(request->connection->import, &serial, uuid, path, err);

	if (r < 0)
		return r;
	request->result = json_pack("{s:I, s:s, s:s}", "serial", (json_int_t) serial, "uuid", uuid,
				    "path", path);
	return request->result ? 0 : too_little_memory(err);
}

/* The blob as an array of digests. */
static int digests_of(const struct vt_control_request *request, const struct vt_digest **out,
		      size_t *count, struct vt_error *err)
{
	const struct vt_buf *blob = &request->message->blob;

	_Static_assert(sizeof **out == VT_DIGEST_LEN, "digests lie in blobs as in memory");
	if (blob->len % VT_DIGEST_LEN != 0)
		return vt_fail(err, EINVAL, "the blob is no list of digests of %d bytes",
			       VT_DIGEST_LEN);
	*out = (const struct vt_digest *) blob->data;
	*count = blob->len / VT_DIGEST_LEN;
	return 0;
}

static int send_blob(struct vt_control_request *request, const struct vt_buf *blob,
		     struct vt_error *err)
{
	if (vt_buf_failed(blob))
		return too_little_memory(err);
	return vt_control_send(request, json_object(), blob->data, blob->len, err);
}

static void put_known(const struct vt_known *known, struct vt_buf *out)
{
	vt_buf_put_le32(out, known->kind);
	vt_location_put(&known->at, out);
	vt_buf_put_le32(out, known->length);
}

int vt_serve_import_known(struct vt_control_request *request, struct vt_error *err)
{
	vt_autofree struct vt_known *known = NULL;
	const struct vt_digest *contents = NULL;
	struct vt_buf out = VT_BUF_INIT;
	size_t count = 0;
	int r = digests_of(request, &contents, &count, err);

	if (r < 0)
		return r;
	known = calloc(count + 1, sizeof *known);
	if (!known)
		return too_little_memory(err);
	r = vt_import_known(request->connection->import, contents, count, known, err);
	for (size_t i = 0; i < count && r >= 0; i++)
		put_known(&known[i], &out);
	if (r >= 0)
		r = send_blob(request, &out, err);
	vt_buf_done(&out);
	return r;
}

int vt_serve_import_pages(struct vt_control_request *request, struct vt_error *err)
{
	vt_autofree uint64_t *ids = NULL;
	const struct vt_digest *digests = NULL;
	struct vt_buf out = VT_BUF_INIT;
	size_t count = 0;
	int r = digests_of(request, &digests, &count, err);

	if (r < 0)
		return r;
	ids = calloc(count + 1, sizeof *ids);
	if (!ids)
		return too_little_memory(err);
	r = vt_import_pages(request->connection->import, digests, count, ids, err);
	for (size_t i = 0; i < count && r >= 0; i++)
		vt_buf_put_le64(&out, ids[i]);
	if (r >= 0)
		r = send_blob(request, &out, err);
	vt_buf_done(&out);
	return r;
}

int vt_serve_import_take(struct vt_control_request *request, struct vt_error *err)
{
	uint64_t counter, count, first;
	int r = vt_arg_number(request->args, "counter", VT_COUNTER_COUNT - 1, &counter, err);

	if (r >= 0)
		r = vt_arg_number(request->args, "count", TAKE_MAX, &count, err);
	if (r >= 0)
		r = vt_import_take(request->connection->import, (enum vt_counter) counter, count,
				   &first, err);
	if (r < 0)
		return r;
	request->result = json_pack("{s:I}", "first", (json_int_t) first);
	return request->result ? 0 : too_little_memory(err);
}

int vt_serve_import_ingest(struct vt_control_request *request, struct vt_error *err)
{
	const char *file;
	uint64_t family;
	int r = vt_arg_number(request->args, "family", VT_CF_COUNT - 1, &family, err);

	if (r >= 0)
		r = vt_arg_text(request->args, "file", &file, err);
	return r < 0 ? r
		     : vt_import_ingest(request->connection->import, (enum vt_family) family, file,
					err);
}

int vt_serve_import_dictionary(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_value value = {0};
	uint8_t key[8];
	uint64_t id;
	int r = vt_arg_number(request->args, "id", UINT32_MAX, &id, err);

	if (r < 0)
		return r;
	vt_dictionary_key(request->connection->import_info.domain, (uint32_t) id, key);
	r = vt_store_get(request->service->index->store, VT_CF_DICTIONARY, key, sizeof key, false,
			 &value, err);
	if (r >= 0)
		r = vt_control_send(request, json_object(), value.data, value.len, err);
	vt_value_done(&value);
	return r;
}

/* ---- the new tree ---------------------------------------------------------------------------- */

/* The tree in the blob, with its trailer from the arguments. Borrows from the message. */
static int tree_of(const struct vt_control_request *request, struct vt_tree *out,
		   struct vt_error *err)
{
	const struct vt_buf *blob = &request->message->blob;
	int r = vt_tree_decode(blob->data, blob->len, out, err);

	if (r >= 0)
		r = vt_arg_number(request->args, "page", INT64_MAX, &out->root.page, err);
	if (r >= 0)
		r = vt_arg_number(request->args, "links", INT64_MAX, &out->links, err);
	return r;
}

int vt_serve_import_diff(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *parent = NULL;
	struct vt_tree tree;
	int r = tree_of(request, &tree, err);

	if (r >= 0)
		r = parent_of(request, &parent, err);
	if (r >= 0 && !parent)
		r = vt_fail(err, EINVAL, "the first version of a dataset has no parent");
	return r < 0 ? r : vt_control_send_diff(request, &parent->tree, &tree, err);
}

/* The publisher may give labels now, on top of those that are carried over. */
int vt_serve_import_tree(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	vt_cleanup(vt_version_unrefp) const struct vt_version *parent = NULL;
	struct vt_label_tree carried;
	struct vt_tree tree;
	int r = tree_of(request, &tree, err);

	if (connection->relabel)
		return vt_fail(err, EINVAL, "the tree was given already");
	if (r >= 0)
		r = parent_of(request, &parent, err);
	if (r >= 0)
		r = vt_control_carry(request, parent, &tree, &carried, err);
	return r < 0 ? r
		     : vt_control_relabel(request, connection->import_info.domain, &tree, &carried,
					  err);
}

/* ---- commit ---------------------------------------------------------------------------------- */

static int read_shard(const json_t *row, struct vt_new_shard *out, struct vt_error *err)
{
	uint64_t serial, frames, dictionary;
	int r = vt_arg_number(row, "serial", UINT32_MAX, &serial, err);

	if (r >= 0)
		r = vt_arg_number(row, "size", UINT32_MAX, &out->size, err);
	if (r >= 0)
		r = vt_arg_number(row, "content_size", INT64_MAX, &out->content_size, err);
	if (r >= 0)
		r = vt_arg_number(row, "frames", UINT32_MAX, &frames, err);
	if (r >= 0)
		r = vt_arg_number(row, "dictionary", UINT32_MAX, &dictionary, err);
	if (r >= 0)
		r = vt_arg_digest_or(row, "digest", &out->digest, err);
	if (r < 0)
		return vt_fail_in(err, r, "a member of 'shards'");
	out->serial = (uint32_t) serial;
	out->frames = (uint32_t) frames;
	out->dictionary = (uint32_t) dictionary;
	return 0;
}

int vt_control_read_shards(const json_t *args, struct vt_new_shard **out, size_t *count,
			   struct vt_error *err)
{
	vt_autofree struct vt_new_shard *shards = NULL;
	const json_t *list = json_object_get(args, "shards");

	if (!json_is_array(list) || json_array_size(list) > SHARDS_MAX)
		return vt_fail(err, EINVAL, "'shards' must be a list of at most %u", SHARDS_MAX);
	shards = calloc(json_array_size(list) + 1, sizeof *shards);
	if (!shards)
		return too_little_memory(err);
	for (size_t i = 0; i < json_array_size(list); i++) {
		int r = read_shard(json_array_get(list, i), &shards[i], err);

		if (r < 0)
			return r;
	}
	*count = json_array_size(list);
	*out = vt_steal(&shards);
	return 0;
}

static int read_counts(const json_t *args, struct vt_counts *out, struct vt_error *err)
{
	int r = vt_arg_number(args, "files", INT64_MAX, &out->files, err);

	if (r >= 0)
		r = vt_arg_number(args, "directories", INT64_MAX, &out->directories, err);
	if (r >= 0)
		r = vt_arg_number(args, "symlinks", INT64_MAX, &out->symlinks, err);
	if (r >= 0)
		r = vt_arg_number(args, "bytes", INT64_MAX, &out->bytes, err);
	if (r >= 0)
		r = vt_arg_number(args, "stored_bytes", INT64_MAX, &out->stored_bytes, err);
	return r;
}

static int read_document_sizes(const json_t *args, uint64_t sizes[VT_DOCUMENT_COUNT],
			       struct vt_error *err)
{
	const json_t *list = json_object_get(args, "document_body");

	if (!json_is_array(list) || json_array_size(list) != VT_DOCUMENT_COUNT)
		return vt_fail(err, EINVAL, "'document_body' must be a list of %d numbers",
			       VT_DOCUMENT_COUNT);
	for (size_t i = 0; i < VT_DOCUMENT_COUNT; i++) {
		const json_t *size = json_array_get(list, i);

		if (!json_is_integer(size) || json_integer_value(size) < 0)
			return vt_fail(err, EINVAL, "'document_body' holds what is no size");
		sizes[i] = (uint64_t) json_integer_value(size);
	}
	return 0;
}

/* The text members are borrowed from `args`; the author's name is the caller's unless given. */
static int read_version(const json_t *args, struct vt_version *out, struct vt_error *err)
{
	int r;

	if (!json_is_object(args))
		return vt_fail(err, EINVAL, "'version' must be an object");
	r = vt_arg_text(args, "message", &out->message, err);
	if (r >= 0)
		r = vt_arg_text(args, "licence", &out->licence, err);
	if (r >= 0)
		r = vt_arg_text_or(args, "author", &out->author, err);
	if (r >= 0)
		r = read_counts(args, &out->counts, err);
	if (r >= 0)
		r = vt_arg_number(args, "outline", INT64_MAX, &out->outline, err);
	if (r >= 0)
		r = read_document_sizes(args, out->document_body, err);
	if (r >= 0)
		r = vt_arg_digest_or(args, "changes", &out->changes, err);
	return r;
}

/* In force just before the version is found, so that nobody meets it closed. */
static int open_to_all(void *context, vt_batch_writer *writer, void *writer_context,
		       struct vt_error *err)
{
	const struct vt_control_request *request = context;
	const struct vt_rule rule = {
		.kind = VT_RULE_ALLOW,
		.right = VT_RIGHT_READ,
		.who = {.kind = VT_PRINCIPAL_ANYONE},
		.object = {.scope = VT_SCOPE_DATASET, .dataset = request->dataset->id},
		.until_ns = VT_TIME_NEVER,
		.by_uid = request->connection->subject.uid,
	};
	uint64_t id;

	VT_CRASHPOINT("publish-opening");
	return vt_book_add_rule_with(request->service->book, &rule, writer, writer_context, &id,
				     err);
}

static int check_opening(const struct vt_control_request *request, struct vt_error *err)
{
	int r = vt_gate_check(request->service->gate, &request->connection->subject, VT_RIGHT_ADMIN,
			      (struct vt_place){request->dataset->id, 0}, false, NULL, err);

	return r < 0 ? r : vt_trail_check(request->service, err);
}

/* The older versions: mounts show them as they are now. What one cannot yet it makes up for. */
static void show_open(const struct vt_control_request *request)
{
	const struct vt_pattern opened = {.scope = VT_SCOPE_DATASET,
					  .dataset = request->dataset->id};

	(void) vt_narrow_to_now(request->service, &opened, NULL);
	VT_CRASHPOINT("publish-opened");
}

static int commit(struct vt_control_request *request, struct vt_version *version,
		  const struct vt_version **out, struct vt_error *err)
{
	struct vt_import *import = request->connection->import;
	vt_autofree struct vt_new_shard *shards = NULL;
	bool open = request->connection->import_open;
	const char *stamps = NULL;
	size_t count = 0;
	int r = vt_arg_text_or(request->args, "stamps", &stamps, err);

	if (r >= 0)
		r = vt_control_read_shards(request->args, &shards, &count, err);
	if (r >= 0 && open)
		r = check_opening(request, err);
	if (r < 0)
		return r;
	vt_import_within(import, open ? open_to_all : NULL, request);
	r = vt_import_commit(import, shards, count, version, stamps, out, err);
	if (r >= 0 && open)
		show_open(request);
	return r;
}

int vt_serve_import_commit(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	vt_cleanup(vt_version_unrefp) const struct vt_version *parent = NULL;
	vt_autofree char *checks = NULL;
	uint64_t label_bytes = 0, index_bytes;
	char author[LOGIN_NAME_MAX];
	struct vt_version version = {
		.dataset = connection->import_info.dataset,
		.name = connection->import_as[0] ? connection->import_as : NULL,
		.state = VT_VERSION_LIVE,
		.reason = "",
		.parent = connection->import_info.parent,
		.author_uid = connection->subject.uid,
		.author = author,
		.created_ns = vt_clock_realtime_ns(),
	};
	int r;

	vt_people_name_of(connection->subject.uid, author, sizeof author);
	r = read_version(json_object_get(request->args, "version"), &version, err);
	if (r >= 0)
		r = tree_of(request, &version.tree, err);
	if (r >= 0)
		r = vt_tree_digest(&version.tree, &version.tree_digest, err);
	if (r >= 0)
		r = parent_of(request, &parent, err);
	if (r < 0)
		return r;
	if (parent)
		version.parent_digest = parent->digest;
	r = connection->relabel
		    ? vt_relabel_finish(connection->relabel, &version.labels, &label_bytes, err)
		    : vt_control_carry(request, parent, &version.tree, &version.labels, err);
	if (r >= 0)
		r = vt_checks_run(request, &version, NULL, NULL, &checks, err);
	if (r == -EDOM)
		(void) vt_fail_in(err, r, "nothing is published");
	version.checks = checks;
	if (r >= 0)
		r = commit(request, &version, &request->version, err);
	if (r < 0 && !connection->relabel)
		return r; /* what was wrong may be set right */
	vt_import_add_index_bytes(connection->import, label_bytes);
	index_bytes = vt_import_index_bytes(connection->import);
	vt_control_abort_import(connection); /* it is over: only its memory goes */
	if (r < 0)
		return r;
	vt_control_version_made(request);
	request->result = vt_row_version_alone(request->service->index->catalog, request->dataset,
					       request->version);
	(void) json_object_set_new(request->result, "index_bytes",
				   json_integer((json_int_t) index_bytes));
	return request->result ? 0 : too_little_memory(err);
}
