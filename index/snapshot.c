/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See record.h: records of datasets and versions, and their counted snapshots. A snapshot carries a
 * copy of its record and its texts point into it: texts in records therefore end with a NUL. The
 * version digest is here too, beside the record whose facts it covers.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/record.h"
#include "index/record_private.h"

#define LABELS_MAX 256u                        /* a tree of labels: its root's digest and counts */
#define TREE_MAX   (VT_XATTRS_LEN_MAX + 4096u) /* a tree's canonical bytes: an entry and a digest */

struct dataset_box {
	atomic_uint refs;
	struct vt_dataset dataset;
	uint8_t record[];
};

struct version_box {
	atomic_uint refs;
	struct vt_version version;
	uint8_t record[];
};

#define BOX(type, member, pointer)                                                                 \
	((type *) (void *) ((char *) (uintptr_t) (pointer) -offsetof(type, member)))

const struct vt_dataset *vt_dataset_ref(const struct vt_dataset *dataset)
{
	atomic_fetch_add(&BOX(struct dataset_box, dataset, dataset)->refs, 1);
	return dataset;
}

void vt_dataset_unref(const struct vt_dataset *dataset)
{
	if (dataset && atomic_fetch_sub(&BOX(struct dataset_box, dataset, dataset)->refs, 1) == 1)
		free(BOX(struct dataset_box, dataset, dataset));
}

const struct vt_version *vt_version_ref(const struct vt_version *version)
{
	atomic_fetch_add(&BOX(struct version_box, version, version)->refs, 1);
	return version;
}

void vt_version_unref(const struct vt_version *version)
{
	if (version && atomic_fetch_sub(&BOX(struct version_box, version, version)->refs, 1) == 1)
		free(BOX(struct version_box, version, version));
}

static int put_text(struct vt_buf *out, const char *text, size_t max, const char *what,
		    struct vt_error *err)
{
	if (strlen(text) > max)
		return vt_fail(err, EINVAL, "the %s is longer than %zu bytes", what, max);
	vt_record_put_text(out, text);
	return 0;
}

static void put_digest(struct vt_buf *out, const struct vt_digest *digest)
{
	vt_buf_put(out, digest->bytes, VT_DIGEST_LEN);
}

static void get_digest(struct vt_reader *r, struct vt_digest *out)
{
	vt_record_get_bytes(r, out->bytes, VT_DIGEST_LEN);
}

int vt_dataset_encode(const struct vt_dataset *dataset, struct vt_buf *out, struct vt_error *err)
{
	int r;

	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_le32(out, dataset->domain);
	vt_buf_put_le32(out, dataset->latest);
	vt_buf_put_le32(out, dataset->next_number);
	vt_buf_put_le32(out, dataset->owner_uid);
	vt_buf_put_le64(out, dataset->created_ns);
	r = put_text(out, dataset->name, VT_DATASET_NAME_MAX, "name", err);
	if (r == 0 && vt_buf_failed(out))
		return vt_fail(err, ENOMEM, "no memory for the record of a dataset");
	return r;
}

int vt_dataset_decode(uint32_t id, const void *data, size_t len, const struct vt_dataset **out,
		      struct vt_error *err)
{
	vt_autofree struct dataset_box *box = calloc(1, sizeof *box + len);
	struct vt_dataset *dataset;
	struct vt_reader r;
	int e;

	if (!box)
		return vt_fail(err, ENOMEM, "no memory for a dataset");
	if (len)
		memcpy(box->record, data, len);
	r = vt_reader_over(box->record, len);
	e = vt_record_begin(&r, "dataset", err);
	if (e < 0)
		return e;
	dataset = &box->dataset;
	dataset->id = id;
	dataset->domain = vt_reader_le32(&r);
	dataset->latest = vt_reader_le32(&r);
	dataset->next_number = vt_reader_le32(&r);
	dataset->owner_uid = vt_reader_le32(&r);
	dataset->created_ns = vt_reader_le64(&r);
	dataset->name = vt_record_get_text(&r, VT_DATASET_NAME_MAX);
	e = vt_record_end(&r,
			  dataset->domain != 0 && vt_dataset_name_check(dataset->name, NULL) == 0,
			  "dataset", err);
	if (e < 0)
		return e;
	atomic_store(&box->refs, 1);
	*out = dataset;
	(void) vt_steal(&box);
	return 0;
}

