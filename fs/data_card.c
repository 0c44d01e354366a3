/* SPDX-License-Identifier: Apache-2.0 */
/* See data_card.h. A list is collected, sorted by files, and printed; one key after the other. */
#include "fs/data_card.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/label_index.h"
#include "index/base/array.h"
#include "index/base/error.h"
#include "index/base/utf8.h"
#include "index/catalog.h"
#include "index/expression.h"
#include "index/number.h"

#define NAME_CHARS 40u /* characters of a value */
#define NAME_BYTES (4 * NAME_CHARS + 4)
#define BAR        30u /* characters of the longest one */

/* ---- a list of values ------------------------------------------------------------------------ */

struct item {
	char name[NAME_BYTES];
	unsigned width; /* characters */
	uint32_t files;
};

struct list {
	struct item *items;
	size_t count, room, max; /* beyond `max` items the rest is not taken in */
	uint64_t files;          /* of all items */
	bool has_more;
	const char *const *words; /* of choices */
};

/* In one line, and cut where it is long. */
static void name_text(struct item *item, struct vt_label_text text)
{
	size_t len = 0;
	uint32_t code;

	for (size_t i = 0, step; i < text.len; i += step, item->width++) {
		if (item->width == NAME_CHARS) {
			memcpy(item->name + len, "...", 4);
			item->width += 3;
			return;
		}
		step = vt_utf8_decode(text.bytes + i, text.len - i, &code);
		if (step == 0)
			step = 1;
		memcpy(item->name + len, text.bytes + i, step);
		if (code < 0x20)
			item->name[len] = ' ';
		len += step;
	}
	item->name[len] = '\0';
}

static void name_plain(struct item *item, const char *name)
{
	name_text(item, (struct vt_label_text){name, strlen(name)});
}

static void name_item(struct item *item, const struct vt_expression_value *value,
		      const char *const *words)
{
	char number[VT_NUMBER_TEXT];

	switch (value->type) {
	case VT_EXPRESSION_BOOLEAN:
		name_plain(item, value->boolean ? "true" : "false");
		return;
	case VT_EXPRESSION_NUMBER:
		vt_number_format(value->number, number);
		name_plain(item, number);
		return;
	case VT_EXPRESSION_CHOICE:
		name_plain(item, words[value->choice]);
		return;
	default:
		name_text(item, value->text);
		return;
	}
}

static int take(void *context, const struct vt_expression_value *value, uint32_t files)
{
	struct list *list = context;
	struct item *item;

	if (list->count == list->max) {
		list->has_more = true;
		return 1;
	}
	if (vt_array_reserve(list->items, list->room, list->count + 1) < 0)
		return -ENOMEM;
	item = &list->items[list->count++];
	*item = (struct item){.files = files};
	name_item(item, value, list->words);
	list->files += files;
	return 0;
}

/* Most files first; among equals the order they came in is that of their names. */
static int by_files(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->files != y->files)
		return x->files > y->files ? -1 : 1;
	return strcmp(x->name, y->name);
}

struct card {
	struct vt_label_index *labels;
	const struct vt_version *version;
	size_t keys;
	struct vt_buf *out;
	struct vt_error *err;
};

static int collect(const struct card *card, struct vt_label_text key, enum vt_posting_facet facet,
		   struct list *list)
{
	int r = vt_label_index_facet(card->labels, card->version, key, facet, NULL, take, list,
				     card->err);

	if (r == -E2BIG) {
		list->has_more = true;
		r = 0;
	}
	if (r == -ENOMEM)
		return vt_fail(card->err, ENOMEM, "no memory for a data card");
	if (r >= 0 && list->count)
		qsort(list->items, list->count, sizeof *list->items, by_files);
	return r < 0 ? r : 0;
}

/* ---- what is said of a key ------------------------------------------------------------------- */

static void put_bar(struct vt_buf *out, const struct item *item, unsigned width, uint32_t most)
{
	unsigned length = (unsigned) ((uint64_t) item->files * BAR / most);

	vt_buf_printf(out, "    %s%*s ", item->name, (int) (width - item->width), "");
	for (unsigned i = 0; i < (length ? length : 1); i++)
		vt_buf_put_u8(out, '#');
	vt_buf_printf(out, " %u\n", item->files);
}

