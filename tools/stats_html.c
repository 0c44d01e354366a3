/* SPDX-License-Identifier: Apache-2.0 */
/* See stats_html.h: the page from top to bottom. */
#include "tools/stats_html.h"

#include <errno.h>
#include <string.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "tools/output.h"
#include "tools/stats_html_parts.h"
#include "tools/stats_text.h"

#define ROWS_MAX    50u /* of a table; the rest is summed up or counted */
#define BUCKETS_MAX 65u

static const char head[] =
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	"img-src data:; style-src 'unsafe-inline'\">\n"
	"<style>\n"
	":root { --page: #f7f7f5; --card: #fff; --ink: #1d2129; --soft: #5c6470; --line: #dfe1e5; "
	"--bar: #3a6ea5; --track: #eceef1; --warn: #a35400; }\n"
	"@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2127; "
	"--ink: #e7e9ec; --soft: #9aa3af; --line: #333941; --bar: #6ea8e0; --track: #2a3038; "
	"--warn: #f0a04b; } }\n"
	"* { box-sizing: border-box; }\n"
	"body { margin: 0 auto; max-width: 75rem; padding: 1.5rem 1rem 3rem; background: "
	"var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }\n"
	"h1 { font-size: 1.6rem; margin: 0 0 1rem; overflow-wrap: anywhere; }\n"
	"h2 { font-size: 1.15rem; margin: 0 0 .75rem; overflow-wrap: anywhere; }\n"
	"h3 { font-size: .95rem; margin: 1.25rem 0 .4rem; }\n"
	"section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; "
	"padding: 1rem; margin: 0 0 1rem; }\n"
	".tiles { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fit, "
	"minmax(8.5rem, 1fr)); margin: 0 0 1rem; }\n"
	".tiles div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; "
	"padding: .6rem .8rem; }\n"
	".tiles b { display: block; font-size: 1.3rem; font-weight: 600; white-space: nowrap; }\n"
	".tiles span, .soft, .axis, figcaption { color: var(--soft); font-size: .87rem; }\n"
	".warn b, .warn { color: var(--warn); }\n"
	".columns { display: grid; gap: 1.25rem 2rem; grid-template-columns: repeat(auto-fit, "
	"minmax(min(100%, 26rem), 1fr)); align-items: start; }\n"
	".columns h3:first-child { margin-top: 0; }\n"
	"table { border-collapse: collapse; width: 100%; }\n"
	"th, td { padding: .16rem .6rem .16rem 0; text-align: left; vertical-align: top; "
	"font-weight: normal; overflow-wrap: anywhere; }\n"
	"thead th { color: var(--soft); font-size: .87rem; border-bottom: 1px solid "
	"var(--line); }\n"
	".n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; "
	"overflow-wrap: normal; width: 1%; }\n"
	".bar { width: 45%; padding-right: 0; }\n"
	".bar svg { display: block; width: 100%; height: .8rem; margin-top: .3rem; background: var(--track); "
	"border-radius: 2px; }\n"
	"@media (max-width: 34rem) { .bar { width: 22%; } body { padding: 1rem .6rem; } }\n"
	"rect { fill: var(--bar); }\n"
	"figure { margin: 0; }\n"
	".histogram { display: block; width: 100%; height: 7rem; border-bottom: 1px solid "
	"var(--soft); }\n"
	".axis { display: flex; justify-content: space-between; }\n"
	"ul { margin: .3rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }\n"
	".samples { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, "
	"minmax(7rem, 1fr)); }\n"
	".samples img { display: block; width: 100%; height: 7rem; object-fit: contain; "
	"background: var(--track); border-radius: 4px; image-rendering: auto; }\n"
	"figcaption { overflow-wrap: anywhere; line-height: 1.25; padding-top: .25rem; }\n"
	"figcaption b { color: var(--ink); }\n"
	"</style>\n";

/* ---- the top ---- */

static void put_tile(struct vt_buf *out, uint64_t count, const char *what, bool warn)
{
	vt_buf_printf(out, "<div%s><b>", warn && count > 0 ? " class=\"warn\"" : "");
	vt_html_count(out, count);
	vt_buf_printf(out, "</b><span>%s</span></div>\n", what);
}

