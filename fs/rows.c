/* SPDX-License-Identifier: Apache-2.0 */
/* See rows.h. */
#include "fs/rows.h"

#include "index/base/clock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53: up to there every whole number is itself */

int vt_json_set_time(json_t *object, const char *key, uint64_t ns)
{
	char text[VT_TIME_TEXT];

	vt_time_format(ns, text);
	return json_object_set_new(object, key, json_string(text));
}

static int set_digest(json_t *object, const char *key, const struct vt_digest *digest)
{
	char text[VT_DIGEST_HEX];

	vt_digest_format(digest, text);
	return json_object_set_new(object, key, json_string(text));
}

static int set_string(json_t *object, const char *key, const char *text)
{
	return vt_json_set_text(object, key, text, strlen(text));
}

/* Hands `object` on when everything could be set in it. */
static json_t *whole(json_t *object, int failures)
{
	if (failures == 0)
		return object;
	json_decref(object);
	return NULL;
}

/* ---- versions -------------------------------------------------------------------------------- */

static int set_parent(json_t *object, struct vt_catalog *catalog, const struct vt_version *version)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *parent = NULL;

	if (version->parent == 0 || vt_catalog_version(catalog, version->parent, &parent, NULL) < 0)
		return 0; /* the first one, or over one that was removed */
	return set_string(object, "parent", parent->name);
}

static int set_revised(json_t *row, struct vt_catalog *catalog, const struct vt_version *version)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *base = NULL;

	if (!version->revision || vt_catalog_version(catalog, version->base, &base, NULL) < 0)
		return 0;
	return set_string(row, "revises", base->name);
}

static int set_tags(json_t *object, const struct vt_version *version, const struct vt_tag *tags,
		    size_t count)
{
	json_t *names = json_array();
	int failures = 0;

	for (size_t i = 0; i < count; i++)
		if (tags[i].version == version->serial)
			failures |= json_array_append_new(names, json_string(tags[i].name));
	return failures | json_object_set_new(object, "tags", names);
}

static int set_labels(json_t *row, const struct vt_version *version)
{
	int failures = json_object_set_new(row, "labels",
					   json_integer((json_int_t) version->labels.labels));

	failures |= json_object_set_new(row, "labelled",
					json_integer((json_int_t) version->labels.files));
	if (version->revision)
		failures |= json_object_set_new(row, "revision",
						json_integer((json_int_t) version->revision));
	return version->labels.labels
		       ? failures | set_digest(row, "label_digest", &version->label_digest)
		       : failures;
}

/* What is JSON in the record stands in the row as it is. */
static int set_json(json_t *object, const char *key, const char *text)
{
	return text && *text ? json_object_set_new(object, key, json_loads(text, 0, NULL)) : 0;
}

json_t *vt_row_version(struct vt_catalog *catalog, const struct vt_dataset *dataset,
		       const struct vt_version *version, const struct vt_tag *tags,
		       size_t tag_count)
{
	const struct vt_counts *counts = &version->counts;
	json_t *row = json_pack(
		"{s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:b}", "dataset", dataset->name,
		"version", version->name, "number", (json_int_t) version->number, "serial",
		(json_int_t) version->serial, "state",
		version->state == VT_VERSION_LIVE ? "live" : "withdrawn", "files",
		(json_int_t) counts->files, "directories", (json_int_t) counts->directories,
		"symlinks", (json_int_t) counts->symlinks, "bytes", (json_int_t) counts->bytes,
		"stored_bytes", (json_int_t) counts->stored_bytes, "latest",
		dataset->latest == version->serial);
	int failures = 0;

	if (!row)
		return NULL;
	if (version->state == VT_VERSION_WITHDRAWN)
		failures |= set_string(row, "reason", version->reason);
	failures |= set_digest(row, "digest", &version->digest);
	failures |= set_digest(row, "tree", &version->tree_digest);
	failures |= set_labels(row, version);
	failures |= set_revised(row, catalog, version);
	failures |= set_parent(row, catalog, version);
	failures |= set_string(row, "author", version->author);
	failures |= vt_json_set_time(row, "created", version->created_ns);
	failures |= set_string(row, "message", version->message);
	if (version->licence[0])
		failures |= set_string(row, "licence", version->licence);
	failures |= set_json(row, "provenance", version->provenance);
	failures |= set_json(row, "checks", version->checks);
	failures |= set_tags(row, version, tags, tag_count);
	return whole(row, failures);
}

