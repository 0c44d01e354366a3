/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Files by name, on standard output: which were lost, which are no longer. */
#include <stdint.h>

#include "tools/repair/damage.h"

/*
 * A line "WORD  DATASET@VERSION:PATH" for each file, and for each list of changes of a version,
 * that is `lost`, or that was and is not; as JSON {WORD: {…}}. How many.
 */
uint64_t vt_print_lost(const struct vt_cli *cli, const struct vt_damage *damage, bool lost,
		       const char *word);
