/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * uthash as we use it: it says when memory is short (hh.tbl is NULL after an add) where by default
 * it ends the process, and hashes with XXH3.
 */
#define HASH_NONFATAL_OOM             1
#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned) XXH3_64bits(key, len))
#define XXH_INLINE_ALL
#include <uthash.h>
#include <xxhash.h>
