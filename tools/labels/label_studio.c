/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label Studio's JSON export (labelstud.io/guide/export): a list of tasks, each with the data that
 * it is about, annotations by people and predictions by models, which hold results. A task is a
 * unit. What a result is called ("type") names the member of its value that says the labels; the
 * others are the region.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/labels/json_object.h"
#include "tools/labels/json_stream.h"
#include "tools/labels/member.h"
#include "tools/labels/place.h"
#include "tools/labels/reader_private.h"
#include "tools/labels/texts.h"

/* Annotations and predictions of a task; bounds what is looked up among them. */
#define MAKERS_MAX 1000u

/* An annotation or a prediction. */
struct maker {
	bool is_prediction, has_id;
	int64_t id;
	bool has_parent, parent_is_prediction;
	int64_t parent;
	size_t first, count;                         /* its rows */
	enum { UNSETTLED, SETTLING, SETTLED } state; /* whether its rows name their parents */
};

struct studio {
	struct vt_label_reader base;
	struct vt_json_stream stream;
	struct vt_buf element;
	struct vt_texts texts;
	struct maker makers[MAKERS_MAX];
	size_t count;
};

/* ---- results -------------------------------------------------------------------------------- */

static bool is(struct vt_label_text text, const char *word)
{
	return strlen(word) == text.len && memcmp(word, text.bytes, text.len) == 0;
}

/* The member of a value that says the labels: mostly called like the type. */
static struct vt_label_text holder_of(struct vt_label_text type)
{
	if (is(type, "textarea"))
		return (struct vt_label_text){"text", 4};
	if (is(type, "pairwise"))
		return (struct vt_label_text){"selected", 8};
	if (is(type, "videorectangle"))
		return (struct vt_label_text){"labels", 6};
	return type;
}

/* Takes a value apart: what its `holder` holds, and an object of all other members, if any. */
static int split_value(struct studio *studio, struct vt_label_text value,
		       struct vt_label_text holder, struct vt_label_text *held,
		       struct vt_label_text *region, struct vt_error *err)
{
	struct vt_json_walk walk = vt_json_walk_over(value);
	char *start = vt_texts_room(&studio->texts, value.len), *to = start;
	struct vt_label_text name, raw;

	if (!start)
		return vt_fail(err, ENOMEM, "no memory for a region");
	while (vt_json_walk_member(&walk, &name, &raw)) {
		char *end;

		*to = to == start ? '{' : ',';
		end = vt_json_compact(to + 1, name);
		if (vt_json_text(name, "name", &name, err) < 0)
			return -EINVAL;
		if (name.len == holder.len && memcmp(name.bytes, holder.bytes, name.len) == 0) {
			*held = raw;
			continue;
		}
		*end++ = ':';
		to = vt_json_compact(end, raw);
	}
	if (to > start)
		*to++ = '}';
	*region = (struct vt_label_text){start, (size_t) (to - start)};
	return 0;
}

/* A path in a taxonomy, as one text. */
static int join(struct studio *studio, struct vt_label_text raw, struct vt_label *out,
		struct vt_error *err)
{
	struct vt_json_walk walk = vt_json_walk_over(raw);
	char *start = vt_texts_room(&studio->texts, raw.len), *to = start;
	struct vt_label_text part;

	if (!start)
		return vt_fail(err, ENOMEM, "no memory for a value");
	while (vt_json_walk_element(&walk, &raw)) {
		int r = vt_json_text(raw, "value in a list of lists", &part, err);

		if (r < 0)
			return r;
		if (to > start)
			*to++ = '/';
		to = mempcpy(to, part.bytes, part.len);
	}
	out->type = VT_LABEL_TEXT;
	out->value.text = (struct vt_label_text){start, (size_t) (to - start)};
	return 0;
}

static int add_label(struct studio *studio, const struct vt_label_row *common,
		     struct vt_label_text raw, struct vt_error *err)
{
	struct vt_label_row *row = vt_label_reader_add(&studio->base);

	if (!row)
		return vt_fail(err, ENOMEM, "no memory for a label");
	*row = *common;
	return vt_json_kind(raw) == '[' ? join(studio, raw, &row->label, err)
					: vt_json_scalar(raw, &row->label, err);
}

static int add_labels(struct studio *studio, const struct vt_label_row *common,
		      struct vt_label_text held, struct vt_error *err)
{
	struct vt_json_walk walk;
	int r = 0;

	if (vt_json_kind(held) != '[')
		return add_label(studio, common, held, err);
	walk = vt_json_walk_over(held);
	while (r == 0 && vt_json_walk_element(&walk, &held))
		r = add_label(studio, common, held, err);
	return r;
}

