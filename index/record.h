/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys and records of the catalog's and the import's families: index/schema.md. Keys are
 * big-endian, so that they sort; values little-endian. A record begins with its format, a byte: a
 * newer one is refused with -ENOTSUP, any that does not decode exactly with -EBADMSG.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/catalog.h"

/* Bounds of what people write, in bytes. */
#define VT_AUTHOR_MAX     255u
#define VT_REASON_MAX     4095u
#define VT_LICENCE_MAX    4095u
#define VT_MESSAGE_MAX    65535u
#define VT_PROVENANCE_MAX 65535u
#define VT_CHECKS_MAX     65535u

void vt_key_u32(uint32_t id, uint8_t key[4]);
void vt_key_u32_u32(uint32_t id, uint32_t second, uint8_t key[8]);
void vt_key_u64(uint64_t id, uint8_t key[8]);
uint32_t vt_key_read_u32(const void *key);
uint64_t vt_key_read_u64(const void *key);

/* VT_CF_PAGE_DIGEST: domain and digest; the value is the page's id, u64 little-endian. */
#define VT_PAGE_DIGEST_KEY (4 + VT_DIGEST_LEN)
void vt_page_digest_key(uint32_t domain, const struct vt_digest *digest,
			uint8_t key[VT_PAGE_DIGEST_KEY]);

/* VT_CF_DICTIONARY: domain and id; the value is the dictionary's bytes. */
void vt_dictionary_key(uint32_t domain, uint32_t id, uint8_t key[8]);

/*
 * Snapshots are made by decoding only: what is in memory is what the record says. One allocation
 * each; `*out` has one reference. Encoding fails with -EINVAL when a text is beyond its bound.
 */
int vt_dataset_encode(const struct vt_dataset *dataset, struct vt_buf *out, struct vt_error *err);
int vt_dataset_decode(uint32_t id, const void *data, size_t len, const struct vt_dataset **out,
		      struct vt_error *err);
const struct vt_dataset *vt_dataset_ref(const struct vt_dataset *dataset);

/* `removed_ns`: when the version was removed (state VT_VERSION_REMOVED), else 0. */
int vt_version_encode(const struct vt_version *version, uint64_t removed_ns, struct vt_buf *out,
		      struct vt_error *err);
int vt_version_decode(uint32_t dataset, uint32_t serial, const void *data, size_t len,
		      const struct vt_version **out, uint64_t *removed_ns, struct vt_error *err);
const struct vt_version *vt_version_ref(const struct vt_version *version);

int vt_space_encode(uint32_t id, struct vt_buf *out);
int vt_space_decode(const void *data, size_t len, uint32_t *id, struct vt_error *err);

int vt_tag_encode(uint32_t version, uint32_t link, struct vt_buf *out);
int vt_tag_decode(const void *data, size_t len, uint32_t *version, uint32_t *link,
		  struct vt_error *err);

enum vt_exhibit_state { VT_EXHIBIT_LIVE = 1, VT_EXHIBIT_RETIRED = 2 };
int vt_exhibit_encode(uint32_t version, enum vt_exhibit_state state, struct vt_buf *out);
int vt_exhibit_decode(const void *data, size_t len, uint32_t *version, enum vt_exhibit_state *state,
		      struct vt_error *err);

struct vt_shard_record {
	uint8_t uuid[16];
	uint32_t domain;
	uint32_t dictionary; /* id; 0: none */
	uint32_t frames;
	uint64_t size;           /* bytes of the file */
	uint64_t content_size;   /* decoded bytes */
	struct vt_digest digest; /* of the file */
};
int vt_shard_encode(const struct vt_shard_record *shard, struct vt_buf *out);
int vt_shard_decode(const void *data, size_t len, struct vt_shard_record *out,
		    struct vt_error *err);

int vt_import_encode(uint32_t dataset, uint64_t begun_ns, struct vt_buf *out);
int vt_import_decode(const void *data, size_t len, uint32_t *dataset, uint64_t *begun_ns,
		     struct vt_error *err);
