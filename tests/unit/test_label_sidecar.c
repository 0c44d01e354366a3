/* SPDX-License-Identifier: Apache-2.0 */
/* Labels out of WebDataset's sidecars: which files they are of, what they say, what is refused. */
#include "tests/unit/label_files.h"
#include "tools/labels/sidecar.h"

static const char *const names[] = {"d/7.jpg",  "d/7.mask.png", "d/7.cls", "d/7.json",
				    "d/71.jpg", "7.jpg",        "d.x/7",   "d/8.json"};
#define FILES (sizeof names / sizeof *names)

static struct vt_label_text text_of(const char *text)
{
	return (struct vt_label_text){text, strlen(text)};
}

static int read_into(struct vt_sidecar *out, const char *path, const void *bytes, size_t len,
		     const struct vt_label_options *options, struct vt_error *err)
{
	struct vt_label_text files[FILES];

	for (size_t i = 0; i < FILES; i++)
		files[i] = text_of(names[i]);
	return vt_sidecar_read(text_of(path), bytes, len, files, FILES, options, out, err);
}

static void gives(const char *path, const char *text, const char *lines, size_t skipped)
{
	struct vt_buf all = VT_BUF_INIT;
	struct vt_sidecar sidecar;
	struct vt_error err = {0};
	int r = read_into(&sidecar, path, text, strlen(text), &usual, &err);

	ck_assert_msg(r == 0, "%s", err.text);
	for (size_t i = 0; i < sidecar.count; i++)
		vt_label_line_put(&sidecar.rows[i], &all);
	vt_buf_put_u8(&all, 0);
	ck_assert_str_eq((char *) all.data, lines);
	ck_assert_uint_eq(sidecar.skipped, skipped);
	vt_buf_done(&all);
	vt_sidecar_done(&sidecar);
}

#define LABEL(path, key, value)                                                                    \
	"{\"path\":\"" path "\",\"key\":\"" key "\",\"value\":" value                              \
	",\"annotator\":\"ann\",\"source\":\"import\",\"review\":\"submitted\","                   \
	"\"time\":\"1970-01-01T00:00:01Z\"}\n"
#define BOTH(key, value) LABEL("d/7.jpg", key, value) LABEL("d/7.mask.png", key, value)

START_TEST(a_class_is_of_all_other_files_of_its_sample)
{
	gives("d/7.cls", "3", BOTH("class", "3"), 0);
	gives("d/7.cls", " -1\r\n", BOTH("class", "-1"), 0);
	gives("d/7.cls", "007\n", BOTH("class", "\"007\""), 0);
	gives("d/7.cls", "7 cats", BOTH("class", "\"7 cats\""), 0);
	gives("d/7.cls", "tabby cat\n", BOTH("class", "\"tabby cat\""), 0);
}
END_TEST

START_TEST(members_that_are_no_label_are_counted)
{
	struct vt_sidecar sidecar;

	gives("d/7.json", "{\"age\": 1.50, \"na\\u006de\": \"a\\nb\", \"ok\": true}\n",
	      LABEL("d/7.jpg", "age", "1.5") LABEL("d/7.mask.png", "age", "1.5")
		      BOTH("name", "\"a\\u000ab\"") BOTH("ok", "true"),
	      0);
	gives("d/7.json", "{\"a b\":1,\"box\":[1],\"n\":null,\"o\":{\"x\":1},\"k\":false}",
	      BOTH("k", "false"), 4);
	gives("d/7.json", "{}", "", 0);
	ck_assert_int_eq(
		read_into(&sidecar, "d/7.json", "{\"box\":[1],\"n\":null}", 20, &usual, NULL), 0);
	ck_assert_uint_eq(sidecar.first_skipped.len, 3);
	ck_assert_int_eq(memcmp(sidecar.first_skipped.bytes, "box", 3), 0);
	vt_sidecar_done(&sidecar);
}
END_TEST

START_TEST(options_fill_in_what_is_open)
{
	struct vt_label_options options = {
		.annotator = "bob", .key = "digit", .source = VT_LABEL_HUMAN};
	struct vt_sidecar sidecar;

	ck_assert_int_eq(read_into(&sidecar, "d/7.cls", "3", 1, &options, NULL), 0);
	ck_assert_uint_eq(sidecar.rows[0].label.key.len, 5);
	ck_assert_int_eq(memcmp(sidecar.rows[0].label.key.bytes, "digit", 5), 0);
	ck_assert_int_eq(sidecar.rows[0].label.source, VT_LABEL_HUMAN);
	vt_sidecar_done(&sidecar);
}
END_TEST

static void refuses_bytes(const char *path, const void *bytes, size_t len, const char *sentence)
{
	struct vt_sidecar sidecar = {.count = 77};
	struct vt_error err = {0};

	ck_assert_int_eq(read_into(&sidecar, path, bytes, len, &usual, &err), -EINVAL);
	ck_assert_str_eq(err.text, sentence);
	ck_assert_uint_eq(sidecar.count, 77);
}

static void refuses(const char *path, const char *text, const char *sentence)
{
	refuses_bytes(path, text, strlen(text), sentence);
}

START_TEST(sidecars_that_are_bad_are_refused)
{
	static char great[VT_SIDECAR_MAX + 1];

	refuses("d/7.cls", "", "'d/7.cls': it is empty");
	refuses("d/7.cls", " \n", "'d/7.cls': it is empty");
	refuses("d/7.cls", "a\nb\n", "'d/7.cls': it has more than a line");
	refuses("d/7.cls", "a\x1b", "'d/7.cls': the value has control characters");
	refuses("d/7.cls", "12345678901234567891",
		"'d/7.cls': the number 12345678901234567891 is not kept exactly; make it a text");
	refuses_bytes("d/7.cls", "a\0", 2, "'d/7.cls': there is a NUL");
	refuses("d/8.json", "{}", "'d/8.json': there is no other file of its sample");
	refuses("d/7.json", "[]", "'d/7.json': it is no object");
	refuses("d/7.json", "{\"a\":1,\"a\":1}",
		"'d/7.json': it is no JSON: duplicate object key near '\"a\"' at byte 10");
	refuses("d/7.json", "{\"a\":\"\\u0001\"}",
		"'d/7.json': a: the value has control characters");
	memset(great, 'a', sizeof great);
	refuses_bytes("d/7.cls", great, sizeof great, "'d/7.cls': it is longer than 65536 bytes");
	refuses_bytes("d/7.cls", great, sizeof great - 1,
		      "'d/7.cls': the value is longer than 4096 bytes");
}
END_TEST

START_TEST(names_say_what_is_a_sidecar)
{
	ck_assert(vt_is_sidecar(text_of("a.cls")));
	ck_assert(vt_is_sidecar(text_of("x.y/a.json")));
	ck_assert(!vt_is_sidecar(text_of("a.b.cls")));
	ck_assert(!vt_is_sidecar(text_of("x.cls/a")));
	ck_assert(!vt_is_sidecar(text_of("cls")));
	ck_assert_uint_eq(vt_sample_of(text_of("x.y/a.b.c")).len, 5);
	ck_assert_uint_eq(vt_sample_of(text_of("x.y/a")).len, 5);
}
END_TEST

VT_SUITE(label_sidecar, a_class_is_of_all_other_files_of_its_sample,
	 members_that_are_no_label_are_counted, options_fill_in_what_is_open,
	 sidecars_that_are_bad_are_refused, names_say_what_is_a_sidecar)
