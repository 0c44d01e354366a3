/* SPDX-License-Identifier: Apache-2.0 */
/* Of which format a file is, by its name and by what it begins with. */
#include "tests/unit/label_files.h"
#include "tools/labels/guess.h"

static void is_guessed(const char *name, const char *head, enum vt_label_format expected)
{
	enum vt_label_format format = VT_LABELS_GUESS;
	struct vt_error err = {0};
	int r = vt_label_format_guess(name, head, strlen(head), &format, &err);

	ck_assert_msg(r == (expected ? 0 : -EINVAL), "%s: %s", head, err.text);
	ck_assert_msg(format == expected, "%s: %d", head, (int) format);
}

START_TEST(a_name_says_it)
{
	is_guessed("x.csv", "{\"path\":", VT_LABELS_CSV);
	is_guessed("x.y/X.CSV", "", VT_LABELS_CSV);
	is_guessed("x.jsonl", "[", VT_LABELS_JSONL);
	is_guessed("x.ndjson", "", VT_LABELS_JSONL);
	is_guessed("csv", "path,key,value", VT_LABELS_GUESS);
}
END_TEST

START_TEST(the_first_members_say_it)
{
	is_guessed("x", " {\"key\":\"k\", \"value\":{\"annotations\":[]},\"path\"",
		   VT_LABELS_JSONL);
	is_guessed("-", "{\"path_hex\":\"00\"}", VT_LABELS_JSONL);
	is_guessed("x.json", "\n{\n\"info\":{\"path\":\"}\"},\"licenses\":[[1]],\"images\":[{",
		   VT_LABELS_COCO);
	is_guessed("x", "{\"categories\":", VT_LABELS_COCO);
	is_guessed("x", "[{\"score\":1,\"image_id\":1}]", VT_LABELS_COCO);
	is_guessed("x", "[ {\"id\":1,\"data\":{\"image\":", VT_LABELS_LABEL_STUDIO);
	is_guessed("x", "[{\"id\":1,\"annotations\":[", VT_LABELS_LABEL_STUDIO);
}
END_TEST

START_TEST(what_says_nothing_is_refused)
{
	is_guessed("x", "", VT_LABELS_GUESS);
	is_guessed("x", "{}", VT_LABELS_GUESS);
	is_guessed("x", "[]", VT_LABELS_GUESS);
	is_guessed("x", "[[{\"data\":1}]]", VT_LABELS_GUESS);
	is_guessed("x", "{\"info\":{\"images\":[]}}", VT_LABELS_GUESS);
	is_guessed("x", "{\"info\":[1,2", VT_LABELS_GUESS);
	is_guessed("x", "{\"data\":1}", VT_LABELS_GUESS);
	is_guessed("x", "[{\"image\":\"a\",\"choice\":\"b\"}]", VT_LABELS_GUESS);
}
END_TEST

START_TEST(a_reader_guesses_for_itself)
{
	static const struct {
		const char *text;
		unsigned rows;
	} files[] = {
		{"{\"path\":\"a\",\"key\":\"k\",\"value\":1}\n", 1},
		{"\xef\xbb\xbf{\"images\":[{\"id\":1,\"file_name\":\"a\"}],\"categories\":[{\"id\":1,"
		 "\"name\":\"c\"}],\"annotations\":[{\"image_id\":1,\"category_id\":1}]}",
		 1},
		{"[{\"data\":{\"image\":\"a\"},\"annotations\":[{\"result\":[{\"type\":\"choices\","
		 "\"from_name\":\"k\",\"value\":{\"choices\":[\"x\",\"y\"]}}]}]}]",
		 2},
	};
	struct outcome all;

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		all = read_text(files[i].text, VT_LABELS_GUESS);
		ck_assert_msg(all.last == 0 && all.errors == 0, "%s", all.first.text);
		ck_assert_uint_eq(all.rows, files[i].rows);
		vt_buf_done(&all.lines);
	}
	all = read_text("path,key,value\na,k,v\n", VT_LABELS_GUESS);
	ck_assert_int_eq(all.last, -EINVAL);
	ck_assert_str_eq(all.first.text,
			 "'f' does not look like JSONL, COCO or Label Studio's JSON, and is not "
			 "called .csv, .jsonl or .ndjson: say of which format it is");
}
END_TEST

VT_SUITE(label_guess, a_name_says_it, the_first_members_say_it, what_says_nothing_is_refused,
	 a_reader_guesses_for_itself)
