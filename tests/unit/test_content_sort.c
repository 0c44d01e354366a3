/* SPDX-License-Identifier: Apache-2.0 */
/* Rows come sorted, from memory and from a file, and their groups are what a scan finds. */
#include "index/content_sort.h"
#include "index/base/error.h"
#include "index/duplicates.h"
#include "tests/unit/chance.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

#define ROWS_MAX 5000u
#define SMALL    (128 * sizeof(struct vt_content_row))

static struct vt_content_row rows[ROWS_MAX];

/* `contents` different ones, each of a size of its own. */
static void make_rows(unsigned count, unsigned contents)
{
	chance_state = chance_seed();
	for (unsigned i = 0; i < count; i++) {
		unsigned content = below(contents);

		rows[i] = (struct vt_content_row){
			.size = content + 1, .position = i + 1, .value = below(3)};
		memset(rows[i].content, (int) (content % 7), VT_CONTENT_PREFIX);
		memcpy(rows[i].content + 4, &content, sizeof content);
	}
}

static struct vt_content_sort *sort_rows(unsigned count, size_t memory)
{
	struct vt_content_sort *sort;

	ck_assert_int_eq(vt_content_sort_new("/tmp", memory, &sort, NULL), 0);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(vt_content_sort_add(sort, &rows[i], NULL), 0);
	return sort;
}

static int by_content(const void *left, const void *right)
{
	const struct vt_content_row *a = left, *b = right;
	int order = memcmp(a->content, b->content, VT_CONTENT_PREFIX);

	return order ? order : (int) a->position - (int) b->position;
}

static void check_sorted(unsigned count, size_t memory)
{
	struct vt_content_sort *sort;
	struct vt_content_row row;

	make_rows(count, 50);
	sort = sort_rows(count, memory);
	qsort(rows, count, sizeof *rows, by_content);
	for (unsigned i = 0; i < count; i++) {
		ck_assert_int_eq(vt_content_sort_next(sort, &row, NULL), 1);
		ck_assert_mem_eq(&row, &rows[i], sizeof row);
	}
	ck_assert_int_eq(vt_content_sort_next(sort, &row, NULL), 0);
	vt_content_sort_free(sort);
}

START_TEST(rows_come_by_content_then_position)
{
	static const unsigned counts[] = {0, 1, 63, 64, 65, 127, 128, 129, 1000, ROWS_MAX};

	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		check_sorted(counts[i], 1 << 20);
		check_sorted(counts[i], SMALL);
	}
}
END_TEST

START_TEST(more_runs_than_rows_in_memory_are_refused)
{
	struct vt_content_row row;
	struct vt_content_sort *sort;

	make_rows(200, 50);
	sort = sort_rows(200, 8 * sizeof row); /* 25 runs */
	ck_assert_int_eq(vt_content_sort_next(sort, &row, NULL), -E2BIG);
	vt_content_sort_free(sort);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
	struct vt_content_sort *sort;
	struct vt_error err = {""};
	int r = 0;

	make_rows(200, 50);
	ck_assert_int_eq(vt_content_sort_new("/nowhere", SMALL, &sort, NULL), 0);
	for (unsigned i = 0; r == 0 && i < 200; i++)
		r = vt_content_sort_add(sort, &rows[i], &err);
	ck_assert_int_eq(r, -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "/nowhere"));
	vt_content_sort_free(sort);
}
END_TEST

/* ---- groups ---- */

static bool same(unsigned a, unsigned b)
{
	return memcmp(rows[a].content, rows[b].content, VT_CONTENT_PREFIX) == 0;
}

struct naive {
	uint64_t groups, files, bytes, leaks, leaked_files;
	uint32_t redundant[ROWS_MAX];
	size_t redundant_count;
};

