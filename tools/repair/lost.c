/* SPDX-License-Identifier: Apache-2.0 */
/* See lost.h. */
#include "tools/repair/lost.h"

#include <stdio.h>

#include "tools/cli.h"
#include "tools/output.h"

static void print_line(const json_t *row, bool lost, const char *word)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;

	(void) printf("%s%s%s  %s@%s", vt_colour(lost ? VT_RED : VT_GREEN), word,
		      vt_colour(VT_PLAIN), vt_json_text(row, "dataset", ""),
		      vt_json_text(row, "version", ""));
	if (json_object_get(row, "path")) {
		vt_json_get_bytes(row, "path", &path);
		(void) putchar(':');
		vt_print_name(stdout, (const char *) path.data, path.len);
	} else {
		(void) fputs(", its list of changes", stdout);
	}
	(void) putchar('\n');
}

static void print(const struct vt_cli *cli, json_t *row, bool lost, const char *word)
{
	vt_cleanup(vt_json_freep) json_t *line = NULL;

	if (!cli->json) {
		print_line(row, lost, word);
		return;
	}
	line = json_pack("{s:O}", word, row);
	vt_print_json(line);
}

uint64_t vt_print_lost(const struct vt_cli *cli, const struct vt_damage *damage, bool lost,
		       const char *word)
{
	struct vt_digest content;
	uint64_t count = 0;
	json_t *row;
	size_t i;

	json_array_foreach(damage->names, i, row)
	{
		const struct vt_hurt *hurt = NULL;

		if (vt_digest_parse(vt_json_text(row, "content", ""), &content) == 0)
			hurt = vt_damage_find(damage, &content);
		if (!hurt || vt_damage_is_lost(damage, hurt) != lost)
			continue;
		print(cli, row, lost, word);
		count++;
	}
	return count;
}
