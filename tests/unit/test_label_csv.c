/* SPDX-License-Identifier: Apache-2.0 */
/* Labels as CSV: columns and their mapping, what is refused, and the round trip. */
#include "tests/unit/label_files.h"
#include "tests/unit/random_labels.h"
#include "tools/labels/csv.h"

#define BACK                                                                                       \
	",\"annotator\":\"ann\",\"source\":\"import\",\"review\":\"submitted\","                   \
	"\"time\":\"1970-01-01T00:00:01Z\"}\n"

static void reads_as(const char *text, const char *lines)
{
	struct outcome all = read_text(text, VT_LABELS_CSV);

	ck_assert_msg(all.last == 0 && all.errors == 0, "%s: %s", text, all.first.text);
	ck_assert_str_eq((char *) all.lines.data, lines);
	vt_buf_done(&all.lines);
}

static void refuses_bytes(const char *bytes, size_t len, const char *sentence)
{
	struct outcome all = read_bytes(bytes, len, VT_LABELS_CSV, &usual);

	ck_assert_msg(all.rows == 0 && all.errors <= 1 && all.errors == (all.last == 0),
		      "%.60s: %u rows, %u errors", bytes, all.rows, all.errors);
	ck_assert_msg(strstr(all.first.text, sentence) != NULL, "%.60s: %s", bytes, all.first.text);
	ck_assert_msg(strncmp(all.first.text, "f:", 2) == 0, "%s", all.first.text);
	vt_buf_done(&all.lines);
}

#define REFUSES(literal, sentence) refuses_bytes(literal, sizeof(literal) - 1, sentence)

START_TEST(a_record_becomes_a_label)
{
	reads_as("key,value,path\nk,cat,a\n",
		 "{\"path\":\"a\",\"key\":\"k\",\"value\":\"cat\"" BACK);
	reads_as("\xef\xbb\xbfpath,key,type,value,confidence\r\n\r\na,k,number,7.50,\r\n"
		 "b,k,boolean,true,0.5",
		 "{\"path\":\"a\",\"key\":\"k\",\"value\":7.5" BACK
		 "{\"path\":\"b\",\"key\":\"k\",\"value\":true,\"annotator\":\"ann\","
		 "\"source\":\"import\",\"confidence\":0.5,\"review\":\"submitted\","
		 "\"time\":\"1970-01-01T00:00:01Z\"}\n");
	reads_as("path,path_hex,key,value\n,ff,k,\n",
		 "{\"path_hex\":\"ff\",\"key\":\"k\",\"value\":\"\"" BACK);
}
END_TEST

START_TEST(quotes_hold_commas_quotes_and_lines)
{
	reads_as("\"path\",key,value\n\"a,\"\"b\"\"\",k,\"x\ny\"\n",
		 "{\"path\":\"a,\\\"b\\\"\",\"key\":\"k\",\"value\":\"x\\u000ay\"" BACK);
}
END_TEST

START_TEST(formulas_are_text)
{
	reads_as("path,key,value\na,k,=1+1\nb,k,@x\nc,k,-1\nd,k,+1\n",
		 "{\"path\":\"a\",\"key\":\"k\",\"value\":\"=1+1\"" BACK
		 "{\"path\":\"b\",\"key\":\"k\",\"value\":\"@x\"" BACK
		 "{\"path\":\"c\",\"key\":\"k\",\"value\":\"-1\"" BACK
		 "{\"path\":\"d\",\"key\":\"k\",\"value\":\"+1\"" BACK);
}
END_TEST

static const struct vt_label_column mapped[] = {
	{.column = "file", .member = VT_MEMBER_PATH},
	{.column = "class", .member = VT_MEMBER_VALUE, .key = "label"},
	{.column = "score", .member = VT_MEMBER_VALUE, .key = "score", .type = VT_LABEL_NUMBER},
	{.column = "notes", .member = VT_MEMBER_NONE},
};
static const struct vt_label_options wide = {
	.annotator = "ann", .time_ns = 1000000000, .columns = mapped, .column_count = 4};

static struct outcome read_wide(const char *text)
{
	return read_bytes(text, strlen(text), VT_LABELS_CSV, &wide);
}

START_TEST(a_column_holds_the_values_of_a_key)
{
	struct outcome all = read_wide("file,class,score,notes\na,cat,0.5,x\nb,,2,\nc,dog,two,\n"
				       "d,dog,3,\n");

	ck_assert_uint_eq(all.errors, 1);
	ck_assert_str_eq(all.first.text, "f:4: the value is no number");
	ck_assert_str_eq((char *) all.lines.data,
			 "{\"path\":\"a\",\"key\":\"label\",\"value\":\"cat\"" BACK
			 "{\"path\":\"a\",\"key\":\"score\",\"value\":0.5" BACK
			 "{\"path\":\"b\",\"key\":\"score\",\"value\":2" BACK
			 "{\"path\":\"d\",\"key\":\"label\",\"value\":\"dog\"" BACK
			 "{\"path\":\"d\",\"key\":\"score\",\"value\":3" BACK);
	vt_buf_done(&all.lines);
	all = read_wide("file,class,notes\n");
	ck_assert_int_eq(all.last, -EINVAL);
	ck_assert_str_eq(all.first.text, "f:1: there is no column 'score'");
}
END_TEST

