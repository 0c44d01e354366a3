/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Keys and values of the rows of postings (index/schema.md, "Postings"). */
#include "index/base/buf.h"
#include "index/posting.h"

#define VT_POSTING_FORMAT     1u
#define VT_POSTING_BLOCK_BITS 24u /* positions of a row; at most 2 MiB */
#define VT_POSTING_KEY_LEN    13u /* u64 set, u32 term, u8 block */

/* Terms of the whole set. */
#define VT_POSTING_TERM_FILES    0u
#define VT_POSTING_TERM_LABELLED 1u
#define VT_POSTING_TERM_FIRST    2u

/* What the number behind the set in a row of VT_CF_TERM is; of a key: from FIRST on. */
#define VT_POSTING_AT_HEAD  0u
#define VT_POSTING_AT_KEYS  1u
#define VT_POSTING_AT_FIRST 2u

void vt_posting_row_key(uint64_t set, uint32_t term, uint8_t block,
			uint8_t key[VT_POSTING_KEY_LEN]);

/* The value of a term; memcmp() orders two as expressions do, if they have one type. */
void vt_posting_value_put(struct vt_buf *out, const struct vt_expression_value *value);
/* False: it is none. A text borrows from it. */
bool vt_posting_value_get(const uint8_t *bytes, size_t len, struct vt_expression_value *out);