static void put_chart(const struct list *list, struct vt_buf *out)
{
	size_t listed = list->count < VT_CARD_LISTED ? list->count : VT_CARD_LISTED;
	uint64_t others = list->files;
	unsigned width = 0;

	for (size_t i = 0; i < listed; i++)
		if (list->items[i].width > width)
			width = list->items[i].width;
	for (size_t i = 0; i < listed; i++) {
		put_bar(out, &list->items[i], width, list->items[0].files);
		others -= list->items[i].files;
	}
	if (listed < list->count)
		vt_buf_printf(out, "    and %zu more values, %llu files\n", list->count - listed,
			      (unsigned long long) others);
}

static int put_values(const struct card *card, struct vt_label_text key)
{
	struct list list = {.max = VT_CARD_VALUES_MAX};
	int r = collect(card, key, VT_POSTING_VALUE, &list);

	if (r == 0 && list.has_more)
		vt_buf_printf(card->out, "    more than %u values\n", VT_CARD_VALUES_MAX);
	else if (r == 0)
		put_chart(&list, card->out);
	free(list.items);
	return r;
}

/* "- Source: human 3, model 1" */
static int put_line(const struct card *card, struct vt_label_text key, const char *title,
		    enum vt_posting_facet facet, const char *const *words, size_t most)
{
	struct list list = {.max = SIZE_MAX, .words = words};
	int r = collect(card, key, facet, &list);

	if (r == 0 && list.has_more) {
		vt_buf_printf(card->out, "- %s: too many to list", title);
	} else if (r == 0) {
		vt_buf_printf(card->out, "- %s:", title);
		for (size_t i = 0; i < list.count && i < most; i++)
			vt_buf_printf(card->out, "%s %s %u", i ? "," : "", list.items[i].name,
				      list.items[i].files);
		if (list.count > most)
			vt_buf_printf(card->out, ", and %zu more", list.count - most);
	}
	vt_buf_put_u8(card->out, '\n');
	free(list.items);
	return r;
}

struct agreement {
	uint64_t files, full;
};

static int add_agreement(void *context, const struct vt_expression_value *value, uint32_t files)
{
	struct agreement *agreement = context;

	agreement->files += files;
	if (value->number == 1)
		agreement->full += files;
	return 0;
}

static int put_agreement(const struct card *card, struct vt_label_text key)
{
	struct agreement agreement = {0};
	int r = vt_label_index_facet(card->labels, card->version, key, VT_POSTING_AGREEMENT, NULL,
				     add_agreement, &agreement, card->err);

	if (r == 0 && agreement.files)
		vt_buf_printf(card->out, "- Nobody disagrees: %llu of %llu files (%.1f %%)\n",
			      (unsigned long long) agreement.full,
			      (unsigned long long) agreement.files,
			      100.0 * (double) agreement.full / (double) agreement.files);
	return r == -E2BIG ? 0 : r;
}

static int put_key(void *context, struct vt_label_text key)
{
	struct card *card = context;
	int r;

	if (card->keys++ >= VT_CARD_KEYS_MAX)
		return 0;
	vt_buf_printf(card->out, "\n\n### %.*s\n\n", (int) key.len, key.bytes);
	r = put_values(card, key);
	vt_buf_put_u8(card->out, '\n');
	if (r == 0)
		r = put_line(card, key, "Source", VT_POSTING_SOURCE, vt_label_sources, SIZE_MAX);
	if (r == 0)
		r = put_line(card, key, "Review", VT_POSTING_REVIEW, vt_label_reviews, SIZE_MAX);
	if (r == 0)
		r = put_line(card, key, "Annotators", VT_POSTING_ANNOTATOR, NULL, VT_CARD_NAMED);
	return r < 0 ? r : put_agreement(card, key);
}

int vt_card_put(struct vt_label_index *labels, const struct vt_version *version, struct vt_buf *out,
		struct vt_error *err)
{
	const struct vt_label_tree *tree = &version->labels;
	struct card card = {.labels = labels, .version = version, .out = out, .err = err};
	int r;

	if (tree->labels == 0)
		return 0;
	vt_buf_printf(
		out,
		"\n\n## Labels\n\n%llu labels of %u files, in `labels.jsonl`. Counts below are "
		"of files, by the label in force.",
		(unsigned long long) tree->labels, tree->files);
	r = vt_label_index_keys(labels, version, NULL, put_key, &card, err);
	if (r == 0 && card.keys > VT_CARD_KEYS_MAX)
		vt_buf_printf(out, "\n\nAnd %zu more keys.", card.keys - VT_CARD_KEYS_MAX);
	return r < 0 ? r : vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a card") : 0;
}