static void put_top(struct vt_buf *out, const json_t *stats, const char *title)
{
	char size[16];

	vt_format_size(vt_stats_count(stats, "bytes"), size);
	vt_buf_printf(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n%s<title>", head);
	vt_html_plain(out, title, strlen(title));
	vt_buf_printf(out, "</title>\n</head>\n<body>\n<h1>");
	vt_html_text(out, title, strlen(title));
	vt_buf_printf(out, "</h1>\n<div class=\"tiles\">\n");
	put_tile(out, vt_stats_count(stats, "files"), "files", false);
	vt_buf_printf(out, "<div><b>%s</b><span>in all</span></div>\n", size);
	put_tile(out, vt_stats_count(stats, "labels"), "labels", false);
	put_tile(out, vt_stats_count(stats, "labelled"), "labelled files", false);
	put_tile(out, vt_stats_count(stats, "unlabelled"), "unlabelled files", true);
	put_tile(out, vt_stats_count(json_object_get(stats, "duplicates"), "files"),
		 "files with a duplicate", true);
	if (json_is_object(json_object_get(stats, "leakage")))
		put_tile(out, vt_stats_count(json_object_get(stats, "leakage"), "contents"),
			 "contents under two splits", true);
	vt_buf_printf(out, "</div>\n");
}

/* ---- tables with bars ---- */

typedef void put_name(struct vt_buf *out, const json_t *row);

static void name_value(struct vt_buf *out, const json_t *row)
{
	vt_html_value(out, json_object_get(row, "value"));
}

static void name_annotator(struct vt_buf *out, const json_t *row)
{
	vt_html_member(out, row, "annotator");
}

static void name_extension(struct vt_buf *out, const json_t *row)
{
	if (json_string_length(json_object_get(row, "extension")) == 0)
		vt_buf_printf(out, "<i>none</i>");
	else
		vt_html_member(out, row, "extension");
}

static void put_bars(struct vt_buf *out, const json_t *list, put_name *put, uint64_t others,
		     uint64_t all)
{
	uint64_t most = 0;
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *) list, i, row)
	{
		uint64_t files = vt_stats_count(row, "files");

		if (i < ROWS_MAX)
			most = files > most ? files : most;
		else
			others += files;
	}
	most = others > most ? others : most;
	vt_buf_printf(out, "<table><tbody>\n");
	json_array_foreach((json_t *) list, i, row)
	{
		vt_cleanup(vt_buf_done) struct vt_buf name = VT_BUF_INIT;

		if (i == ROWS_MAX)
			break;
		put(&name, row);
		vt_html_bar_row(out, &name, vt_stats_count(row, "files"), most, all);
	}
	if (others > 0) {
		vt_cleanup(vt_buf_done) struct vt_buf name = VT_BUF_INIT;

		vt_buf_printf(&name, "<i>all others</i>");
		vt_html_bar_row(out, &name, others, most, all);
	}
	vt_buf_printf(out, "</tbody></table>\n");
}

/* Members with a count, our own words: {"human": 3, "model": 0}. */
static void put_parts(struct vt_buf *out, const char *title, const json_t *parts, uint64_t all)
{
	const char *name;
	const json_t *count;

	vt_buf_printf(out, "<h3>%s</h3>\n<table><tbody>\n", title);
	json_object_foreach((json_t *) parts, name, count)
	{
		vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

		if (json_integer_value(count) == 0)
			continue;
		vt_html_text(&text, name, strlen(name));
		vt_html_bar_row(out, &text, (uint64_t) json_integer_value(count), all, all);
	}
	vt_buf_printf(out, "</tbody></table>\n");
}

/* ---- a key ---- */

