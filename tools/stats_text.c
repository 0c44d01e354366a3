/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stats_text.h. A section is a heading and rows of three columns: a name, figures, and a bar
 * over what is left of the line, to the scale of its longest one.
 */
#include "tools/stats_text.h"

#include <langinfo.h>
#include <locale.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "index/base/cleanup.h"
#include "index/number.h"
#include "tools/output.h"

#define WIDTH_MIN  40u
#define NAME_ROOM  24u /* columns of a name */
#define COLOUR_BAR "\033[34m"
#define COLOUR_END "\033[0m"

struct view {
	const struct vt_stats_look *look;
	struct vt_buf *out;
	unsigned width;
};

/* ---- words ---- */

uint64_t vt_stats_count(const json_t *object, const char *key)
{
	json_int_t count = json_integer_value(json_object_get(object, key));

	return count > 0 ? (uint64_t) count : 0;
}

void vt_stats_put_count(uint64_t count, struct vt_buf *out)
{
	char text[32];

	vt_format_count(count, text);
	vt_buf_printf(out, "%s", text);
}

void vt_stats_put_value(const json_t *value, struct vt_buf *out)
{
	char text[VT_NUMBER_TEXT];

	if (json_is_string(value)) {
		vt_buf_put(out, json_string_value(value), json_string_length(value));
	} else if (json_is_number(value)) {
		vt_number_format(json_number_value(value), text);
		vt_buf_printf(out, "%s", text);
	} else {
		vt_buf_printf(out, "%s", json_is_true(value) ? "true" : "false");
	}
}

void vt_stats_put_figure(const json_t *figure, struct vt_buf *out)
{
	if (json_is_number(figure))
		vt_buf_printf(out, "%.2f", json_number_value(figure));
	else
		vt_buf_printf(out, "-");
}

void vt_stats_put_range(const json_t *row, struct vt_buf *out)
{
	uint64_t from = vt_stats_count(row, "from"), below = vt_stats_count(row, "below");
	char least[16], most[16];

	vt_format_size(from, least);
	vt_format_size(below, most);
	if (below == from + 1)
		vt_buf_printf(out, "%s", least);
	else
		vt_buf_printf(out, "%s to %s", least, most);
}

/* ---- columns ---- */

static bool is_first_byte(uint8_t byte)
{
	return (byte & 0xc0) != 0x80;
}

/* Code points, as output.c has it. */
static unsigned columns_of(const struct vt_buf *text)
{
	unsigned count = 0;

	for (size_t i = 0; i < text->len; i++)
		count += is_first_byte(text->data[i]);
	return count;
}

/* Escapes `raw` into `most` columns. */
static void fit(const struct view *view, const struct vt_buf *raw, unsigned most,
		struct vt_buf *out)
{
	const char *mark = view->look->utf8 ? "\xe2\x80\xa6" : "...";
	unsigned mark_columns = view->look->utf8 ? 1 : 3, columns = 0;
	size_t end = 0;

	vt_escape((const char *) raw->data, raw->len, out);
	if (columns_of(out) <= most)
		return;
	for (; end < out->len; end++) {
		if (is_first_byte(out->data[end]) && columns++ == most - mark_columns)
			break;
	}
	out->len = end;
	vt_buf_printf(out, "%s", mark);
}

static void pad(struct vt_buf *out, unsigned columns)
{
	vt_buf_printf(out, "%*s", (int) columns, "");
}

/* ---- bars ---- */

/* Eighths of a column, or whole ones. What is more than nothing shows. */
static void put_bar(const struct view *view, uint64_t part, uint64_t whole, unsigned room)
{
	static const char *const eighths[] = {"",
					      "\xe2\x96\x8f",
					      "\xe2\x96\x8e",
					      "\xe2\x96\x8d",
					      "\xe2\x96\x8c",
					      "\xe2\x96\x8b",
					      "\xe2\x96\x8a",
					      "\xe2\x96\x89"};
	unsigned steps = view->look->utf8 ? 8 : 1;
	double share = whole ? (double) part / (double) whole : 0;
	unsigned length = (unsigned) (share * room * steps + 0.5);

	if (length == 0 && part > 0)
		length = 1;
	if (length == 0)
		return;
	vt_buf_printf(view->out, " %s", view->look->colour ? COLOUR_BAR : "");
	for (unsigned i = 0; i < length / steps; i++)
		vt_buf_printf(view->out, "%s", view->look->utf8 ? "\xe2\x96\x88" : "#");
	vt_buf_printf(view->out, "%s", eighths[view->look->utf8 ? length % 8 : 0]);
	if (view->look->colour)
		vt_buf_printf(view->out, COLOUR_END);
}

struct bar_row {
	struct vt_buf name; /* raw */
	uint64_t count;
};

