/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See store.h: did the index keep all that was committed? Every synced batch carries its own number
 * into a row of META, and the note outside of the index follows it. What RocksDB's log lost at its
 * end has taken the last numbers with it. (RocksDB's sequence number would not do: tables and
 * MANIFEST carry it past rows that only the log had.)
 *
 * Number n goes to row n mod RING. With one row, a later commit in a newer log would hide that an
 * older log lost its end; here such a hole shows until RING more commits were made.
 */
#include "index/store_private.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"

#define RING    16u
#define KEY     "commit."
#define KEY_LEN (sizeof KEY) /* the letters, then the place in the ring: 'a' to 'p' */

static void make_key(uint64_t number, char key[KEY_LEN])
{
	memcpy(key, KEY, KEY_LEN - 1);
	key[KEY_LEN - 1] = (char) ('a' + number % RING);
}

/* *out: the number in that place, 0 when there is none. */
static int read_place(struct vt_store *store, uint64_t place, uint64_t *out, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	char key[KEY_LEN];
	int r;

	make_key(place, key);
	r = vt_store_get(store, VT_CF_META, key, sizeof key, false, &value, err);
	*out = 0;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (value.len != sizeof *out)
		return vt_fail(err, EBADMSG, "the number of a commit is damaged");
	memcpy(out, value.data, sizeof *out);
	*out = le64toh(*out);
	return 0;
}

int vt_store_load_commits(struct vt_store *store, struct vt_error *err)
{
	uint64_t found[RING], last = 0;

	for (uint64_t i = 0; i < RING; i++) {
		int r = read_place(store, i, &found[i], err);

		if (r < 0)
			return r;
		last = found[i] > last ? found[i] : last;
	}
	for (uint64_t n = last; n > 0 && n + RING > last; n--)
		if (found[n % RING] != n)
			return vt_fail(err, EBADMSG,
				       "the index lost commit %llu of %llu: restore the store from "
				       "a copy",
				       (unsigned long long) n, (unsigned long long) last);
	store->commits = last;
	return 0;
}

int vt_store_note(struct vt_store *store, struct vt_error *err)
{
	int r = vt_manifest_advance(&store->manifest, err);

	if (r < 0)
		return r;
	return vt_commit_note_raise(&store->note, store->commits, &store->manifest.mark, err);
}

static int commit(struct vt_store *store, struct vt_batch *batch, struct vt_error *err)
{
	uint64_t number = store->commits + 1, value = htole64(number);
	char key[KEY_LEN];
	int r;

	if (store->in_doubt)
		return vt_fail(err, EIO,
			       "the disk failed at a change that may have been made all the same: "
			       "the index takes no other one until it is opened again (see "
			       "'vitrine stop')");
	make_key(number, key);
	vt_batch_put(batch, store, VT_CF_META, key, sizeof key, &value, sizeof value);
	r = vt_store_write_batch(store, batch, true, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("commit-written");
	store->commits = number;
	if (store->note.fd < 0)
		return 0;
	r = vt_store_note(store, err);
	store->in_doubt = r < 0;
	if (r < 0 && r != -ENOSPC)
		r = -EIO; /* whatever it was: the batch may be there, as after this one */
	VT_CRASHPOINT("commit-noted");
	return vt_store_note_failure(store, r);
}

int vt_store_commit(struct vt_store *store, struct vt_batch *batch, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&store->commit_lock);
	r = commit(store, batch, err);
	(void) pthread_mutex_unlock(&store->commit_lock);
	return r;
}

uint64_t vt_store_lost(const struct vt_store *store)
{
	return store->note.commits > store->commits ? store->note.commits - store->commits : 0;
}

int vt_store_check_commits(const struct vt_store *store, uint64_t noted, struct vt_error *err)
{
	if (store->commits >= noted)
		return 0;
	return vt_fail(err, EBADMSG,
		       "it lost the last %llu of %llu commits, by damage or because an older copy "
		       "was put in its place; nothing was changed. Restore the whole store from a "
		       "copy, or give up what they held: 'vitrine verify --accept-loss'",
		       (unsigned long long) (noted - store->commits), (unsigned long long) noted);
}

int vt_store_accept_loss(struct vt_store *store, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&store->commit_lock);
	r = vt_commit_note_reset(&store->note, store->commits, &store->manifest.mark, err);
	(void) pthread_mutex_unlock(&store->commit_lock);
	return r;
}
