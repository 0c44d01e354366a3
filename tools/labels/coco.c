/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COCO's files of instances (cocodataset.org/#format-data): an object with lists of images,
 * categories and annotations in any order, or a list of annotations alone, which is how results
 * are written. Read twice: images and categories are the head, kept as tables; annotations are then
 * the units. One element is in memory at a time.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/labels/id_names.h"
#include "tools/labels/json_object.h"
#include "tools/labels/json_stream.h"
#include "tools/labels/place.h"
#include "tools/labels/reader_private.h"
#include "tools/labels/texts.h"

enum section { SECTION_NONE, SECTION_IMAGES, SECTION_CATEGORIES, SECTION_ANNOTATIONS, SECTIONS };

static const char *const section_names[SECTIONS] = {
	[SECTION_IMAGES] = "images",
	[SECTION_CATEGORIES] = "categories",
	[SECTION_ANNOTATIONS] = "annotations",
};
#define BIT(section) (1u << (section))
#define HEAD         (BIT(SECTION_IMAGES) | BIT(SECTION_CATEGORIES))

struct coco {
	struct vt_label_reader base;
	struct vt_json_stream stream;
	bool begun, is_list;  /* the file; it is a list of annotations alone */
	bool is_first;        /* what comes next in its object */
	enum section section; /* whose list is being read */
	unsigned seen;
	struct vt_buf element;
	struct vt_id_names images, categories;
	struct vt_texts texts;
};

static struct vt_label_text element_of(const struct coco *coco)
{
	return (struct vt_label_text){(const char *) coco->element.data, coco->element.len - 1};
}

/* ---- the file: sections and their elements -------------------------------------------------- */

static void start_over(struct coco *coco)
{
	coco->stream = vt_json_stream_over(&coco->base.input);
	coco->begun = coco->is_list = false;
	coco->is_first = true;
	coco->section = SECTION_NONE;
	coco->seen = 0;
	coco->base.list = NULL;
}

static int enter(struct coco *coco, enum section section, struct vt_error *err)
{
	int r;

	if (coco->seen & BIT(section))
		return vt_fail(err, EBADMSG, "there are two lists of %s", section_names[section]);
	r = vt_json_stream_enter(&coco->stream, err);
	if (r < 0)
		return r;
	coco->seen |= BIT(section);
	coco->section = section;
	coco->base.list = section_names[section];
	return 0;
}

/* Takes a name and its colon: 1; 0: the brace that closes. */
static int next_name(struct coco *coco, enum section *out, struct vt_error *err)
{
	struct vt_label_text name;
	char next = 0;
	int r = vt_json_stream_peek(&coco->stream, &next, err);

	if (r < 0)
		return r;
	if (next == '}')
		return vt_json_stream_take(&coco->stream, '}', err);
	r = coco->is_first ? 0 : vt_json_stream_take(&coco->stream, ',', err);
	coco->is_first = false;
	r = r < 0 ? r : vt_json_stream_value(&coco->stream, &coco->element, err);
	r = r < 0 ? r : vt_json_check(element_of(coco), err);
	r = r < 0 ? r : vt_json_text(element_of(coco), "name", &name, err);
	r = r < 0 ? r : vt_json_stream_take(&coco->stream, ':', err);
	if (r < 0) /* there is no going on behind it */
		return r == -EINVAL ? -EBADMSG : r;
	*out = SECTION_NONE;
	for (unsigned i = SECTION_NONE + 1; i < SECTIONS; i++)
		if (strlen(section_names[i]) == name.len &&
		    memcmp(section_names[i], name.bytes, name.len) == 0)
			*out = i;
	return 1;
}

