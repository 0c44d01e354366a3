/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agreement against published worked examples and against a second, naive implementation that
 * keeps every rating and goes through all pairs of them.
 */
#include "index/agreement.h"
#include "tests/unit/chance.h"
#include "tests/unit/suite.h"

#include <math.h>

#define UNITS_MAX  40
#define RATERS_MAX 5
#define NONE       -1

struct table {
	int values[RATERS_MAX][UNITS_MAX]; /* NONE: did not rate */
	int raters, units;
};

static void feed(const struct table *table, struct vt_agreement *agreement,
		 struct vt_rater_pairs *pairs)
{
	for (int u = 0; u < table->units; u++) {
		struct vt_rating ratings[RATERS_MAX];
		size_t count = 0;

		for (int i = 0; i < table->raters; i++)
			if (table->values[i][u] != NONE)
				ratings[count++] = (struct vt_rating){
					(uint32_t) i, (uint32_t) table->values[i][u],
					table->values[i][u]};
		ck_assert_int_eq(vt_rater_pairs_unit(pairs, 3, ratings, count, NULL), 0);
		ck_assert_int_eq(vt_agreement_unit(agreement, ratings, count, NULL), 0);
	}
}

/*
 * The example of "Computing Krippendorff's alpha-reliability" (K. Krippendorff, 2011), section C:
 * four observers, twelve units, with gaps. Nominal alpha .743, interval alpha .849.
 */
START_TEST(krippendorffs_example_has_his_alphas)
{
	static const struct table table = {{{1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE},
					    {1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3},
					    {NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE},
					    {1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE}},
					   4,
					   12};
	struct vt_agreement agreement = {0};
	struct vt_rater_pairs pairs = {0};

	feed(&table, &agreement, &pairs);
	ck_assert_uint_eq(agreement.units, 11);
	ck_assert_uint_eq(agreement.values, 40);
	ck_assert_double_eq_tol(vt_alpha_nominal(&agreement), 0.743, 0.0005);
	ck_assert_double_eq_tol(vt_alpha_interval(&agreement), 0.849, 0.0005);
	ck_assert_uint_eq(pairs.count, 6);
	vt_agreement_done(&agreement);
	vt_rater_pairs_done(&pairs);
}
END_TEST

/*
 * The same paper, section A: two observers, ten units, two categories, alpha .095. And by hand:
 * p_o = 6/10; shares of 1 are 4/10 and 2/10, so p_e = .08 + .48 = .56 and kappa = .04 / .44.
 */
START_TEST(two_observers_of_a_dichotomy)
{
	static const struct table table = {
		{{0, 1, 0, 0, 0, 0, 0, 0, 1, 0}, {1, 1, 1, 0, 0, 1, 0, 0, 0, 0}}, 2, 10};
	struct vt_agreement agreement = {0};
	struct vt_rater_pairs pairs = {0};

	feed(&table, &agreement, &pairs);
	ck_assert_double_eq_tol(vt_agreement_raw(&agreement), 0.6, 1e-12);
	ck_assert_double_eq_tol(vt_alpha_nominal(&agreement), 0.095, 0.0005);
	ck_assert_double_eq_tol(vt_kappa(&pairs, 0, 2), 0.04 / 0.44, 1e-12);
	vt_agreement_done(&agreement);
	vt_rater_pairs_done(&pairs);
}
END_TEST

/*
 * J. Cohen (1960), table 1: two judges put 200 cases into three categories; p_o = .70, p_e = .41,
 * kappa = .492.
 */
START_TEST(cohens_example_has_his_kappa)
{
	static const int counts[3][3] = {{88, 14, 18}, {10, 40, 10}, {2, 6, 12}};
	struct vt_rater_pairs pairs = {0};

	for (uint32_t a = 0; a < 3; a++)
		for (uint32_t b = 0; b < 3; b++)
			for (int i = 0; i < counts[a][b]; i++) {
				/* whoever comes first */
				const struct vt_rating ratings[] = {
					{7, a, 0}, {9, b, 0}, {7, a, 0}};

				ck_assert_int_eq(
					vt_rater_pairs_unit(&pairs, 0, ratings + i % 2, 2, NULL),
					0);
			}
	ck_assert_uint_eq(pairs.count, 1);
	ck_assert_uint_eq(pairs.list[0].units, 200);
	ck_assert_uint_eq(pairs.list[0].equal, 140);
	ck_assert_double_eq_tol(vt_kappa(&pairs, 0, 3), 0.29 / 0.59, 1e-12);
	ck_assert_double_eq_tol(vt_kappa(&pairs, 0, 3), 0.492, 0.0005);
	vt_rater_pairs_done(&pairs);
}
END_TEST

