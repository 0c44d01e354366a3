/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of a version that can be counted by hand, and of random ones against loops. */
#include "index/label_stats.h"
#include "index/base/error.h"
#include "tests/unit/stats_world.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>

#define TREES 60

static struct vt_label sure(struct vt_label label, double confidence)
{
	label.has_confidence = true;
	label.confidence = confidence;
	return label;
}

static struct vt_label review(struct vt_label label, enum vt_label_review state)
{
	label.review = state;
	return label;
}

/*
 * class, as alice and bob say it: 1.png cat cat, 2.PNG cat dog (alice is accepted), 3.tar.gz dog
 * dog, b/4 bird by bob alone. raw 2/3; p_o = 2/3, p_e = 2/3 * 1/3 + 1/3 * 2/3 = 4/9, so kappa is
 * .4; six values, three cat and three dog: alpha = 1 - (2/6) / ((36 - 18) / 30) = 4/9.
 * "x" stands in a/1.png as train and in b/5 as test.
 */
static void make_files(struct stats_file files[7])
{
	const struct stats_file all[] = {
		{"a/1.png",
		 "xx",
		 {sure(label_of("class", "cat", "alice"), 1), label_of("class", "cat", "bob"),
		  label_of("split", "train", "carol")},
		 3},
		{"a/2.PNG",
		 "yyyy",
		 {review(sure(label_of("class", "cat", "alice"), 0.05), VT_LABEL_ACCEPTED),
		  label_of("class", "dog", "bob")},
		 2},
		{"a/3.tar.gz",
		 "z",
		 {sure(label_of("class", "dog", "alice"), 0.999), label_of("class", "dog", "bob")},
		 2},
		{.path = "b/.hidden"},
		{"b/4", NULL, {label_of("class", "bird", "bob")}, 1},
		{"b/5",
		 "xx",
		 {review(label_of("class", "cat", "alice"), VT_LABEL_REJECTED),
		  label_of("split", "test", "carol")},
		 2},
		{.path = "b/6", .content = "xx"},
	};

	memcpy(files, all, sizeof all);
}

static const char by_hand[] =
	"{'files':7,'bytes':11,'labelled':5,'unlabelled':2,'labels':10,"
	"'sizes':[{'from':0,'below':1,'files':2,'bytes':0},"
	"{'from':1,'below':2,'files':1,'bytes':1},{'from':2,'below':4,'files':3,'bytes':6},"
	"{'from':4,'below':8,'files':1,'bytes':4}],"
	"'extensions':[{'extension':'','files':4,'bytes':4},"
	"{'extension':'png','files':2,'bytes':6},{'extension':'gz','files':1,'bytes':1}],"
	"'extensions_others':{'files':0,'bytes':0},"
	"'keys':["
	"{'key':'class','labels':8,'files':4,'undecided':1,'disputed':0,"
	"'types':{'text':4,'number':0,'boolean':0},"
	"'values':[{'value':'cat','files':2},{'value':'bird','files':1},{'value':'dog','files':1}],"
	"'values_distinct':3,'values_others':0,'values_complete':true,"
	"'confidence':{'buckets':[0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,2],'without':1},"
	"'sources':{'human':4,'model':0,'rule':0,'import':0},"
	"'reviews':{'draft':0,'submitted':3,'accepted':1,'disputed':0},"
	"'annotators':[{'annotator':'bob','files':4},{'annotator':'alice','files':3}],"
	"'annotators_distinct':2,'annotators_others':0,"
	"'agreement':{'files':3,'raw':0.667,'alpha':0.444,'metric':'nominal','kappa':0.4,"
	"'pairs':[{'a':'alice','b':'bob','files':3,'raw':0.667,'kappa':0.4}],"
	"'pairs_listed_all':true}},"
	"{'key':'split','labels':2,'files':2,'undecided':0,'disputed':0,"
	"'types':{'text':2,'number':0,'boolean':0},"
	"'values':[{'value':'test','files':1},{'value':'train','files':1}],"
	"'values_distinct':2,'values_others':0,'values_complete':true,"
	"'confidence':{'buckets':[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],'without':2},"
	"'sources':{'human':2,'model':0,'rule':0,'import':0},"
	"'reviews':{'draft':0,'submitted':2,'accepted':0,'disputed':0},"
	"'annotators':[{'annotator':'carol','files':2}],"
	"'annotators_distinct':1,'annotators_others':0,"
	"'agreement':{'files':0,'raw':null,'alpha':null,'metric':'nominal','kappa':null,"
	"'pairs':[],'pairs_listed_all':true}}],"
	"'keys_others':0,"
	"'duplicates':{'groups':1,'files':3,'bytes':4,'examples':[{'files':3,'size':2,"
	"'paths':[{'path':'a/1.png'},{'path':'b/5'},{'path':'b/6'}]}]},"
	"'leakage':{'key':'split','contents':1,'files':2,'examples':[{'path':'b/5',"
	"'value':'test','other_path':'a/1.png','other_value':'train'}]}}";

