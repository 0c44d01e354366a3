/* SPDX-License-Identifier: Apache-2.0 */
/* Labels out of Label Studio's export: what becomes of results, parents, what is refused. */
#include <inttypes.h>

#include "tests/unit/label_files.h"
#include "tools/labels/json_stream.h"

static const struct vt_label_options plain = {.time_ns = 1000000000};

#define LABEL(path, key, value, who, rest)                                                         \
	"{\"path\":\"" path "\",\"key\":\"" key "\",\"value\":" value ",\"annotator\":\"" who      \
	"\"" rest
#define HUMAN(review, time) ",\"source\":\"human\",\"review\":\"" review "\",\"time\":\"" time "\""

/* The ids of labels, which parents are, are seen in another test. */
static void drop_parents(char *text)
{
	static const char parent[] = ",\"parent\":\"0123456789abcdef\"";
	char *at;

	while ((at = strstr(text, ",\"parent\":\"")))
		memmove(at, at + sizeof parent - 1, strlen(at + sizeof parent - 1) + 1);
}

START_TEST(results_become_labels)
{
#define ANN(key, value, rest)                                                                      \
	LABEL("pets/my cat.jpg", key, value, "ann@example.org",                                    \
	      HUMAN("accepted", "2026-03-01T10:05:00.5Z") rest "}\n")
#define YOLO(key, value, confidence, rest)                                                         \
	LABEL("pets/my cat.jpg", key, value, "yolo-v8",                                            \
	      ",\"source\":\"model\",\"confidence\":" confidence ",\"review\":\"submitted\","      \
	      "\"time\":\"2026-02-01T00:00:00Z\",\"tool\":\"yolo-v8\"" rest "}\n")
	static const char lines[] = ANN(
		"box", "\"cat\"",
		",\"region\":{\"x\":12.4,\"y\":10.0,\"width\":50.25,\"height\":30,\"rotation\":0}")
		ANN("scene", "\"indoor\"", "") ANN("scene", "\"night\"", "") ANN(
			"quality", "4", "") ANN("taxon", "\"animal/cat\"",
						"") ANN("taxon", "\"animal/cat/tabby\"", "")
			ANN("note", "\"on a sofa\"", "") ANN("age", "1.5", "") LABEL(
				"pets/my cat.jpg", "scene", "\"outdoor\"", "user-8",
				HUMAN("rejected", "2026-03-02T10:00:00Z") "}\n")
				YOLO("box", "\"dog\"", "0.5",
				     ",\"region\":{\"x\":12,\"y\":10,\"width\":50,\"height\":30}")
					YOLO("scene", "\"indoor\"", "0.75", "");
	char path[4096];
	struct outcome all;

	(void) snprintf(path, sizeof path, "%s/labels/label-studio.json", getenv("VT_TEST_DATA"));
	all = read_file(path, VT_LABELS_LABEL_STUDIO, &plain);
	ck_assert_msg(all.last == 0 && all.errors == 0, "%s", all.first.text);
	drop_parents((char *) all.lines.data);
	ck_assert_str_eq((char *) all.lines.data, lines);
	vt_buf_done(&all.lines);
}
END_TEST

/* ---- parents -------------------------------------------------------------------------------- */

#define CHOICE(key, value)                                                                         \
	"{\"type\":\"choices\",\"from_name\":\"" key "\",\"value\":{\"choices\":[\"" value "\"]}}"
#define TASK(path, annotations, predictions)                                                       \
	"{\"data\":{\"image\":\"" path "\"},\"annotations\":[" annotations                         \
	"],\"predictions\":[" predictions "]}"
#define BY_ME "\"completed_by\":1,"

struct read_row {
	char path[16], key[16], value[16];
	uint64_t id, parent;
};

