/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See answers.h. One answer a place, the newest wins. Each place is a sequence lock (Boehm, "Can
 * seqlocks get along with programming language memory models?", 2012): the writer makes the
 * sequence odd, a reader who sees it odd or changed has found nothing. Words are stored with
 * release and loaded with acquire, so that who reads a word of a later writing also sees its
 * sequence.
 */
#include "policy/answers.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "index/base/clock.h"

enum word {
	WORD_WHO,   /* uid and right */
	WORD_PLACE, /* dataset and version */
	WORD_POLICY,
	WORD_CATALOG,
	WORD_MADE_LO,
	WORD_MADE_HI,
	WORD_UNTIL,
	WORD_PERSON,
	WORD_ANSWER, /* allowed and reason */
	WORD_RULE,
	WORD_COUNT,
};

struct place {
	_Alignas(64) atomic_uint_fast64_t sequence;
	atomic_uint_fast64_t words[WORD_COUNT];
};

#define PLACES 8192u /* a power of two; 1 MiB */

struct vt_answers {
	struct place places[PLACES];
};

struct vt_answers *vt_answers_new(void)
{
	struct vt_answers *answers = aligned_alloc(_Alignof(struct place), sizeof *answers);

	if (!answers)
		return NULL;
	for (size_t i = 0; i < PLACES; i++) {
		atomic_init(&answers->places[i].sequence, 0);
		for (size_t w = 0; w < WORD_COUNT; w++)
			atomic_init(&answers->places[i].words[w], 0);
	}
	return answers;
}

void vt_answers_free(struct vt_answers *answers)
{
	free(answers);
}

static void key_words(const struct vt_answer_key *key, uint64_t words[WORD_COUNT])
{
	words[WORD_WHO] = (uint64_t) key->uid << 32 | (uint32_t) key->right;
	words[WORD_PLACE] = (uint64_t) key->dataset << 32 | key->version;
	words[WORD_POLICY] = key->policy;
	words[WORD_CATALOG] = key->catalog;
}

static struct place *place_of(struct vt_answers *answers, const uint64_t words[WORD_COUNT])
{
	uint64_t hash = words[WORD_WHO] * 0x9e3779b97f4a7c15u;

	hash = (hash ^ hash >> 29 ^ words[WORD_PLACE]) * 0xbf58476d1ce4e5b9u;
	return &answers->places[(hash ^ hash >> 32) & (PLACES - 1)];
}

/* False when a writer is at it. */
static bool read_words(struct place *place, uint64_t words[WORD_COUNT])
{
	uint64_t sequence = atomic_load_explicit(&place->sequence, memory_order_acquire);

	if (sequence % 2 || sequence == 0)
		return false;
	for (size_t w = 0; w < WORD_COUNT; w++)
		words[w] = atomic_load_explicit(&place->words[w], memory_order_acquire);
	return atomic_load_explicit(&place->sequence, memory_order_relaxed) == sequence;
}

static bool is_good(const uint64_t words[WORD_COUNT], struct vt_instant now)
{
	uint64_t until = words[WORD_UNTIL];

	return now.lo_ns >= words[WORD_MADE_LO] && now.hi_ns >= words[WORD_MADE_HI] &&
	       (until == VT_TIME_NEVER || now.hi_ns < until) &&
	       vt_clock_monotonic_ns() < words[WORD_PERSON];
}

bool vt_answers_get(struct vt_answers *answers, const struct vt_answer_key *key,
		    struct vt_instant now, struct vt_decision *out)
{
	uint64_t asked[WORD_COUNT], found[WORD_COUNT];

	key_words(key, asked);
	if (!read_words(place_of(answers, asked), found))
		return false;
	for (size_t w = 0; w < WORD_MADE_LO; w++)
		if (found[w] != asked[w])
			return false;
	if (!is_good(found, now))
		return false;
	*out = (struct vt_decision){.allowed = found[WORD_ANSWER] >> 32,
				    .reason = (enum vt_reason)(uint32_t) found[WORD_ANSWER],
				    .rule = found[WORD_RULE],
				    .valid_until_ns = found[WORD_UNTIL]};
	return true;
}

void vt_answers_put(struct vt_answers *answers, const struct vt_answer_key *key,
		    struct vt_instant made, uint64_t person_until_ns,
		    const struct vt_decision *decision)
{
	uint64_t words[WORD_COUNT];
	uint_fast64_t sequence;
	struct place *place;

	key_words(key, words);
	words[WORD_MADE_LO] = made.lo_ns;
	words[WORD_MADE_HI] = made.hi_ns;
	words[WORD_UNTIL] = decision->valid_until_ns;
	words[WORD_PERSON] = person_until_ns;
	words[WORD_ANSWER] = (uint64_t) decision->allowed << 32 | (uint32_t) decision->reason;
	words[WORD_RULE] = decision->rule;
	place = place_of(answers, words);
	sequence = atomic_load_explicit(&place->sequence, memory_order_relaxed);
	if (sequence % 2 ||
	    !atomic_compare_exchange_strong(&place->sequence, &sequence, sequence + 1))
		return; /* another writes here: one of the two is enough */
	for (size_t w = 0; w < WORD_COUNT; w++)
		atomic_store_explicit(&place->words[w], words[w], memory_order_release);
	atomic_store_explicit(&place->sequence, sequence + 2, memory_order_release);
}
