/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the JSON in a version row (fs/requests.md) says, in words. */
#include <jansson.h>

/*
 * Adds texts for people where there is something to say: "made_of", what a curated version was made
 * of; "gate", which quality gates it passed.
 */
void vt_version_say(json_t *version);
