/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* UTF-8 as RFC 3629 has it: the shortest form, no surrogates, nothing above U+10FFFF. Thread-safe.
 */
#include <stddef.h>
#include <stdint.h>

/*
 * The character at the start of `left` bytes, at least one: how many bytes it has, and its code
 * point. 0: there is none; `*code` is untouched.
 */
size_t vt_utf8_decode(const void *bytes, size_t left, uint32_t *code);
