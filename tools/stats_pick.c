/* SPDX-License-Identifier: Apache-2.0 */
/* See stats_pick.h. Which files there are to pick from, `select` says; their bytes come by `cat`.
 */
#include "tools/stats_pick.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "index/base/error.h"
#include "tools/cli.h"
#include "tools/selection.h"
#include "tools/stats_text.h"
#include "tools/target.h"

#define VALUES_MAX 12u /* of which there are images */

static const struct {
	const char *extension, *pattern, *media_type;
} kinds[] = {
	{".png", "*.[pP][nN][gG]", "image/png"},
	{".jpg", "*.[jJ][pP][gG]", "image/jpeg"},
	{".jpeg", "*.[jJ][pP][eE][gG]", "image/jpeg"},
	{".gif", "*.[gG][iI][fF]", "image/gif"},
	{".webp", "*.[wW][eE][bB][pP]", "image/webp"},
	{".avif", "*.[aA][vV][iI][fF]", "image/avif"},
	{".bmp", "*.[bB][mM][pP]", "image/bmp"},
};
#define KINDS (sizeof kinds / sizeof *kinds)

struct picked {
	struct vt_buf path, label, bytes;
};

struct vt_stats_pick {
	struct vt_cli *cli;
	const struct vt_target *target;
	struct picked files[VT_STATS_PICK_MAX];
	unsigned count, given;
	const json_t *value; /* of those that are picked now; NULL: none */
};

void vt_stats_pick_free(struct vt_stats_pick *pick)
{
	if (!pick)
		return;
	for (unsigned i = 0; i < VT_STATS_PICK_MAX; i++) {
		vt_buf_done(&pick->files[i].path);
		vt_buf_done(&pick->files[i].label);
		vt_buf_done(&pick->files[i].bytes);
	}
	free(pick);
}

/* ---- which ----------------------------------------------------------------------------------- */

static const json_t *key_to_show(const json_t *stats)
{
	const json_t *row, *best = NULL;
	size_t i;

	json_array_foreach(json_object_get(stats, "keys"), i, row)
	{
		if (strcmp(vt_json_text(row, "key", ""), "class") == 0)
			return row;
		if (!best || vt_json_count(row, "files") > vt_json_count(best, "files"))
			best = row;
	}
	return best;
}

/* A value as expressions have it. */
static void put_value(const json_t *value, struct vt_buf *out)
{
	const char *text = json_string_value(value);

	if (!text) {
		vt_autofree char *plain = json_dumps(value, JSON_ENCODE_ANY);

		vt_buf_printf(out, "%s", plain ? plain : "");
		return;
	}
	vt_buf_put_u8(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			vt_buf_put_u8(out, '\\');
		vt_buf_put_u8(out, (uint8_t) *text);
	}
	vt_buf_put_u8(out, '"');
}

/* Images that are small enough, with that value of the key if one is given. */
static void put_expression(const char *key, const json_t *value, struct vt_buf *out)
{
	vt_buf_printf(out, "size>0 and size<=%u and (", VT_STATS_PICK_SIZE);
	for (size_t i = 0; i < KINDS; i++)
		vt_buf_printf(out, "%sname~\"%s\"", i ? " or " : "", kinds[i].pattern);
	vt_buf_printf(out, ")");
	if (value) {
		vt_buf_printf(out, " and label.%s=", key);
		put_value(value, out);
	}
	vt_buf_put_u8(out, '\0');
}

static int note_path(void *context, const char *path, size_t len)
{
	struct vt_stats_pick *pick = context;
	struct picked *file = &pick->files[pick->count];

	if (pick->count == VT_STATS_PICK_MAX)
		return 0;
	vt_buf_put(&file->path, path, len);
	if (pick->value)
		vt_stats_put_value(pick->value, &file->label);
	pick->count++;
	return vt_buf_failed(&file->path) || vt_buf_failed(&file->label) ? -ENOMEM : 0;
}

