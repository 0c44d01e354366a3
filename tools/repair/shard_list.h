/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The shards of a store as the server lists them, and their dictionaries, fetched once each.
 *
 * One thread at a time.
 */
#include <jansson.h>
#include <stdint.h>

#include "fs/codec.h"

struct vt_cli;
struct vt_error;
struct vt_shard_list;

struct vt_listed_shard {
	uint32_t serial;
	uint32_t dictionary; /* id; 0: none */
	uint64_t size;
	const char *uuid, *path, *digest; /* borrowed from the list */
};

/* `cli` is borrowed. Connections of it come and go (vt_cli_call_anew). */
int vt_shard_list_ask(struct vt_cli *cli, struct vt_shard_list **out, struct vt_error *err);
void vt_shard_list_free(struct vt_shard_list *list);
VT_DEFINE_CLEANUP(struct vt_shard_list, vt_shard_list_free);

size_t vt_shard_list_count(const struct vt_shard_list *list);
uint64_t vt_shard_list_bytes(const struct vt_shard_list *list); /* of all */
struct vt_listed_shard vt_shard_list_at(const struct vt_shard_list *list, size_t i);
/* -ENOENT. */
int vt_shard_list_find(const struct vt_shard_list *list, uint32_t serial,
		       struct vt_listed_shard *out);
/* 1: the server has it still; 0: gc has dropped it since it was listed. */
int vt_shard_list_has_still(struct vt_shard_list *list, uint32_t serial, struct vt_error *err);

/* The dictionary `id` of a shard, for encoding too; borrowed. -ENOENT the index has none. */
int vt_shard_list_dictionary(struct vt_shard_list *list, uint32_t serial, uint32_t id,
			     const struct vt_dictionary **out, struct vt_error *err);