static void put_confidence(struct vt_buf *out, const json_t *confidence, uint64_t files)
{
	const json_t *buckets = json_object_get(confidence, "buckets");
	uint64_t counts[BUCKETS_MAX], without = vt_stats_count(confidence, "without");
	size_t count = json_array_size(buckets);

	if (without >= files || count > BUCKETS_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		counts[i] = (uint64_t) json_integer_value(json_array_get(buckets, i));
	vt_buf_printf(out, "<h3>Confidence</h3>\n");
	vt_html_histogram(out, "files by confidence from 0 to 1", counts, count, "0", "1");
	if (without > 0) {
		vt_buf_printf(out, "<p class=\"soft\">");
		vt_html_count(out, without);
		vt_buf_printf(out, " files without</p>\n");
	}
}

static void put_pairs(struct vt_buf *out, const json_t *pairs)
{
	const json_t *pair;
	size_t i;

	if (json_array_size(pairs) == 0)
		return;
	vt_buf_printf(out, "<table><thead><tr><th scope=\"col\" colspan=\"2\">annotators</th>"
			   "<th scope=\"col\" class=\"n\">files</th>"
			   "<th scope=\"col\" class=\"n\">agree</th>"
			   "<th scope=\"col\" class=\"n\">kappa</th></tr></thead><tbody>\n");
	json_array_foreach((json_t *) pairs, i, pair)
	{
		if (i == ROWS_MAX)
			break;
		vt_buf_printf(out, "<tr><td>");
		vt_html_member(out, pair, "a");
		vt_buf_printf(out, "</td><td>");
		vt_html_member(out, pair, "b");
		vt_buf_printf(out, "</td><td class=\"n\">");
		vt_html_count(out, vt_stats_count(pair, "files"));
		vt_buf_printf(out, "</td><td class=\"n\">");
		vt_stats_put_figure(json_object_get(pair, "raw"), out);
		vt_buf_printf(out, "</td><td class=\"n\">");
		vt_stats_put_figure(json_object_get(pair, "kappa"), out);
		vt_buf_printf(out, "</td></tr>\n");
	}
	vt_buf_printf(out, "</tbody></table>\n");
	if (json_array_size(pairs) > ROWS_MAX)
		vt_buf_printf(out, "<p class=\"soft\">and %zu pairs more</p>\n",
			      json_array_size(pairs) - ROWS_MAX);
}

static void put_agreement(struct vt_buf *out, const json_t *agreement)
{
	const char *metric = json_string_value(json_object_get(agreement, "metric"));

	if (vt_stats_count(agreement, "files") == 0)
		return;
	vt_buf_printf(out, "<h3>Agreement</h3>\n<p>raw ");
	vt_stats_put_figure(json_object_get(agreement, "raw"), out);
	vt_buf_printf(out, ", Krippendorff&#39;s alpha ");
	vt_stats_put_figure(json_object_get(agreement, "alpha"), out);
	vt_buf_printf(out, " <span class=\"soft\">(%s)</span>",
		      metric && strcmp(metric, "interval") == 0 ? "interval" : "nominal");
	if (json_is_number(json_object_get(agreement, "kappa"))) {
		vt_buf_printf(out, ", Cohen&#39;s kappa ");
		vt_stats_put_figure(json_object_get(agreement, "kappa"), out);
	}
	vt_buf_printf(out, ", over ");
	vt_html_count(out, vt_stats_count(agreement, "files"));
	vt_buf_printf(out, " files that two or more have labelled</p>\n");
	put_pairs(out, json_object_get(agreement, "pairs"));
}

static void put_remarks(struct vt_buf *out, const json_t *key)
{
	vt_buf_printf(out, "<p class=\"soft\">");
	vt_html_count(out, vt_stats_count(key, "files"));
	vt_buf_printf(out, " files, ");
	vt_html_count(out, vt_stats_count(key, "values_distinct"));
	vt_buf_printf(out, "%s values, ",
		      json_is_true(json_object_get(key, "values_complete")) ? "" : " or more");
	vt_html_count(out, vt_stats_count(key, "labels"));
	vt_buf_printf(out, " labels");
	if (vt_stats_count(key, "disputed") > 0) {
		vt_buf_printf(out, ", <span class=\"warn\">");
		vt_html_count(out, vt_stats_count(key, "disputed"));
		vt_buf_printf(out, " disputed</span>");
	}
	if (vt_stats_count(key, "undecided") > 0) {
		vt_buf_printf(out, ", ");
		vt_html_count(out, vt_stats_count(key, "undecided"));
		vt_buf_printf(out, " files with rejected labels only");
	}
	vt_buf_printf(out, "</p>\n");
}

static void put_key(struct vt_buf *out, const json_t *key)
{
	uint64_t files = vt_stats_count(key, "files");

	vt_buf_printf(out, "<section>\n<h2>");
	vt_html_member(out, key, "key");
	vt_buf_printf(out, "</h2>\n");
	put_remarks(out, key);
	vt_buf_printf(out, "<div class=\"columns\">\n<div>\n<h3>Values</h3>\n");
	put_bars(out, json_object_get(key, "values"), name_value,
		 vt_stats_count(key, "values_others"), files);
	put_confidence(out, json_object_get(key, "confidence"), files);
	vt_buf_printf(out, "</div>\n<div>\n<h3>Annotators</h3>\n");
	put_bars(out, json_object_get(key, "annotators"), name_annotator,
		 vt_stats_count(key, "annotators_others"), files);
	put_parts(out, "Sources", json_object_get(key, "sources"), files);
	put_parts(out, "Review", json_object_get(key, "reviews"), files);
	put_agreement(out, json_object_get(key, "agreement"));
	vt_buf_printf(out, "</div>\n</div>\n</section>\n");
}

/* ---- files ---- */

static void put_sizes(struct vt_buf *out, const json_t *sizes)
{
	uint64_t counts[BUCKETS_MAX];
	size_t count = json_array_size(sizes);
	char left[16], right[16];

	if (count == 0 || count > BUCKETS_MAX)
		return;
	for (size_t i = 0; i < count; i++)
		counts[i] = vt_stats_count(json_array_get(sizes, i), "files");
	vt_format_size(vt_stats_count(json_array_get(sizes, 0), "from"), left);
	vt_format_size(vt_stats_count(json_array_get(sizes, count - 1), "below"), right);
	vt_html_histogram(out, "files by size, in powers of two", counts, count, left, right);
}

static void put_files(struct vt_buf *out, const json_t *stats)
{
	vt_buf_printf(out, "<section>\n<h2>Files</h2>\n<div class=\"columns\">\n<div>\n"
			   "<h3>Sizes, in powers of two</h3>\n");
	put_sizes(out, json_object_get(stats, "sizes"));
	vt_buf_printf(out, "</div>\n<div>\n<h3>Types, by name</h3>\n");
	put_bars(out, json_object_get(stats, "extensions"), name_extension,
		 vt_stats_count(json_object_get(stats, "extensions_others"), "files"),
		 vt_stats_count(stats, "files"));
	vt_buf_printf(out, "</div>\n</div>\n</section>\n");
}

static void put_group(struct vt_buf *out, const json_t *group)
{
	const json_t *paths = json_object_get(group, "paths"), *path;
	uint64_t files = vt_stats_count(group, "files");
	char size[16];
	size_t i;

	vt_format_size(vt_stats_count(group, "size"), size);
	vt_buf_printf(out, "<li>");
	vt_html_count(out, files);
	vt_buf_printf(out, " files of %s: ", size);
	json_array_foreach((json_t *) paths, i, path)
	{
		vt_buf_printf(out, i ? ", " : "");
		vt_html_member(out, path, "path");
	}
	vt_buf_printf(out, files > json_array_size(paths) ? ", &hellip;</li>\n" : "</li>\n");
}

static void put_duplicates(struct vt_buf *out, const json_t *duplicates)
{
	const json_t *group;
	char size[16];
	size_t i;

	if (vt_stats_count(duplicates, "groups") == 0)
		return;
	vt_format_size(vt_stats_count(duplicates, "bytes"), size);
	vt_buf_printf(out, "<section>\n<h2>Exact duplicates</h2>\n<p>");
	vt_html_count(out, vt_stats_count(duplicates, "files"));
	vt_buf_printf(out, " files have ");
	vt_html_count(out, vt_stats_count(duplicates, "groups"));
	vt_buf_printf(out, " contents between them; %s are repeated.</p>\n<ul>\n", size);
	json_array_foreach(json_object_get(duplicates, "examples"), i, group) put_group(out, group);
	vt_buf_printf(out, "</ul>\n</section>\n");
}

static void put_leakage(struct vt_buf *out, const json_t *leakage)
{
	const json_t *row;
	size_t i;

	if (vt_stats_count(leakage, "contents") == 0)
		return;
	vt_buf_printf(out, "<section>\n<h2>Leakage</h2>\n<p class=\"warn\">");
	vt_html_count(out, vt_stats_count(leakage, "contents"));
	vt_buf_printf(out, vt_stats_count(leakage, "contents") == 1
				   ? " content stands under two values of "
				   : " contents stand under two values of ");
	vt_html_member(out, leakage, "key");
	vt_buf_printf(out, ".</p>\n<table><tbody>\n");
	json_array_foreach(json_object_get(leakage, "examples"), i, row)
	{
		vt_buf_printf(out, "<tr><td>");
		vt_html_member(out, row, "path");
		vt_buf_printf(out, "</td><td>");
		vt_html_value(out, json_object_get(row, "value"));
		vt_buf_printf(out, "</td><td>");
		vt_html_member(out, row, "other_path");
		vt_buf_printf(out, "</td><td>");
		vt_html_value(out, json_object_get(row, "other_value"));
		vt_buf_printf(out, "</td></tr>\n");
	}
	vt_buf_printf(out, "</tbody></table>\n</section>\n");
}

/* ---- samples ---- */

static bool is_image(const char *media_type)
{
	static const char *const known[] = {"image/png",  "image/jpeg", "image/gif",
					    "image/webp", "image/avif", "image/bmp"};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(media_type, known[i]) == 0)
			return true;
	return false;
}