START_TEST(a_version_counted_by_hand)
{
	struct stats_file files[7];
	struct stats_world world;
	char *text, *expected = strdup(by_hand);
	json_t *json;

	make_files(files);
	world_init(&world, files, 7);
	json = world_stats(&world);
	text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(3));
	for (char *c = expected; *c; c++)
		if (*c == '\'')
			*c = '"';
	ck_assert_str_eq(text, expected);
	free(text);
	free(expected);
	json_decref(json);
	world_done(&world);
}
END_TEST

static const json_t *agreement_of(const json_t *json)
{
	return json_object_get(json_array_get(json_object_get(json, "keys"), 0), "agreement");
}

/* Krippendorff's example (test_agreement.c), once as numbers and once as texts. */
START_TEST(numbers_are_compared_by_distance_and_texts_are_not)
{
	static const char *const said[] = {"123321412***", "1233224125*3", "*3332342251*",
					   "12332441251*"};
	static const char *const people[] = {"a", "b", "c", "d"};
	static char paths[12][8], texts[10][2];

	for (int as_text = 0; as_text < 2; as_text++) {
		struct stats_file files[12] = {{0}};
		struct stats_world world;
		const json_t *agreement;
		json_t *json;

		for (int u = 0; u < 12; u++) {
			(void) snprintf(paths[u], sizeof paths[u], "%02d", u);
			files[u].path = paths[u];
			for (int i = 0; i < 4; i++) {
				int value = said[i][u] - '0';

				if (said[i][u] == '*')
					continue;
				texts[value][0] = said[i][u];
				files[u].rows[files[u].count++] =
					as_text ? label_of("k", texts[value], people[i])
						: number_label("k", value, people[i]);
			}
		}
		world_init(&world, files, 12);
		json = world_stats(&world);
		agreement = agreement_of(json);
		ck_assert_str_eq(json_string_value(json_object_get(agreement, "metric")),
				 as_text ? "nominal" : "interval");
		ck_assert_double_eq_tol(json_real_value(json_object_get(agreement, "alpha")),
					as_text ? 0.743 : 0.849, 0.0005);
		ck_assert(json_is_null(json_object_get(agreement, "kappa"))); /* four, not two */
		ck_assert_uint_eq(json_array_size(json_object_get(agreement, "pairs")), 6);
		json_decref(json);
		world_done(&world);
	}
}
END_TEST

