/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files of a corpus as tests/bench/corpora.py lists them: a line each, size, a blank, path,
 * sorted by path. Programs of the benchmark end with a message when something is wrong with it.
 */
#include <stddef.h>
#include <stdint.h>

struct bench_file {
	const char *path; /* within the corpus */
	uint64_t size;
};

struct bench_list {
	struct bench_file *files;
	size_t count, room;
	char *text; /* the paths' memory */
};

void bench_list_load(const char *path, struct bench_list *out);
void bench_list_done(struct bench_list *list);
