/* SPDX-License-Identifier: Apache-2.0 */
/* How far raters agree: agreement.h has the formulas and where they are from. */
#include "index/agreement.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "index/base/error.h"

/* ---- of all raters together ---- */

void vt_agreement_done(struct vt_agreement *agreement)
{
	free(agreement->by_category);
	*agreement = (struct vt_agreement){0};
}

static int by_category(const void *left, const void *right)
{
	const struct vt_rating *a = left, *b = right;

	return (a->category > b->category) - (a->category < b->category);
}

static int reserve(struct vt_agreement *agreement, uint32_t category)
{
	size_t room = agreement->category_room ? agreement->category_room : 16;
	uint64_t *counts;

	if (category < agreement->category_room)
		return 0;
	while (room <= category)
		room *= 2;
	counts = reallocarray(agreement->by_category, room, sizeof *counts);
	if (!counts)
		return -ENOMEM;
	for (size_t i = agreement->category_room; i < room; i++)
		counts[i] = 0;
	agreement->by_category = counts;
	agreement->category_room = room;
	return 0;
}

/* The sum over categories of their count's square. */
static int add_categories(struct vt_agreement *agreement, const struct vt_rating *ratings,
			  size_t count, double *squares)
{
	*squares = 0;
	for (size_t i = 0, end; i < count; i = end) {
		uint32_t category = ratings[i].category;

		for (end = i; end < count && ratings[end].category == category; end++)
			continue;
		*squares += (double) (end - i) * (double) (end - i);
		if (category >= VT_CATEGORY_UNKEPT) {
			agreement->has_unkept = true;
			continue;
		}
		if (reserve(agreement, category) < 0)
			return -ENOMEM;
		agreement->by_category[category] += end - i;
	}
	return 0;
}

/* B. P. Welford, "Note on a method for calculating corrected sums of squares", 1962. */
static void deviate(double number, uint64_t count, double *mean, double *deviations)
{
	double from_old = number - *mean;

	*mean += from_old / (double) count;
	*deviations += from_old * (number - *mean);
}

static void add_numbers(struct vt_agreement *agreement, const struct vt_rating *ratings,
			size_t count)
{
	double m = (double) count, mean = 0, deviations = 0;

	for (size_t i = 0; i < count; i++) {
		deviate(ratings[i].number, i + 1, &mean, &deviations);
		deviate(ratings[i].number, agreement->values + i + 1, &agreement->mean,
			&agreement->deviations);
	}
	agreement->within += 2 * m / (m - 1) * deviations;
}

int vt_agreement_unit(struct vt_agreement *agreement, struct vt_rating *ratings, size_t count,
		      struct vt_error *err)
{
	double m = (double) count, squares;

	if (count < 2)
		return 0;
	qsort(ratings, count, sizeof *ratings, by_category);
	if (add_categories(agreement, ratings, count, &squares) < 0)
		return vt_fail(err, ENOMEM, "no memory to compare annotators");
	agreement->equal_shares += (squares - m) / (m * (m - 1));
	agreement->unequal += (m * m - squares) / (m - 1);
	add_numbers(agreement, ratings, count);
	agreement->units++;
	agreement->values += count;
	return 0;
}

double vt_agreement_raw(const struct vt_agreement *agreement)
{
	return agreement->units ? agreement->equal_shares / (double) agreement->units : NAN;
}

/* NAN too if a sum of squares has overflowed. */
static double alpha(double observed, double expected)
{
	return expected > 0 && isfinite(expected) && isfinite(observed) ? 1 - observed / expected
									: NAN;
}

double vt_alpha_nominal(const struct vt_agreement *agreement)
{
	double n = (double) agreement->values, squares = 0;

	if (agreement->units == 0 || agreement->has_unkept)
		return NAN;
	for (size_t i = 0; i < agreement->category_room; i++)
		squares += (double) agreement->by_category[i] * (double) agreement->by_category[i];
	return alpha(agreement->unequal / n, (n * n - squares) / (n * (n - 1)));
}

double vt_alpha_interval(const struct vt_agreement *agreement)
{
	double n = (double) agreement->values;

	if (agreement->units == 0)
		return NAN;
	return alpha(agreement->within / n, 2 * agreement->deviations / (n - 1));
}

