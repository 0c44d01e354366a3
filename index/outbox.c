/* SPDX-License-Identifier: Apache-2.0 */
/* See outbox.h. Rows of META: "outbox/" and a number that only grows while there are any. */
#include "index/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/record.h"
#include "index/store_private.h"

#define PREFIX     "outbox/"
#define PREFIX_LEN (sizeof PREFIX - 1)
#define KEY_LEN    (PREFIX_LEN + 8)

struct vt_message_out {
	uint64_t number;
	bool left;
	struct vt_message_out *prev, *next;
	size_t len;
	char text[];
};

static void key_of(uint64_t number, uint8_t key[KEY_LEN])
{
	memcpy(key, PREFIX, PREFIX_LEN);
	vt_key_u64(number, key + PREFIX_LEN);
}

static struct vt_message_out *new_message(uint64_t number, const char *text, size_t len)
{
	struct vt_message_out *message = malloc(sizeof *message + len);

	if (!message)
		return NULL;
	*message = (struct vt_message_out){.number = number, .len = len};
	memcpy(message->text, text, len);
	return message;
}

void vt_outbox_drop_all(struct vt_message_out **list)
{
	struct vt_message_out *message, *next;

	DL_FOREACH_SAFE(*list, message, next)
	{
		DL_DELETE(*list, message);
		free(message);
	}
}

int vt_outbox_load(struct vt_store *store, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *rows = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(store, VT_CF_META, PREFIX, PREFIX_LEN, NULL, 0, &rows, err);

	while (r >= 0 && (r = vt_iterator_next(rows, &key, &value, err)) > 0) {
		struct vt_message_out *message;

		if (key.len != KEY_LEN)
			return vt_fail(err, EBADMSG, "the key of a message is damaged");
		message = new_message(vt_key_read_u64((const uint8_t *) key.data + PREFIX_LEN),
				      value.data, value.len);
		if (!message)
			return vt_fail(err, ENOMEM, "no memory for what an earlier server left");
		message->left = true;
		DL_APPEND(store->outbox, message);
		store->outbox_next = message->number + 1;
	}
	return r;
}

int vt_outbox_post(struct vt_batch *batch, struct vt_store *store, const char *text, size_t len,
		   struct vt_error *err)
{
	struct vt_message_out *message =
		batch ? new_message(store->outbox_next++, text, len) : NULL;
	uint8_t key[KEY_LEN];

	if (!message)
		return vt_fail(err, ENOMEM, "no memory to record a change");
	key_of(message->number, key);
	vt_batch_put(batch, store, VT_CF_META, key, sizeof key, text, len);
	DL_APPEND(batch->messages, message);
	return 0;
}

/* Now, or just after what was given last: clocks may be coarse. */
static uint64_t next_instant(struct vt_store *store)
{
	uint64_t last = store->outbox_at, now;

	do {
		now = vt_clock_realtime_ns();
		if (now <= last && last - now < VT_NS_PER_SEC)
			now = last + 1;
	} while (!atomic_compare_exchange_weak(&store->outbox_at, &last, now));
	return now;
}

int vt_outbox_post_record(struct vt_batch *batch, struct vt_store *store, json_t *fields,
			  struct vt_error *err)
{
	vt_autofree char *line = NULL;

	if (fields &&
	    json_object_set_new(fields, "at", json_integer((json_int_t) next_instant(store))) == 0)
		line = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(fields);
	return line ? vt_outbox_post(batch, store, line, strlen(line), err)
		    : vt_fail(err, ENOMEM, "no memory to record a change");
}

/* Numbers are given before batches are written, so a batch may come after one that began later. */
void vt_outbox_take(struct vt_store *store, struct vt_batch *batch)
{
	struct vt_message_out *message, *next;

	if (!batch->messages)
		return;
	(void) pthread_mutex_lock(&store->outbox_lock);
	DL_FOREACH_SAFE(batch->messages, message, next)
	{
		DL_DELETE(batch->messages, message);
		DL_APPEND(store->outbox, message);
	}
	(void) pthread_mutex_unlock(&store->outbox_lock);
}

static struct vt_message_out *first(struct vt_store *store)
{
	struct vt_message_out *message;

	(void) pthread_mutex_lock(&store->outbox_lock);
	message = store->outbox;
	(void) pthread_mutex_unlock(&store->outbox_lock);
	return message;
}

static void remove_first(struct vt_store *store, struct vt_batch *batch)
{
	struct vt_message_out *message = first(store); /* others only append */
	uint8_t key[KEY_LEN];

	key_of(message->number, key);
	vt_batch_delete(batch, store, VT_CF_META, key, sizeof key);
	(void) pthread_mutex_lock(&store->outbox_lock);
	DL_DELETE(store->outbox, message);
	(void) pthread_mutex_unlock(&store->outbox_lock);
	free(message);
}

int vt_outbox_empty(struct vt_store *store, vt_outbox_deliver *deliver, void *context,
		    struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	const struct vt_message_out *message;
	bool any = false;
	int r = 0;

	(void) pthread_mutex_lock(&store->delivery_lock);
	while (r == 0 && (message = first(store))) {
		r = deliver(context, message->text, message->len, message->left, err);
		VT_CRASHPOINT("outbox-delivered");
		if (r == 0) {
			remove_first(store, batch);
			any = true;
		}
	}
	/* Should it be lost with the machine, all of this is found again, as left. */
	if (any)
		(void) vt_store_write(store, batch, false, NULL);
	VT_CRASHPOINT("outbox-emptied");
	(void) pthread_mutex_unlock(&store->delivery_lock);
	return r;
}

size_t vt_outbox_count(struct vt_store *store)
{
	const struct vt_message_out *message;
	size_t count;

	(void) pthread_mutex_lock(&store->outbox_lock);
	DL_COUNT(store->outbox, message, count);
	(void) pthread_mutex_unlock(&store->outbox_lock);
	return count;
}
