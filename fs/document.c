/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See document.h. The texts are written by hand rather than through a JSON library: a piece must
 * come out to the byte the same from publisher and server, and there is one per entry of a dataset.
 */
#include "fs/document.h"

#include <endian.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "fs/provenance.h"
#include "index/base/cleanup.h"
#include "index/base/clock.h"
#include "index/base/utf8.h"

static const char *const names[VT_DOCUMENT_COUNT] = {
	[VT_DOCUMENT_README] = "README.md",      [VT_DOCUMENT_MANIFEST] = "manifest.json",
	[VT_DOCUMENT_SHA256SUMS] = "SHA256SUMS", [VT_DOCUMENT_CHANGES] = "changes.json",
	[VT_DOCUMENT_LABELS] = "labels.jsonl",   [VT_DOCUMENT_CROISSANT] = "croissant.json",
};

const char *vt_document_name(enum vt_document document)
{
	return names[document];
}

int vt_document_by_name(const char *name, size_t len)
{
	for (int i = 0; i < VT_DOCUMENT_COUNT; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i;
	return -1;
}

/* ---- JSON and time --------------------------------------------------------------------------- */

/* Quoted. Bytes that are no UTF-8 become U+FFFD each; tells whether there were any. */
static bool put_json_string(struct vt_buf *out, const char *text, size_t len)
{
	const uint8_t *s = (const uint8_t *) text;
	size_t plain = 0; /* what stands as it is begins here */
	bool clean = true;
	uint32_t code;

	vt_buf_put_u8(out, '"');
	for (size_t i = 0, step; i < len; i += step) {
		step = vt_utf8_decode(s + i, len - i, &code);
		if (step > 0 && s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] != 0x7f)
			continue;
		vt_buf_put(out, s + plain, i - plain);
		if (step == 0) {
			vt_buf_put(out, "\xef\xbf\xbd", 3);
			clean = false;
			step = 1;
		} else if (s[i] == '"' || s[i] == '\\') {
			vt_buf_put_u8(out, '\\');
			vt_buf_put_u8(out, s[i]);
		} else {
			vt_buf_printf(out, "\\u%04x", s[i]);
		}
		plain = i + step;
	}
	vt_buf_put(out, s + plain, len - plain);
	vt_buf_put_u8(out, '"');
	return clean;
}

static void put_json_text(struct vt_buf *out, const char *text)
{
	(void) put_json_string(out, text, strlen(text));
}

/* "KEY": string, and "KEY_hex" with the exact bytes when they are no UTF-8. */
static void put_json_name(struct vt_buf *out, const char *key, const char *name, size_t len)
{
	vt_buf_printf(out, "\"%s\": ", key);
	if (put_json_string(out, name, len))
		return;
	vt_buf_printf(out, ", \"%s_hex\": \"", key);
	for (size_t i = 0; i < len; i++)
		vt_buf_printf(out, "%02x", (uint8_t) name[i]);
	vt_buf_put_u8(out, '"');
}

static void put_digest(struct vt_buf *out, const struct vt_digest *digest)
{
	char hex[VT_DIGEST_HEX];

	vt_digest_format(digest, hex);
	vt_buf_put(out, hex, VT_DIGEST_HEX - 1);
}

static void put_time(struct vt_buf *out, uint64_t ns)
{
	time_t seconds = (time_t) (ns / VT_NS_PER_SEC);
	char text[32];
	struct tm tm;

	(void) gmtime_r(&seconds, &tm);
	(void) strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	vt_buf_put(out, text, strlen(text));
}

/* ---- heads and tails ------------------------------------------------------------------------- */

/* As code in Markdown, in one line: the fence is longer than any row of backticks in it. */
static void put_code(struct vt_buf *out, const struct vt_buf *text)
{
	size_t longest = 0, row = 0;

	for (size_t i = 0; i < text->len; i++) {
		row = text->data[i] == '`' ? row + 1 : 0;
		longest = row > longest ? row : longest;
	}
	for (size_t i = 0; i <= longest; i++)
		vt_buf_put_u8(out, '`');
	vt_buf_printf(out, longest ? " " : "");
	for (size_t i = 0; i < text->len; i++)
		vt_buf_put_u8(out, text->data[i] < 0x20 ? ' ' : text->data[i]);
	vt_buf_printf(out, longest ? " " : "");
	for (size_t i = 0; i <= longest; i++)
		vt_buf_put_u8(out, '`');
}

