/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes of a shard file: structs and magic numbers only. fs/shard-format.md explains them. All
 * numbers are little-endian.
 *
 *     header    skippable frame, 4096 bytes in all
 *     frames    zstd frames, one after another
 *     index     skippable frame: what lies in each frame
 *     seek table   skippable frame of zstd's seekable format, version 0.1.0
 */
#include <stdint.h>

#define VT_SHARD_MAGIC   "VTRSHRD1" /* the first 8 bytes of the header's content */
#define VT_SHARD_VERSION 1u

#define VT_SKIPPABLE_HEADER 0x184D2A50u
#define VT_SKIPPABLE_INDEX  0x184D2A51u
#define VT_SKIPPABLE_SEEK   0x184D2A5Eu
#define VT_SEEK_FOOTER      0x8F92EAB1u
#define VT_SEEK_FOOTER_SIZE 9u
#define VT_SEEK_ENTRY       8u /* stored size, content size */
#define VT_SKIPPABLE_SIZE   8u /* magic and length before a skippable frame's content */
#define VT_SHARD_HEADER     4096u
#define VT_SHARD_SIZE_MAX   UINT32_MAX /* offsets have 32 bits */

#define VT_SHARD_LZ4 1u /* some frames are LZ4's */

struct vt_shard_header {
	uint32_t skippable_magic; /* VT_SKIPPABLE_HEADER */
	uint32_t skippable_size;  /* VT_SHARD_HEADER - VT_SKIPPABLE_SIZE */
	char magic[8];            /* VT_SHARD_MAGIC */
	uint32_t version;         /* VT_SHARD_VERSION */
	uint32_t flags;           /* VT_SHARD_…; a reader refuses bits it does not know */
	uint8_t uuid[16];
	uint32_t serial, domain;
	uint32_t dictionary; /* id; 0: none */
	uint32_t reserved;   /* 0 */
	uint8_t dictionary_digest[32];
	uint8_t wrapped_key[128]; /* zeros: not encrypted */
	uint8_t padding[3848];    /* zeros */
	uint8_t digest[32];       /* SHA-256 of all before it */
} __attribute__((packed));
_Static_assert(sizeof(struct vt_shard_header) == VT_SHARD_HEADER, "the header fills its page");

/* The index: this, then per frame a struct vt_shard_index_frame and its items, then SHA-256 of all
 * of it. */
struct vt_shard_index_head {
	uint32_t frames, items;
} __attribute__((packed));

struct vt_shard_index_frame {
	uint32_t stored_size, content_size, items;
} __attribute__((packed));

struct vt_shard_index_item {
	uint8_t content[32]; /* SHA-256 */
	uint32_t skip, length;
} __attribute__((packed));