START_TEST(what_is_not_defined_is_no_number)
{
	static const struct table alone = {{{0, 1, NONE}, {NONE, NONE, 1}}, 2, 3};
	static const struct table one_category = {{{1, 1, 1}, {1, 1, 1}}, 2, 3};
	struct vt_agreement agreement = {0};
	struct vt_rater_pairs pairs = {0};

	feed(&alone, &agreement, &pairs);
	ck_assert(isnan(vt_agreement_raw(&agreement)));
	ck_assert(isnan(vt_alpha_nominal(&agreement)));
	ck_assert(isnan(vt_alpha_interval(&agreement)));
	ck_assert_uint_eq(pairs.count, 0);
	feed(&one_category, &agreement, &pairs);
	ck_assert_double_eq(vt_agreement_raw(&agreement), 1);
	ck_assert(isnan(vt_alpha_nominal(&agreement)));
	ck_assert(isnan(vt_alpha_interval(&agreement)));
	ck_assert(isnan(vt_kappa(&pairs, 0, 2)));
	vt_agreement_done(&agreement);
	vt_rater_pairs_done(&pairs);
}
END_TEST

START_TEST(numbers_too_large_to_square_have_no_alpha)
{
	struct vt_rating great[] = {{0, 0, 1e200}, {1, 0, 1e200}};
	struct vt_rating small[] = {{0, 1, -1e200}, {1, 1, -1e200}};
	struct vt_agreement agreement = {0};

	ck_assert_int_eq(vt_agreement_unit(&agreement, great, 2, NULL), 0);
	ck_assert_int_eq(vt_agreement_unit(&agreement, small, 2, NULL), 0);
	ck_assert(isnan(vt_alpha_interval(&agreement)));
	ck_assert_double_eq(vt_alpha_nominal(&agreement), 1);
	vt_agreement_done(&agreement);
}
END_TEST

START_TEST(a_category_without_a_number_is_compared_in_its_unit_only)
{
	const struct vt_rating equal[] = {{0, VT_CATEGORY_UNKEPT, 0}, {1, VT_CATEGORY_UNKEPT, 0}};
	struct vt_rating sorted[] = {equal[0], equal[1]};
	struct vt_agreement agreement = {0};
	struct vt_rater_pairs pairs = {0};

	ck_assert_int_eq(vt_rater_pairs_unit(&pairs, 0, equal, 2, NULL), 0);
	ck_assert_int_eq(vt_agreement_unit(&agreement, sorted, 2, NULL), 0);
	ck_assert_double_eq(vt_agreement_raw(&agreement), 1);
	ck_assert(isnan(vt_alpha_nominal(&agreement)));
	ck_assert(isnan(vt_kappa(&pairs, 0, 5)));
	ck_assert_uint_eq(pairs.list[0].equal, 1);
	vt_agreement_done(&agreement);
	vt_rater_pairs_done(&pairs);
}
END_TEST

START_TEST(pairs_beyond_the_bound_are_said_to_be_missing)
{
	struct vt_rater_pairs pairs = {0};
	struct vt_rating ratings[VT_RATERS_PAIRED + 1] = {{0}};
	const size_t of_one = VT_RATERS_PAIRED * (VT_RATERS_PAIRED - 1) / 2;

	for (uint32_t i = 0; i <= VT_RATERS_PAIRED; i++)
		ratings[i].rater = i;
	ck_assert_int_eq(vt_rater_pairs_unit(&pairs, 0, ratings, VT_RATERS_PAIRED, NULL), 0);
	ck_assert_uint_eq(pairs.count, of_one);
	ck_assert(!pairs.incomplete);
	ck_assert_int_eq(vt_rater_pairs_unit(&pairs, 0, ratings, VT_RATERS_PAIRED + 1, NULL), 0);
	ck_assert_uint_eq(pairs.count, of_one);
	ck_assert(pairs.incomplete);
	pairs.incomplete = false;
	for (uint32_t group = 1; group < 3; group++)
		ck_assert_int_eq(
			vt_rater_pairs_unit(&pairs, group, ratings, VT_RATERS_PAIRED, NULL), 0);
	ck_assert_uint_eq(pairs.count, VT_RATER_PAIRS_MAX);
	ck_assert(pairs.incomplete);
	vt_rater_pairs_done(&pairs);
}
END_TEST

