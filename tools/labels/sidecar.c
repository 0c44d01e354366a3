/* SPDX-License-Identifier: Apache-2.0 */
/* See sidecar.h. */
#include "tools/labels/sidecar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/buf.h"
#include "index/base/error.h"
#include "tools/labels/json_object.h"
#include "index/number.h"
#include "tools/labels/path.h"

/* ---- names ---------------------------------------------------------------------------------- */

struct vt_label_text vt_sample_of(struct vt_label_text path)
{
	const char *slash = memrchr(path.bytes, '/', path.len);
	const char *name = slash ? slash + 1 : path.bytes;
	const char *dot = memchr(name, '.', path.len - (size_t) (name - path.bytes));

	if (dot)
		path.len = (size_t) (dot - path.bytes);
	return path;
}

/* What stands behind the sample. */
static bool ends_as(struct vt_label_text path, const char *ending)
{
	size_t len = vt_sample_of(path).len;

	return path.len - len == strlen(ending) &&
	       memcmp(path.bytes + len, ending, strlen(ending)) == 0;
}

bool vt_is_sidecar(struct vt_label_text path)
{
	return ends_as(path, ".cls") || ends_as(path, ".json");
}

static bool is_of(struct vt_label_text sample, struct vt_label_text file)
{
	struct vt_label_text other = vt_sample_of(file);

	return other.len == sample.len && memcmp(other.bytes, sample.bytes, sample.len) == 0 &&
	       !vt_is_sidecar(file);
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct reading {
	struct vt_label_text sample;
	const struct vt_label_text *files;
	size_t file_count;
	size_t room;
	struct vt_sidecar *out;
};

static int add_row(struct reading *reading, const struct vt_label_row *row, struct vt_error *err)
{
	struct vt_sidecar *out = reading->out;

	if (vt_array_reserve(out->rows, reading->room, out->count + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory for labels");
	out->rows[out->count++] = *row;
	return 0;
}

/* Its path is filled in. */
static int add_label(struct reading *reading, struct vt_label_row row, struct vt_error *err)
{
	int r = vt_label_check(&row.label, err);

	for (size_t i = 0; r == 0 && i < reading->file_count; i++) {
		row.path = reading->files[i];
		if (!is_of(reading->sample, row.path))
			continue;
		r = vt_label_path_check(row.path, err);
		r = r < 0 ? r : add_row(reading, &row, err);
	}
	return r;
}

static void skip(struct vt_sidecar *out, struct vt_label_text name)
{
	if (out->skipped++ == 0)
		out->first_skipped = name;
}

static bool is_key(struct vt_label_text name)
{
	struct vt_label probe = {.key = name,
				 .type = VT_LABEL_BOOLEAN,
				 .annotator = {"-", 1},
				 .source = VT_LABEL_IMPORT,
				 .review = VT_LABEL_SUBMITTED};

	return !vt_label_problem(&probe);
}

static int read_object(struct reading *reading, struct vt_label_text raw,
		       const struct vt_label_options *options, struct vt_error *err)
{
	struct vt_json_walk walk = vt_json_walk_over(raw);
	struct vt_label_text name, value;
	int r = 0;

	while (r == 0 && vt_json_walk_member(&walk, &name, &value)) {
		struct vt_label_row row = vt_label_row_default(options);

		r = vt_json_text(name, "name", &name, err);
		row.label.key = name;
		if (r == 0 && (strchr("[{n", vt_json_kind(value)) || !is_key(name))) {
			skip(reading->out, name);
			continue;
		}
		r = r < 0 ? r : vt_json_scalar(value, &row.label, err);
		r = r < 0 ? r : add_label(reading, row, err);
		if (r < 0)
			return vt_fail_in(err, r, "%.*s", name.len < 64 ? (int) name.len : 64,
					  name.bytes);
	}
	return r;
}

/* `text` is NUL-terminated. */
static int read_json(struct reading *reading, struct vt_label_text text,
		     const struct vt_label_options *options, struct vt_error *err)
{
	struct vt_json_scan scan = {(char *) (uintptr_t) text.bytes,
				    (char *) (uintptr_t) text.bytes};
	struct vt_label_text raw;
	int r = vt_json_check(text, err);

	if (r == 0 && vt_json_peek(&scan) != '{')
		return vt_fail(err, EINVAL, "it is no object");
	r = r < 0 ? r : vt_json_raw(&scan, &raw, err);
	return r < 0 ? r : read_object(reading, raw, options, err);
}

static struct vt_label_text trim(struct vt_label_text text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.bytes[text.len - 1]))
		text.len--;
	while (text.len > 0 && strchr(" \t\r\n", *text.bytes)) {
		text.bytes++;
		text.len--;
	}
	return text;
}

static int read_class(struct reading *reading, struct vt_label_text text,
		      const struct vt_label_options *options, struct vt_error *err)
{
	struct vt_label_row row = vt_label_row_default(options);
	struct vt_label *label = &row.label;
	int r = 0;

	text = trim(text);
	if (text.len == 0)
		return vt_fail(err, EINVAL, "it is empty");
	if (memchr(text.bytes, '\n', text.len))
		return vt_fail(err, EINVAL, "it has more than a line");
	label->key = vt_label_key_default(options);
	label->type = VT_LABEL_TEXT;
	label->value.text = text;
	if (vt_number_length(text.bytes) == text.len) {
		label->type = VT_LABEL_NUMBER;
		r = vt_number_parse(text.bytes, text.len, &label->value.number, err);
	}
	return r < 0 ? r : add_label(reading, row, err);
}

/* ---- one sidecar ---------------------------------------------------------------------------- */

void vt_sidecar_done(struct vt_sidecar *sidecar)
{
	free(sidecar->rows);
	vt_texts_done(&sidecar->texts);
	*sidecar = (struct vt_sidecar){0};
}

static int read_sidecar(struct reading *reading, struct vt_label_text path, const void *bytes,
			size_t len, const struct vt_label_options *options, struct vt_error *err)
{
	char *copy;
	size_t i = 0;

	if (len > VT_SIDECAR_MAX)
		return vt_fail(err, EINVAL, "it is longer than %u bytes", VT_SIDECAR_MAX);
	if (len > 0 && memchr(bytes, 0, len))
		return vt_fail(err, EINVAL, "there is a NUL");
	while (i < reading->file_count && !is_of(reading->sample, reading->files[i]))
		i++;
	if (i == reading->file_count)
		return vt_fail(err, EINVAL, "there is no other file of its sample");
	copy = vt_texts_room(&reading->out->texts, len + 1);
	if (!copy)
		return vt_fail(err, ENOMEM, "no memory for labels");
	if (len > 0)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	return ends_as(path, ".cls")
		       ? read_class(reading, (struct vt_label_text){copy, len}, options, err)
		       : read_json(reading, (struct vt_label_text){copy, len}, options, err);
}

int vt_sidecar_read(struct vt_label_text path, const void *bytes, size_t len,
		    const struct vt_label_text *files, size_t file_count,
		    const struct vt_label_options *options, struct vt_sidecar *out,
		    struct vt_error *err)
{
	vt_cleanup(vt_sidecar_done) struct vt_sidecar made = {0};
	struct reading reading = {.sample = vt_sample_of(path),
				  .files = files,
				  .file_count = file_count,
				  .out = &made};
	int r = read_sidecar(&reading, path, bytes, len, options, err);

	if (r < 0)
		return vt_fail_in(err, r, "'%.*s'", path.len < 300 ? (int) path.len : 300,
				  path.bytes);
	*out = made;
	made = (struct vt_sidecar){0};
	return 0;
}