/* Up to `room` rows of a file without errors. */
static size_t read_rows(const char *text, struct read_row *out, size_t room)
{
	struct vt_label_reader *reader;
	struct vt_label_row row;
	struct vt_error err = {0};
	size_t count = 0;
	int r;

	(void) vt_scratch();
	write_bytes(vt_scratch_path("f"), text, strlen(text));
	r = vt_label_reader_open(vt_scratch_path("f"), VT_LABELS_LABEL_STUDIO, &plain, &reader,
				 &err);
	ck_assert_msg(r == 0, "%s", err.text);
	for (; count < room && (r = vt_label_reader_next(reader, &row, &err)) > 0; count++) {
		struct read_row *to = &out[count];

		(void) snprintf(to->path, sizeof to->path, "%.*s", (int) row.path.len,
				row.path.bytes);
		(void) snprintf(to->key, sizeof to->key, "%.*s", (int) row.label.key.len,
				row.label.key.bytes);
		(void) snprintf(to->value, sizeof to->value, "%.*s", (int) row.label.value.text.len,
				row.label.value.text.bytes);
		to->id = vt_label_id(&row.label);
		to->parent = row.label.parent;
	}
	ck_assert_msg(r >= 0, "%s", err.text);
	vt_label_reader_close(reader);
	vt_scratch_done();
	return count;
}

START_TEST(a_correction_names_the_label_it_corrects)
{
	/* 3 corrects 2, which corrects prediction 9, not annotation 9: whatever stands first. */
	static const char text[] = "[" TASK(
		"a",
		"{\"id\":3," BY_ME
		"\"parent_annotation\":2,\"parent_prediction\":9,\"result\":[" CHOICE(
			"k",
			"c") "," CHOICE("other",
					"x") "]},"
					     "{\"id\":2," BY_ME
					     "\"parent_prediction\":9,\"result\":[" CHOICE(
						     "k",
						     "b") "," CHOICE("twice",
								     "x") "]},{\"id\":9," BY_ME
									  "\"result\":[" CHOICE(
										  "k",
										  "other") "]}",
		"{\"id\":9,\"result\":[" CHOICE("k", "a") "," CHOICE("twice", "a") "," CHOICE(
			"twice",
			"b") "]},{\"id\":2,\"result\":[" CHOICE("other",
								"z") "]}") "," TASK("b",
										    "{\"id\":4," BY_ME
										    "\"parent_annotation\":2,\"result\":[" CHOICE(
											    "k",
											    "d") "]}",
										    "") "]";
	struct read_row rows[16];

	ck_assert_uint_eq(read_rows(text, rows, 16), 10);
	ck_assert_str_eq(rows[0].value, "c");
	ck_assert_str_eq(rows[2].value, "b");
	ck_assert_str_eq(rows[5].value, "a");
	ck_assert_uint_eq(rows[0].parent, rows[2].id);
	ck_assert_uint_eq(rows[2].parent, rows[5].id);
	ck_assert_uint_eq(rows[1].parent, 0); /* its parent has no such key */
	ck_assert_uint_eq(rows[3].parent, 0); /* its parent has two of this key */
	ck_assert_uint_eq(rows[5].parent, 0);
	ck_assert_str_eq(rows[9].path, "b"); /* the parent is in another task */
	ck_assert_uint_eq(rows[9].parent, 0);
}
END_TEST

/* ---- paths and options ---------------------------------------------------------------------- */

static void path_is(const char *data, struct vt_label_options options, const char *expected)
{
	char text[1024];
	struct outcome all;

	(void) snprintf(text, sizeof text,
			"[{\"data\":{%s},\"annotations\":[{" BY_ME
			"\"result\":[" CHOICE("k", "v") "]}]}]",
			data);
	all = read_bytes(text, strlen(text), VT_LABELS_LABEL_STUDIO, &options);
	if (all.errors == 0) {
		ck_assert_int_eq(strncmp((char *) all.lines.data, "{\"path\":\"", 9), 0);
		*strstr((char *) all.lines.data, "\",\"key\":") = '\0';
		ck_assert_str_eq((char *) all.lines.data + 9, expected);
	} else {
		ck_assert_str_eq(all.first.text, expected);
	}
	vt_buf_done(&all.lines);
}