static void put_row(const struct view *view, const struct bar_row *row, unsigned name_room,
		    unsigned count_room, uint64_t most, uint64_t all)
{
	vt_cleanup(vt_buf_done) struct vt_buf name = VT_BUF_INIT;
	unsigned used = 2 + name_room + 2 + count_room + 8 + 1;
	unsigned room = view->width > used + 4 ? view->width - used : 4;
	char count[32];

	fit(view, &row->name, name_room, &name);
	vt_format_count(row->count, count);
	vt_buf_printf(view->out, "  ");
	vt_buf_put(view->out, name.data, name.len);
	pad(view->out, name_room - columns_of(&name));
	vt_buf_printf(view->out, "  %*s  %5.1f%%", (int) count_room, count,
		      all ? 100.0 * (double) row->count / (double) all : 0);
	put_bar(view, row->count, most, room);
	vt_buf_printf(view->out, "\n");
}

/* The shares are those of `all`. */
static void put_rows(const struct view *view, const struct bar_row *rows, size_t count,
		     uint64_t all)
{
	unsigned name_room = 0, count_room = 0;
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++) {
		vt_cleanup(vt_buf_done) struct vt_buf name = VT_BUF_INIT;
		char text[32];

		fit(view, &rows[i].name, NAME_ROOM, &name);
		vt_format_count(rows[i].count, text);
		if (columns_of(&name) > name_room)
			name_room = columns_of(&name);
		if (strlen(text) > count_room)
			count_room = (unsigned) strlen(text);
		if (rows[i].count > most)
			most = rows[i].count;
	}
	for (size_t i = 0; i < count; i++)
		put_row(view, &rows[i], name_room, count_room, most, all);
}

/* ---- lists of the document as rows ---- */

typedef void name_row(const json_t *row, struct vt_buf *out);

static void name_value(const json_t *row, struct vt_buf *out)
{
	vt_stats_put_value(json_object_get(row, "value"), out);
	if (out->len == 0)
		vt_buf_printf(out, "(empty)");
}

static void name_extension(const json_t *row, struct vt_buf *out)
{
	vt_buf_printf(out, ".");
	vt_json_get_bytes(row, "extension", out);
	if (out->len == 1) {
		vt_buf_reset(out);
		vt_buf_printf(out, "(none)");
	}
}

static void name_annotator(const json_t *row, struct vt_buf *out)
{
	vt_json_get_bytes(row, "annotator", out);
}

/* `others`: of rows that the list does not have. */
static void put_list(const struct view *view, const json_t *list, name_row *name, uint64_t others,
		     uint64_t all)
{
	size_t count = json_array_size(list), shown = count;
	struct bar_row *rows;

	/* A histogram is shown whole. */
	if (shown > view->look->rows && name != vt_stats_put_range)
		shown = view->look->rows;
	rows = calloc(shown + 1, sizeof *rows);
	if (!rows) {
		view->out->failed = true;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const json_t *row = json_array_get(list, i);
		uint64_t files = vt_stats_count(row, "files");

		if (i >= shown) {
			others += files;
			continue;
		}
		name(row, &rows[i].name);
		rows[i].count = files;
	}
	if (others > 0) {
		vt_buf_printf(&rows[shown].name, "(all others)");
		rows[shown].count = others;
	}
	put_rows(view, rows, shown + (others > 0), all);
	for (size_t i = 0; i <= shown; i++)
		vt_buf_done(&rows[i].name);
	free(rows);
}

/* ---- a key ---- */

/* "  sources    human 12, model 3", without what is 0; nothing if all are. */
static void put_parts(const struct view *view, const char *title, const json_t *parts)
{
	const char *name;
	const json_t *count;
	bool any = false;

	json_object_foreach((json_t *) parts, name, count)
	{
		if (json_integer_value(count) == 0)
			continue;
		if (!any)
			vt_buf_printf(view->out, "  %-11s ", title);
		vt_buf_printf(view->out, "%s%s ", any ? ", " : "", name);
		vt_stats_put_count((uint64_t) json_integer_value(count), view->out);
		any = true;
	}
	if (any)
		vt_buf_printf(view->out, "\n");
}

/* A column a bucket, in eighths of a line or ten steps of ASCII. */
static void put_confidence(const struct view *view, const json_t *confidence)
{
	const json_t *buckets = json_object_get(confidence, "buckets"), *bucket;
	const unsigned levels = view->look->utf8 ? 8 : 9;
	json_int_t most = 0, all = 0;
	size_t i;

	json_array_foreach((json_t *) buckets, i, bucket)
	{
		all += json_integer_value(bucket);
		if (json_integer_value(bucket) > most)
			most = json_integer_value(bucket);
	}
	if (all == 0)
		return;
	vt_buf_printf(view->out, "  %-11s 0 ", "confidence");
	json_array_foreach((json_t *) buckets, i, bucket)
	{
		double share = (double) json_integer_value(bucket) / (double) most;
		unsigned level = (unsigned) (share * levels + 0.5);

		if (level == 0 && json_integer_value(bucket) > 0)
			level = 1;
		if (level == 0)
			vt_buf_printf(view->out, view->look->utf8 ? " " : ".");
		else if (view->look->utf8)
			vt_buf_printf(view->out, "\xe2\x96%c", (char) (0x80 + level));
		else
			vt_buf_printf(view->out, "%u", level);
	}
	vt_buf_printf(view->out, " 1   ");
	vt_stats_put_count(vt_stats_count(confidence, "without"), view->out);
	vt_buf_printf(view->out, " without\n");
}

