/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about labels. They come and go as rows in their canonical bytes, file by file in walk
 * order, many files in a blob (fs/requests.md, "Labels"). What comes is checked like anything from
 * outside: whoever may curate may label, without any access to the store's files.
 */
#include "fs/node.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/carry.h"
#include "index/index.h"
#include "index/json_text.h"
#include "index/label_schema.h"
#include "index/label_set.h"
#include "index/record.h"
#include "index/relabel.h"
#include "policy/people.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define BLOB_MAX (4u << 20) /* of a request of somebody who labels */
#define SEND_MAX (1u << 20) /* of an answer */

static int too_little_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for labels");
}

/* ---- beginning ------------------------------------------------------------------------------- */

static int parent_labels(const struct vt_control_request *request, const struct vt_version **out,
			 struct vt_error *err)
{
	return vt_catalog_version(request->service->index->catalog,
				  request->connection->import_info.parent, out, err);
}

int vt_control_relabel(struct vt_control_request *request, uint32_t domain,
		       const struct vt_tree *tree, const struct vt_label_tree *old,
		       struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	struct vt_index *index = request->service->index;
	vt_cleanup(vt_label_schema_freep) struct vt_label_schema *schema = NULL;
	int r = vt_label_schema_read(index->store, connection->import_info.dataset, &schema, err);

	if (r >= 0)
		r = vt_relabel_new(index, domain, tree, old, &connection->relabel, err);
	if (r >= 0)
		connection->schema = vt_steal(&schema);
	return r;
}

int vt_serve_label_begin(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	vt_cleanup(vt_version_unrefp) const struct vt_version *parent = NULL;
	int r;

	if (connection->import)
		return vt_fail(err, EBUSY, "an import is already open on this connection");
	r = vt_import_revise(request->service->index, request->version->base, &connection->import,
			     &connection->import_info, err);
	if (r < 0)
		return r;
	atomic_fetch_add(&connection->host->imports, 1);
	r = parent_labels(request, &parent, err);
	if (r == 0)
		r = vt_control_relabel(request, parent->domain, &parent->tree, &parent->labels,
				       err);
	if (r < 0) {
		vt_control_abort_import(connection);
		return r;
	}
	if (request->version->revision && request->version->serial != parent->serial) {
		vt_control_abort_import(connection);
		return vt_fail(err, ESTALE, "'%s@%s' has been revised since: '%s' is the newest",
			       request->dataset->name, request->version->name, parent->name);
	}
	if (connection->channel.max.blob_len < BLOB_MAX)
		connection->channel.max.blob_len = BLOB_MAX;
	request->result = json_pack("{s:s}", "parent", parent->name);
	return request->result ? 0 : too_little_memory(err);
}

/* ---- rows in --------------------------------------------------------------------------------- */

/* One file's part of the blob. */
struct part {
	const char *path;
	size_t path_len;
	enum vt_relabel_how how;
	uint32_t count;
	const void *rows;
	size_t rows_len;
};

static bool read_part(struct vt_reader *reader, struct part *out)
{
	uint8_t how;

	out->path_len = vt_reader_le16(reader);
	out->path = vt_reader_get(reader, out->path_len);
	how = vt_reader_u8(reader);
	out->count = vt_reader_le32(reader);
	out->rows_len = vt_reader_le32(reader);
	out->rows = vt_reader_get(reader, out->rows_len);
	out->how = how == 1 ? VT_RELABEL_ADD : VT_RELABEL_SET;
	return !reader->failed && (how == 1 || how == 2);
}

/* A file is not there, or one of its rows may not be. `row` is taken. */
static int send_refusal(struct vt_control_request *request, json_t *row, const char *sentence,
			struct vt_error *err)
{
	if (vt_json_set_text(row, "text", sentence, strlen(sentence)) < 0) {
		json_decref(row);
		return too_little_memory(err);
	}
	return vt_control_send(request, row, NULL, 0, err);
}

/* Where in the blob the schema is asked. */
struct asked {
	struct vt_control_request *request;
	uint64_t file;
};

static int refuse_row(void *context, uint32_t row, const char *sentence, struct vt_error *err)
{
	const struct asked *asked = context;

	return send_refusal(
		asked->request,
		json_pack("{s:I, s:I}", "file", (json_int_t) asked->file, "row", (json_int_t) row),
		sentence, err);
}