START_TEST(paths_are_found_and_stripped)
{
	path_is("\"url\":\"u\",\"image\":\"i\"", plain, "i");
	path_is("\"id\":7,\"video\":\"v\",\"file\":null", plain, "v");
	path_is("\"url\":\"u\",\"scan\":\"s\"", (struct vt_label_options){.path_member = "scan"},
		"s");
	path_is("\"url\":\"u\"", (struct vt_label_options){.path_member = "scan"},
		"f:1: tasks[0]: its data has no scan");
	path_is("\"text\":\"u\"", plain,
		"f:1: tasks[0]: its data has no image, audio, text-file, video, path, file or url "
		"to say which file it is about");
	path_is("\"image\":[\"a\"]", plain, "f:1: tasks[0]: the image is no text");
	path_is("\"image\":\"s3://bucket/x/a.jpg\"",
		(struct vt_label_options){.path_strip = "s3://bucket/"}, "x/a.jpg");
	path_is("\"image\":\"/data/upload/3/a%20.jpg\"",
		(struct vt_label_options){.path_strip = "/data/upload/3/", .path_prefix = "p/"},
		"p/a%20.jpg");
	path_is("\"image\":\"/data/upload/3/a.jpg\"", plain,
		"f:1: tasks[0]: the path begins with a slash");
	path_is("\"image\":\"http://h:8080/data/local-files/?d=x/%c3%A4%2\"", plain,
		"x/\xc3\xa4%2");
	path_is("\"image\":\"/data/local-files/?d=x/y/a\"",
		(struct vt_label_options){.path_strip = "/data/local-files/?d=x/"}, "y/a");
	path_is("\"image\":\"/data/local-files/?d=x/y/a\"",
		(struct vt_label_options){.path_strip = "x/y/"}, "a");
	path_is("\"image\":\"/data/local-files/?d=x/y/a\"",
		(struct vt_label_options){.path_strip = "z/"},
		"f:1: tasks[0]: the path 'x/y/a' does not begin with 'z/'");
	path_is("\"image\":\"/data/local-files/?d=x/%00\"", plain,
		"f:1: tasks[0]: the path has a NUL");
}
END_TEST