/* u32 length, canonical bytes; then what is only true in this store. */
static int put_tree(struct vt_buf *out, const struct vt_tree *tree, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	int r = vt_tree_encode(tree, &bytes, err);

	if (r < 0)
		return r;
	vt_buf_put_le32(out, (uint32_t) bytes.len);
	vt_buf_put(out, bytes.data, bytes.len);
	vt_buf_put_le64(out, tree->root.page);
	vt_buf_put_le64(out, tree->links);
	return 0;
}

static int get_tree(struct vt_reader *r, struct vt_tree *tree, struct vt_error *err)
{
	size_t len = vt_reader_le32(r);
	const void *bytes = len <= TREE_MAX ? vt_reader_get(r, len) : NULL;
	int e;

	if (!bytes)
		return vt_fail(err, EBADMSG, "the record of a version is damaged");
	e = vt_tree_decode(bytes, len, tree, err);
	if (e < 0)
		return vt_fail_in(err, e, "the record of a version");
	tree->root.page = vt_reader_le64(r);
	tree->links = vt_reader_le64(r);
	return 0;
}

/* What format 2 added. u32 length and canonical bytes of the labels, or u32 0. */
static int put_labels(struct vt_buf *out, const struct vt_version *v, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	int r = v->labels.labels ? vt_label_tree_encode(&v->labels, &bytes, err) : 0;

	if (r < 0)
		return r;
	vt_buf_put_le32(out, v->base == v->serial ? 0 : v->base);
	vt_buf_put_le32(out, v->revision);
	vt_buf_put_le32(out, (uint32_t) bytes.len);
	vt_buf_put(out, bytes.data, bytes.len);
	vt_buf_put_le64(out, v->labels.page);
	r = put_text(out, v->provenance ? v->provenance : "", VT_PROVENANCE_MAX, "provenance", err);
	return r < 0 ? r : put_text(out, v->checks ? v->checks : "", VT_CHECKS_MAX, "checks", err);
}

/* Counts say whether there are any; the digest, that they are those: 1, else 0. -ENOMEM. */
static int get_labels(struct vt_reader *r, struct vt_version *v, struct vt_error *err)
{
	uint32_t base = vt_reader_le32(r), revision = vt_reader_le32(r), len = vt_reader_le32(r);
	const void *bytes = len <= LABELS_MAX ? vt_reader_get(r, len) : NULL;
	struct vt_digest digest;
	int e;

	if (!bytes || (len && vt_label_tree_decode(bytes, len, &v->labels, NULL) < 0))
		return 0;
	e = vt_label_tree_digest(&v->labels, &digest, err);
	if (e < 0)
		return e;
	v->base = base ? base : v->serial;
	v->revision = revision;
	v->labels.page = vt_reader_le64(r);
	v->provenance = vt_record_get_text(r, VT_PROVENANCE_MAX);
	v->checks = vt_record_get_text(r, VT_CHECKS_MAX);
	return (base != 0) == (revision != 0) && (!base || base != v->serial) &&
	       (v->labels.page != 0) == (len != 0) && vt_digest_equal(&digest, &v->label_digest);
}

/* What format 3 added. */
static void put_history(struct vt_buf *out, const struct vt_history *history)
{
	vt_buf_put_u8(out, history->more);
	vt_buf_put_u8(out, (uint8_t) history->count);
	vt_buf_put(out, history->rows, history->len);
}

