/* SPDX-License-Identifier: Apache-2.0 */
/* The generated texts are what their readers expect, whatever the names hold. */
#include "fs/document.h"

#include <jansson.h>
#include <string.h>

#include "tests/unit/suite.h"

static const struct vt_dataset dataset = {.id = 1, .name = "lab/birds"};

static struct vt_version make_version(void)
{
	struct vt_version version = {.name = "v1",
				     .author = "ann \"a\"",
				     .message = "a\nb",
				     .licence = "",
				     .provenance = ""};

	version.counts.files = 2;
	return version;
}

static const char *text_of(struct vt_buf *buf)
{
	vt_buf_put_u8(buf, 0);
	ck_assert(!vt_buf_failed(buf));
	return (const char *) buf->data;
}

static struct vt_entry file_named(const char *name)
{
	struct vt_entry entry = {.type = VT_FILE,
				 .mode = 0644,
				 .size = 3,
				 .mtime_sec = -5,
				 .mtime_nsec = 7,
				 .name = name,
				 .name_len = strlen(name),
				 .nodes = 1};

	vt_digest_of("abc", 3, &entry.content);
	return entry;
}

START_TEST(sums_escape_as_sha256sum_does)
{
	struct vt_entry entry = file_named("x");
	struct vt_buf out = VT_BUF_INIT;

	vt_document_piece(VT_DOCUMENT_SHA256SUMS, "plain \xff", 7, &entry, 1, &out);
	vt_document_piece(VT_DOCUMENT_SHA256SUMS, "a\nb\\c", 5, &entry, 2, &out);
	ck_assert_str_eq(
		text_of(&out),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  plain \xff\n"
		"\\ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\\nb\\\\c\n");
	vt_buf_done(&out);
}
END_TEST

START_TEST(only_files_have_sums)
{
	struct vt_entry entry = {.type = VT_DIRECTORY, .nodes = 1};
	struct vt_buf out = VT_BUF_INIT;

	vt_document_piece(VT_DOCUMENT_SHA256SUMS, "dir", 3, &entry, 1, &out);
	ck_assert_uint_eq(out.len, 0);
	vt_buf_done(&out);
}
END_TEST

START_TEST(the_manifest_is_json_with_any_name)
{
	static const char *const names[] = {
		"plain",          "quote\"\\",    "tab\tdel\x7f",     "caf\xc3\xa9",
		"broken\xff\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf"};
	const size_t count = sizeof names / sizeof *names;
	struct vt_version version = make_version();
	struct vt_buf out = VT_BUF_INIT;
	json_t *json, *entries;

	vt_document_head(VT_DOCUMENT_MANIFEST, &dataset, &version, &out);
	for (size_t i = 0; i < count; i++) {
		struct vt_entry entry = file_named(names[i]);

		vt_document_piece(VT_DOCUMENT_MANIFEST, names[i], strlen(names[i]), &entry,
				  (uint32_t) i + 1, &out);
	}
	vt_document_tail(VT_DOCUMENT_MANIFEST, &dataset, &version, &out);
	json = json_loadb((char *) out.data, out.len, 0, NULL);
	ck_assert_ptr_nonnull(json);
	entries = json_object_get(json, "entries");
	ck_assert_uint_eq(json_array_size(entries), count);
	for (size_t i = 0; i < count; i++) {
		json_t *entry = json_array_get(entries, i);

		if (i < 4)
			ck_assert_str_eq(json_string_value(json_object_get(entry, "path")),
					 names[i]);
		ck_assert_int_eq(json_object_get(entry, "path_hex") != NULL, i >= 4);
	}
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(entries, 7), "path_hex")),
			 "c0af");
	ck_assert_str_eq(json_string_value(json_object_get(json, "message")), "a\nb");
	json_decref(json);
	vt_buf_done(&out);
}
END_TEST

START_TEST(changes_are_json)
{
	struct vt_version version = make_version();
	struct vt_entry before = file_named("x"), after = file_named("x");
	struct vt_buf out = VT_BUF_INIT;
	json_t *json;

	after.size = 9;
	vt_document_head(VT_DOCUMENT_CHANGES, &dataset, &version, &out);
	vt_document_change(VT_ADDED, "new", 3, NULL, &after, true, &out);
	vt_document_change(VT_CHANGED, "x", 1, &before, &after, false, &out);
	vt_document_tail(VT_DOCUMENT_CHANGES, &dataset, &version, &out);
	json = json_loadb((char *) out.data, out.len, 0, NULL);
	ck_assert_ptr_nonnull(json);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "changes")), 2);
	json_decref(json);
	vt_buf_done(&out);
}
END_TEST