/* What has no value (a relation) or says no label (a shape alone) is passed over. */
static int read_result(struct studio *studio, struct vt_label_row common, struct vt_label_text raw,
		       struct vt_error *err)
{
	struct vt_json_member members[] = {
		{.name = "type"}, {.name = "value"}, {.name = "from_name"}, {.name = "score"}};
	struct vt_label_text type, held = {0};
	int r;

	if (vt_json_kind(raw) != '{')
		return vt_fail(err, EINVAL, "it is no object");
	vt_json_members(raw, members, 4);
	r = vt_json_text(members[0].raw, "type", &type, err);
	if (r < 0 || !members[1].raw.len)
		return r;
	if (vt_json_kind(members[1].raw) != '{')
		return vt_fail(err, EINVAL, "the value is no object");
	r = split_value(studio, members[1].raw, holder_of(type), &held, &common.label.region, err);
	if (r < 0 || !held.len || vt_json_kind(held) == 'n')
		return r;
	r = vt_json_text(members[2].raw, "from_name", &common.label.key, err);
	if (r == 0 && members[3].raw.len && common.label.source == VT_LABEL_MODEL) {
		common.label.has_confidence = true;
		r = vt_json_real(members[3].raw, "score", &common.label.confidence, err);
	}
	return r < 0 ? r : add_labels(studio, &common, held, err);
}

static int read_results(struct studio *studio, const struct vt_label_row *common,
			struct vt_label_text list, struct vt_error *err)
{
	struct vt_json_walk walk;
	struct vt_label_text raw;
	int r = 0;

	if (!list.len)
		return 0;
	if (vt_json_kind(list) != '[')
		return vt_fail(err, EINVAL, "the result is no list");
	walk = vt_json_walk_over(list);
	for (size_t i = 0; r == 0 && vt_json_walk_element(&walk, &raw); i++) {
		r = read_result(studio, *common, raw, err);
		if (r < 0)
			return vt_fail_in(err, r, "result[%zu]", i);
	}
	return r;
}

/* ---- annotations and predictions ------------------------------------------------------------ */

enum {
	ID,
	RESULT,
	CREATED_AT,
	UPDATED_AT,
	COMPLETED_BY,
	WAS_CANCELLED,
	GROUND_TRUTH,
	PARENT_ANNOTATION,
	PARENT_PREDICTION,
	MODEL_VERSION,
	SCORE,
	MEMBERS
};

/* A number, or an object that has an e-mail address or a number. */
static int set_person(struct studio *studio, struct vt_label_text raw, struct vt_label *label,
		      struct vt_error *err)
{
	struct vt_json_member members[] = {{.name = "email"}, {.name = "id"}};
	const size_t room = 32;
	int64_t number;
	char *name;
	int r;

	if (!raw.len)
		return 0;
	if (vt_json_kind(raw) == '{') {
		vt_json_members(raw, members, 2);
		raw = members[0].raw.len ? members[0].raw : members[1].raw;
	}
	if (vt_json_kind(raw) == '"')
		return vt_json_text(raw, "completed_by", &label->annotator, err);
	r = vt_json_whole(raw, "completed_by", &number, err);
	if (r < 0)
		return r;
	name = vt_texts_room(&studio->texts, room);
	if (!name)
		return vt_fail(err, ENOMEM, "no memory for a name");
	label->annotator.len = (size_t) snprintf(name, room, "user-%" PRId64, number);
	label->annotator.bytes = name;
	return 0;
}

static int set_annotation(struct studio *studio, const struct vt_json_member *members,
			  struct vt_label *label, struct vt_error *err)
{
	label->source = VT_LABEL_HUMAN;
	if (vt_json_kind(members[WAS_CANCELLED].raw) == 't')
		label->review = VT_LABEL_REJECTED;
	else if (vt_json_kind(members[GROUND_TRUTH].raw) == 't')
		label->review = VT_LABEL_ACCEPTED;
	return set_person(studio, members[COMPLETED_BY].raw, label, err);
}

static int set_prediction(const struct studio *studio, const struct vt_json_member *members,
			  struct vt_label *label, struct vt_error *err)
{
	int r = 0;

	label->source = VT_LABEL_MODEL;
	if (members[MODEL_VERSION].raw.len)
		r = vt_json_text(members[MODEL_VERSION].raw, "model_version", &label->tool, err);
	if (label->tool.len)
		label->annotator = label->tool;
	else if (!studio->base.options->annotator)
		label->annotator = (struct vt_label_text){"label-studio", 12};
	label->has_confidence = members[SCORE].raw.len > 0;
	if (r == 0 && label->has_confidence)
		r = vt_json_real(members[SCORE].raw, "score", &label->confidence, err);
	return r;
}

