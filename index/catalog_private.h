/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The catalog's tables, shared by catalog.c (finding), catalog_load.c, catalog_list.c (listings)
 * and, through catalog_edit.h, the changes.
 *
 * Lock order: `writer`, then `lock`. A change holds `writer` from its first look to its end, over
 * the synced write; so it reads the tables without `lock`, and takes `lock` only to swap what it
 * made. Readers take `lock` shared for a search and a reference.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "index/catalog.h"
#include "index/record.h"
#include "index/store.h"
#include "index/table.h"

struct space {
	uint32_t id;
	size_t datasets; /* that it holds; a space without any is as good as none */
	char name[VT_NAME_PART_MAX + 1];
};

struct tag_slot {
	uint32_t dataset, version, link;
	char name[VT_NAME_PART_MAX + 1];
};

/* A dataset with what belongs to it. */
struct slot {
	const struct vt_dataset *now; /* the current snapshot; one reference */
	struct space *space;          /* NULL: in none */
	struct vt_table serials;      /* of its versions, in order of publication; no values */
	struct vt_table names;        /* version name -> serial */
	struct vt_table tags;         /* tag name -> struct tag_slot */
};

struct vt_catalog {
	struct vt_store *store; /* constant */
	atomic_uint_fast64_t generation;
	pthread_mutex_t writer;
	pthread_rwlock_t lock;                   /* guards all below */
	struct vt_table datasets, dataset_names; /* -> struct slot */
	struct vt_table versions;                /* serial -> snapshot; one reference */
	struct vt_table exhibits;                /* live ones -> the snapshot in `versions` */
	struct vt_table links;                   /* -> struct tag_slot */
	struct vt_table spaces, space_names;     /* -> struct space */
};

struct vt_catalog *vt_catalog_new(struct vt_store *store); /* without rows; NULL: no memory */

/* Under either lock. NULL when there is none. */
struct slot *vt_catalog_slot(const struct vt_catalog *catalog, uint32_t dataset);
const struct vt_version *vt_catalog_find(const struct vt_catalog *catalog, uint32_t serial);
/* The version, withdrawn or not, that a name or tag of the dataset means; NULL or "latest". */
const struct vt_version *vt_catalog_find_name(const struct vt_catalog *catalog,
					      const struct slot *slot, const char *name);

/* Makes room for one row in every table. Takes `lock`. -ENOMEM. */
int vt_catalog_reserve(struct vt_catalog *catalog, struct slot *slot, struct vt_error *err);

/*
 * Putting into the tables, with `lock` held or before anyone else knows the catalog. What is put is
 * taken over. Room must have been made.
 */
void vt_catalog_put_dataset(struct vt_catalog *catalog, struct slot *slot,
			    const struct vt_dataset *now);
void vt_catalog_put_version(struct vt_catalog *catalog, struct slot *slot,
			    const struct vt_version *now);
void vt_catalog_put_tag(struct vt_catalog *catalog, struct slot *slot, struct tag_slot *tag);
void vt_catalog_drop_version(struct vt_catalog *catalog, struct slot *slot, uint32_t serial);
void vt_catalog_drop_tag(struct vt_catalog *catalog, struct slot *slot, const char *name);
void vt_catalog_drop_dataset(struct vt_catalog *catalog, struct slot *slot);
void vt_catalog_free_slot(struct slot *slot); /* that is in no table */
VT_DEFINE_CLEANUP(struct slot, vt_catalog_free_slot);

struct space *vt_catalog_put_space(struct vt_catalog *catalog, uint32_t id, const char *name,
				   struct vt_error *err);