static bool get_history(struct vt_reader *r, struct vt_history *history)
{
	uint8_t more = vt_reader_u8(r), count = vt_reader_u8(r);
	struct vt_ancestor row;

	history->more = more;
	history->count = count;
	history->rows = r->at;
	for (unsigned i = 0; i < count; i++)
		if (!vt_history_next(r, &row))
			return false;
	history->len = (size_t) (r->at - history->rows);
	return more <= 1 && count <= VT_HISTORY_MAX;
}

static void put_facts(struct vt_buf *out, const struct vt_version *v, uint64_t removed_ns)
{
	vt_buf_put_u8(out, (uint8_t) v->state);
	vt_buf_put_le32(out, v->domain);
	vt_buf_put_le32(out, v->number);
	vt_buf_put_le32(out, v->exhibit);
	vt_buf_put_le32(out, v->parent);
	vt_buf_put_le32(out, v->author_uid);
	vt_buf_put_le64(out, v->created_ns);
	vt_buf_put_le64(out, removed_ns);
	put_digest(out, &v->parent_digest);
	put_digest(out, &v->tree_digest);
	put_digest(out, &v->label_digest);
	put_digest(out, &v->digest);
	put_digest(out, &v->changes);
	vt_buf_put_le64(out, v->counts.files);
	vt_buf_put_le64(out, v->counts.directories);
	vt_buf_put_le64(out, v->counts.symlinks);
	vt_buf_put_le64(out, v->counts.bytes);
	vt_buf_put_le64(out, v->counts.stored_bytes);
	vt_buf_put_le64(out, v->outline);
	vt_buf_put_u8(out, VT_DOCUMENT_COUNT);
	for (size_t i = 0; i < VT_DOCUMENT_COUNT; i++)
		vt_buf_put_le64(out, v->document_body[i]);
}

/* True when what was read is possible. */
static bool get_facts(struct vt_reader *r, struct vt_version *v, uint64_t *removed_ns)
{
	v->state = vt_reader_u8(r);
	v->domain = vt_reader_le32(r);
	v->number = vt_reader_le32(r);
	v->exhibit = vt_reader_le32(r);
	v->parent = vt_reader_le32(r);
	v->author_uid = vt_reader_le32(r);
	v->created_ns = vt_reader_le64(r);
	*removed_ns = vt_reader_le64(r);
	get_digest(r, &v->parent_digest);
	get_digest(r, &v->tree_digest);
	get_digest(r, &v->label_digest);
	get_digest(r, &v->digest);
	get_digest(r, &v->changes);
	v->counts.files = vt_reader_le64(r);
	v->counts.directories = vt_reader_le64(r);
	v->counts.symlinks = vt_reader_le64(r);
	v->counts.bytes = vt_reader_le64(r);
	v->counts.stored_bytes = vt_reader_le64(r);
	v->outline = vt_reader_le64(r);
	if (vt_reader_u8(r) != VT_DOCUMENT_COUNT)
		return false;
	for (size_t i = 0; i < VT_DOCUMENT_COUNT; i++)
		v->document_body[i] = vt_reader_le64(r);
	return v->domain != 0 && v->state >= VT_VERSION_LIVE && v->state <= VT_VERSION_REMOVED &&
	       (v->state == VT_VERSION_LIVE) == (v->exhibit != 0) &&
	       (v->state == VT_VERSION_REMOVED) == (*removed_ns != 0);
}

static int put_texts(struct vt_buf *out, const struct vt_version *v, struct vt_error *err)
{
	int r = put_text(out, v->name, VT_NAME_PART_MAX, "name", err);

	if (r == 0)
		r = put_text(out, v->reason ? v->reason : "", VT_REASON_MAX, "reason", err);
	if (r == 0)
		r = put_text(out, v->author ? v->author : "", VT_AUTHOR_MAX, "author's name", err);
	if (r == 0)
		r = put_text(out, v->message ? v->message : "", VT_MESSAGE_MAX, "message", err);
	if (r == 0)
		r = put_text(out, v->licence ? v->licence : "", VT_LICENCE_MAX, "licence", err);
	return r;
}

int vt_version_encode(const struct vt_version *version, uint64_t removed_ns, struct vt_buf *out,
		      struct vt_error *err)
{
	int r;