static int pick_of(struct vt_stats_pick *pick, const char *key, const json_t *value, uint32_t most,
		   struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf expression = VT_BUF_INIT;

	pick->value = value;
	put_expression(key, value, &expression);
	if (vt_buf_failed(&expression))
		return vt_fail(err, ENOMEM, "no memory for an expression");
	return vt_selection_ask(pick->cli, pick->target, (const char *) expression.data, most,
				note_path, pick, NULL, err);
}

static int pick_paths(struct vt_stats_pick *pick, const json_t *stats, struct vt_error *err)
{
	const json_t *key = key_to_show(stats);
	const json_t *values = json_object_get(key, "values");
	size_t count = json_array_size(values);
	int r = 0;

	if (count == 0)
		return pick_of(pick, NULL, NULL, VT_STATS_PICK_MAX, err);
	if (count > VALUES_MAX)
		count = VALUES_MAX;
	for (size_t i = 0; i < count && r == 0; i++)
		r = pick_of(pick, vt_json_text(key, "key", ""),
			    json_object_get(json_array_get(values, i), "value"),
			    VT_STATS_PICK_MAX / (uint32_t) count, err);
	return r;
}

/* ---- what is in them ------------------------------------------------------------------------- */

static int take_blob(void *context, const json_t *row, const void *blob, size_t len)
{
	struct vt_buf *bytes = context;

	(void) row;
	if (bytes->len + len > VT_STATS_PICK_SIZE)
		return -EFBIG;
	vt_buf_put(bytes, blob, len);
	return vt_buf_failed(bytes) ? -ENOMEM : 0;
}

static int read_files(struct vt_stats_pick *pick, struct vt_error *err)
{
	int r = 0;

	for (unsigned i = 0; i < pick->count && r == 0; i++) {
		struct vt_target file = *pick->target;

		file.path = (const char *) pick->files[i].path.data;
		file.path_len = pick->files[i].path.len;
		r = vt_cli_call(pick->cli, "cat", vt_target_args(&file), take_blob,
				&pick->files[i].bytes, NULL, err);
	}
	return r;
}

int vt_stats_pick(struct vt_cli *cli, const struct vt_target *target, const json_t *stats,
		  struct vt_stats_pick **out, struct vt_error *err)
{
	vt_cleanup(vt_stats_pick_freep) struct vt_stats_pick *pick = calloc(1, sizeof *pick);
	int r;

	if (!pick)
		return vt_fail(err, ENOMEM, "no memory for sample images");
	pick->cli = cli;
	pick->target = target;
	r = pick_paths(pick, stats, err);
	if (r == 0)
		r = read_files(pick, err);
	if (r == 0)
		*out = vt_steal(&pick);
	return r;
}

/* ---- giving them ----------------------------------------------------------------------------- */

static const char *media_type_of(const struct vt_buf *path)
{
	for (size_t i = 0; i < KINDS; i++) {
		size_t len = strlen(kinds[i].extension);

		if (path->len > len && strncasecmp((const char *) path->data + path->len - len,
						   kinds[i].extension, len) == 0)
			return kinds[i].media_type;
	}
	return "";
}

static int next(void *context, struct vt_stats_sample *out, struct vt_error *err)
{
	struct vt_stats_pick *pick = context;
	const struct picked *file = &pick->files[pick->given];

	(void) err;
	if (pick->given == pick->count)
		return 0;
	pick->given++;
	*out = (struct vt_stats_sample){
		.bytes = file->bytes.data,
		.len = file->bytes.len,
		.media_type = media_type_of(&file->path),
		.path = (const char *) file->path.data,
		.path_len = file->path.len,
		.label = (const char *) file->label.data,
		.label_len = file->label.len,
	};
	return 1;
}

struct vt_stats_samples vt_stats_pick_samples(struct vt_stats_pick *pick)
{
	return (struct vt_stats_samples){
		.next = next,
		.context = pick,
		.most = VT_STATS_PICK_MAX,
		.bytes_max = VT_STATS_PICK_TOTAL,
	};
}
