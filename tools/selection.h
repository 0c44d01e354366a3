/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which files of a version an expression means, asked of the server. One thread. */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct vt_cli;
struct vt_error;
struct vt_target;

/* In walk order; borrowed. Negative ends it. */
typedef int vt_selection_each(void *context, const char *path, size_t len);

#define VT_SELECTION_ALL UINT32_MAX

/*
 * At most `limit` paths. `*result` (may be NULL) is the caller's: {version, where, files}, of all.
 * -EINVAL: it is no expression; on a terminal, standard error then has it with a mark at the column
 * that the sentence names.
 */
int vt_selection_ask(struct vt_cli *cli, const struct vt_target *target, const char *expression,
		     uint32_t limit, vt_selection_each *each, void *context, json_t **result,
		     struct vt_error *err);

/*
 * For a request of one's own with an expression in it, refused with `sentence`: on a terminal,
 * shows the expression with a mark at the column that the sentence names.
 */
void vt_selection_explain(const char *expression, const char *sentence);
