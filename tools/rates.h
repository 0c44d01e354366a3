/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What went on between two answers of the request `io` (fs/requests.md), per second. */
#include <jansson.h>

/*
 * `{seconds, up_seconds, memory, requests, opens, bytes, hit_share, readers: [..], datasets:
 * [..]}`, rates all but the first three and `hit_share`, which is of the frames looked for, 0 to 1,
 * and null when none was. Rows are `{name, id, requests, opens, bytes}` of those who did anything,
 * by bytes and requests, the most first. What the answers do not tell is left out.
 *
 * The caller's. NULL when the two are not of one server, or in the wrong order.
 */
json_t *vt_rates(const json_t *before, const json_t *after);
