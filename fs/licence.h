/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A licence, which is any text that a publisher wrote, in JSON-LD. Those with an identifier of the
 * SPDX list that data is often under are known: their page, and of Creative Commons' licences what
 * they permit, demand and prohibit, as ODRL (https://www.w3.org/TR/odrl-model/) with the terms of
 * http://creativecommons.org/ns, prefixes `odrl` and `cc`.
 */
#include <jansson.h>

/* A URL, or a work with the text as its name: what schema.org's `license` takes. NULL: no memory.
 */
json_t *vt_licence_json(const char *text);

/* The same in full, for `usageInfo`. NULL also for a text that is empty: nothing was stated. */
json_t *vt_licence_terms(const char *text);