static void put_pair(const struct view *view, const json_t *pair)
{
	static const char *const ends[] = {"a", "b"};

	vt_buf_printf(view->out, "    ");
	for (int i = 0; i < 2; i++) {
		vt_cleanup(vt_buf_done) struct vt_buf raw = VT_BUF_INIT, name = VT_BUF_INIT;

		vt_json_get_bytes(pair, ends[i], &raw);
		fit(view, &raw, 12, &name);
		vt_buf_put(view->out, name.data, name.len);
		pad(view->out, 13 - columns_of(&name));
	}
	vt_buf_printf(view->out, "raw ");
	vt_stats_put_figure(json_object_get(pair, "raw"), view->out);
	vt_buf_printf(view->out, ", kappa ");
	vt_stats_put_figure(json_object_get(pair, "kappa"), view->out);
	vt_buf_printf(view->out, "  (");
	vt_stats_put_count(vt_stats_count(pair, "files"), view->out);
	vt_buf_printf(view->out, " files)\n");
}

static void put_agreement(const struct view *view, const json_t *agreement)
{
	const json_t *pairs = json_object_get(agreement, "pairs");
	size_t count = json_array_size(pairs);

	if (vt_stats_count(agreement, "files") == 0)
		return;
	vt_buf_printf(view->out, "  %-11s raw ", "agreement");
	vt_stats_put_figure(json_object_get(agreement, "raw"), view->out);
	vt_buf_printf(view->out, ", alpha ");
	vt_stats_put_figure(json_object_get(agreement, "alpha"), view->out);
	if (json_is_number(json_object_get(agreement, "kappa"))) {
		vt_buf_printf(view->out, ", kappa ");
		vt_stats_put_figure(json_object_get(agreement, "kappa"), view->out);
	}
	vt_buf_printf(view->out, "  (");
	vt_stats_put_count(vt_stats_count(agreement, "files"), view->out);
	vt_buf_printf(view->out, " files by two or more)\n");
	for (size_t i = 0; count > 1 && i < count && i < view->look->rows; i++)
		put_pair(view, json_array_get(pairs, i));
	if (count > view->look->rows)
		vt_buf_printf(view->out, "    and %zu pairs more\n", count - view->look->rows);
}

static void put_key(const struct view *view, const json_t *key)
{
	uint64_t files = vt_stats_count(key, "files");

	vt_buf_printf(view->out, "\n%s: ", json_string_value(json_object_get(key, "key")));
	vt_stats_put_count(files, view->out);
	vt_buf_printf(view->out, " files, ");
	vt_stats_put_count(vt_stats_count(key, "values_distinct"), view->out);
	vt_buf_printf(view->out, "%s values",
		      json_is_true(json_object_get(key, "values_complete")) ? "" : " or more");
	if (vt_stats_count(key, "disputed") > 0) {
		vt_buf_printf(view->out, ", ");
		vt_stats_put_count(vt_stats_count(key, "disputed"), view->out);
		vt_buf_printf(view->out, " disputed");
	}
	if (vt_stats_count(key, "undecided") > 0) {
		vt_buf_printf(view->out, ", ");
		vt_stats_put_count(vt_stats_count(key, "undecided"), view->out);
		vt_buf_printf(view->out, " rejected");
	}
	vt_buf_printf(view->out, "\n");
	put_list(view, json_object_get(key, "values"), name_value,
		 vt_stats_count(key, "values_others"), files);
	put_confidence(view, json_object_get(key, "confidence"));
	put_parts(view, "sources", json_object_get(key, "sources"));
	put_parts(view, "reviews", json_object_get(key, "reviews"));
	vt_buf_printf(view->out, "  annotators\n");
	put_list(view, json_object_get(key, "annotators"), name_annotator,
		 vt_stats_count(key, "annotators_others"), files);
	put_agreement(view, json_object_get(key, "agreement"));
}

/* ---- files ---- */

