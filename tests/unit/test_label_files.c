/* SPDX-License-Identifier: Apache-2.0 */
/* Labels as lines of JSON: what is taken, what is refused with which words, and the round trip. */
#include "tests/unit/label_files.h"
#include "tests/unit/random_labels.h"

#define ONE  "{\"path\":\"a\",\"key\":\"k\",\"value\":1"
#define DEEP 100000

static void reads_as(const char *text, const char *lines)
{
	struct outcome all = read_text(text, VT_LABELS_JSONL);

	ck_assert_msg(all.last == 0 && all.errors == 0, "%s: %s", text, all.first.text);
	ck_assert_str_eq((char *) all.lines.data, lines);
	vt_buf_done(&all.lines);
}

static void refuses_bytes(const char *bytes, size_t len, const char *sentence)
{
	struct outcome all = read_bytes(bytes, len, VT_LABELS_JSONL, &usual);

	ck_assert_msg(all.errors == 1 && all.rows == 0 && all.last == 0, "%.60s: %u rows, %s",
		      bytes, all.rows, all.first.text);
	ck_assert_msg(strstr(all.first.text, sentence) != NULL, "%.60s: %s", bytes, all.first.text);
	ck_assert_msg(strncmp(all.first.text, "f:1: ", 5) == 0, "%s", all.first.text);
	vt_buf_done(&all.lines);
}

#define REFUSES(literal, sentence) refuses_bytes(literal, sizeof(literal) - 1, sentence)

START_TEST(a_line_becomes_a_label)
{
	static const char whole[] =
		"{\"path\":\"d/a.png\",\"key\":\"class\",\"value\":\"cat\",\"annotator\":\"bob\","
		"\"source\":\"model\",\"confidence\":0.25,\"review\":\"accepted\","
		"\"time\":\"2026-11-27T00:28:00.5Z\",\"tool\":\"t\",\"parent\":\"00000000000000ff\","
		"\"region\":{ \"box\":[1.0,2e0] }}\n";

	reads_as(whole, whole);
	reads_as(ONE "}",
		 ONE ",\"annotator\":\"ann\",\"source\":\"import\",\"review\":\"submitted\","
		     "\"time\":\"1970-01-01T00:00:01Z\"}\n");
}
END_TEST

START_TEST(order_escapes_and_spaces_do_not_matter)
{
	reads_as("\t{ \"value\" : false , \"region\" : [ \"]\\\"\" ] ,\"annotator\":\"\\u00e4\","
		 "\"key\":\"\\u006b\",\"path\":\"a\\/\\ud83d\\ude00\\u007f\"} ",
		 "{\"path\":\"a/\xf0\x9f\x98\x80\\u007f\",\"key\":\"k\",\"value\":false,"
		 "\"annotator\":\"\xc3\xa4\",\"source\":\"import\",\"review\":\"submitted\","
		 "\"time\":\"1970-01-01T00:00:01Z\",\"region\":[ \"]\\\"\" ]}\n");
}
END_TEST

START_TEST(lines_end_as_they_like)
{
	static const char text[] = "\xef\xbb\xbf" ONE "}\r\n\r\n\n" ONE "}\n  \n" ONE
				   "}\n\xef\xbb\xbf" ONE "}\n" ONE "}";
	struct outcome all = read_text(text, VT_LABELS_JSONL);

	ck_assert_uint_eq(all.rows, 4);
	ck_assert_uint_eq(all.errors, 2); /* spaces are no empty line; the second mark is no JSON */
	ck_assert_str_eq(all.first.text, "f:5: it is no JSON: { expected at byte 3");
	ck_assert_int_eq(all.last, 0);
	vt_buf_done(&all.lines);
}
END_TEST

