/* SPDX-License-Identifier: Apache-2.0 */
/* The gate of a dataset: kept word for word, until it or the dataset goes. */
#include "index/dataset_gate.h"

#include <stdio.h>

#include "index/gc.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

static int set(uint32_t dataset, const char *text)
{
	return vt_dataset_gate_set(idx->store, dataset, text, strlen(text), &err);
}

/* The text, or "none". Good until the next call. */
static const char *get(uint32_t dataset)
{
	static char text[256];
	vt_cleanup(vt_buf_done) struct vt_buf gate = VT_BUF_INIT;
	int r = vt_dataset_gate(idx->store, dataset, &gate, &err);

	must(r == 0 || r == -ENOENT);
	(void) snprintf(text, sizeof text, "%.*s", r ? 4 : (int) gate.len,
			r ? "none" : (const char *) gate.data);
	return text;
}

START_TEST(a_gate_is_kept_word_for_word_and_replaced)
{
	index_set_up();
	ck_assert_str_eq(get(1), "none");
	must(set(1, "{ \"unlabelled\":  3 }\n") == 0);
	must(set(2, "{}") == 0);
	index_reopen();
	ck_assert_str_eq(get(1), "{ \"unlabelled\":  3 }\n");
	must(set(1, "{\"duplicates\": 0}") == 0);
	ck_assert_str_eq(get(1), "{\"duplicates\": 0}");
	must(vt_dataset_gate_remove(idx->store, 1, &err) == 0);
	ck_assert_str_eq(get(1), "none");
	ck_assert_str_eq(get(2), "{}");
	index_tear_down();
}
END_TEST

START_TEST(what_is_no_gate_changes_nothing)
{
	char *much = malloc(VT_GATE_TEXT_MAX + 2);

	memset(much, ' ', VT_GATE_TEXT_MAX + 1);
	much[VT_GATE_TEXT_MAX + 1] = 0;
	memcpy(much, "{}", 2);
	index_set_up();
	must(set(1, "{}") == 0);
	ck_assert_int_eq(set(1, "{\"no such rule\": 1}"), -EINVAL);
	ck_assert_int_eq(set(1, much), -EINVAL);
	ck_assert_str_eq(get(1), "{}");
	much[VT_GATE_TEXT_MAX] = 0;
	must(set(1, much) == 0);
	index_tear_down();
	free(much);
}
END_TEST

START_TEST(gc_keeps_the_gates_of_datasets_that_are_there)
{
	struct vt_gc_report report;
	uint32_t birds;

	index_set_up();
	must(vt_catalog_create_dataset(idx->catalog, "birds", 0, &birds, &err) == 0);
	must(set(birds, "{}") == 0 && set(birds + 1, "{}") == 0);
	must(vt_gc(idx, false, 0, &report, &err) == 0);
	ck_assert_str_eq(get(birds), "{}");
	ck_assert_str_eq(get(birds + 1), "none");
	index_tear_down();
}
END_TEST

VT_SUITE(dataset_gate, a_gate_is_kept_word_for_word_and_replaced, what_is_no_gate_changes_nothing,
	 gc_keeps_the_gates_of_datasets_that_are_there)