	vt_buf_put_u8(out, VT_VERSION_FORMAT);
	put_facts(out, version, removed_ns);
	r = put_texts(out, version, err);
	if (r == 0)
		r = put_tree(out, &version->tree, err);
	if (r == 0)
		r = put_labels(out, version, err);
	put_history(out, &version->history);
	if (r == 0 && vt_buf_failed(out))
		return vt_fail(err, ENOMEM, "no memory for the record of a version");
	return r;
}

static int decode_version(struct vt_reader *r, struct vt_version *v, uint64_t *removed_ns,
			  struct vt_error *err)
{
	bool valid;
	int e, format = vt_record_format(r, VT_VERSION_FORMAT, "version", err);

	if (format < 0)
		return format;
	valid = get_facts(r, v, removed_ns);
	v->name = vt_record_get_text(r, VT_NAME_PART_MAX);
	v->reason = vt_record_get_text(r, VT_REASON_MAX);
	v->author = vt_record_get_text(r, VT_AUTHOR_MAX);
	v->message = vt_record_get_text(r, VT_MESSAGE_MAX);
	v->licence = vt_record_get_text(r, VT_LICENCE_MAX);
	e = valid ? get_tree(r, &v->tree, err) : 0;
	if (format == 1) { /* before there were labels */
		v->base = v->serial;
		v->provenance = v->checks = "";
	} else if (e == 0) {
		e = get_labels(r, v, err);
		valid = valid && e > 0;
	}
	if (format < 3) /* before there were histories */
		v->history.more = !vt_digest_is_zero(&v->parent_digest);
	else if (e >= 0)
		valid = valid && get_history(r, &v->history);
	return e < 0 ? e : vt_record_end(r, valid, "version", err);
}

int vt_version_decode(uint32_t dataset, uint32_t serial, const void *data, size_t len,
		      const struct vt_version **out, uint64_t *removed_ns, struct vt_error *err)
{
	vt_autofree struct version_box *box = calloc(1, sizeof *box + len);
	struct vt_reader r;
	uint64_t removed;
	int e;

	if (!box)
		return vt_fail(err, ENOMEM, "no memory for a version");
	if (len)
		memcpy(box->record, data, len);
	r = vt_reader_over(box->record, len);
	box->version.dataset = dataset;
	box->version.serial = serial;
	e = decode_version(&r, &box->version, &removed, err);
	if (e < 0)
		return e;
	atomic_store(&box->refs, 1);
	*out = &box->version;
	if (removed_ns)
		*removed_ns = removed;
	(void) vt_steal(&box);
	return 0;
}

static void hash_text(struct vt_buf *out, const char *text)
{
	size_t len = text ? strlen(text) : 0;

	vt_buf_put_le32(out, (uint32_t) len);
	vt_buf_put(out, text, len);
}

int vt_version_digest(const struct vt_version *version, const char *dataset_name,
		      struct vt_digest *out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;

	put_digest(&bytes, &version->tree_digest);
	put_digest(&bytes, &version->label_digest);
	hash_text(&bytes, dataset_name);
	hash_text(&bytes, version->name);
	put_digest(&bytes, &version->parent_digest);
	hash_text(&bytes, version->author);
	vt_buf_put_le64(&bytes, version->created_ns);
	hash_text(&bytes, version->message);
	vt_buf_put_le64(&bytes, version->counts.files);
	vt_buf_put_le64(&bytes, version->counts.directories);
	vt_buf_put_le64(&bytes, version->counts.symlinks);
	vt_buf_put_le64(&bytes, version->counts.bytes);
	hash_text(&bytes, version->licence);
	if (version->provenance && *version->provenance)
		hash_text(&bytes, version->provenance);
	if (vt_buf_failed(&bytes))
		return vt_fail(err, ENOMEM, "no memory for a version's digest");
	vt_digest_tagged("vitrine version v1", bytes.data, bytes.len, out);
	return 0;
}
