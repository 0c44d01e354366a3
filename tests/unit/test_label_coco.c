/* SPDX-License-Identifier: Apache-2.0 */
/* Labels out of COCO's files: what becomes of them, options, what is refused with which words. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/label_files.h"
#include "tools/labels/json_stream.h"

#define BACK                                                                                       \
	",\"annotator\":\"coco\",\"source\":\"import\",\"review\":\"submitted\","                  \
	"\"time\":\"1970-01-01T00:00:01Z\""
#define LABEL(path, value) "{\"path\":\"" path "\",\"key\":\"class\",\"value\":\"" value "\"" BACK

static const struct vt_label_options plain = {.time_ns = 1000000000};

static struct outcome read_data(const char *name, const struct vt_label_options *options)
{
	char path[4096];

	(void) snprintf(path, sizeof path, "%s/labels/%s", getenv("VT_TEST_DATA"), name);
	return read_file(path, VT_LABELS_COCO, options);
}

static struct outcome read_coco(const char *text)
{
	return read_bytes(text, strlen(text), VT_LABELS_COCO, &plain);
}

static void gives(struct outcome all, const char *lines)
{
	ck_assert_msg(all.last == 0 && all.errors == 0, "%s", all.first.text);
	ck_assert_str_eq((char *) all.lines.data, lines);
	vt_buf_done(&all.lines);
}

static const char sample_labels[] = LABEL(
	"000000242287.jpg",
	"dog \xc3\xa4") ",\"region\":{\"bbox\":[19.23,383.18,314.5,244.46],"
			"\"segmentation\":[[19.23,383.18,314.5,244.46,19.23,383.18]],\"iscrowd\":0}}\n" LABEL("000000242287.jpg", "dog \xc3\xa4") ",\"region\":{\"bbox\":[1.10,2,3e1,4],\"iscrowd\":0}}\n" LABEL(
				"more/000000245915.jpg",
				"cat") ",\"region\":{\"bbox\":[0,0,10,20.5],"
				       "\"segmentation\":{\"counts\":\"h\\\\b \\\"] 0\",\"size\":[480,640]},\"iscrowd\":1}}\n" LABEL(
					       "more/000000245915.jpg", "dog \xc3\xa4") "}\n";

START_TEST(annotations_become_labels_wherever_the_images_stand)
{
	gives(read_data("coco.json", &plain), sample_labels);
}
END_TEST

/* A child writes the file, a little at a time. */
static void feed(const char *text, int to)
{
	for (size_t len = strlen(text), step; len > 0; text += step, len -= step) {
		step = len < 7 ? len : 7;
		if (write(to, text, step) != (ssize_t) step)
			_exit(1);
	}
	_exit(0);
}

