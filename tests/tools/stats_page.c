/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows a document of statistics without a store: stats_page html|utf8|ascii FILE [WIDTH]; of a
 * page, [IMAGES]. It gets sample images, drawn here, with names as hostile as names can be, and
 * room for seven.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/stats_html.h"
#include "tools/stats_text.h"

const struct vt_command *const vt_commands[] = {NULL};

#define SIDE  16u
#define IMAGE (54 + 3 * SIDE * SIDE)
#define EXTRA 2u /* bytes behind it, so that not all images are a multiple of three */

struct samples {
	unsigned next;
	uint8_t image[IMAGE + EXTRA];
};

/* A bitmap of one colour that fades: BITMAPFILEHEADER, BITMAPINFOHEADER, rows. */
static void draw(uint8_t *image, unsigned number)
{
	static const uint8_t head[54] = {
		'B', 'M', [10] = 54, [14] = 40, [18] = SIDE, [22] = SIDE, [26] = 1, [28] = 24};

	memcpy(image, head, sizeof head);
	image[2] = IMAGE & 0xff;
	image[3] = IMAGE >> 8;
	memcpy(image + IMAGE, "xy", EXTRA);
	for (unsigned i = 0; i < SIDE * SIDE; i++)
		for (unsigned c = 0; c < 3; c++)
			image[54 + 3 * i + c] =
				(uint8_t) (c == number % 3 ? 255 - i / 2 : i / SIDE * 8);
}

static int next_sample(void *context, struct vt_stats_sample *out, struct vt_error *error)
{
	static const char *const labels[] = {"cat", "<b>dog</b>", "", "\"onload=\"alert(1)"};
	static const char *const paths[] = {"train/0001.png", "a/<script>.png", "\xff\xfe\x1b[31m",
					    "a path that is rather long for its image.png"};
	struct samples *samples = context;
	unsigned i = samples->next++ % 4;

	draw(samples->image, samples->next);
	*out = (struct vt_stats_sample){samples->image,
					IMAGE + samples->next % (EXTRA + 1),
					samples->next == 3 ? "image/svg+xml" : "image/bmp",
					paths[i],
					strlen(paths[i]),
					labels[i],
					strlen(labels[i])};
	return samples->next > 9 ? 0 : 1;
}

static json_t *load(const char *path)
{
	json_error_t error;
	json_t *json = json_load_file(path, 0, &error);

	if (!json)
		errx(1, "%s: %s", path, error.text);
	return json;
}

int main(int argc, char **argv)
{
	struct samples drawn = {0};
	struct vt_stats_samples samples = {next_sample, &drawn, 6, (size_t) 7 * (IMAGE + EXTRA)};
	vt_cleanup(vt_buf_done) struct vt_buf out = VT_BUF_INIT;
	struct vt_stats_look look = {.title = "pets@v2", .width = 80, .rows = 20};
	struct vt_error error;
	json_t *stats;

	if (argc < 3)
		errx(2, "stats_page html|utf8|ascii FILE [WIDTH|IMAGES]");
	stats = load(argv[2]);
	look.utf8 = strcmp(argv[1], "utf8") == 0;
	if (argc > 3)
		look.width = samples.most = (unsigned) atoi(argv[3]);
	if (strcmp(argv[1], "html") != 0)
		vt_stats_text(stats, &look, &out);
	else if (vt_stats_html(stats, "pets@v2 <&>", &samples, &out, &error) < 0)
		errx(1, "%s", error.text);
	json_decref(stats);
	if (vt_buf_failed(&out) || fwrite(out.data, 1, out.len, stdout) != out.len)
		errx(1, "cannot write the page");
	return 0;
}