/* Into the next list of those in `wanted`: 1; 0 at the end of the file. */
static int next_section(struct coco *coco, unsigned wanted, struct vt_error *err)
{
	enum section section = SECTION_NONE;
	int r;

	coco->base.list = NULL;
	while ((r = next_name(coco, &section, err)) > 0) {
		if (wanted & BIT(section)) {
			r = enter(coco, section, err);
			return r < 0 ? r : 1;
		}
		r = vt_json_stream_value(&coco->stream, NULL, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : vt_json_stream_end(&coco->stream, err);
}

static int begin_file(struct coco *coco, unsigned wanted, struct vt_error *err)
{
	char first = 0;
	int r = vt_json_stream_peek(&coco->stream, &first, err);

	if (r < 0)
		return r;
	coco->begun = true;
	coco->is_list = first == '[';
	if (!coco->is_list)
		return vt_json_stream_take(&coco->stream, '{', err);
	return wanted & BIT(SECTION_ANNOTATIONS)
		       ? enter(coco, SECTION_ANNOTATIONS, err)
		       : vt_fail(err, EINVAL,
				 "it is a list of results: images and categories are in another "
				 "file, which must be named, too");
}

static int check_element(const struct coco *coco, struct vt_error *err)
{
	int r = vt_json_check(element_of(coco), err);

	if (r < 0)
		return r;
	return vt_json_kind(element_of(coco)) == '{' ? 1 : vt_fail(err, EINVAL, "it is no object");
}

/* The next element of a list in `wanted`: 1; 0 at the end of the file. */
static int next_element(struct coco *coco, unsigned wanted, struct vt_error *err)
{
	int r = coco->begun ? 1 : begin_file(coco, wanted, err);

	while (r >= 0) {
		if (coco->section) {
			r = vt_json_stream_next(&coco->stream, &coco->element, err);
			if (r > 0)
				return check_element(coco, err);
			if (r < 0)
				return r;
			coco->section = SECTION_NONE;
			if (coco->is_list)
				return vt_json_stream_end(&coco->stream, err);
		}
		r = next_section(coco, wanted, err);
		if (r == 0)
			return 0;
	}
	return r;
}

static int read_element(struct coco *coco, unsigned wanted, struct vt_error *err)
{
	int r = next_element(coco, wanted, err);

	coco->base.line = coco->stream.begun;
	coco->base.index = coco->stream.index ? coco->stream.index - 1 : 0;
	return r;
}

/* ---- the head: images and categories -------------------------------------------------------- */

/* `what` is the member that holds the name. */
static int add_name(struct coco *coco, struct vt_id_names *names, const char *what,
		    struct vt_error *err)
{
	struct vt_id_name entry = {.line = coco->base.line, .index = (uint32_t) coco->base.index};
	struct vt_json_member members[] = {{.name = "id"}, {.name = what}};
	struct vt_label_text name;
	int r;

	vt_json_members(element_of(coco), members, 2);
	r = vt_json_whole(members[0].raw, "id", &entry.id, err);
	r = r < 0 ? r : vt_json_text(members[1].raw, what, &name, err);
	return r < 0 ? r : vt_id_names_add(names, entry, name, err);
}

static int sort_names(struct coco *coco, struct vt_id_names *names, const char *list,
		      struct vt_error *err)
{
	const struct vt_id_name *twice = vt_id_names_sort(names);

	if (!twice)
		return 0;
	coco->base.list = list;
	coco->base.line = twice->line;
	coco->base.index = twice->index;
	return vt_fail(err, EINVAL, "the id %" PRId64 " is another one's, too", twice->id);
}

static int read_head(struct coco *coco, struct vt_error *err)
{
	int r;

	start_over(coco);
	while ((r = read_element(coco, HEAD, err)) > 0) {
		r = coco->section == SECTION_IMAGES
			    ? add_name(coco, &coco->images, "file_name", err)
			    : add_name(coco, &coco->categories, "name", err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if ((coco->seen & HEAD) != HEAD)
		return vt_fail(err, EINVAL, "there is no list of %s",
			       coco->seen & BIT(SECTION_IMAGES) ? "categories" : "images");
	r = sort_names(coco, &coco->images, "images", err);
	return r < 0 ? r : sort_names(coco, &coco->categories, "categories", err);
}

/* Errors of the other file are told with its name. */
static int read_head_of(struct coco *coco, const char *other, struct vt_error *err)
{
	struct vt_input own = coco->base.input;
	const char *name = coco->base.name;
	int r;

	coco->base.name = other;
	coco->base.line = 1;
	r = vt_input_open(other, &coco->base.input, err);
	if (r == 0) {
		r = read_head(coco, err);
		vt_input_close(&coco->base.input);
	}
	coco->base.input = own;
	if (r == 0)
		coco->base.name = name;
	return r;
}

static int coco_begin(struct vt_label_reader *reader, struct vt_error *err)
{
	struct coco *coco = (struct coco *) reader;
	int r;

	if (reader->options->coco_images) {
		r = read_head_of(coco, reader->options->coco_images, err);
	} else {
		r = vt_input_spool(&reader->input, err);
		r = r < 0 ? r : read_head(coco, err);
		r = r < 0 ? r : vt_input_rewind(&reader->input, err);
	}
	if (r == 0)
		start_over(coco);
	return r;
}

/* ---- annotations ---------------------------------------------------------------------------- */

enum { IMAGE_ID, CATEGORY_ID, SCORE, BBOX, SEGMENTATION, ISCROWD, MEMBERS };

/* An object of those members that are there, compact. */
static int set_region(struct coco *coco, const struct vt_json_member *members,
		      struct vt_label_text *out, struct vt_error *err)
{
	char *start = vt_texts_room(&coco->texts, coco->element.len + 2), *to = start;

	if (!start)
		return vt_fail(err, ENOMEM, "no memory for a region");
	for (size_t i = BBOX; i < MEMBERS; i++) {
		if (!members[i].raw.len)
			continue;
		to = stpcpy(to, to == start ? "{\"" : ",\"");
		to = stpcpy(to, members[i].name);
		to = stpcpy(to, "\":");
		to = vt_json_compact(to, members[i].raw);
	}
	if (to > start)
		*to++ = '}';
	*out = (struct vt_label_text){start, (size_t) (to - start)};
	return 0;
}

static int find_name(const struct vt_id_names *names, struct vt_label_text raw, const char *what,
		     const char *of, struct vt_label_text *out, struct vt_error *err)
{
	const char *name;
	int64_t id;
	int r = vt_json_whole(raw, what, &id, err);

	if (r < 0)
		return r;
	name = vt_id_names_find(names, id);
	if (!name)
		return vt_fail(err, EINVAL, "there is no %s with the id %" PRId64, of, id);
	*out = (struct vt_label_text){name, strlen(name)};
	return 0;
}

static int add_annotation(struct coco *coco, struct vt_error *err)
{
	const struct vt_label_options *options = coco->base.options;
	struct vt_label_row *row = vt_label_reader_add(&coco->base);
	struct vt_json_member members[MEMBERS] = {
		{.name = "image_id"}, {.name = "category_id"},  {.name = "score"},
		{.name = "bbox"},     {.name = "segmentation"}, {.name = "iscrowd"},
	};
	struct vt_label_text file_name;
	struct vt_label *label;
	int r;

	if (!row)
		return vt_fail(err, ENOMEM, "no memory for a label");
	label = &row->label;
	label->type = VT_LABEL_TEXT;
	label->key = vt_label_key_default(options);
	if (!options->annotator)
		label->annotator = (struct vt_label_text){"coco", 4};
	vt_json_members(element_of(coco), members, MEMBERS);
	r = find_name(&coco->images, members[IMAGE_ID].raw, "image_id", "image", &file_name, err);
	r = r < 0 ? r
		  : find_name(&coco->categories, members[CATEGORY_ID].raw, "category_id",
			      "category", &label->value.text, err);
	r = r < 0 ? r : vt_place_path(options, &coco->texts, file_name, &row->path, err);
	r = r < 0 ? r : set_region(coco, members, &label->region, err);
	label->has_confidence = members[SCORE].raw.len > 0;
	if (r == 0 && label->has_confidence)
		r = vt_json_real(members[SCORE].raw, "score", &label->confidence, err);
	return r < 0 ? r : 1;
}

static int coco_fill(struct vt_label_reader *reader, struct vt_error *err)
{
	struct coco *coco = (struct coco *) reader;
	int r;

	vt_texts_reset(&coco->texts);
	r = read_element(coco, BIT(SECTION_ANNOTATIONS), err);
	if (r == 0 && !(coco->seen & BIT(SECTION_ANNOTATIONS)))
		return vt_fail(err, EBADMSG, "there is no list of annotations");
	return r > 0 ? add_annotation(coco, err) : r;
}

static void coco_done(struct vt_label_reader *reader)
{
	struct coco *coco = (struct coco *) reader;

	vt_buf_done(&coco->element);
	vt_id_names_done(&coco->images);
	vt_id_names_done(&coco->categories);
	vt_texts_done(&coco->texts);
}

const struct vt_label_format_table vt_label_coco = {
	.size = sizeof(struct coco),
	.checks_json = true,
	.begin = coco_begin,
	.done = coco_done,
	.fill = coco_fill,
};