static void put_sample(struct vt_buf *out, const struct vt_stats_sample *sample)
{
	vt_buf_printf(out, "<figure><img alt=\"\" src=\"data:%s;base64,", sample->media_type);
	vt_html_base64(out, sample->bytes, sample->len);
	vt_buf_printf(out, "\"><figcaption>");
	if (sample->label_len > 0) {
		vt_buf_printf(out, "<b>");
		vt_html_text(out, sample->label, sample->label_len);
		vt_buf_printf(out, "</b> ");
	}
	vt_html_text(out, sample->path, sample->path_len);
	vt_buf_printf(out, "</figcaption></figure>\n");
}

static int put_samples(struct vt_buf *out, const struct vt_stats_samples *samples,
		       struct vt_error *err)
{
	struct vt_stats_sample sample;
	size_t left = samples->bytes_max;
	unsigned shown = 0;
	int r = 0;

	while (shown < samples->most && (r = samples->next(samples->context, &sample, err)) == 1) {
		if (!is_image(sample.media_type) || sample.len > left)
			continue;
		if (shown++ == 0)
			vt_buf_printf(out,
				      "<section>\n<h2>Samples</h2>\n<div class=\"samples\">\n");
		put_sample(out, &sample);
		left -= sample.len;
	}
	if (shown > 0)
		vt_buf_printf(out, "</div>\n</section>\n");
	return r < 0 ? r : 0;
}

int vt_stats_html(const json_t *stats, const char *title, const struct vt_stats_samples *samples,
		  struct vt_buf *out, struct vt_error *err)
{
	const json_t *key;
	size_t i;
	int r;

	put_top(out, stats, title);
	json_array_foreach(json_object_get(stats, "keys"), i, key) put_key(out, key);
	r = samples ? put_samples(out, samples, err) : 0;
	if (r < 0)
		return r;
	put_files(out, stats);
	put_duplicates(out, json_object_get(stats, "duplicates"));
	put_leakage(out, json_object_get(stats, "leakage"));
	vt_buf_printf(out, "</body>\n</html>\n");
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a page") : 0;
}
