/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See dictionaries.h. Shards are known by a table, dictionaries stand in a list; one that nobody
 * uses and that was used longest ago makes room, and its shards are forgotten with it.
 */
#include "fs/dictionaries.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fs/codec.h"
#include "fs/hash.h"
#include "index/base/error.h"

#include <utlist.h>

#define SHARDS_MAX 16384u /* known; beyond, all are forgotten */

struct known_shard {
	uint64_t key; /* shard, id */
	struct vt_used_dictionary *used;
	UT_hash_handle hh;
};

struct vt_dictionaries {
	vt_find_dictionary *find; /* constant, as the next */
	void *context;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct known_shard *shards;
	struct vt_used_dictionary *list; /* used longest ago first */
	size_t count;
};

int vt_dictionaries_new(vt_find_dictionary *find, void *context, struct vt_dictionaries **out,
			struct vt_error *err)
{
	struct vt_dictionaries *all = calloc(1, sizeof *all);

	if (!all)
		return vt_fail(err, ENOMEM, "no memory for dictionaries");
	all->find = find;
	all->context = context;
	(void) pthread_mutex_init(&all->lock, NULL);
	*out = all;
	return 0;
}

/* ---- under the lock -------------------------------------------------------------------------- */

/* `of` NULL: all. */
static void forget_shards(struct vt_dictionaries *all, const struct vt_used_dictionary *of)
{
	struct known_shard *shard, *next;

	HASH_ITER (hh, all->shards, shard, next)
		if (!of || shard->used == of) {
			HASH_DEL(all->shards, shard);
			free(shard);
		}
}

static void drop(struct vt_dictionaries *all, struct vt_used_dictionary *used)
{
	forget_shards(all, used);
	DL_DELETE(all->list, used);
	all->count--;
	vt_dictionary_free(used->dictionary);
	free(used);
}

static void make_room(struct vt_dictionaries *all)
{
	struct vt_used_dictionary *used, *next;

	DL_FOREACH_SAFE(all->list, used, next)
	if (all->count >= VT_DICTIONARIES_MAX && used->users == 0)
		drop(all, used);
}

static struct vt_used_dictionary *use(struct vt_dictionaries *all, struct vt_used_dictionary *used)
{
	used->users++;
	DL_DELETE(all->list, used);
	DL_APPEND(all->list, used);
	return used;
}

static bool is_same(const struct vt_dictionary *a, const struct vt_dictionary *b)
{
	size_t a_len, b_len;
	const void *a_data = vt_dictionary_data(a, &a_len), *b_data = vt_dictionary_data(b, &b_len);

	return a_len == b_len && memcmp(a_data, b_data, a_len) == 0;
}

/* The equal one that there is, or `found`, which is taken then. NULL: no memory. */
static struct vt_used_dictionary *add(struct vt_dictionaries *all, struct vt_dictionary *found)
{
	struct vt_used_dictionary *used;

	DL_FOREACH (all->list, used)
		if (is_same(used->dictionary, found))
			return used;
	make_room(all);
	used = calloc(1, sizeof *used);
	if (!used)
		return NULL;
	used->dictionary = found;
	DL_APPEND(all->list, used);
	all->count++;
	return used;
}

static struct known_shard *find_shard(struct vt_dictionaries *all, uint64_t key)
{
	struct known_shard *shard;

	HASH_FIND(hh, all->shards, &key, sizeof key, shard);
	return shard;
}

/* Without memory the shard is looked for again the next time. */
static void know_shard(struct vt_dictionaries *all, uint64_t key, struct vt_used_dictionary *used)
{
	struct known_shard *shard = find_shard(all, key) ? NULL : calloc(1, sizeof *shard);

	if (!shard)
		return;
	if (HASH_COUNT(all->shards) >= SHARDS_MAX)
		forget_shards(all, NULL);
	*shard = (struct known_shard){.key = key, .used = used};
	HASH_ADD(hh, all->shards, key, sizeof shard->key, shard);
	if (!shard->hh.tbl)
		free(shard);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static struct vt_used_dictionary *use_known(struct vt_dictionaries *all, uint64_t key)
{
	struct vt_used_dictionary *used = NULL;
	struct known_shard *shard;

	(void) pthread_mutex_lock(&all->lock);
	shard = find_shard(all, key);
	if (shard)
		used = use(all, shard->used);
	(void) pthread_mutex_unlock(&all->lock);
	return used;
}

static struct vt_used_dictionary *use_found(struct vt_dictionaries *all, uint64_t key,
					    struct vt_dictionary *found)
{
	struct vt_used_dictionary *used;

	(void) pthread_mutex_lock(&all->lock);
	used = add(all, found);
	if (used)
		know_shard(all, key, use(all, used));
	(void) pthread_mutex_unlock(&all->lock);
	if (!used || used->dictionary != found)
		vt_dictionary_free(found);
	return used;
}

int vt_dictionaries_get(struct vt_dictionaries *all, uint32_t shard, uint32_t id, bool nowait,
			struct vt_used_dictionary **out, struct vt_error *err)
{
	uint64_t key = (uint64_t) shard << 32 | id;
	struct vt_dictionary *found;
	int r;

	*out = use_known(all, key);
	if (*out)
		return 0;
	if (nowait)
		return -EAGAIN;
	r = all->find(all->context, shard, id, &found, err);
	if (r < 0)
		return r;
	*out = use_found(all, key, found);
	return *out ? 0 : vt_fail(err, ENOMEM, "no memory for a dictionary");
}

void vt_dictionaries_put(struct vt_used_dictionary *used)
{
	(void) atomic_fetch_sub(&used->users, 1);
}

void vt_dictionaries_free(struct vt_dictionaries *all)
{
	struct vt_used_dictionary *used, *next;

	if (!all)
		return;
	forget_shards(all, NULL);
	DL_FOREACH_SAFE(all->list, used, next)
	drop(all, used);
	(void) pthread_mutex_destroy(&all->lock);
	free(all);
}
