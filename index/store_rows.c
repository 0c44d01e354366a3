/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See store.h: reading and writing rows. Each is sealed as it is written, and comes without its
 * seal, or not at all, as it is read: nobody else knows of seals.
 */
#include "index/store_private.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "index/base/error.h"

uint64_t vt_row_seal(const void *key, size_t key_len, const void *value, size_t value_len)
{
	return htole64(XXH64(value, value_len, XXH64(key, key_len, 0)));
}

static bool break_seal(const void *key, size_t key_len, struct vt_value *value)
{
	uint64_t seal;
	size_t len = value->len - sizeof seal;

	if (value->len < sizeof seal)
		return false;
	memcpy(&seal, (const uint8_t *) value->data + len, sizeof seal);
	if (seal != vt_row_seal(key, key_len, value->data, len))
		return false;
	value->len = len;
	return true;
}

static int open_row(const struct vt_store *store, enum vt_family family, const void *key,
		    size_t key_len, struct vt_value *value, struct vt_error *err)
{
	if (break_seal(key, key_len, value) || store->format < VT_FORMAT_SEALED)
		return 0;
	return vt_fail(err, EBADMSG,
		       "a row of the index is damaged, of its family '%s' (see 'vitrine verify')",
		       vt_store_family_name(family));
}

static void pin_value(rocksdb_pinnableslice_t *pin, struct vt_value *out)
{
	out->data = rocksdb_pinnableslice_value(pin, &out->len);
	out->pin = pin;
}

void vt_value_done(struct vt_value *value)
{
	if (value->pin)
		rocksdb_pinnableslice_destroy(value->pin);
	*value = (struct vt_value){0};
}

int vt_store_get(struct vt_store *store, enum vt_family family, const void *key, size_t key_len,
		 bool nowait, struct vt_value *out, struct vt_error *err)
{
	char *message = NULL;
	rocksdb_pinnableslice_t *pin =
		rocksdb_get_pinned_cf(store->db, nowait ? store->read_nowait : store->read,
				      store->families[family], key, key_len, &message);
	int r;

	if (message)
		return vt_store_outcome(message, err);
	if (!pin)
		return vt_fail(err, ENOENT, "the index has no such row");
	pin_value(pin, out);
	/* So RocksDB answers for a key of a table that is not open: found, perhaps, and no value.
	 */
	r = nowait && out->len == 0 ? vt_fail(err, EAGAIN, "not in memory")
				    : open_row(store, family, key, key_len, out, err);
	if (r < 0)
		vt_value_done(out);
	return r;
}

/* What one call looks up at once: bounds the scratch memory, and RocksDB gains nothing beyond. */
#define MANY 128