static int set_time(const struct vt_json_member *members, struct vt_label_row *row,
		    struct vt_error *err)
{
	bool is_updated = members[UPDATED_AT].raw.len > 0;
	struct vt_label_text raw = members[is_updated ? UPDATED_AT : CREATED_AT].raw, text;
	const char *name = is_updated ? "updated_at" : "created_at";
	int r;

	if (!raw.len)
		return 0;
	r = vt_json_text(raw, name, &text, err);
	if (r < 0)
		return r;
	r = vt_label_member_set(row, VT_MEMBER_TIME, text, err);
	return r < 0 ? vt_fail_in(err, r, "%s", name) : 0;
}

/* The nearest: an annotation that was made out of another one names the prediction of that, too. */
static int set_ids(const struct vt_json_member *members, struct maker *maker, struct vt_error *err)
{
	struct vt_label_text parent = members[PARENT_ANNOTATION].raw;
	int r = 0;

	maker->parent_is_prediction = !parent.len;
	if (!parent.len)
		parent = members[PARENT_PREDICTION].raw;
	maker->has_id = vt_json_is_number(members[ID].raw); /* in some exports it is a text */
	maker->has_parent = parent.len > 0;
	if (maker->has_id)
		r = vt_json_whole(members[ID].raw, "id", &maker->id, err);
	if (r == 0 && maker->has_parent)
		r = vt_json_whole(parent,
				  maker->parent_is_prediction ? "parent_prediction"
							      : "parent_annotation",
				  &maker->parent, err);
	return r;
}

static int read_maker(struct studio *studio, struct vt_label_row common, bool is_prediction,
		      struct vt_label_text raw, struct vt_error *err)
{
	struct vt_json_member members[MEMBERS] = {
		[ID] = {.name = "id"},
		[RESULT] = {.name = "result"},
		[CREATED_AT] = {.name = "created_at"},
		[UPDATED_AT] = {.name = "updated_at"},
		[COMPLETED_BY] = {.name = "completed_by"},
		[WAS_CANCELLED] = {.name = "was_cancelled"},
		[GROUND_TRUTH] = {.name = "ground_truth"},
		[PARENT_ANNOTATION] = {.name = "parent_annotation"},
		[PARENT_PREDICTION] = {.name = "parent_prediction"},
		[MODEL_VERSION] = {.name = "model_version"},
		[SCORE] = {.name = "score"},
	};
	struct maker *maker = &studio->makers[studio->count];
	int r;

	if (studio->count == MAKERS_MAX)
		return vt_fail(err, EINVAL, "the task has more than %u annotations and predictions",
			       MAKERS_MAX);
	if (vt_json_kind(raw) != '{')
		return vt_fail(err, EINVAL, "it is no object");
	studio->count++;
	*maker = (struct maker){.is_prediction = is_prediction, .first = studio->base.count};
	vt_json_members(raw, members, MEMBERS);
	r = is_prediction ? set_prediction(studio, members, &common.label, err)
			  : set_annotation(studio, members, &common.label, err);
	r = r < 0 ? r : set_time(members, &common, err);
	r = r < 0 ? r : set_ids(members, maker, err);
	r = r < 0 ? r : read_results(studio, &common, members[RESULT].raw, err);
	maker->count = studio->base.count - maker->first;
	return r;
}

static int read_makers(struct studio *studio, const struct vt_label_row *common,
		       const struct vt_json_member *list, bool is_prediction, struct vt_error *err)
{
	struct vt_json_walk walk;
	struct vt_label_text raw;
	int r = 0;

	if (!list->raw.len)
		return 0;
	if (vt_json_kind(list->raw) != '[')
		return vt_fail(err, EINVAL, "the %s are no list", list->name);
	walk = vt_json_walk_over(list->raw);
	for (size_t i = 0; r == 0 && vt_json_walk_element(&walk, &raw); i++) {
		r = read_maker(studio, *common, is_prediction, raw, err);
		if (r < 0)
			return vt_fail_in(err, r, "%s[%zu]", list->name, i);
	}
	return r;
}

/* ---- parents -------------------------------------------------------------------------------- */

/* NULL: it names none, or one that is not in this task. */
static struct maker *parent_of(struct studio *studio, const struct maker *maker)
{
	for (size_t i = 0; maker->has_parent && i < studio->count; i++) {
		struct maker *other = &studio->makers[i];

		if (other->has_id && other->id == maker->parent &&
		    other->is_prediction == maker->parent_is_prediction)
			return other;
	}
	return NULL;
}

/* The only one of that key that a maker gave. */
static const struct vt_label *only_label(const struct studio *studio, const struct maker *maker,
					 struct vt_label_text key)
{
	const struct vt_label_row *rows = studio->base.rows + maker->first;
	const struct vt_label *found = NULL;

