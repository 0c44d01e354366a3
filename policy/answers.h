/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Remembered decisions: a bounded table under the full input of each. Whatever is not the same any
 * more is not found; nothing has to be thrown out.
 *
 * Thread-safe. Reading takes no lock and writes nothing, so that threads do not disturb each other.
 */
#include "index/base/cleanup.h"
#include "policy/evaluate.h"

struct vt_answers;

/* The question, and what the answer was made from. */
struct vt_answer_key {
	uint32_t uid, dataset, version;
	enum vt_right right;
	uint64_t policy, catalog; /* revision and generation */
};

/* NULL when memory is short. */
struct vt_answers *vt_answers_new(void);
void vt_answers_free(struct vt_answers *answers);
VT_DEFINE_CLEANUP(struct vt_answers, vt_answers_free);

/* False: decide. The clock may have been set back by an administrator since: then too. */
bool vt_answers_get(struct vt_answers *answers, const struct vt_answer_key *key,
		    struct vt_instant now, struct vt_decision *out);

/* `made` at that instant; `person_until_ns` (CLOCK_MONOTONIC): when the groups have to be asked. */
void vt_answers_put(struct vt_answers *answers, const struct vt_answer_key *key,
		    struct vt_instant made, uint64_t person_until_ns,
		    const struct vt_decision *decision);