START_TEST(who_made_it_may_be_left_to_the_options)
{
	static const char text[] = "[" TASK("a", "{\"result\":[" CHOICE("k", "v") "]}",
					    "{\"result\":[" CHOICE("k", "v") "]}") "]";
	struct outcome all = read_bytes(text, strlen(text), VT_LABELS_LABEL_STUDIO, &usual);

	ck_assert_uint_eq(all.errors, 0);
	ck_assert_str_eq(
		(char *) all.lines.data,
		LABEL("a", "k", "\"v\"", "ann", HUMAN("submitted", "1970-01-01T00:00:01Z")) "}\n" LABEL(
			"a", "k", "\"v\"", "ann",
			",\"source\":\"model\",\"review\":\"submitted\","
			"\"time\":\"1970-01-01T00:00:01Z\"}\n"));
	vt_buf_done(&all.lines);
	all = read_bytes(text, strlen(text), VT_LABELS_LABEL_STUDIO, &plain);
	ck_assert_uint_eq(all.rows, 0);
	ck_assert_str_eq(all.first.text, "f:1: tasks[0]: the annotator is empty");
	vt_buf_done(&all.lines);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------ */

/* Between two good tasks. */
static void refuses(const char *task, const char *sentence)
{
	static const char good[] = TASK("a", "{" BY_ME "\"result\":[" CHOICE("k", "v") "]}", "");
	char text[2048];
	struct outcome all;

	(void) snprintf(text, sizeof text, "[%s,\n\n%s,%s]\n", good, task, good);
	all = read_bytes(text, strlen(text), VT_LABELS_LABEL_STUDIO, &plain);
	ck_assert_msg(all.last == 0 && all.rows == 2 && all.errors == 1, "%s: %u rows, %u errors",
		      task, all.rows, all.errors);
	ck_assert_msg(strncmp(all.first.text, "f:3: tasks[1]: ", 15) == 0, "%s", all.first.text);
	ck_assert_str_eq(all.first.text + 15, sentence);
	vt_buf_done(&all.lines);
}

#define RESULT(result) TASK("a", "{" BY_ME "\"result\":[" result "]}", "")

START_TEST(tasks_that_are_bad_are_refused_alone)
{
	refuses("7", "it is no object");
	refuses("{}", "it has no data");
	refuses("{\"data\":[]}", "it has no data");
	refuses("{\"data\":{\"image\":\"a\"},\"annotations\":7}", "the annotations are no list");
	refuses("{\"data\":{\"image\":\"a\"},\"predictions\":[7]}",
		"predictions[0]: it is no object");
	refuses(TASK("a", "{\"result\":{}}", ""), "annotations[0]: the result is no list");
	refuses(TASK("a", "{\"completed_by\":[]}", ""),
		"annotations[0]: the completed_by is no whole number");
	refuses(TASK("a", "{\"updated_at\":\"now\"}", ""),
		"annotations[0]: updated_at: the time is not like 2026-11-27T00:28:00.5Z");
	refuses(TASK("a", "", "{},{\"score\":\"high\"}"), "predictions[1]: the score is no number");
	refuses(TASK("a", "", "{\"score\":1.5,\"result\":[" CHOICE("k", "v") "]}"),
		"the confidence is not from 0 to 1");
	refuses(RESULT("7"), "annotations[0]: result[0]: it is no object");
	refuses(RESULT("{}"), "annotations[0]: result[0]: the type is no text");
	refuses(RESULT("{\"type\":\"choices\",\"value\":7}"),
		"annotations[0]: result[0]: the value is no object");
	refuses(RESULT("{\"type\":\"choices\",\"value\":{\"choices\":[\"v\"]}}"),
		"annotations[0]: result[0]: the from_name is no text");
	refuses(RESULT(CHOICE("k", "v") ",{\"type\":\"choices\",\"from_name\":\"k\",\"value\":"
					"{\"choices\":[{}]}}"),
		"annotations[0]: result[1]: the value is no text, number or boolean");
	refuses(RESULT("{\"type\":\"ranker\",\"from_name\":\"k\",\"value\":{\"ranker\":{\"a\":[]}}}"),
		"annotations[0]: result[0]: the value is no text, number or boolean");
	refuses(RESULT("{\"type\":\"taxonomy\",\"from_name\":\"k\",\"value\":{\"taxonomy\":[[7]]}}"),
		"annotations[0]: result[0]: the value in a list of lists is no text");
	refuses(RESULT(CHOICE("a key", "v")),
		"the key is not of letters, digits, _ and -, a letter or _ first");
	refuses(RESULT(CHOICE("k", "\\u0007")), "the value has control characters");
	refuses(TASK("a",
		     "{\"id\":1," BY_ME
		     "\"parent_annotation\":2},{\"id\":2,\"parent_annotation\":1}",
		     ""),
		"annotations are each other's parents");
	refuses("{\"data\":{\"image\":\"a\",\"image\":\"b\"}}",
		"it is no JSON: duplicate object key near '\"image\"' at byte 28");
}
END_TEST

START_TEST(files_that_are_no_list_of_tasks_are_refused)
{
	struct outcome all = read_text("{\"id\":1}", VT_LABELS_LABEL_STUDIO);

	ck_assert_int_eq(all.last, -EBADMSG);
	ck_assert_str_eq(all.first.text, "f:1: it is no JSON: [ expected");
	all = read_text("[\n{\"data\":{\"image\":\"a\"}}\n", VT_LABELS_LABEL_STUDIO);
	ck_assert_int_eq(all.last, -EBADMSG);
	ck_assert_str_eq(all.first.text, "f:3: tasks[0]: it is no JSON: , expected");
	vt_buf_done(&all.lines);
	all = read_text("[] []", VT_LABELS_LABEL_STUDIO);
	ck_assert_str_eq(all.first.text, "f:1: it is no JSON: there is more behind its end");
	vt_buf_done(&all.lines);
}
END_TEST

START_TEST(a_task_has_a_bounded_number_of_annotations)
{
	struct vt_buf text = VT_BUF_INIT;
	struct outcome all;

	vt_buf_printf(&text, "[{\"data\":{\"image\":\"a\"},\"annotations\":[{}");
	for (unsigned i = 0; i < 1000; i++)
		vt_buf_printf(&text, ",{}");
	vt_buf_printf(&text, "]}]");
	all = read_bytes(text.data, text.len, VT_LABELS_LABEL_STUDIO, &plain);
	ck_assert_str_eq(all.first.text, "f:1: tasks[0]: annotations[1000]: the task has more than "
					 "1000 annotations and predictions");
	vt_buf_done(&all.lines);
	vt_buf_done(&text);
}
END_TEST

VT_SUITE(label_studio, results_become_labels, a_correction_names_the_label_it_corrects,
	 paths_are_found_and_stripped, who_made_it_may_be_left_to_the_options,
	 tasks_that_are_bad_are_refused_alone, files_that_are_no_list_of_tasks_are_refused,
	 a_task_has_a_bounded_number_of_annotations)