START_TEST(what_is_no_json_is_refused)
{
	REFUSES("x", "{ expected at byte 1");
	REFUSES("[]", "{ expected");
	REFUSES("{", "\" expected");
	REFUSES(ONE, "} expected");
	REFUSES(ONE ",}", "\" expected");
	REFUSES(ONE "} {}", "more behind");
	REFUSES(ONE "}\0", "a NUL at byte");
	REFUSES("{\"path\":\"a\0b\"}", "a NUL at byte");
	REFUSES("{'path':1}", "\" expected");
	REFUSES("{\"path\" \"a\"}", ": expected");
	REFUSES("{\"path\":\"a", "a string without end");
	REFUSES("{\"path\":\"a\\", "no such escape");
	REFUSES("{\"path\":\"a\tb\"}", "a control character");
	REFUSES("{\"path\":\"\\u0000\"}", "a NUL in a string");
	REFUSES("{\"path\":\"\\ud800\"}", "a surrogate alone");
	REFUSES("{\"path\":\"\\ud800\\u0041\"}", "a surrogate alone");
	REFUSES("{\"path\":\"\\udc00\\ud800\"}", "a surrogate alone");
	REFUSES("{\"path\":\"\\u12g4\"}", "four hexadecimal digits");
	REFUSES("{\"path\":\"\xff\"}", "not UTF-8");
	REFUSES("{\"path\":\"\xed\xa0\x80\"}", "not UTF-8");
	REFUSES("{\"path\":\"\xf0\x9f\"}", "not UTF-8");
	REFUSES("{\"value\":NaN}", "a number expected");
	REFUSES("{\"value\":tru}", "true or false expected");
	REFUSES("{\"value\":+1}", "a number expected");
	REFUSES("{\"value\":01}", "a number expected");
	REFUSES("{\"value\":1x}", "} expected");
}
END_TEST

START_TEST(what_is_no_label_is_refused)
{
	REFUSES("{}", "it has no path");
	REFUSES("{\"path\":\"a\"}", "it has no key");
	REFUSES("{\"path\":\"a\",\"key\":\"k\"}", "it has no value");
	REFUSES(ONE ",\"colour\":1}", "a label has no member 'colour'");
	REFUSES(ONE ",\"\\u001b[1m\":1}", "a label has no member '?[1m'");
	REFUSES(ONE ",\"key\":\"k\"}", "the member 'key' stands there twice");
	REFUSES(ONE ",\"value\":1}", "the member 'value' stands there twice");
	REFUSES(ONE ",\"region\":1,\"region\":1}", "the member 'region' stands there twice");
	REFUSES(ONE ",\"path_hex\":\"61\"}", "both path and path_hex");
	REFUSES("{\"path_hex\":\"6\",\"key\":\"k\",\"value\":1}", "pairs of hexadecimal");
	REFUSES("{\"path_hex\":\"6g\",\"key\":\"k\",\"value\":1}", "pairs of hexadecimal");
	REFUSES("{\"path_hex\":\"2f61\",\"key\":\"k\",\"value\":1}", "begins with a slash");
	REFUSES("{\"path\":\"../a\",\"key\":\"k\",\"value\":1}", "the path has the name '..'");
	REFUSES("{\"path\":\"/a\",\"key\":\"k\",\"value\":1}", "begins with a slash");
	REFUSES("{\"path\":\"a/\",\"key\":\"k\",\"value\":1}", "an empty name");
	REFUSES("{\"path\":7}", "the path is no text");
	REFUSES("{\"value\":null}", "the value is no text, number or boolean");
	REFUSES("{\"value\":[1]}", "the value is no text, number or boolean");
	REFUSES("{\"value\":1e400}", "is too great");
	REFUSES("{\"value\":12345678901234567891}", "is not kept exactly");
	REFUSES(ONE ",\"confidence\":1.5}", "the confidence is not from 0 to 1");
	REFUSES(ONE ",\"confidence\":\"1\"}", "the confidence: it is no JSON: a number expected");
	REFUSES(ONE ",\"confidence\":-1e400}", "the confidence: the number");
	REFUSES(ONE ",\"source\":\"me\"}", "the source is none of");
	REFUSES(ONE ",\"review\":\"\"}", "the review is none of");
	REFUSES(ONE ",\"time\":1764203280}", "the time is no text");
	REFUSES(ONE ",\"time\":\"yesterday\"}", "the time is not like");
	REFUSES(ONE ",\"annotator\":\"\"}", "the annotator is empty");
	REFUSES(ONE ",\"tool\":\"\\u001b\"}", "the tool has control characters");
	REFUSES(ONE ",\"parent\":\"1\"}", "16 hexadecimal digits");
	REFUSES(ONE ",\"parent\":\"000000000000000g\"}", "16 hexadecimal digits");
	REFUSES(ONE ",\"parent\":\"0000000000000000\"}", "or is 0");
	REFUSES(ONE ",\"region\":[1,", "a value expected");
	REFUSES(ONE ",\"region\":[1}}", "the region is no JSON");
	REFUSES(ONE ",\"region\":[1,,2]}", "the region is no JSON");
	REFUSES(ONE ",\"region\":[NaN]}", "the region is no JSON");
	REFUSES(ONE ",\"region\":{\"x\":1,\"x\":1}}", "the region is no JSON");
	REFUSES(ONE ",\"region\":}", "a value expected");
}
END_TEST

