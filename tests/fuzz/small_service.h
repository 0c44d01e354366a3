/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A running service of a store of its own, with a dataset `fuzz` in it, some of it labelled. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/service.h"
#include "index/label_block.h"
#include "index/label_tree.h"
#include "index/relabel.h"
#include "tests/fuzz/small_store.h"
#include "tests/unit/plain_label.h"

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

/* A file has one, two or three labels. */
static inline void small_service_label(struct vt_relabel *relabel, const char *path, size_t count)
{
	vt_cleanup(vt_buf_done) struct vt_buf rows = VT_BUF_INIT;
	struct vt_label labels[] = {label_of("class", count % 2 ? "cat" : "dog", "ann"),
				    label_of("age", "", "bob"), label_of("fine", "", "ann")};

	labels[1].type = VT_LABEL_NUMBER;
	labels[1].value.number = 1.5;
	labels[2].type = VT_LABEL_BOOLEAN;
	labels[2].value.boolean = true;
	must(vt_label_block_encode(labels, &count, &rows, NULL) == 0);
	must(vt_relabel_file(relabel, path, strlen(path), VT_RELABEL_SET, rows.data, rows.len,
			     (uint32_t) count, NULL, NULL) == 0);
}

/* A revision of a version, with labels. */
static inline void small_service_revise(const struct vt_version *of)
{
	vt_cleanup(vt_relabel_freep) struct vt_relabel *relabel = NULL;
	struct vt_version version = {.created_ns = 1, .author = "ann", .message = ""};
	struct vt_import *import;
	struct vt_import_info info;
	const struct vt_version *made;

	must(vt_import_revise(service->index, of->base, &import, &info, NULL) == 0);
	must(vt_relabel_new(service->index, of->domain, &of->tree, &of->labels, &relabel, NULL) ==
	     0);
	small_service_label(relabel, "large", 3);
	small_service_label(relabel, "sub/1", 1);
	small_service_label(relabel, "sub/10", 2);
	small_service_label(relabel, "sub/2", 3);
	must(vt_relabel_finish(relabel, &version.labels, NULL, NULL) == 0);
	must(vt_import_commit_revision(import, &version, &made, NULL) == 0);
	vt_version_unref(made);
	vt_import_free(import);
}

static inline void small_service_publish(void)
{
	const struct vt_dataset *dataset;
	const struct vt_version *version;
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
	must(vt_catalog_dataset(service->index->catalog, "fuzz", &dataset, NULL) == 0);
	must(vt_catalog_version(service->index->catalog, dataset->latest, &version, NULL) == 0);
	small_service_revise(version);
	vt_version_unref(version);
	vt_dataset_unref(dataset);
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