/* Rows are in order of position. */
static void find_naively(unsigned count, struct naive *out)
{
	*out = (struct naive){0};
	for (unsigned i = 0; i < count; i++) {
		unsigned first = i, members = 0, values = 0, valued = 0;

		while (first > 0 && !same(first - 1, i))
			first--;
		if (first > 0) {
			out->redundant[out->redundant_count++] = rows[i].position;
			continue;
		}
		for (unsigned k = i; k < count; k++) {
			if (!same(i, k))
				continue;
			members++;
			values |= 1u << rows[k].value;
			valued += rows[k].value > 0;
		}
		if (members < 2)
			continue;
		out->groups++;
		out->files += members;
		out->bytes += (members - 1) * rows[i].size;
		out->leaks += (values & 6) == 6;
		out->leaked_files += (values & 6) == 6 ? valued : 0;
	}
}

static void check_examples(const struct vt_duplicates *found)
{
	for (size_t i = 1; i < found->example_count; i++) {
		const struct vt_duplicate_group *a = &found->examples[i - 1], *b = a + 1;

		ck_assert_uint_ge((a->files - 1) * a->size, (b->files - 1) * b->size);
	}
	for (size_t i = 0; i < found->leaked.count; i++) {
		const struct vt_twin *twin = &found->leaked.list[i];

		ck_assert_uint_lt(twin->other, twin->position);
		ck_assert(same(twin->position - 1, twin->other - 1));
		ck_assert_uint_eq(rows[twin->position - 1].value, twin->value);
		ck_assert_uint_eq(rows[twin->other - 1].value, twin->other_value);
		ck_assert_uint_ne(twin->value, twin->other_value);
		ck_assert_uint_gt(twin->other_value, 0);
	}
}

static void check_groups(unsigned count, unsigned contents)
{
	static struct naive naive;
	static struct vt_duplicates found;
	struct vt_content_sort *sort;

	make_rows(count, contents);
	find_naively(count, &naive);
	sort = sort_rows(count, SMALL);
	ck_assert_int_eq(vt_duplicates_find(sort, NULL, NULL, &found, NULL), 0);
	ck_assert_uint_eq(found.groups, naive.groups);
	ck_assert_uint_eq(found.files, naive.files);
	ck_assert_uint_eq(found.bytes, naive.bytes);
	ck_assert_uint_eq(found.leaks, naive.leaks);
	ck_assert_uint_eq(found.leaked_files, naive.leaked_files);
	ck_assert_uint_eq(found.redundant.count, naive.redundant_count < VT_OFFENDERS_MAX
							 ? naive.redundant_count
							 : VT_OFFENDERS_MAX);
	for (size_t i = 0; i < found.redundant.count; i++)
		ck_assert_uint_eq(found.redundant.list[i].position, naive.redundant[i]);
	ck_assert_uint_eq(found.leaked.count,
			  naive.leaks < VT_OFFENDERS_MAX ? naive.leaks : VT_OFFENDERS_MAX);
	check_examples(&found);
	vt_content_sort_free(sort);
}

START_TEST(groups_are_what_a_scan_finds)
{
	check_groups(0, 1);
	check_groups(1, 1);
	check_groups(40, 1);
	for (unsigned contents = 10; contents < 2000; contents *= 3)
		check_groups(700, contents);
}
END_TEST

static bool is_cancelled(void *context)
{
	return true;
}

START_TEST(who_no_longer_wants_them_is_heard)
{
	static struct vt_duplicates found;
	struct vt_content_sort *sort;

	make_rows(10, 5);
	sort = sort_rows(10, SMALL);
	ck_assert_int_eq(vt_duplicates_find(sort, is_cancelled, NULL, &found, NULL), -ECANCELED);
	vt_content_sort_free(sort);
}
END_TEST

VT_SUITE(content_sort, rows_come_by_content_then_position,
	 more_runs_than_rows_in_memory_are_refused, a_folder_that_is_not_there_is_named,
	 groups_are_what_a_scan_finds, who_no_longer_wants_them_is_heard)
