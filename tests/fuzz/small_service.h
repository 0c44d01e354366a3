/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A running service of a store of its own, with a dataset `fuzz` in it. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/service.h"
#include "tests/fuzz/small_store.h"

static struct vt_service *service;

static inline void small_service_close(void)
{
	vt_service_close(service);
}

static inline void small_service_file(const char *name, size_t size)
{
	vt_autoclose int fd = open(small_store_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char line[64];

	must(fd >= 0);
	for (size_t at = 0; at < size; at += sizeof line) {
		(void) memset(line, '.', sizeof line);
		(void) snprintf(line, sizeof line, "%zu", at);
		must(write(fd, line, sizeof line) == sizeof line);
	}
}

static inline void small_service_source(void)
{
	char name[32];

	must(mkdir(small_store_path("source"), 0755) == 0);
	must(mkdir(small_store_path("source/sub"), 0755) == 0);
	must(symlink("sub", small_store_path("source/link")) == 0);
	small_service_file("source/large", 3u << 20);
	for (int i = 0; i < 40; i++) {
		(void) snprintf(name, sizeof name, "source/sub/%d", i);
		small_service_file(name, 100);
	}
}

static inline void small_service_publish(void)
{
	struct direct direct = {.index = service->index};
	char source[256];
	const char *sources[] = {source};
	const struct vt_publish_options options = {.sources = sources, .source_count = 1};
	struct vt_publish_result result;
	struct vt_error err = {""};
	int r;

	(void) snprintf(source, sizeof source, "%s", small_store_path("source"));
	r = vt_import_begin(service->index, "fuzz", NULL, service->owner_uid, &direct.import,
			    &direct.info, &err);
	if (r == 0)
		r = vt_publish(direct_backend(&direct), &direct.info, "fuzz", NULL, &options,
			       &result, &err);
	if (r < 0)
		(void) fprintf(stderr, "cannot publish: %s\n", err.text);
	must(r == 0);
	vt_import_free(direct.import);
}

static inline void small_service_open(void)
{
	static char dir[256];

	(void) snprintf(dir, sizeof dir, "%s", small_store_make());
	must(vt_service_open(dir, 32 << 20, &service, NULL) == 0);
	(void) atexit(small_service_close);
	small_service_source();
	small_service_publish();
}