START_TEST(who_labelled_must_be_known)
{
	struct vt_label_options nobody = {0};
	struct outcome all = read_bytes(ONE "}", strlen(ONE "}"), VT_LABELS_JSONL, &nobody);

	ck_assert_str_eq(all.first.text, "f:1: the annotator is empty");
	vt_buf_done(&all.lines);
}
END_TEST

static void refuses_repeated(const char *front, const char *part, size_t times, const char *back,
			     const char *sentence)
{
	struct vt_buf text = VT_BUF_INIT;

	vt_buf_put(&text, front, strlen(front));
	for (size_t i = 0; i < times; i++)
		vt_buf_put(&text, part, strlen(part));
	vt_buf_put(&text, back, strlen(back));
	refuses_bytes((char *) text.data, text.len, sentence);
	vt_buf_done(&text);
}

START_TEST(what_is_deep_or_long_is_refused)
{
	refuses_repeated("", "[", DEEP, "", "{ expected");
	refuses_repeated(ONE ",\"region\":", "[", DEEP, "", "a value expected");
	refuses_repeated(ONE ",\"region\":", "[", DEEP / 4, "}", "a value expected");
	refuses_repeated(ONE ",\"region\":\"", "0123456789abcdef", 4097, "\"}",
			 "the region is longer");
	refuses_repeated("{\"path\":\"", "0123456789abcdef", 1 << 16, "\"}",
			 "the line is longer than 1048576 bytes");
	refuses_repeated("{\"key\":\"", "k", 1000, "\",\"path\":\"a\",\"value\":1}",
			 "the key is longer");
}
END_TEST

/* A file with holes: 1 GiB of NULs takes no room on disk, and must take none in memory. */
START_TEST(a_gigabyte_without_newline_is_passed_over)
{
	struct outcome all;
	int fd;

	(void) vt_scratch();
	write_bytes(vt_scratch_path("f"), ONE "}\n\"", strlen(ONE "}\n\""));
	fd = open(vt_scratch_path("f"), O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 1l << 30), 0);
	(void) lseek(fd, 0, SEEK_END);
	ck_assert_int_eq(write(fd, "\n" ONE "}", strlen("\n" ONE "}")), (int) strlen("\n" ONE "}"));
	(void) close(fd);
	all = read_file(vt_scratch_path("f"), VT_LABELS_JSONL, &usual);
	ck_assert_uint_eq(all.rows, 2);
	ck_assert_uint_eq(all.errors, 1);
	ck_assert_ptr_nonnull(strstr(all.first.text, ":2: the line is longer"));
	vt_buf_done(&all.lines);
	vt_scratch_done();
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	struct outcome all = read_file("/nowhere/f", VT_LABELS_JSONL, &usual);

	ck_assert_int_eq(all.last, -ENOENT);
	ck_assert_ptr_nonnull(strstr(all.first.text, "'/nowhere/f'"));
}
END_TEST

START_TEST(labels_come_back_as_they_were)
{
	for (unsigned seed = 0; seed < 3000; seed++) {
		struct random_row random = random_row(seed);
		struct vt_buf line = VT_BUF_INIT;
		struct outcome all;

		vt_label_line_put(&random.row, &line);
		all = read_bytes(line.data, line.len, VT_LABELS_JSONL, &usual);
		ck_assert_msg(all.rows == 1 && all.errors == 0, "seed %u: %s", seed,
			      all.first.text);
		ck_assert_uint_eq(all.lines.len, line.len + 1);
		ck_assert_msg(memcmp(all.lines.data, line.data, line.len) == 0, "seed %u:\n%.*s%s",
			      seed, (int) line.len, line.data, all.lines.data);
		vt_buf_done(&all.lines);
		vt_buf_done(&line);
	}
}
END_TEST

VT_SUITE(label_files, a_line_becomes_a_label, order_escapes_and_spaces_do_not_matter,
	 lines_end_as_they_like, what_is_no_json_is_refused, what_is_no_label_is_refused,
	 who_labelled_must_be_known, what_is_deep_or_long_is_refused,
	 a_gigabyte_without_newline_is_passed_over, a_file_that_is_not_there_is_named,
	 labels_come_back_as_they_were)
