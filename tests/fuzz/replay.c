/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over its corpus without a fuzzer: every file named, and every file of every
 * folder named. The target ends the program when something is wrong.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

static unsigned replayed;

static void fail(const char *path)
{
	perror(path);
	exit(EXIT_FAILURE);
}

/* The copy has the input's exact size, so that a sanitizer sees every read beyond it. */
static void replay_file(const char *path, size_t size)
{
	uint8_t *data = malloc(size ? size : 1);
	FILE *file = fopen(path, "rb");

	if (!data || !file || fread(data, 1, size, file) != size)
		fail(path);
	(void) fclose(file);
	(void) LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
}

static void replay_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;
	char inner[4096];

	if (!dir)
		fail(path);
	while ((entry = readdir(dir))) {
		(void) snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
		if (stat(inner, &st) == 0 && S_ISREG(st.st_mode))
			replay_file(inner, (size_t) st.st_size);
	}
	(void) closedir(dir);
}

int main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) < 0)
			fail(argv[i]);
		if (S_ISDIR(st.st_mode))
			replay_folder(argv[i]);
		else
			replay_file(argv[i], (size_t) st.st_size);
	}
	printf("%u inputs replayed\n", replayed);
	return replayed ? EXIT_SUCCESS : EXIT_FAILURE; /* an empty corpus tests nothing */
}
