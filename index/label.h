/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A label: what somebody says of a file, about one key. Several may stand side by side for the same
 * file and key, by several annotators or at several times; which of them is in force is
 * vt_label_effective()'s.
 *
 * Plain values. Texts are UTF-8, borrowed, not NUL-terminated. Rows of a file stand in the order of
 * vt_label_compare(); two equal rows are one.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_error;

#define VT_LABEL_KEY_MAX 64u /* bytes; [A-Za-z_][A-Za-z0-9_-]* */
#define VT_LABEL_TEXT_MAX                                                                          \
	4096u /* bytes of a text value, without control characters but tab and newline */
#define VT_LABEL_NAME_MAX                                                                          \
	100u /* bytes of annotator (at least 1) and tool; no control characters                    \
	      */
/* bytes of a region, as it was written: one JSON value in one line, no blanks around it */
#define VT_LABEL_REGION_MAX 65536u

enum vt_label_type { VT_LABEL_TEXT = 1, VT_LABEL_NUMBER = 2, VT_LABEL_BOOLEAN = 3 };

enum vt_label_source {
	VT_LABEL_HUMAN = 1,
	VT_LABEL_MODEL = 2,
	VT_LABEL_RULE = 3,
	VT_LABEL_IMPORT = 4, /* from elsewhere, nobody says by what */
};

enum vt_label_review {
	VT_LABEL_DRAFT = 1,
	VT_LABEL_SUBMITTED = 2,
	VT_LABEL_ACCEPTED = 3,
	VT_LABEL_REJECTED = 4,
	VT_LABEL_DISPUTED = 5,
};

struct vt_label_text {
	const char *bytes;
	size_t len;
};

struct vt_label {
	struct vt_label_text key;
	enum vt_label_type type;
	union {
		struct vt_label_text text;
		double number; /* finite, never -0 */
		bool boolean;
	} value;
	struct vt_label_text annotator;
	enum vt_label_source source;
	enum vt_label_review review;
	bool has_confidence;
	double confidence;         /* 0 to 1 */
	int64_t time_ns;           /* CLOCK_REALTIME; when it was made */
	struct vt_label_text tool; /* may be empty */
	uint64_t parent; /* vt_label_id() of the one of the same file that it corrects; 0: none */
	struct vt_label_text region; /* JSON, verbatim; may be empty */
};

/* 0, or -EINVAL with a sentence that names the member that breaks a rule. */
int vt_label_check(const struct vt_label *label, struct vt_error *err);

/*
 * The same as a sentence, NULL when there is nothing to say, but that a region is JSON: for
 * decoders and other inner loops. Allocates nothing.
 */
const char *vt_label_problem(const struct vt_label *label);

/* The words of files and commands at the numbers of sources and reviews; [0] is "", the end NULL.
 */
extern const char *const vt_label_sources[], *const vt_label_reviews[];
/* The number of a word among those; 0: it is none. */
unsigned vt_label_word_find(const char *const *words, struct vt_label_text word);

/*
 * Order of the rows of a file: by key, annotator and time, then as the rest of their canonical
 * bytes compares (index/schema.md, "Labels"). 0 for equal labels only. Both must have no problem.
 */
int vt_label_compare(const struct vt_label *a, const struct vt_label *b);

/* The first 8 bytes, little-endian, of the SHA-256 of the canonical bytes (label_block.h). */
uint64_t vt_label_id(const struct vt_label *label);

bool vt_label_same_value(const struct vt_label *a, const struct vt_label *b);

/*
 * How far a key's annotators agree. Each has one say: its newest row that is not rejected, by order
 * of rows among those of one time. With one annotator `agreeing` is 1, unless its newest row is not
 * the effective one (because that was accepted, and this is not) and has another value: then 0.
 */
struct vt_label_agreement {
	size_t annotators; /* that have a say; 0 when all rows are rejected */
	size_t agreeing;   /* those that say the effective value; agreement is agreeing / annotators
			    */
	/*
	 * A say is marked VT_LABEL_DISPUTED; or says differ and no accepted row is effective, since
	 * an accepted one has settled it.
	 */
	bool disputed;
};

/* Of rows in order, how many from the first on have its key. */
size_t vt_label_count_key(const struct vt_label *rows, size_t count);
/* Of rows in order, those of a key: how many, from `*rows` on. */
size_t vt_label_find_key(const struct vt_label **rows, size_t count, struct vt_label_text key);

/*
 * Goes through the says: of the rows of one annotator, from `*i` on, its say, or NULL. `*i` goes
 * behind them.
 */
const struct vt_label *vt_label_next_say(const struct vt_label *rows, size_t count, size_t *i);

/*
 * The label that is in force, among all rows that a file has of one key, in order of rows. NULL:
 * none is. Rejected rows never are. Of two others the first rule that tells them apart decides:
 *
 *     1. a draft comes after what is no draft, whoever made it
 *     2. human before import before model before rule
 *     3. accepted before what is not; submitted and disputed are alike
 *     4. the newer before the older
 *     5. the first in order of rows
 *
 * So an accepted human label stays in force until a newer one of a human is accepted, and a draft
 * is in force only where there is nothing else. `parent` decides nothing: a correction is newer.
 * `agreement` may be NULL.
 */
const struct vt_label *vt_label_effective(const struct vt_label *rows, size_t count,
					  struct vt_label_agreement *agreement);