/* What a curated version was made of. */
static void put_made_of(const struct vt_version *version, struct vt_buf *out)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	json_auto_t *provenance = json_loads(version->provenance, 0, NULL);
	const char *digest = json_string_value(json_object_get(provenance, "source_digest"));
	const char *tool = json_string_value(json_object_get(provenance, "tool"));

	if (!provenance)
		return;
	vt_provenance_say(provenance, &text);
	vt_buf_printf(out, "\n- Made of: ");
	put_code(out, &text);
	if (digest)
		vt_buf_printf(out, "\n- Digest of what it was made of: %s", digest);
	if (tool)
		vt_buf_printf(out, "\n- Made by: %s", tool);
}

/* What it follows. */
static void put_parent(const struct vt_version *version, struct vt_buf *out)
{
	const char *dot = strrchr(version->name, '.');

	if (version->revision && dot)
		vt_buf_printf(out, "\n- Revision %u of the labels of %.*s, whose files it has",
			      version->revision, (int) (dot - version->name), version->name);
	if (!vt_digest_is_zero(&version->parent_digest)) {
		vt_buf_printf(out, "\n- Follows the version with digest ");
		put_digest(out, &version->parent_digest);
		vt_buf_printf(out, " (`vitrine log` has the history)");
	}
}

/* The versions before may be removed, and this text must stay: it is what the record keeps. */
static void put_history(const struct vt_version *version, struct vt_buf *out)
{
	const struct vt_history *history = &version->history;
	struct vt_reader rows = vt_reader_over(history->rows, history->len);
	struct vt_ancestor row;

	if (history->count == 0)
		return;
	vt_buf_printf(out, "\n\n## Versions before\n");
	while (vt_history_next(&rows, &row)) {
		vt_buf_printf(out, "\n- %s by %s on ", row.name, row.author);
		put_time(out, row.created_ns);
		vt_buf_printf(out, ": %llu files, digest ", (unsigned long long) row.files);
		put_digest(out, &row.digest);
	}
	if (history->more)
		vt_buf_printf(out, "\n- others before");
}

static void put_readme(const struct vt_dataset *dataset, const struct vt_version *version,
		       struct vt_buf *out)
{
	const struct vt_counts *n = &version->counts;

	vt_buf_printf(out, "# %s, %s\n\n", dataset->name, version->name);
	if (*version->message)
		vt_buf_printf(out, "%s\n\n", version->message);
	vt_buf_printf(out, "%llu files, %llu directories, %llu symbolic links, %llu bytes.\n\n",
		      (unsigned long long) n->files, (unsigned long long) n->directories,
		      (unsigned long long) n->symlinks, (unsigned long long) n->bytes);
	vt_buf_printf(out, "- Published by %s on ", version->author);
	put_time(out, version->created_ns);
	vt_buf_printf(out, "\n- Licence: %s\n- Version digest: ",
		      *version->licence ? version->licence : "not stated");
	put_digest(out, &version->digest);
	vt_buf_printf(out, "\n- Tree digest: ");
	put_digest(out, &version->tree_digest);
	put_parent(version, out);
	put_made_of(version, out);
}

static void put_readme_end(const struct vt_version *version, struct vt_buf *out)
{
	put_history(version, out);
	vt_buf_printf(
		out,
		"\n\nThe files are in `../../%s`. Beside this file: `manifest.json` (every entry), "
		"`SHA256SUMS`\n(check with `sha256sum -c` from inside the version), "
		"`changes.json` (against the version before),\n`labels.jsonl` and "
		"`croissant.json` (https://mlcommons.org/croissant).\n",
		version->name);
}

/* What manifest.json and changes.json begin with; `list` is the name of what follows. */
static void put_json_head(const struct vt_dataset *dataset, const struct vt_version *version,
			  const char *list, struct vt_buf *out)
{
	const struct vt_counts *n = &version->counts;

	vt_buf_printf(out, "{\"dataset\": ");
	put_json_text(out, dataset->name);
	vt_buf_printf(out, ",\n \"version\": ");
	put_json_text(out, version->name);
	vt_buf_printf(out, ",\n \"digest\": \"");
	put_digest(out, &version->digest);
	vt_buf_printf(out, "\",\n \"tree\": \"");
	put_digest(out, &version->tree_digest);
	if (vt_digest_is_zero(&version->parent_digest)) {
		vt_buf_printf(out, "\",\n \"parent\": null");
	} else {
		vt_buf_printf(out, "\",\n \"parent\": \"");
		put_digest(out, &version->parent_digest);
		vt_buf_put_u8(out, '"');
	}
	vt_buf_printf(out, ",\n \"author\": ");
	put_json_text(out, version->author);
	vt_buf_printf(out, ",\n \"created\": \"");
	put_time(out, version->created_ns);
	vt_buf_printf(out, "\",\n \"message\": ");
	put_json_text(out, version->message);
	vt_buf_printf(out, ",\n \"licence\": ");
	put_json_text(out, version->licence);
	vt_buf_printf(out,
		      ",\n \"files\": %llu, \"directories\": %llu, \"symlinks\": %llu, "
		      "\"bytes\": %llu,\n \"%s\": ",
		      (unsigned long long) n->files, (unsigned long long) n->directories,
		      (unsigned long long) n->symlinks, (unsigned long long) n->bytes, list);
}

