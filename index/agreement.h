/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How far raters agree who gave some of the same units a value each, beyond what chance gives. Fed
 * unit by unit; memory grows with categories and pairs of raters, not with units. NAN wherever a
 * figure is not defined.
 *
 * - Raw agreement: of the pairs of ratings of one unit the share that are equal, averaged over the
 *   units with two or more (J. L. Fleiss, "Measuring nominal scale agreement among many raters",
 *   Psychological Bulletin 76, 1971, there P-bar; with different numbers of raters a unit each unit
 *   still weighs the same). Undefined without such a unit.
 *
 * - Cohen's kappa of two raters over the units that both rated (J. Cohen, "A coefficient of
 *   agreement for nominal scales", Educational and Psychological Measurement 20, 1960):
 *   (p_o - p_e) / (1 - p_e), p_o the share of equal ratings, p_e the sum over categories of the
 *   product of both raters' shares. Undefined if p_e is 1: both know one category only, the same.
 *
 * - Krippendorff's alpha of any number of raters with gaps (K. Krippendorff, "Computing
 *   Krippendorff's alpha-reliability", 2011, section C and D): 1 - D_o / D_e over the values of
 *   units with m >= 2 ratings, n of them in all. Nominal: D_o is 1/n times the sum over units of
 *   (m^2 - sum n_uc^2) / (m - 1), D_e is (n^2 - sum n_c^2) / (n (n - 1)). Interval: the same with
 *   squared differences; their sum over all ordered pairs of k values is 2k times the sum of
 *   squared deviations from the mean, which is what is kept. Undefined without such a unit, or if
 *   D_e is 0: all values are equal, so nothing can be told from chance.
 *
 * Not thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/idmap.h"

struct vt_error;

/* Categories from here on are known equal or different within a unit only. */
#define VT_CATEGORY_UNKEPT 0x80000000u

struct vt_rating {
	uint32_t rater, category;
	double number; /* of a numeric category */
};

struct vt_agreement {
	uint64_t units;        /* with two or more ratings */
	uint64_t values;       /* of those */
	double equal_shares;   /* sum over units of equal pairs / pairs */
	double unequal;        /* sum over units of (m^2 - sum n_uc^2) / (m - 1) */
	bool has_unkept;       /* a category had no number of its own */
	uint64_t *by_category; /* values, by category */
	size_t category_room;
	double within;           /* sum over units of 2m / (m - 1) times squared deviations */
	double mean, deviations; /* of all values: running mean, sum of squared deviations */
};
void vt_agreement_done(struct vt_agreement *agreement);
/* Sorts `ratings`. -ENOMEM. */
int vt_agreement_unit(struct vt_agreement *agreement, struct vt_rating *ratings, size_t count,
		      struct vt_error *err);
double vt_agreement_raw(const struct vt_agreement *agreement);
double vt_alpha_nominal(const struct vt_agreement *agreement); /* NAN too if has_unkept */
double vt_alpha_interval(const struct vt_agreement *agreement);

/*
 * Pairs of raters, in several groups: raters and categories are counted within a group. The first
 * VT_RATER_PAIRS_MAX pairs are kept, the first VT_RATER_CELLS_MAX categories of pairs, and of a
 * unit the pairs of its first VT_RATERS_PAIRED ratings: 33 MiB at most.
 */
#define VT_RATER_PAIRS_MAX 4096u
#define VT_RATER_CELLS_MAX (1u << 20) /* 32 bytes each, at worst */
#define VT_RATERS_PAIRED   64u
#define VT_RATERS_MAX      (1u << 24) /* in a group; one from there on has no pairs; groups: 2^15 */

struct vt_rater_pair {
	uint32_t group, a, b; /* a < b */
	uint64_t units, equal;
	bool incomplete; /* a category was not kept: no kappa */
};
struct vt_rater_pairs {
	struct vt_rater_pair *list;
	size_t count;
	bool incomplete;       /* there are more than are kept */
	struct vt_idmap known; /* group and raters: index in list */
	struct vt_idmap cells; /* pair and category: ratings of a << 32 | of b */
};
void vt_rater_pairs_done(struct vt_rater_pairs *pairs);
/* Each rater once. Calls follow units; -ENOMEM. */
int vt_rater_pairs_unit(struct vt_rater_pairs *pairs, uint32_t group,
			const struct vt_rating *ratings, size_t count, struct vt_error *err);
/* `categories`: those of the group are below. */
double vt_kappa(const struct vt_rater_pairs *pairs, size_t pair, uint32_t categories);
