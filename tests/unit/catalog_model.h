/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A store with a catalog in a scratch folder, for the tests of what stands on them. */
#include <errno.h>

#include "index/base/error.h"
#include "index/catalog.h"
#include "index/store.h"
#include "tests/unit/scratch.h"

static struct vt_error err;
static struct vt_store *store;
static struct vt_catalog *catalog;

/* An assertion that shows the sentence of the last failure. */
#define must(condition) ck_assert_msg(condition, "%s: %s", #condition, err.text)

static inline void catalog_open(void)
{
	struct vt_store_options options = {.cache_bytes = 1 << 20};

	must(vt_store_open(vt_scratch_dir, &options, &store, &err) == 0);
	must(vt_catalog_load(store, &catalog, &err) == 0);
}

static inline void catalog_close(void)
{
	vt_catalog_free(catalog);
	vt_store_close(store);
}

static inline void catalog_set_up(void)
{
	must(vt_store_create(vt_scratch(), &err) == 0);
	catalog_open();
}

static inline void catalog_tear_down(void)
{
	catalog_close();
	vt_scratch_done();
}

static inline void catalog_reopen(void)
{
	catalog_close();
	catalog_open();
}

static inline uint32_t dataset_new(const char *name)
{
	uint32_t id = 0;

	must(vt_catalog_create_dataset(catalog, name, 1000, &id, &err) == 0);
	return id;
}

static inline uint32_t latest_of(uint32_t dataset)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *now = NULL;

	must(vt_catalog_dataset_by_id(catalog, dataset, &now, &err) == 0);
	return now->latest;
}

/* Some labels, whose pages nobody reads; others for another `first`. */
static inline void labels_model(struct vt_version *version, uint8_t first)
{
	version->labels = (struct vt_label_tree){
		.content.bytes = {first}, .nodes = 3, .files = 2, .labels = 5, .page = 9};
	must(vt_label_tree_digest(&version->labels, &version->label_digest, &err) == 0);
}

/* A version of an empty tree. */
static inline struct vt_version version_model(uint32_t dataset, const char *name)
{
	struct vt_version version = {
		.dataset = dataset,
		.name = name,
		.tree.root = {.type = VT_DIRECTORY, .mode = 0755, .nodes = 1, .page = 7},
		.tree_digest.bytes = {1},
		.counts = {.files = 3,
			   .directories = 4,
			   .symlinks = 5,
			   .bytes = 6,
			   .stored_bytes = 7},
		.document_body = {11, 12, 13, 14, 15, 16},
		.outline = 17,
		.changes.bytes = {18},
		.author_uid = 1001,
		.author = "ada",
		.created_ns = 1700000000123456789,
		.message = "what is new",
		.licence = "CC-BY-4.0",
	};

	vt_digest_of("root", 4, &version.tree.root.content);
	labels_model(&version, 2);
	return version;
}

/* A revision of `base` upon `newest`: what a commit of it says; its serial is in `version`. */
static inline int revise(uint32_t base, uint32_t newest, struct vt_version *version)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *made = NULL;
	static uint8_t labels = 100;

	*version = (struct vt_version){.base = base,
				       .author = "ben",
				       .author_uid = 1002,
				       .created_ns = 1700000001000000000,
				       .message = "other labels",
				       .document_body[VT_DOCUMENT_LABELS] = 99};
	labels_model(version, labels++);
	return vt_catalog_revise(catalog, version, newest, NULL, &made, &err);
}

static inline uint32_t revision_new(uint32_t base, uint32_t newest)
{
	struct vt_version version;

	must(revise(base, newest, &version) == 0);
	return version.serial;
}

/* Publishes it and gives its serial. `name` NULL: the next vN. */
static inline uint32_t version_new(uint32_t dataset, const char *name)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *made = NULL;
	struct vt_version version = version_model(dataset, name);

	must(vt_catalog_commit(catalog, &version, latest_of(dataset), NULL, &made, &err) == 0);
	return made->serial;
}