	for (size_t i = 0; i < maker->count; i++) {
		const struct vt_label *label = &rows[i].label;

		if (label->key.len != key.len || memcmp(label->key.bytes, key.bytes, key.len) != 0)
			continue;
		if (found)
			return NULL;
		found = label;
	}
	return found;
}

/* A label's id depends on its parent: the parents' parents first. */
static int settle(struct studio *studio, struct maker *maker, struct vt_error *err)
{
	struct maker *parent = parent_of(studio, maker);
	int r;

	if (maker->state == SETTLING)
		return vt_fail(err, EINVAL, "annotations are each other's parents");
	if (maker->state == SETTLED || !parent)
		return 0;
	maker->state = SETTLING;
	r = settle(studio, parent, err);
	for (size_t i = 0; r == 0 && i < maker->count; i++) {
		struct vt_label *label = &studio->base.rows[maker->first + i].label;
		const struct vt_label *corrected = only_label(studio, parent, label->key);

		r = corrected ? vt_label_check(corrected, err) : 0;
		if (corrected && r == 0)
			label->parent = vt_label_id(corrected);
	}
	maker->state = SETTLED;
	return r;
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static int set_path(struct studio *studio, struct vt_label_text data, struct vt_label_text *out,
		    struct vt_error *err)
{
	struct vt_json_member members[] = {
		{.name = "image"}, {.name = "audio"}, {.name = "text-file"}, {.name = "video"},
		{.name = "path"},  {.name = "file"},  {.name = "url"}};
	const struct vt_label_options *options = studio->base.options;
	size_t count = sizeof members / sizeof *members, i = 0;
	struct vt_label_text written;
	int r;

	if (vt_json_kind(data) != '{')
		return vt_fail(err, EINVAL, "it has no data");
	if (options->path_member) {
		members[0].name = options->path_member;
		count = 1;
	}
	vt_json_members(data, members, count);
	while (i < count && !members[i].raw.len)
		i++;
	if (i == count)
		return vt_fail(err, EINVAL, "its data has no %s",
			       options->path_member ? options->path_member
						    : "image, audio, text-file, video, path, file "
						      "or url to say which file it is about");
	r = vt_json_text(members[i].raw, members[i].name, &written, err);
	return r < 0 ? r : vt_place_path(options, &studio->texts, written, out, err);
}

static int read_task(struct studio *studio, struct vt_error *err)
{
	struct vt_json_member members[] = {
		{.name = "data"}, {.name = "annotations"}, {.name = "predictions"}};
	struct vt_label_text raw = {(const char *) studio->element.data, studio->element.len - 1};
	struct vt_label_row common = vt_label_row_default(studio->base.options);
	int r = vt_json_check(raw, err);

	if (r < 0)
		return r;
	if (vt_json_kind(raw) != '{')
		return vt_fail(err, EINVAL, "it is no object");
	vt_json_members(raw, members, 3);
	r = set_path(studio, members[0].raw, &common.path, err);
	r = r < 0 ? r : read_makers(studio, &common, &members[1], false, err);
	r = r < 0 ? r : read_makers(studio, &common, &members[2], true, err);
	for (size_t i = 0; r == 0 && i < studio->count; i++)
		r = settle(studio, &studio->makers[i], err);
	return r < 0 ? r : 1;
}

static int studio_fill(struct vt_label_reader *reader, struct vt_error *err)
{
	struct studio *studio = (struct studio *) reader;
	int r;

	studio->count = 0;
	vt_texts_reset(&studio->texts);
	r = vt_json_stream_next(&studio->stream, &studio->element, err);
	reader->line = studio->stream.begun;
	reader->index = studio->stream.index ? studio->stream.index - 1 : 0;
	if (r == 0) {
		reader->list = NULL;
		return vt_json_stream_end(&studio->stream, err);
	}
	return r > 0 ? read_task(studio, err) : r;
}

static int studio_begin(struct vt_label_reader *reader, struct vt_error *err)
{
	struct studio *studio = (struct studio *) reader;
	int r;

	studio->stream = vt_json_stream_over(&reader->input);
	r = vt_json_stream_enter(&studio->stream, err);
	reader->line = studio->stream.begun;
	reader->list = r < 0 ? NULL : "tasks";
	return r;
}

static void studio_done(struct vt_label_reader *reader)
{
	struct studio *studio = (struct studio *) reader;

	vt_buf_done(&studio->element);
	vt_texts_done(&studio->texts);
}

const struct vt_label_format_table vt_label_label_studio = {
	.size = sizeof(struct studio),
	.checks_json = true,
	.begin = studio_begin,
	.done = studio_done,
	.fill = studio_fill,
};
