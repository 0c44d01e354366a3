/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Patterns over paths and other texts. A pattern matches the whole of a text:
 *
 *     *        any characters but '/', also none
 *     **       any characters, also none. As a whole part before a '/' it stands for any number
 *              of folders, also for none
 *     ?        one character but '/'
 *     [a-z_]   one character of the set, never '/'; [!a-z] and [^a-z] one that is not of it.
 *              First in a set ']' is itself, first or last '-' is
 *
 * Everything else is itself; a special character is meant literally in a set: [*]. Characters are
 * those of UTF-8, in a text a byte that belongs to none is one that no set names.
 *
 * Time is at most len(pattern) * len(text), whatever the pattern; no memory but the stack.
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>

struct vt_error;

#define VT_GLOB_MAX 4096u /* bytes of a pattern */

/* -EINVAL: a set that does not end, or has a range that is turned round; a pattern too long. */
int vt_glob_check(const char *pattern, size_t len, struct vt_error *err);

/* `pattern` is one that vt_glob_check() took. */
bool vt_glob_matches(const char *pattern, size_t len, const char *text, size_t text_len);