static void put_heading(const struct view *view, const json_t *stats)
{
	char size[16];

	vt_format_size(vt_stats_count(stats, "bytes"), size);
	vt_buf_printf(view->out, "%s: ", view->look->title);
	vt_stats_put_count(vt_stats_count(stats, "files"), view->out);
	vt_buf_printf(view->out, " files, %s\n", size);
	vt_stats_put_count(vt_stats_count(stats, "labelled"), view->out);
	vt_buf_printf(view->out, " labelled, ");
	vt_stats_put_count(vt_stats_count(stats, "unlabelled"), view->out);
	vt_buf_printf(view->out, " not, ");
	vt_stats_put_count(vt_stats_count(stats, "labels"), view->out);
	vt_buf_printf(view->out, " labels\n");
}

static void put_path(const struct view *view, const json_t *row, const char *key,
		     const json_t *value)
{
	vt_cleanup(vt_buf_done) struct vt_buf raw = VT_BUF_INIT;

	vt_json_get_bytes(row, key, &raw);
	vt_escape((const char *) raw.data, raw.len, view->out);
	if (value) {
		vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT, cut = VT_BUF_INIT;

		vt_stats_put_value(value, &text);
		fit(view, &text, NAME_ROOM, &cut);
		vt_buf_printf(view->out, " (%.*s)", (int) cut.len, (const char *) cut.data);
	}
}

static void put_duplicates(const struct view *view, const json_t *duplicates)
{
	const json_t *group, *path;
	size_t i, k;
	char size[16];

	if (vt_stats_count(duplicates, "groups") == 0)
		return;
	vt_format_size(vt_stats_count(duplicates, "bytes"), size);
	vt_buf_printf(view->out, "\nduplicates: ");
	vt_stats_put_count(vt_stats_count(duplicates, "files"), view->out);
	vt_buf_printf(view->out, " files have ");
	vt_stats_put_count(vt_stats_count(duplicates, "groups"), view->out);
	vt_buf_printf(view->out, " contents between them, %s repeated\n", size);
	json_array_foreach(json_object_get(duplicates, "examples"), i, group)
	{
		uint64_t files = vt_stats_count(group, "files");

		if (i == 5)
			break;
		vt_format_size(vt_stats_count(group, "size"), size);
		vt_buf_printf(view->out, "  %llu of %s\n", (unsigned long long) files, size);
		json_array_foreach(json_object_get(group, "paths"), k, path)
		{
			vt_buf_printf(view->out, "    ");
			put_path(view, path, "path", NULL);
			vt_buf_printf(view->out, "\n");
		}
	}
}

static void put_leakage(const struct view *view, const json_t *leakage)
{
	const json_t *row;
	size_t i;

	if (vt_stats_count(leakage, "contents") == 0)
		return;
	vt_buf_printf(view->out, "\nleakage: ");
	vt_stats_put_count(vt_stats_count(leakage, "contents"), view->out);
	vt_buf_printf(view->out, "%s under two values of %s\n",
		      vt_stats_count(leakage, "contents") == 1 ? " content stands"
							       : " contents stand",
		      json_string_value(json_object_get(leakage, "key")));
	json_array_foreach(json_object_get(leakage, "examples"), i, row)
	{
		if (i == 5)
			break;
		vt_buf_printf(view->out, "  ");
		put_path(view, row, "path", json_object_get(row, "value"));
		vt_buf_printf(view->out, " is ");
		put_path(view, row, "other_path", json_object_get(row, "other_value"));
		vt_buf_printf(view->out, "\n");
	}
}

void vt_stats_text(const json_t *stats, const struct vt_stats_look *look, struct vt_buf *out)
{
	struct view view = {look, out, look->width < WIDTH_MIN ? WIDTH_MIN : look->width};
	uint64_t files = vt_stats_count(stats, "files");
	const json_t *key;
	size_t i;

	put_heading(&view, stats);
	json_array_foreach(json_object_get(stats, "keys"), i, key) put_key(&view, key);
	if (files > 0) {
		vt_buf_printf(out, "\nsizes\n");
		put_list(&view, json_object_get(stats, "sizes"), vt_stats_put_range, 0, files);
		vt_buf_printf(out, "\ntypes\n");
		put_list(&view, json_object_get(stats, "extensions"), name_extension,
			 vt_stats_count(json_object_get(stats, "extensions_others"), "files"),
			 files);
	}
	put_duplicates(&view, json_object_get(stats, "duplicates"));
	put_leakage(&view, json_object_get(stats, "leakage"));
}

/* ---- the terminal ---- */

static bool is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t) 0);
	bool yes = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

	if (locale)
		freelocale(locale);
	return yes;
}

struct vt_stats_look vt_stats_look_of(FILE *out, const char *title)
{
	struct vt_stats_look look = {.title = title, .width = 80, .utf8 = is_utf8(), .rows = 20};
	struct winsize size;

	if (isatty(fileno(out))) {
		if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
			look.width = size.ws_col;
		look.colour = *vt_colour(VT_BLUE) != '\0';
	}
	return look;
}