static int take_part(struct vt_control_request *request, const struct part *part, uint64_t number,
		     struct vt_error *err)
{
	struct asked asked = {request, number};
	const struct vt_relabel_judge judge = {request->connection->schema, refuse_row, &asked};
	struct vt_error why;
	int r = vt_relabel_file(request->connection->relabel, part->path, part->path_len, part->how,
				part->rows, part->rows_len, part->count, &judge, &why);

	if (r == -ENOENT)
		return send_refusal(request, json_pack("{s:I}", "file", (json_int_t) number),
				    why.text, err);
	if (r < 0 && err)
		*err = why;
	return r;
}

int vt_serve_label_rows(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_buf *blob = &request->message->blob;
	struct vt_reader reader = vt_reader_over(blob->data, blob->len);
	uint64_t files = 0;
	int r = 0;

	for (struct part part; r == 0 && vt_reader_left(&reader) > 0; files++) {
		if (!read_part(&reader, &part))
			r = vt_fail(err, EINVAL, "the blob is no list of files with labels");
		else
			r = take_part(request, &part, files, err);
	}
	if (r < 0) { /* half of it is in: nothing may come of it */
		vt_control_abort_import(request->connection);
		return r;
	}
	VT_CRASHPOINT("labels-taken");
	request->result = json_pack("{s:I}", "files", (json_int_t) files);
	return request->result ? 0 : too_little_memory(err);
}

/* ---- commit ---------------------------------------------------------------------------------- */

static int read_revision(const struct vt_control_request *request, struct vt_version *out,
			 struct vt_error *err)
{
	int r = vt_arg_text_or(request->args, "message", &out->message, err);

	/* Who a version is by, the kernel says, unless the store's owner says otherwise. */
	if (r >= 0 && vt_control_is_owner(request))
		r = vt_arg_text_or(request->args, "author", &out->author, err);
	return r;
}

int vt_serve_label_commit(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	vt_cleanup(vt_version_unrefp) const struct vt_version *parent = NULL;
	const struct vt_version *made = NULL;
	char author[LOGIN_NAME_MAX];
	struct vt_version version = {
		.author_uid = connection->subject.uid,
		.author = author,
		.created_ns = vt_clock_realtime_ns(),
		.message = "",
	};
	uint64_t bytes = 0;
	int r;

	vt_people_name_of(connection->subject.uid, author, sizeof author);
	r = read_revision(request, &version, err);
	if (r >= 0)
		r = parent_labels(request, &parent, err);
	if (r >= 0)
		r = vt_relabel_finish(connection->relabel, &version.labels, &bytes, err);
	if (r >= 0)
		r = vt_label_tree_digest(&version.labels, &version.label_digest, err);
	if (r >= 0 && vt_digest_equal(&version.label_digest, &parent->label_digest)) {
		vt_control_abort_import(connection);
		request->result = json_pack("{s:b, s:s}", "same", 1, "version", parent->name);
		return request->result ? 0 : too_little_memory(err);
	}
	if (r >= 0)
		r = vt_label_schema_confirm(connection->schema, request->service->index->store,
					    err);
	if (r >= 0)
		r = vt_import_commit_revision(connection->import, &version, &made, err);
	vt_control_abort_import(connection); /* done, or not to be done again with what is left */
	if (r < 0)
		return r;
	vt_version_unref(request->version);
	request->version = made;
	vt_control_version_made(request);
	vt_dataset_unref(request->dataset); /* `latest` may have moved */
	request->dataset = NULL;
	r = vt_catalog_dataset_by_id(request->service->index->catalog, version.dataset,
				     &request->dataset, err);
	if (r < 0)
		return r;
	request->result = vt_row_version_alone(request->service->index->catalog, request->dataset,
					       request->version);
	if (!request->result)
		return too_little_memory(err);
	(void) json_object_set_new(request->result, "new_bytes", json_integer((json_int_t) bytes));
	return 0;
}

/* ---- a publish ------------------------------------------------------------------------------- */