/* Nobody compared a curated version with the one before. */
static bool lacks_changes(const struct vt_version *version)
{
	return !vt_digest_is_zero(&version->parent_digest) && vt_digest_is_zero(&version->changes);
}

void vt_document_head(enum vt_document document, const struct vt_dataset *dataset,
		      const struct vt_version *version, struct vt_buf *out)
{
	switch (document) {
	case VT_DOCUMENT_README:
		put_readme(dataset, version, out);
		break;
	case VT_DOCUMENT_MANIFEST:
		put_json_head(dataset, version, "entries", out);
		vt_buf_put_u8(out, '[');
		break;
	case VT_DOCUMENT_CHANGES:
		put_json_head(dataset, version, "changes", out);
		vt_buf_printf(out, "%s", lacks_changes(version) ? "null" : "[");
		break;
	default:
		break;
	}
}

void vt_document_tail(enum vt_document document, const struct vt_dataset *dataset,
		      const struct vt_version *version, struct vt_buf *out)
{
	(void) dataset;
	if (document == VT_DOCUMENT_README)
		put_readme_end(version, out);
	if (document == VT_DOCUMENT_CHANGES && lacks_changes(version))
		vt_buf_printf(out, "}\n");
	else if (document == VT_DOCUMENT_MANIFEST || document == VT_DOCUMENT_CHANGES)
		vt_buf_printf(out, "\n]}\n");
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* As `sha256sum` writes it: a name with a newline, return or backslash is escaped, and says so. */
static void put_sum(const char *path, size_t len, const struct vt_digest *digest,
		    struct vt_buf *out)
{
	bool escape = memchr(path, '\n', len) || memchr(path, '\\', len) || memchr(path, '\r', len);

	if (escape)
		vt_buf_put_u8(out, '\\');
	put_digest(out, digest);
	vt_buf_put(out, "  ", 2);
	if (!escape) {
		vt_buf_put(out, path, len);
	} else {
		for (size_t i = 0; i < len; i++) {
			if (path[i] == '\n')
				vt_buf_put(out, "\\n", 2);
			else if (path[i] == '\r')
				vt_buf_put(out, "\\r", 2);
			else if (path[i] == '\\')
				vt_buf_put(out, "\\\\", 2);
			else
				vt_buf_put_u8(out, (uint8_t) path[i]);
		}
	}
	vt_buf_put_u8(out, '\n');
}

static const char *type_name(enum vt_entry_type type)
{
	return type == VT_FILE ? "file" : type == VT_DIRECTORY ? "directory" : "symlink";
}

static void put_manifest_entry(const char *path, size_t path_len, const struct vt_entry *entry,
			       struct vt_buf *out)
{
	vt_buf_put_u8(out, '{');
	put_json_name(out, "path", path, path_len);
	vt_buf_printf(out, ", \"type\": \"%s\", \"mode\": \"%04o\", \"mtime\": \"%lld.%09u\"",
		      type_name(entry->type), entry->mode, (long long) entry->mtime_sec,
		      entry->mtime_nsec);
	if (entry->type == VT_FILE) {
		vt_buf_printf(out, ", \"size\": %llu, \"sha256\": \"",
			      (unsigned long long) entry->size);
		put_digest(out, &entry->content);
		vt_buf_put_u8(out, '"');
	} else if (entry->type == VT_SYMLINK) {
		vt_buf_put(out, ", ", 2);
		put_json_name(out, "target", entry->target, entry->target_len);
	}
	vt_buf_put_u8(out, '}');
}

void vt_document_piece(enum vt_document document, const char *path, size_t path_len,
		       const struct vt_entry *entry, uint32_t position, struct vt_buf *out)
{
	if (position == 0)
		return;
	if (document == VT_DOCUMENT_SHA256SUMS && entry->type == VT_FILE) {
		put_sum(path, path_len, &entry->content, out);
	} else if (document == VT_DOCUMENT_MANIFEST) {
		vt_buf_put(out, position == 1 ? "\n  " : ",\n  ", position == 1 ? 3 : 4);
		put_manifest_entry(path, path_len, entry, out);
	}
}

void vt_document_change(enum vt_change change, const char *path, size_t path_len,
			const struct vt_entry *before, const struct vt_entry *after, bool first,
			struct vt_buf *out)
{
	const char *word = change == VT_ADDED     ? "added"
			   : change == VT_REMOVED ? "removed"
			   : change == VT_CHANGED ? "changed"
						  : "metadata";

	vt_buf_printf(out, "%s\n  {\"change\": \"%s\", ", first ? "" : ",", word);
	put_json_name(out, "path", path, path_len);
	vt_buf_printf(out, ", \"type\": \"%s\"", type_name((after ? after : before)->type));
	if (before && before->type == VT_FILE) {
		vt_buf_printf(out, ", \"before\": {\"size\": %llu, \"sha256\": \"",
			      (unsigned long long) before->size);
		put_digest(out, &before->content);
		vt_buf_put(out, "\"}", 2);
	}
	if (after && after->type == VT_FILE) {
		vt_buf_printf(out, ", \"after\": {\"size\": %llu, \"sha256\": \"",
			      (unsigned long long) after->size);
		put_digest(out, &after->content);
		vt_buf_put(out, "\"}", 2);
	}
	vt_buf_put_u8(out, '}');
}

/* ---- outline --------------------------------------------------------------------------------- */

/* The documents whose body is made of pieces. */
static const enum vt_document pieced[VT_OUTLINE_PIECES] = {VT_DOCUMENT_MANIFEST,
							   VT_DOCUMENT_SHA256SUMS};

bool vt_document_is_pieced(enum vt_document document)
{
	return document == VT_DOCUMENT_MANIFEST || document == VT_DOCUMENT_SHA256SUMS;
}

void vt_outline_init(struct vt_outline *outline)
{
	*outline = (struct vt_outline){0};
}

void vt_outline_done(struct vt_outline *outline)
{
	for (int i = 0; i < VT_DOCUMENT_COUNT; i++)
		vt_buf_done(&outline->rows[i]);
	vt_buf_done(&outline->scratch);
}

int vt_outline_add(struct vt_outline *outline, const char *path, size_t path_len,
		   const struct vt_entry *entry, uint32_t position)
{
	uint64_t pieces[VT_OUTLINE_PIECES];

	for (size_t i = 0; i < VT_OUTLINE_PIECES; i++) {
		vt_buf_reset(&outline->scratch);
		vt_document_piece(pieced[i], path, path_len, entry, position, &outline->scratch);
		if (vt_buf_failed(&outline->scratch))
			return -ENOMEM;
		pieces[i] = outline->scratch.len;
	}
	return vt_outline_add_known(outline, pieces, position);
}

int vt_outline_add_known(struct vt_outline *outline, const uint64_t pieces[VT_OUTLINE_PIECES],
			 uint32_t position)
{
	for (size_t i = 0; i < VT_OUTLINE_PIECES; i++) {
		uint64_t *size = &outline->size[pieced[i]];
		struct vt_buf *rows = &outline->rows[pieced[i]];

		while (rows->len / 8 <= position / VT_OUTLINE_BLOCK && !vt_buf_failed(rows))
			vt_buf_put_le64(rows, *size);
		if (vt_buf_failed(rows))
			return -ENOMEM;
		*size += pieces[i];
		outline->added[i] = pieces[i];
	}
	return 0;
}

void vt_outline_key(uint64_t outline, enum vt_document document, uint32_t block,
		    uint8_t key[VT_OUTLINE_KEY])
{
	outline = htobe64(outline);
	block = htobe32(block);
	memcpy(key, &outline, sizeof outline);
	key[8] = (uint8_t) document;
	memcpy(key + 9, &block, sizeof block);
}

int vt_outline_rows(const struct vt_outline *outline, uint64_t id, vt_outline_row *each,
		    void *context, struct vt_error *err)
{
	int r = 0;

	for (unsigned document = 0; document < VT_DOCUMENT_COUNT; document++) {
		const struct vt_buf *rows = &outline->rows[document];
		uint32_t blocks = (uint32_t) (rows->len / VT_OUTLINE_VALUE);

		for (uint32_t block = 0; r == 0 && block < blocks; block++) {
			uint8_t key[VT_OUTLINE_KEY];

			vt_outline_key(id, (enum vt_document) document, block, key);
			r = each(context, key, rows->data + (size_t) block * VT_OUTLINE_VALUE, err);
		}
	}
	return r;
}