static int get_some(struct vt_store *store, enum vt_family family, const uint8_t *keys,
		    size_t key_len, size_t count, struct vt_value *found, struct vt_error *err)
{
	const char *key_list[MANY];
	size_t lengths[MANY];
	rocksdb_pinnableslice_t *pins[MANY];
	char *messages[MANY] = {NULL};
	int r = 0;

	for (size_t i = 0; i < count; i++) {
		key_list[i] = (const char *) keys + i * key_len;
		lengths[i] = key_len;
	}
	rocksdb_batched_multi_get_cf(store->db, store->read, store->families[family], count,
				     key_list, lengths, pins, messages, false);
	for (size_t i = 0; i < count; i++) {
		if (messages[i])
			r = vt_store_outcome(messages[i], r ? NULL : err);
		else if (pins[i])
			pin_value(pins[i], &found[i]);
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		if (found[i].data)
			r = open_row(store, family, key_list[i], key_len, &found[i], err);
	return r;
}

int vt_store_get_many(struct vt_store *store, enum vt_family family, const void *keys,
		      size_t key_len, size_t count, struct vt_value *found, struct vt_error *err)
{
	int r = 0;

	memset(found, 0, count * sizeof *found);
	for (size_t done = 0; r == 0 && done < count; done += MANY)
		r = get_some(store, family, (const uint8_t *) keys + done * key_len, key_len,
			     count - done < MANY ? count - done : MANY, found + done, err);
	for (size_t i = 0; r < 0 && i < count; i++)
		vt_value_done(&found[i]);
	return r;
}

struct vt_batch *vt_batch_new(void)
{
	struct vt_batch *batch = calloc(1, sizeof *batch);

	if (batch)
		batch->theirs = rocksdb_writebatch_create();
	return batch;
}

void vt_batch_free(struct vt_batch *batch)
{
	if (!batch)
		return;
	vt_outbox_drop_all(&batch->messages);
	rocksdb_writebatch_destroy(batch->theirs);
	free(batch);
}

void vt_batch_put(struct vt_batch *batch, struct vt_store *store, enum vt_family family,
		  const void *key, size_t key_len, const void *value, size_t value_len)
{
	const uint64_t seal = vt_row_seal(key, key_len, value, value_len);
	const char *const keys[] = {key}, *const values[] = {value, (const char *) &seal};
	const size_t key_lens[] = {key_len}, value_lens[] = {value_len, sizeof seal};

	if (batch)
		rocksdb_writebatch_putv_cf(batch->theirs, store->families[family], 1, keys,
					   key_lens, 2, values, value_lens);
}

void vt_batch_delete(struct vt_batch *batch, struct vt_store *store, enum vt_family family,
		     const void *key, size_t key_len)
{
	if (batch)
		rocksdb_writebatch_delete_cf(batch->theirs, store->families[family], key, key_len);
}

int vt_store_check_stuck(const struct vt_store *store, struct vt_error *err)
{
	if (store->stuck == -ENOSPC)
		return vt_fail(err, ENOSPC, "the disk of the store is full, or was a moment ago");
	if (store->stuck < 0)
		return vt_fail(
			err, -store->stuck,
			"the disk of the store failed: the index takes no change until it is "
			"opened again (see 'vitrine stop')");
	return 0;
}

int vt_store_write_batch(struct vt_store *store, struct vt_batch *batch, bool sync,
			 struct vt_error *err)
{
	char *message = NULL;
	int r = vt_store_check_stuck(store, err);

	if (r < 0)
		return r;
	rocksdb_write(store->db, sync ? store->write_sync : store->write, batch->theirs, &message);
	r = vt_store_outcome(message, err);
	return vt_store_note_failure(store, r);
}

int vt_store_write(struct vt_store *store, struct vt_batch *batch, bool sync, struct vt_error *err)
{
	int r = !batch ? vt_fail(err, ENOMEM, "no memory for a change of the index")
		: sync ? vt_store_commit(store, batch, err)
		       : vt_store_write_batch(store, batch, false, err);

	if (r < 0)
		return r;
	vt_outbox_take(store, batch);
	if (batch->written)
		batch->written(batch->written_context);
	return 0;
}

void vt_batch_when_written(struct vt_batch *batch, void (*written)(void *context), void *context)
{
	if (!batch)
		return;
	batch->written = written;
	batch->written_context = context;
}

int vt_store_note_failure(struct vt_store *store, int r)
{
	if (r == -EIO || (r == -ENOSPC && store->stuck == 0))
		store->stuck = r;
	return r;
}

int vt_store_stuck(const struct vt_store *store)
{
	return store->stuck;
}

struct vt_iterator {
	rocksdb_iterator_t *rows;
	const struct vt_store *store;
	enum vt_family family;
	bool started, failed;
	size_t prefix_len;
	char prefix[];
};

int vt_iterator_new(struct vt_store *store, enum vt_family family, const void *prefix,
		    size_t prefix_len, const void *from, size_t from_len, struct vt_iterator **out,
		    struct vt_error *err)
{
	struct vt_iterator *it = calloc(1, sizeof *it + prefix_len);

	if (!it)
		return vt_fail(err, ENOMEM, "no memory for an iterator");
	if (prefix_len)
		memcpy(it->prefix, prefix, prefix_len);
	it->prefix_len = prefix_len;
	it->store = store;
	it->family = family;
	it->rows = rocksdb_create_iterator_cf(store->db, store->scan, store->families[family]);
	if (from_len)
		rocksdb_iter_seek(it->rows, from, from_len);
	else
		rocksdb_iter_seek(it->rows, it->prefix, prefix_len);
	*out = it;
	return 0;
}

int vt_iterator_next(struct vt_iterator *it, struct vt_value *key, struct vt_value *value,
		     struct vt_error *err)
{
	char *message = NULL;
	int r;

	if (it->started && rocksdb_iter_valid(it->rows))
		rocksdb_iter_next(it->rows);
	it->started = true;
	*key = *value = (struct vt_value){0};
	if (!rocksdb_iter_valid(it->rows)) {
		if (!it->failed)
			rocksdb_iter_get_error(it->rows, &message);
		it->failed = true;
		return vt_store_outcome(message, err);
	}
	key->data = rocksdb_iter_key(it->rows, &key->len);
	if (key->len < it->prefix_len || memcmp(key->data, it->prefix, it->prefix_len) != 0)
		return 0;
	value->data = rocksdb_iter_value(it->rows, &value->len);
	r = open_row(it->store, it->family, key->data, key->len, value, err);
	if (r == 0)
		return 1;
	*value = (struct vt_value){0};
	return r;
}

void vt_iterator_free(struct vt_iterator *it)
{
	if (!it)
		return;
	rocksdb_iter_destroy(it->rows);
	free(it);
}