int vt_control_carry(struct vt_control_request *request, const struct vt_version *parent,
		     const struct vt_tree *tree, struct vt_label_tree *out, struct vt_error *err)
{
	struct vt_connection *connection = request->connection;
	uint64_t bytes = 0;
	int r;

	*out = (struct vt_label_tree){0};
	if (!parent)
		return 0;
	r = vt_carry_labels(request->service->index, connection->import_info.domain, &parent->tree,
			    &parent->labels, tree, out, &bytes, err);
	vt_import_add_index_bytes(connection->import, bytes);
	return r;
}

/* ---- rows out -------------------------------------------------------------------------------- */

struct sender {
	struct vt_control_request *request;
	struct vt_buf blob;
	uint64_t files, labels;
};

static int send_blob(struct sender *sender, struct vt_error *err)
{
	int r;

	if (vt_buf_failed(&sender->blob))
		return too_little_memory(err);
	if (sender->blob.len == 0)
		return 0;
	r = vt_control_recheck(sender->request, err);
	if (r >= 0)
		r = vt_control_send(sender->request, json_object(), sender->blob.data,
				    sender->blob.len, err);
	vt_buf_reset(&sender->blob);
	return r;
}

/* In parts: the labels of one file may be longer than a blob. */
static int send_file(struct sender *sender, const char *path, size_t len,
		     const struct vt_entry *entry, struct vt_error *err)
{
	const struct vt_page_source *pages = &sender->request->service->index->label_pages;
	struct vt_label_rows rows;
	struct vt_label label;
	int r = vt_label_rows_open(&rows, pages, entry, err);

	while (r >= 0 && (r = vt_label_rows_next(&rows, &label, err)) > 0) {
		vt_buf_put_le16(&sender->blob, (uint16_t) len);
		vt_buf_put(&sender->blob, path, len);
		vt_buf_put_le32(&sender->blob, (uint32_t) rows.reader.row_len);
		vt_buf_put(&sender->blob, rows.reader.row, rows.reader.row_len);
		sender->labels++;
		if (sender->blob.len >= SEND_MAX)
			r = send_blob(sender, err);
	}
	vt_label_rows_done(&rows);
	sender->files++;
	return r;
}

static int send_all(struct sender *sender, struct vt_error *err)
{
	struct vt_control_request *request = sender->request;
	const struct vt_page_source *pages = &request->service->index->label_pages;
	const struct vt_tree root = vt_label_tree_root(&request->version->labels);
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_node node = {0};
	const char *path;
	size_t len;
	int r = vt_tree_walk_new(pages, &root, 1, &walk, err);

	while (r >= 0 && (r = vt_tree_walk_next(walk, &node, &path, &len, err)) > 0) {
		if (node.entry.type == VT_LABELLED)
			r = send_file(sender, path, len, &node.entry, err);
		vt_node_done(&node);
	}
	return r;
}

