/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A failure in words. Functions return 0 or positive for success and -errno for failure; the last
 * parameter takes a sentence for people and may be NULL. The number decides, the text explains.
 *
 * The text lives in the caller's frame: nothing to allocate, nothing to free, so that even
 * "no memory" can be said. Safe from any thread; one object is used by one thread at a time.
 */
struct vt_error {
	char text[1024];
};

/*
 * Writes the sentence and returns -`code`. `code` is a positive errno. `%m` in the format prints
 * the text of `code`.
 */
int vt_fail(struct vt_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts words in front of a sentence that is already there ("words: sentence"); returns `r`. */
int vt_fail_in(struct vt_error *err, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