/* ---- the naive one: through all pairs, as the definitions have it ---- */

static double naive_alpha(const struct table *table, bool interval)
{
	double observed = 0, expected = 0, all[UNITS_MAX * RATERS_MAX];
	size_t n = 0;

	for (int u = 0; u < table->units; u++) {
		double sum = 0;
		int m = 0;

		for (int i = 0; i < table->raters; i++)
			m += table->values[i][u] != NONE;
		for (int i = 0; m > 1 && i < table->raters; i++) {
			int a = table->values[i][u];

			if (a == NONE)
				continue;
			all[n++] = a;
			for (int k = 0; k < table->raters; k++) {
				int b = table->values[k][u];

				if (b != NONE)
					sum += interval ? (a - b) * (a - b) : a != b;
			}
		}
		if (m > 1)
			observed += sum / (m - 1);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			expected +=
				interval ? (all[i] - all[k]) * (all[i] - all[k]) : all[i] != all[k];
	if (n == 0 || expected == 0)
		return NAN;
	return 1 - observed / (double) n / (expected / (double) (n * (n - 1)));
}

static double naive_kappa(const struct table *table, int a, int b)
{
	double chances[RATERS_MAX][8] = {{0}}, equal = 0, expected = 0;
	int n = 0;

	for (int u = 0; u < table->units; u++) {
		int x = table->values[a][u], y = table->values[b][u];

		if (x == NONE || y == NONE)
			continue;
		n++;
		equal += x == y;
		chances[a][x]++;
		chances[b][y]++;
	}
	for (int c = 0; c < 8; c++)
		expected += chances[a][c] / n * (chances[b][c] / n);
	return n == 0 || expected > 1 - 1e-12 ? NAN : (equal / n - expected) / (1 - expected);
}

static uint64_t seed; /* of the table at hand */

static void expect_same(double got, double expected)
{
	ck_assert_msg(isnan(got) ? isnan(expected) : fabs(got - expected) < 1e-9,
		      "%g is not %g (VT_SEED=%#llx)", got, expected, (unsigned long long) seed);
}

static struct table random_table(void)
{
	unsigned categories = 1 + below(8), gaps = 1 + below(4);
	struct table table = {.raters = 2 + (int) below(RATERS_MAX - 1),
			      .units = 1 + (int) below(UNITS_MAX)};

	for (int i = 0; i < table.raters; i++)
		for (int u = 0; u < table.units; u++)
			table.values[i][u] = one_in(gaps + 1) ? NONE : (int) below(categories);
	return table;
}

START_TEST(random_tables_agree_with_all_pairs)
{
	chance_state = chance_seed();
	for (int round = 0; round < 2000; round++) {
		struct table table;
		struct vt_agreement agreement = {0};
		struct vt_rater_pairs pairs = {0};

		seed = chance_state;
		table = random_table();
		feed(&table, &agreement, &pairs);
		expect_same(vt_alpha_nominal(&agreement), naive_alpha(&table, false));
		expect_same(vt_alpha_interval(&agreement), naive_alpha(&table, true));
		for (size_t i = 0; i < pairs.count; i++)
			expect_same(
				vt_kappa(&pairs, i, 8),
				naive_kappa(&table, (int) pairs.list[i].a, (int) pairs.list[i].b));
		vt_agreement_done(&agreement);
		vt_rater_pairs_done(&pairs);
	}
}
END_TEST

VT_SUITE(agreement, krippendorffs_example_has_his_alphas, two_observers_of_a_dichotomy,
	 cohens_example_has_his_kappa, what_is_not_defined_is_no_number,
	 numbers_too_large_to_square_have_no_alpha,
	 a_category_without_a_number_is_compared_in_its_unit_only,
	 pairs_beyond_the_bound_are_said_to_be_missing, random_tables_agree_with_all_pairs)
