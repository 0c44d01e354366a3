/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A fuzz target: what it is called with, and how it says that something is wrong. It ends the
 * program, which a fuzzer and replay.c both notice.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(bool condition)
{
	if (!condition)
		abort();
}