START_TEST(values_beyond_the_bounds_are_counted_together)
{
	const size_t count = VT_STATS_VALUES_MAX + 50;
	struct stats_file *files = calloc(count, sizeof *files);
	char(*paths)[12] = calloc(count, sizeof *paths);
	static char too_long[VT_STATS_VALUE_LEN + 2];
	struct stats_world world;
	const json_t *key;
	json_t *json;

	memset(too_long, 'x', sizeof too_long - 1);
	for (size_t i = 0; i < count; i++) {
		(void) snprintf(paths[i], sizeof paths[i], "%08zu", i);
		files[i] = (struct stats_file){.path = paths[i], .count = 1};
		files[i].rows[0] = number_label("k", (double) i, "alice");
	}
	files[0].rows[0] = label_of("k", too_long, "alice");
	files[0].rows[1] = label_of("k", too_long, "bob");
	files[0].count = 2;
	world_init(&world, files, count);
	json = world_stats(&world);
	key = json_array_get(json_object_get(json, "keys"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(key, "files")), (json_int_t) count);
	ck_assert_int_eq(json_integer_value(json_object_get(key, "values_distinct")),
			 VT_STATS_VALUES_MAX);
	ck_assert_uint_eq(json_array_size(json_object_get(key, "values")), VT_STATS_LISTED);
	ck_assert_int_eq(json_integer_value(json_object_get(key, "values_others")),
			 (json_int_t) (count - VT_STATS_LISTED));
	ck_assert(json_is_false(json_object_get(key, "values_complete")));
	ck_assert_double_eq(json_real_value(json_object_get(agreement_of(json), "raw")), 1);
	ck_assert(json_is_null(json_object_get(agreement_of(json), "kappa")));
	json_decref(json);
	world_done(&world);
	free(files);
	free(paths);
}
END_TEST

START_TEST(labels_of_no_file_are_damage)
{
	struct stats_file files[7];
	struct stats_world world, other;
	const struct vt_stats_options options = {.scratch = "/tmp"};
	struct vt_label_stats *stats;
	struct vt_error err;

	make_files(files);
	world_init(&world, files, 7);
	world_init(&other, files, 4);
	other.labelled.labels = world.labelled.labels;
	other.labelled.label_tree = world.labelled.label_tree;
	ck_assert_int_eq(vt_label_stats_take(&other.labelled, &options, &stats, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "of 5 files, but only 3 of"));
	world_done(&world);
	world_done(&other);
}
END_TEST

static bool is_cancelled(void *context)
{
	return true;
}

static int see_key(void *context, const struct vt_labelled_file *file, const struct vt_label *rows,
		   size_t count, const struct vt_label *effective,
		   const struct vt_label_agreement *agreement, struct vt_error *err)
{
	ck_abort_msg("the walk went on");
	return 0;
}

static int see_file(void *context, const struct vt_labelled_file *file, struct vt_error *err)
{
	return vt_fail(err, EDOM, "seen");
}

START_TEST(it_ends_when_nobody_wants_it_any_more)
{
	struct stats_file files[7];
	struct stats_world world;
	const struct vt_stats_watch watch = {see_key, see_file, NULL};
	const struct vt_stats_options options = {
		.scratch = "/tmp", .is_cancelled = is_cancelled, .watch = &watch};
	struct vt_label_stats *stats;

	make_files(files);
	world_init(&world, files, 7);
	ck_assert_int_eq(vt_label_stats_take(&world.labelled, &options, &stats, NULL), -ECANCELED);
	world_done(&world);
}
END_TEST

START_TEST(a_watch_can_end_it)
{
	struct stats_file file = {.path = "1"};
	struct stats_world world;
	const struct vt_stats_watch watch = {see_key, see_file, NULL};
	const struct vt_stats_options options = {.scratch = "/tmp", .watch = &watch};
	struct vt_label_stats *stats;

	world_init(&world, &file, 1);
	ck_assert_int_eq(vt_label_stats_take(&world.labelled, &options, &stats, NULL), -EDOM);
	world_done(&world);
}
END_TEST

/* ---- random ones ---- */

static json_int_t number_in(const json_t *object, const char *part, const char *key)
{
	if (part)
		object = json_object_get(object, part);
	return json_integer_value(json_object_get(object, key));
}

static const json_t *key_of(const json_t *json, const char *name)
{
	const json_t *keys = json_object_get(json, "keys"), *key;
	size_t i;

	json_array_foreach((json_t *) keys, i,
			   key) if (strcmp(json_string_value(json_object_get(key, "key")), name) ==
				    0) return key;
	return NULL;
}

static bool is_value(const json_t *value, const struct vt_label *label)
{
	if (label->type == VT_LABEL_BOOLEAN)
		return json_is_boolean(value) && json_boolean_value(value) == label->value.boolean;
	if (label->type == VT_LABEL_NUMBER)
		return json_is_real(value) && json_real_value(value) == label->value.number;
	return json_is_string(value) && json_string_length(value) == label->value.text.len &&
	       memcmp(json_string_value(value), label->value.text.bytes, label->value.text.len) ==
		       0;
}