/* ---- of two ---- */

void vt_rater_pairs_done(struct vt_rater_pairs *pairs)
{
	free(pairs->list);
	vt_idmap_done(&pairs->known);
	vt_idmap_done(&pairs->cells);
	*pairs = (struct vt_rater_pairs){0};
}

static int add_pair(struct vt_rater_pairs *pairs, struct vt_rater_pair pair, uint64_t id)
{
	struct vt_rater_pair *list = pairs->list;

	if ((pairs->count & (pairs->count - 1)) == 0) { /* room is the next power of two */
		list = reallocarray(list, pairs->count ? 2 * pairs->count : 1, sizeof *list);
		if (!list)
			return -ENOMEM;
		pairs->list = list;
	}
	if (vt_idmap_add(&pairs->known, id, pairs->count) < 0)
		return -ENOMEM;
	list[pairs->count++] = pair;
	return 0;
}

/* 1: `*out` is its index. 0: no more are kept. */
static int find_pair(struct vt_rater_pairs *pairs, uint32_t group, uint32_t a, uint32_t b,
		     uint64_t *out)
{
	struct vt_rater_pair pair = {.group = group, .a = a < b ? a : b, .b = a < b ? b : a};
	uint64_t id = ((uint64_t) group + 1) << 48 | (uint64_t) pair.a << 24 | pair.b;

	if (vt_idmap_find(&pairs->known, id, out))
		return 1;
	if (pairs->count == VT_RATER_PAIRS_MAX) {
		pairs->incomplete = true;
		return 0;
	}
	*out = pairs->count;
	return add_pair(pairs, pair, id) < 0 ? -ENOMEM : 1;
}

static int add_cell(struct vt_rater_pairs *pairs, uint64_t pair, uint32_t category, uint64_t count)
{
	uint64_t id = (pair + 1) << 32 | category, before = 0;
	bool known = category < VT_CATEGORY_UNKEPT && vt_idmap_find(&pairs->cells, id, &before);

	if (category >= VT_CATEGORY_UNKEPT ||
	    (!known && pairs->cells.count == VT_RATER_CELLS_MAX)) {
		pairs->list[pair].incomplete = true;
		return 0;
	}
	return vt_idmap_put(&pairs->cells, id, before + count);
}

static int compare_two(struct vt_rater_pairs *pairs, uint32_t group, const struct vt_rating *first,
		       const struct vt_rating *second)
{
	const struct vt_rating *a = first->rater < second->rater ? first : second;
	const struct vt_rating *b = a == first ? second : first;
	uint64_t pair;
	int r;

	if (b->rater >= VT_RATERS_MAX) {
		pairs->incomplete = true;
		return 0;
	}
	r = find_pair(pairs, group, a->rater, b->rater, &pair);
	if (r <= 0)
		return r;
	pairs->list[pair].units++;
	pairs->list[pair].equal += a->category == b->category;
	r = add_cell(pairs, pair, a->category, 1ull << 32);
	return r < 0 ? r : add_cell(pairs, pair, b->category, 1);
}

int vt_rater_pairs_unit(struct vt_rater_pairs *pairs, uint32_t group,
			const struct vt_rating *ratings, size_t count, struct vt_error *err)
{
	if (count > VT_RATERS_PAIRED) {
		pairs->incomplete = true;
		count = VT_RATERS_PAIRED;
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k < count; k++)
			if (compare_two(pairs, group, &ratings[i], &ratings[k]) < 0)
				return vt_fail(err, ENOMEM, "no memory to compare annotators");
	return 0;
}

double vt_kappa(const struct vt_rater_pairs *pairs, size_t index, uint32_t categories)
{
	const struct vt_rater_pair *pair = &pairs->list[index];
	double n = (double) pair->units, expected = 0;

	if (pair->incomplete)
		return NAN;
	for (uint32_t category = 0; category < categories; category++) {
		uint64_t cell;

		if (vt_idmap_find(&pairs->cells, ((uint64_t) index + 1) << 32 | category, &cell))
			expected += (double) (cell >> 32) * (double) (cell & UINT32_MAX);
	}
	if (expected >= n * n)
		return NAN;
	return ((double) pair->equal / n - expected / (n * n)) / (1 - expected / (n * n));
}