START_TEST(a_pipe_is_read_twice)
{
	static const char text[] =
		"{\"annotations\":[{\"image_id\":1,\"category_id\":2}],"
		"\"images\":[{\"id\":1,\"file_name\":\"a\"}],\"categories\":[{\"id\":2,\"name\":\"c\"}]}";
	int ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	if (child == 0) {
		(void) close(ends[0]);
		feed(text, ends[1]);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	(void) close(ends[1]);
	gives(read_file("-", VT_LABELS_COCO, &plain), LABEL("a", "c") "}\n");
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(options_say_key_annotator_source_and_path)
{
	struct vt_label_options options = {.annotator = "bob",
					   .source = VT_LABEL_HUMAN,
					   .key = "animal",
					   .path_strip = "pics/",
					   .path_prefix = "images/",
					   .time_ns = 1};
	static const char text[] =
		"{\"images\":[{\"id\":-1,\"file_name\":\"pics/a\"},{\"id\":2,\"file_name\":\"b\"}],"
		"\"categories\":[{\"id\":2,\"name\":\"c\"}],"
		"\"annotations\":[{\"image_id\":-1,\"category_id\":2},{\"image_id\":2,\"category_id\":2}]}";
	struct outcome all = read_bytes(text, strlen(text), VT_LABELS_COCO, &options);

	ck_assert_str_eq((char *) all.lines.data,
			 "{\"path\":\"images/a\",\"key\":\"animal\",\"value\":\"c\",\"annotator\":"
			 "\"bob\",\"source\":\"human\",\"review\":\"submitted\","
			 "\"time\":\"1970-01-01T00:00:00.000000001Z\"}\n");
	ck_assert_str_eq(all.first.text,
			 "f:1: annotations[1]: the path 'b' does not begin with 'pics/'");
	vt_buf_done(&all.lines);
}
END_TEST

START_TEST(results_take_their_images_from_another_file)
{
	struct vt_label_options options = {.time_ns = 1000000000, .source = VT_LABEL_MODEL};
	struct outcome all = read_data("coco-results.json", &plain);
	char images[4096];

	ck_assert_int_eq(all.last, -EINVAL);
	ck_assert_ptr_nonnull(strstr(all.first.text, ":1: it is a list of results"));
	(void) snprintf(images, sizeof images, "%s/labels/coco.json", getenv("VT_TEST_DATA"));
	options.coco_images = images;
	gives(read_data("coco-results.json", &options),
	      "{\"path\":\"more/000000245915.jpg\",\"key\":\"class\",\"value\":\"cat\","
	      "\"annotator\":\"coco\",\"source\":\"model\",\"confidence\":0.236,"
	      "\"review\":\"submitted\",\"time\":\"1970-01-01T00:00:01Z\","
	      "\"region\":{\"bbox\":[258.15,41.29,348.26,243.78]}}\n"
	      "{\"path\":\"000000242287.jpg\",\"key\":\"class\",\"value\":\"dog \xc3\xa4\","
	      "\"annotator\":\"coco\",\"source\":\"model\",\"confidence\":1,"
	      "\"review\":\"submitted\",\"time\":\"1970-01-01T00:00:01Z\","
	      "\"region\":{\"bbox\":[61,22.75,504,609.67]}}\n");
	options.coco_images = "no such file";
	all = read_data("coco-results.json", &options);
	ck_assert_int_eq(all.last, -ENOENT);
}
END_TEST

#define HEAD                                                                                       \
	"{\"images\":[{\"id\":1,\"file_name\":\"a\"},\n{\"id\":2,\"file_name\":\"/b\"}],\n"        \
	"\"categories\":[{\"id\":5,\"name\":\"cat\"},{\"id\":6,\"name\":\"\\u001b\"}],\n"
#define GOOD "{\"image_id\":1,\"category_id\":5}"

/* The annotation after a good one is refused, and a good one behind it is read. */
static void refuses(const char *annotation, const char *sentence)
{
	char text[1024];
	struct outcome all;

	(void) snprintf(text, sizeof text, HEAD "\"annotations\":[" GOOD ",\n %s,\n" GOOD "]}",
			annotation);
	all = read_coco(text);
	ck_assert_msg(all.last == 0 && all.rows == 2 && all.errors == 1, "%s: %u rows, %u errors",
		      annotation, all.rows, all.errors);
	ck_assert_msg(strncmp(all.first.text, "f:5: annotations[1]: ", 21) == 0, "%s",
		      all.first.text);
	ck_assert_str_eq(all.first.text + 21, sentence);
	vt_buf_done(&all.lines);
}

START_TEST(annotations_that_are_bad_are_refused_alone)
{
	refuses("7", "it is no object");
	refuses("\"{\"", "it is no object");
	refuses("{}", "the image_id is no whole number");
	refuses("{\"image_id\":\"1\"}", "the image_id is no whole number");
	refuses("{\"image_id\":1.5}", "the image_id is no whole number");
	refuses("{\"image_id\":1}", "the category_id is no whole number");
	refuses("{\"image_id\":3,\"category_id\":5}", "there is no image with the id 3");
	refuses("{\"image_id\":1,\"category_id\":7}", "there is no category with the id 7");
	refuses("{\"image_id\":2,\"category_id\":5}", "the path begins with a slash");
	refuses("{\"image_id\":1,\"category_id\":6}", "the value has control characters");
	refuses("{\"image_id\":1,\"category_id\":5,\"score\":2}",
		"the confidence is not from 0 to 1");
	refuses("{\"image_id\":1,\"category_id\":5,\"score\":\"1\"}", "the score is no number");
	refuses("{\"image_id\":1,\"image_id\":1}",
		"it is no JSON: duplicate object key near '\"image_id\"' at byte 24");
	refuses("{\"image_id\":1,}", "it is no JSON: string or '}' expected near '}' at byte 15");
	refuses("{\"bbox\":[1,,2]}", "it is no JSON: unexpected token near ',' at byte 12");
	refuses("{\"bbox\":[1}}", "it is no JSON: ']' expected near '}' at byte 11");
}
END_TEST

START_TEST(annotations_that_are_too_long_are_refused_alone)
{
	struct vt_buf text = VT_BUF_INIT;
	struct outcome all;

	vt_buf_printf(&text,
		      HEAD "\"annotations\":[\n{\"image_id\":1,\"category_id\":5,\"bbox\":[1");
	for (unsigned i = 0; i < VT_LABEL_REGION_MAX / 2; i++)
		vt_buf_printf(&text, ",1");
	vt_buf_printf(&text, "]},\n" GOOD ",\n{\"image_id\":\n[");
	while (text.len < 2 * VT_JSON_ELEMENT_MAX)
		vt_buf_printf(&text, "\n\n\n\n1,");
	vt_buf_printf(&text, "1]},\n" GOOD "]}");
	all = read_bytes(text.data, text.len, VT_LABELS_COCO, &plain);
	ck_assert_int_eq(all.last, 0);
	ck_assert_uint_eq(all.rows, 2);
	ck_assert_uint_eq(all.errors, 2);
	ck_assert_str_eq(all.first.text,
			 "f:5: annotations[0]: the region is longer than 65536 bytes");
	vt_buf_done(&all.lines);

	text.len = 0;
	vt_buf_printf(&text, HEAD "\"annotations\":[\n\"");
	while (text.len < VT_JSON_ELEMENT_MAX + 1000)
		vt_buf_printf(&text, "0123456789]");
	vt_buf_printf(&text, "\"]}");
	all = read_bytes(text.data, text.len, VT_LABELS_COCO, &plain);
	ck_assert_int_eq(all.last, 0);
	ck_assert_str_eq(all.first.text, "f:5: annotations[0]: it is longer than 1048576 bytes");
	vt_buf_done(&all.lines);
	vt_buf_done(&text);
}
END_TEST

/* Nothing is read of it. */
static void refuses_file(const char *text, int code, const char *sentence)
{
	struct outcome all = read_coco(text);

	ck_assert_msg(all.last == -code && all.rows == 0 && all.errors == 0, "%s: %d, %u rows: %s",
		      text, all.last, all.rows, all.first.text);
	ck_assert_str_eq(all.first.text, sentence);
	vt_buf_done(&all.lines);
}

START_TEST(heads_that_are_bad_are_refused)
{
	refuses_file("", EBADMSG, "f:1: it is no JSON: { expected");
	refuses_file("\n\n7", EBADMSG, "f:3: it is no JSON: { expected");
	refuses_file("{}", EINVAL, "f:1: there is no list of images");
	refuses_file("{\"images\":[]}", EINVAL, "f:1: there is no list of categories");
	refuses_file("{\"images\":[],\"categories\":[]}", EBADMSG,
		     "f:1: there is no list of annotations");
	refuses_file("{\n\"images\":[{\"id\":1}]}", EINVAL,
		     "f:2: images[0]: the file_name is no text");
	refuses_file("{\"images\":[{\"file_name\":\"a\"}]}", EINVAL,
		     "f:1: images[0]: the id is no whole number");
	refuses_file(
		"{\"images\":[\n{\"id\":2,\"file_name\":\"a\"},\n{\"id\":1,\"file_name\":\"b\"},"
		"\n{\"id\":2,\"file_name\":\"c\"}],\"categories\":[]}",
		EINVAL, "f:4: images[2]: the id 2 is another one's, too");
	refuses_file("{\"images\":[],\"categories\":[\n{\"id\":1,\"name\":\"a\"},"
		     "{\"id\":1,\"name\":\"a\"}]}",
		     EINVAL, "f:2: categories[1]: the id 1 is another one's, too");
	refuses_file("{\"images\":[],\n\"images\":[]}", EBADMSG,
		     "f:2: there are two lists of images");
	refuses_file("{\"images\":{}}", EBADMSG, "f:1: it is no JSON: [ expected");
	refuses_file("{\"info\":\n{\"x\":1}", EBADMSG, "f:2: it is no JSON: , expected");
	refuses_file("{\"images\":[{\"id\":1,\"file_name\":\"a\"},\n{\"id\":", EBADMSG,
		     "f:2: images[1]: it is no JSON: the file ends inside of it");
	refuses_file("{\"images\":[],\"categories\":[]}\n]", EBADMSG,
		     "f:2: it is no JSON: there is more behind its end");
	refuses_file("{\"images\":[{} {}]}", EINVAL, "f:1: images[0]: the id is no whole number");
	refuses_file("{\"images\":[] \"categories\":[]}", EBADMSG,
		     "f:1: it is no JSON: , expected");
	refuses_file("{,\"images\":[]}", EBADMSG, "f:1: it is no JSON: a value expected");
	refuses_file("{\"images\":[{\"id\":1,\"file_name\":\"a\"}\n{}]}", EBADMSG,
		     "f:2: images[0]: it is no JSON: , expected");
}
END_TEST

START_TEST(a_file_that_is_cut_gives_what_stands_before)
{
	struct outcome all = read_coco(HEAD "\"annotations\":[" GOOD "]]");

	/* The head is read to the end of the file. */
	ck_assert_int_eq(all.last, -EBADMSG);
	ck_assert_uint_eq(all.rows, 0);
	ck_assert_str_eq(all.first.text, "f:4: it is no JSON: , expected");
	vt_buf_done(&all.lines);
}
END_TEST

VT_SUITE(label_coco, annotations_become_labels_wherever_the_images_stand, a_pipe_is_read_twice,
	 options_say_key_annotator_source_and_path, results_take_their_images_from_another_file,
	 annotations_that_are_bad_are_refused_alone,
	 annotations_that_are_too_long_are_refused_alone, heads_that_are_bad_are_refused,
	 a_file_that_is_cut_gives_what_stands_before)
