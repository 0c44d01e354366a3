/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Words of the policy as people type them: times, lengths, and who is meant. Errors are those of a
 * wrong command line, -EINVAL.
 */
#include <jansson.h>
#include <stdint.h>

struct vt_cli;
struct vt_error;

/*
 * RFC 3339 with parts left out: "2027-12-31" (its beginning), "2027-12-31T10:00[:SS]", both local
 * time unless a zone follows, "Z" or "+02:00"; or "+8h" from now. ns since 1970.
 */
int vt_time_parse(const struct vt_cli *cli, const char *text, uint64_t *out, struct vt_error *err);
/* "90s", "30m", "8h", "7d", "2w"; ns, more than 0. */
int vt_length_parse(const struct vt_cli *cli, const char *text, uint64_t *out,
		    struct vt_error *err);

/* Adds a time to the arguments of a request, unless `text` is NULL. */
int vt_args_time(const struct vt_cli *cli, json_t *args, const char *key, const char *text,
		 struct vt_error *err);

/* WHO as the server takes it: a bare name is a user's. */
json_t *vt_who_json(const char *text);