START_TEST(the_outline_says_where_blocks_begin)
{
	struct vt_entry root = {.type = VT_DIRECTORY}, entry = file_named("x");
	struct vt_buf body = VT_BUF_INIT;
	struct vt_outline outline;
	struct vt_reader rows;

	vt_outline_init(&outline);
	ck_assert_int_eq(vt_outline_add(&outline, "", 0, &root, 0), 0);
	for (uint32_t position = 1; position <= 2 * VT_OUTLINE_BLOCK; position++) {
		if (position == VT_OUTLINE_BLOCK) {
			ck_assert_uint_eq(body.len, outline.size[VT_DOCUMENT_SHA256SUMS]);
		}
		ck_assert_int_eq(vt_outline_add(&outline, "x", 1, &entry, position), 0);
		vt_document_piece(VT_DOCUMENT_SHA256SUMS, "x", 1, &entry, position, &body);
	}
	ck_assert_uint_eq(outline.rows[VT_DOCUMENT_SHA256SUMS].len, 3 * 8);
	rows = vt_reader_over(outline.rows[VT_DOCUMENT_SHA256SUMS].data, 24);
	ck_assert_uint_eq(vt_reader_le64(&rows), 0);
	ck_assert_uint_eq(vt_reader_le64(&rows), (VT_OUTLINE_BLOCK - 1) * 68);
	ck_assert_uint_eq(vt_reader_le64(&rows), (2 * VT_OUTLINE_BLOCK - 1) * 68);
	ck_assert_uint_eq(outline.size[VT_DOCUMENT_SHA256SUMS], body.len);
	vt_buf_done(&body);
	vt_outline_done(&outline);
}
END_TEST

static void expect_in_card(const struct vt_version *version, const char *line)
{
	struct vt_buf out = VT_BUF_INIT;

	vt_document_head(VT_DOCUMENT_README, &dataset, version, &out);
	ck_assert_msg(strstr(text_of(&out), line) != NULL, "no '%s' in %s", line, out.data);
	vt_buf_done(&out);
}

START_TEST(the_card_says_what_a_version_was_made_of)
{
	struct vt_version version = make_version();

	version.provenance =
		"{\"by\": \"curate\", \"source\": \"a@v1\", \"source_digest\": \"00ff\", "
		"\"where\": \"x=\\\"``\\n\\\"\", \"split\": {\"p\": \"0.5\", \"q\": "
		"\"0.5\"}, \"seed\": 7, \"tool\": \"vitrine 1\"}";
	expect_in_card(&version,
		       "\n- Made of: ``` a@v1 where x=\"`` \"; split p=0.5,q=0.5, seed 7 ```\n"
		       "- Digest of what it was made of: 00ff\n- Made by: vitrine 1");
}
END_TEST

START_TEST(the_card_names_the_versions_before_by_digest)
{
	struct vt_version version = make_version();

	version.name = "one.2.3";
	version.revision = 3;
	version.parent_digest.bytes[0] = 0xab;
	expect_in_card(&version, "\n- Revision 3 of the labels of one.2, whose files it has\n"
				 "- Follows the version with digest ab0000");
}
END_TEST

static const char *tail_of(const struct vt_version *version, struct vt_buf *out)
{
	vt_document_tail(VT_DOCUMENT_README, &dataset, version, out);
	vt_buf_put_u8(out, 0);
	return (const char *) out->data;
}

START_TEST(the_card_has_the_history_that_the_record_keeps)
{
	vt_cleanup(vt_buf_done) struct vt_buf rows = VT_BUF_INIT, out = VT_BUF_INIT;
	struct vt_version before = make_version(), version = make_version();

	ck_assert_ptr_null(strstr(tail_of(&version, &out), "before\n"));
	vt_buf_reset(&out);
	before.name = "v1";
	before.author = "ada";
	before.counts.files = 12;
	before.digest = (struct vt_digest){{0xcd}};
	before.created_ns = 1700000000000000000;
	version.history = vt_history_after(&before, &rows);
	ck_assert_ptr_nonnull(
		strstr(tail_of(&version, &out),
		       "\n\n## Versions before\n\n- v1 by ada on 2023-11-14T22:13:20Z: "
		       "12 files, digest cd00"));
	ck_assert_ptr_null(strstr((const char *) out.data, "- others before\n"));
	version.history.more = true;
	vt_buf_reset(&out);
	ck_assert_ptr_nonnull(strstr(tail_of(&version, &out), "\n- others before\n\nThe files"));
}
END_TEST

VT_SUITE(document, sums_escape_as_sha256sum_does, only_files_have_sums,
	 the_manifest_is_json_with_any_name, changes_are_json, the_outline_says_where_blocks_begin,
	 the_card_says_what_a_version_was_made_of, the_card_names_the_versions_before_by_digest,
	 the_card_has_the_history_that_the_record_keeps)