json_t *vt_row_version_alone(struct vt_catalog *catalog, const struct vt_dataset *dataset,
			     const struct vt_version *version)
{
	struct vt_tag *tags = NULL;
	size_t count = 0;
	json_t *row;

	if (vt_catalog_tags(catalog, dataset->id, &tags, &count) < 0)
		return NULL;
	row = vt_row_version(catalog, dataset, version, tags, count);
	vt_tags_free(tags, count);
	return row;
}

/* ---- entries and changes --------------------------------------------------------------------- */

static const char *type_name(enum vt_entry_type type)
{
	return type == VT_FILE ? "file" : type == VT_DIRECTORY ? "directory" : "symlink";
}

json_t *vt_row_entry(const char *key, const char *text, size_t len, const struct vt_entry *entry)
{
	char mode[8], mtime[48];
	json_t *row;
	int failures;

	(void) snprintf(mode, sizeof mode, "%04o", (unsigned) entry->mode & 07777);
	(void) snprintf(mtime, sizeof mtime, "%lld.%09u", (long long) entry->mtime_sec,
			entry->mtime_nsec);
	row = json_pack("{s:s, s:s, s:I, s:s}", "type", type_name(entry->type), "mode", mode,
			"size", (json_int_t) entry->size, "mtime", mtime);
	if (!row)
		return NULL;
	failures = vt_json_set_text(row, key, text, len);
	if (entry->type == VT_FILE)
		failures |= set_digest(row, "content", &entry->content);
	if (entry->type == VT_SYMLINK)
		failures |= vt_json_set_text(row, "target", entry->target, entry->target_len);
	if (entry->type == VT_DIRECTORY)
		failures |= json_object_set_new(row, "nodes", json_integer(entry->nodes));
	return whole(row, failures);
}

static int set_side(json_t *row, const char *size_key, const char *content_key,
		    const struct vt_entry *entry)
{
	int failures = json_object_set_new(row, size_key, json_integer((json_int_t) entry->size));

	if (entry->type == VT_FILE)
		failures |= set_digest(row, content_key, &entry->content);
	return failures;
}

json_t *vt_row_change(enum vt_change change, const char *path, size_t path_len,
		      const struct vt_entry *before, const struct vt_entry *after)
{
	const char letter[] = {(char) change, '\0'};
	json_t *row = json_pack("{s:s, s:s}", "change", letter, "type",
				type_name((after ? after : before)->type));
	int failures;

	if (!row)
		return NULL;
	failures = vt_json_set_text(row, "path", path, path_len);
	if (before)
		failures |= set_side(row, "before", "before_content", before);
	if (after)
		failures |= set_side(row, "after", "after_content", after);
	if (before && after && before->type != after->type)
		failures |= json_object_set_new(row, "before_type",
						json_string(type_name(before->type)));
	return whole(row, failures);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static int set_label_text(json_t *row, const char *key, struct vt_label_text text)
{
	return json_object_set_new(row, key, json_stringn(text.bytes, text.len));
}

static json_t *label_value(const struct vt_label *label)
{
	double number;

	switch (label->type) {
	case VT_LABEL_TEXT:
		return json_stringn(label->value.text.bytes, label->value.text.len);
	case VT_LABEL_NUMBER:
		number = label->value.number;
		return number == floor(number) && fabs(number) < WHOLE_MAX
			       ? json_integer((json_int_t) number)
			       : json_real(number);
	case VT_LABEL_BOOLEAN:
		break;
	}
	return json_boolean(label->value.boolean);
}

json_t *vt_row_label_change(const char *path, size_t path_len, const struct vt_label *before,
			    const struct vt_label *now)
{
	json_t *row = json_pack("{s:s}", "change", "L");
	int failures;

	if (!row)
		return NULL;
	failures = vt_json_set_text(row, "path", path, path_len);
	failures |= set_label_text(row, "key", (now ? now : before)->key);
	if (before)
		failures |= json_object_set_new(row, "before", label_value(before));
	if (now) {
		failures |= json_object_set_new(row, "after", label_value(now));
		failures |= set_label_text(row, "by", now->annotator);
		failures |= set_string(row, "source", vt_label_sources[now->source]);
		failures |= set_string(row, "review", vt_label_reviews[now->review]);
	}
	return whole(row, failures);
}