START_TEST(heads_that_say_too_little_are_refused)
{
	REFUSES("", "there is no header");
	REFUSES("\n\n", "there is no header");
	REFUSES("path,key\n", "there is no column 'value'");
	REFUSES("key,value\n", "there is no column 'path'");
	REFUSES("path,value\n", "there is no column 'key'");
	REFUSES("path,key,value,colour\n", "the column 'colour' is no member");
	REFUSES("path,key,value,\n", "the column '' is no member");
	REFUSES("path,key,value,key\n", "columns 2 and 4 are the same");
	REFUSES("path,key,\"value\n", "a quote is not closed");
}
END_TEST

#define HEAD "path,key,value\n"

START_TEST(records_that_are_bad_are_refused)
{
	REFUSES(HEAD "a,k\n", "there are 2 cells, the header has 3");
	REFUSES(HEAD "a,k,v,\n", "there are 4 cells, the header has 3");
	REFUSES(HEAD "a,k,x\"y\"\n", "cell 3: a quote");
	REFUSES(HEAD "a,k,\"x\"y\n", "cell 3: a quote");
	REFUSES(HEAD "a,k,\"x\n", "a quote is not closed");
	REFUSES(HEAD "a,k,x\0y\n", "there is a NUL");
	REFUSES(HEAD "a,k,\xff\n", "the value is not UTF-8");
	REFUSES(HEAD "a,k,x\ry\n", "the value has control characters");
	REFUSES(HEAD ",k,v\n", "the path is empty");
	REFUSES(HEAD "a,,v\n", "the key is empty");
	REFUSES(HEAD "../a,k,v\n", "the path has the name '..'");
	REFUSES("path,path_hex,key,value\na,61,k,v\n", "both path and path_hex");
	REFUSES("path,key,value,type\na,k,v,date\n", "the type is none of");
	REFUSES("path,key,value,type\na,k,NaN,number\n", "the value is no number");
	REFUSES("path,key,value,type\na,k,1e400,number\n", "is too great");
	REFUSES("path,key,value,type\na,k,0x10,number\n", "the value is no number");
	REFUSES("path,key,value,type\na,k,,number\n", "the value is no number");
	REFUSES("path,key,value,type\na,k,yes,boolean\n", "not true or false");
	REFUSES("path,key,value,confidence\na,k,v,2\n", "the confidence is not from 0 to 1");
	REFUSES("path,key,value,time\na,k,v,1764203280\n", "the time is not like");
	REFUSES("path,key,value,region\na,k,v,{\n", "the region is no JSON");
}
END_TEST

START_TEST(a_quote_without_end_ends_the_reading)
{
	struct vt_buf text = VT_BUF_INIT;

	vt_buf_printf(&text, HEAD "a,k,\"");
	for (int i = 0; i < 300000; i++)
		vt_buf_printf(&text, "12345\n");
	refuses_bytes((char *) text.data, text.len, "f:2: a quote is not closed");
	vt_buf_done(&text);
}
END_TEST

START_TEST(labels_come_back_as_they_were)
{
	for (unsigned seed = 0; seed < 3000; seed++) {
		struct random_row random = random_row(seed);
		struct vt_buf line = VT_BUF_INIT, file = VT_BUF_INIT;
		struct outcome all;

		vt_label_line_put(&random.row, &line);
		vt_label_csv_header(&file);
		vt_label_csv_put(&random.row, &file);
		all = read_bytes(file.data, file.len, VT_LABELS_CSV, &usual);
		ck_assert_msg(all.rows == 1 && all.errors == 0, "seed %u: %s", seed,
			      all.first.text);
		ck_assert_uint_eq(all.lines.len, line.len + 1);
		ck_assert_msg(memcmp(all.lines.data, line.data, line.len) == 0, "seed %u", seed);
		vt_buf_done(&all.lines);
		vt_buf_done(&line);
		vt_buf_done(&file);
	}
}
END_TEST

VT_SUITE(label_csv, a_record_becomes_a_label, quotes_hold_commas_quotes_and_lines,
	 formulas_are_text, a_column_holds_the_values_of_a_key,
	 heads_that_say_too_little_are_refused, records_that_are_bad_are_refused,
	 a_quote_without_end_ends_the_reading, labels_come_back_as_they_were)