static int send_one(struct sender *sender, const struct vt_buf *path, struct vt_error *err)
{
	struct vt_control_request *request = sender->request;
	const char *text = (const char *) path->data;
	struct vt_node node = {0};
	int r = vt_tree_find(&request->service->index->pages, &request->version->tree, text,
			     path->len, &node, err);

	vt_node_done(&node);
	if (r < 0)
		return vt_fail_in(err, r, "'%s@%s'", request->dataset->name,
				  request->version->name);
	r = vt_label_tree_find(&request->service->index->label_pages, &request->version->labels,
			       text, path->len, &node, err);
	if (r == 0 && node.entry.type == VT_LABELLED)
		r = send_file(sender, text, path->len, &node.entry, err);
	vt_node_done(&node);
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int send_labels(struct sender *sender, const struct vt_buf *path, struct vt_error *err)
{
	int r;

	if (sender->request->version->labels.labels == 0)
		return 0;
	r = vt_control_record_read(sender->request, VT_POSITION_OF_DOCUMENT(VT_DOCUMENT_LABELS),
				   err);
	if (r < 0)
		return r;
	return path->len ? send_one(sender, path, err) : send_all(sender, err);
}

int vt_serve_labels(struct vt_control_request *request, struct vt_error *err)
{
	struct sender sender = {.request = request, .blob = VT_BUF_INIT};
	struct vt_buf path = VT_BUF_INIT;
	int r = vt_arg_path(request->args, &path, err);

	if (r >= 0)
		r = send_labels(&sender, &path, err);
	if (r >= 0)
		r = send_blob(&sender, err);
	if (r >= 0)
		request->result = json_pack("{s:I, s:I}", "files", (json_int_t) sender.files,
					    "labels", (json_int_t) sender.labels);
	vt_buf_done(&sender.blob);
	vt_buf_done(&path);
	return r;
}

/* ---- differences ----------------------------------------------------------------------------- */

struct differ {
	struct vt_control_request *request;
	struct vt_error *err;
	struct vt_buf path;                /* of the file at hand */
	struct vt_label_set before, after; /* its labels */
	char key[VT_LABEL_KEY_MAX];        /* compared last */
	size_t key_len;
	uint64_t changes;
};

/* Whoever may list files need not learn what they are called. */
static int check_read(const struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_version *const versions[] = {request->version, request->other};
	int r = 0;

	for (size_t i = 0; i < 2 && r >= 0; i++)
		r = vt_gate_check(request->service->gate, &request->connection->subject,
				  VT_RIGHT_READ,
				  (struct vt_place){versions[i]->dataset, versions[i]->serial},
				  false, NULL, err);
	return r;
}

static const struct vt_label *in_force(const struct vt_label_set *set, const char *key, size_t len)
{
	const struct vt_label *rows = set->rows;
	size_t count = vt_label_find_key(&rows, set->count, (struct vt_label_text){key, len});

	return count ? vt_label_effective(rows, count, NULL) : NULL;
}

static int compare_key(struct differ *differ)
{
	const struct vt_label *before = in_force(&differ->before, differ->key, differ->key_len);
	const struct vt_label *after = in_force(&differ->after, differ->key, differ->key_len);
	int r;

	if ((!before && !after) || (before && after && vt_label_compare(before, after) == 0))
		return 0;
	r = vt_control_recheck(differ->request, differ->err);
	if (r >= 0)
		r = check_read(differ->request, differ->err);
	if (r < 0)
		return r;
	differ->changes++;
	return vt_control_send(differ->request,
			       vt_row_label_change((const char *) differ->path.data,
						   differ->path.len, before, after),
			       NULL, 0, differ->err);
}

static int open_file(struct differ *differ, const char *path, size_t len)
{
	const struct vt_control_request *request = differ->request;
	const struct vt_page_source *pages = &request->service->index->label_pages;
	int r = vt_label_set_read(&differ->before, pages, &request->version->labels, path, len,
				  differ->err);

	if (r >= 0)
		r = vt_label_set_read(&differ->after, pages, &request->other->labels, path, len,
				      differ->err);
	vt_buf_reset(&differ->path);
	vt_buf_put(&differ->path, path, len);
	differ->key_len = 0;
	return r >= 0 && vt_buf_failed(&differ->path) ? too_little_memory(differ->err) : r;
}

/* Labels come file by file and key by key; the first of a key has it compared as a whole. */
static int take_difference(void *context, enum vt_change change, const char *path, size_t path_len,
			   const struct vt_label *label)
{
	struct differ *differ = context;
	int r = 0;

	(void) change;
	if (path_len != differ->path.len || memcmp(path, differ->path.data, path_len) != 0)
		r = open_file(differ, path, path_len);
	if (r < 0 || (label->key.len == differ->key_len &&
		      memcmp(label->key.bytes, differ->key, differ->key_len) == 0))
		return r;
	memcpy(differ->key, label->key.bytes, label->key.len);
	differ->key_len = label->key.len;
	return compare_key(differ);
}

int vt_control_send_label_diff(struct vt_control_request *request, struct vt_error *err)
{
	struct differ differ = {.request = request, .err = err, .path = VT_BUF_INIT};
	int r;

	if (check_read(request, NULL) < 0)
		return 0;
	r = vt_label_diff(&request->service->index->label_pages, &request->version->labels,
			  &request->other->labels, take_difference, &differ, err);
	vt_buf_done(&differ.path);
	vt_label_set_done(&differ.before);
	vt_label_set_done(&differ.after);
	if (r >= 0 && json_object_set_new(request->result, "labels",
					  json_integer((json_int_t) differ.changes)) < 0)
		return too_little_memory(err);
	return r;
}