/* The rows of a file about a key, sorted as the tree has them. */
static size_t rows_of(const struct stats_file *file, const char *name, struct vt_label *out)
{
	size_t count = 0;

	for (size_t i = 0; i < file->count; i++)
		if (file->rows[i].key.len == strlen(name) &&
		    memcmp(file->rows[i].key.bytes, name, strlen(name)) == 0)
			out[count++] = file->rows[i];
	return count;
}

static void check_key(const struct stats_file *files, size_t count, const char *name,
		      const json_t *key)
{
	json_int_t labels = 0, in_force = 0, undecided = 0, disputed = 0, models = 0, sure_ones = 0;
	const json_t *values = json_object_get(key, "values"), *row;
	json_int_t of_value[16] = {0};
	size_t at;

	for (size_t i = 0; i < count; i++) {
		struct vt_label rows[STATS_ROWS_MAX];
		size_t n = rows_of(&files[i], name, rows);
		struct vt_label_agreement agreement;
		const struct vt_label *effective = vt_label_effective(rows, n, &agreement);

		labels += (json_int_t) n;
		undecided += n > 0 && !effective;
		disputed += n > 0 && agreement.disputed;
		if (!effective)
			continue;
		in_force++;
		models += effective->source == VT_LABEL_MODEL;
		sure_ones += effective->has_confidence && effective->confidence == 0.5;
		json_array_foreach((json_t *) values, at, row) of_value[at] +=
			is_value(json_object_get(row, "value"), effective);
	}
	if (labels == 0) {
		ck_assert_ptr_null(key);
		return;
	}
	ck_assert_int_eq(number_in(key, NULL, "labels"), labels);
	ck_assert_int_eq(number_in(key, NULL, "files"), in_force);
	ck_assert_int_eq(number_in(key, NULL, "undecided"), undecided);
	ck_assert_int_eq(number_in(key, NULL, "disputed"), disputed);
	ck_assert_int_eq(number_in(key, "sources", "model"), models);
	ck_assert_int_eq(
		json_integer_value(json_array_get(
			json_object_get(json_object_get(key, "confidence"), "buckets"), 10)),
		sure_ones);
	json_array_foreach((json_t *) values, at, row)
	{
		ck_assert_int_gt(of_value[at], 0);
		ck_assert_int_eq(number_in(row, NULL, "files"), of_value[at]);
		in_force -= of_value[at];
	}
	ck_assert_int_eq(in_force, 0);
}

START_TEST(random_versions_are_as_loops_count_them)
{
	static const char *const keys[] = {"a", "ab", "b", "colour-2"};
	static char paths[200][24];
	struct rng rng = {42};

	for (int round = 0; round < TREES; round++) {
		static struct stats_file files[200];
		size_t count = rng_below(&rng, 200);
		struct stats_world world;
		json_t *json;

		for (size_t i = 0; i < count; i++) {
			(void) snprintf(paths[i], sizeof paths[i], "d%zu/e%02zu/%03zu", i / 70,
					i / 13, i);
			files[i] = (struct stats_file){.path = paths[i]};
			files[i].count = rng_below(&rng, STATS_ROWS_MAX + 1);
			for (size_t k = 0; k < files[i].count; k++) {
				files[i].rows[k] = random_label(&rng);
				files[i].rows[k].time_ns = (int64_t) (rng_next(&rng) >> 8);
			}
		}
		world_init(&world, files, count);
		json = world_stats(&world);
		for (size_t i = 0; i < 4; i++)
			check_key(files, count, keys[i], key_of(json, keys[i]));
		json_decref(json);
		world_done(&world);
	}
}
END_TEST

VT_SUITE(label_stats, a_version_counted_by_hand, numbers_are_compared_by_distance_and_texts_are_not,
	 values_beyond_the_bounds_are_counted_together, labels_of_no_file_are_damage,
	 it_ends_when_nobody_wants_it_any_more, a_watch_can_end_it,
	 random_versions_are_as_loops_count_them)
