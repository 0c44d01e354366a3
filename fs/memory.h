/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The memory of this process against what it promises. malloc keeps what is freed: a cache that
 * goes from pages to frames of other sizes leaves holes, half as much again as the cache.
 */
#include <stdbool.h>
#include <stdint.h>

uint64_t vt_memory_resident(void);  /* bytes, files that are mapped included; 0: not known */
uint64_t vt_memory_anonymous(void); /* bytes */

/*
 * Bytes that this process, its control group considered, can have without others' being swapped; 0:
 * not known.
 */
uint64_t vt_memory_available(void);

/*
 * Gives back holes when anonymous memory is well above `limit` and has grown since the last time,
 * of which `*after` keeps the result (0 at first). Says whether it did. Takes some 100 ms then, in
 * parts of which other threads wait for malloc; else microseconds. One thread.
 */
bool vt_memory_trim(uint64_t limit, uint64_t *after);
