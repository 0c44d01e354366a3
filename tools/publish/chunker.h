/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where to cut bytes so that an insertion moves only the cuts near it: FastCDC with a gear hash and
 * normalised chunking (Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach
 * for Data Deduplication", USENIX ATC 2016). The cuts of equal bytes are equal for ever: the table
 * and the masks are part of what makes versions share chunks.
 *
 * Thread-safe.
 */
#include <stddef.h>
#include <stdint.h>

#define VT_CHUNK_MIN     (16u << 10)
#define VT_CHUNK_AVERAGE (64u << 10)
#define VT_CHUNK_MAX     (128u << 10)

/*
 * The length of the first chunk of `data`: VT_CHUNK_MIN to VT_CHUNK_MAX, or `len` when that is
 * less than the minimum. Give at least VT_CHUNK_MAX bytes, or all that are left.
 */
size_t vt_chunk_cut(const uint8_t *data, size_t len);
