/* SPDX-License-Identifier: Apache-2.0 */
/* See file_list.h. */
#include "tests/bench/file_list.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/array.h"
#include "index/base/cleanup.h"
#include "index/base/file.h"

static char *load_text(const char *path)
{
	vt_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;

	if (fd < 0 || fstat(fd, &st) < 0)
		err(EXIT_FAILURE, "%s", path);
	text = malloc((size_t) st.st_size + 1);
	if (!text)
		err(EXIT_FAILURE, "%s", path);
	if (vt_file_read_at(fd, text, (size_t) st.st_size, 0) != st.st_size)
		errx(EXIT_FAILURE, "%s: cannot be read", path);
	text[st.st_size] = '\0';
	return text;
}

static struct bench_file file_of(char *line)
{
	char *end;
	const uint64_t size = strtoull(line, &end, 10);

	if (end == line || *end != ' ')
		errx(EXIT_FAILURE, "not a size and a path: %s", line);
	return (struct bench_file){.path = end + 1, .size = size};
}

void bench_list_load(const char *path, struct bench_list *out)
{
	char *rest, *line;

	*out = (struct bench_list){.text = load_text(path)};
	rest = out->text;
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (!*line)
			continue;
		if (vt_array_reserve(out->files, out->room, out->count + 1) < 0)
			errx(EXIT_FAILURE, "%s: no memory", path);
		out->files[out->count++] = file_of(line);
	}
	if (out->count == 0)
		errx(EXIT_FAILURE, "%s: no files", path);
}

void bench_list_done(struct bench_list *list)
{
	free(list->files);
	free(list->text);
	*list = (struct bench_list){0};
}
