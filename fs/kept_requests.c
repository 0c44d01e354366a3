/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See kept_requests.h. A slot in the state is a message as the kernel wrote it and nothing else:
 *
 *     unique   0           the slot is free, or a read() is under way into it
 *              otherwise   the kernel waits for an answer
 *
 * Both changes are one store (the kernel's, for a process that dies), so there is nothing between
 * them. All else is in memory and made again by a successor from that. Free slots are a stack: few
 * are ever touched, and these are warm.
 *
 * What is read into must be in memory when read() is called, or a kill during a page fault makes
 * the kernel answer with EIO: slots are written to before, and lie within a page.
 */
#include "fs/kept_requests.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fs/session_state.h"
#include "index/base/error.h"

#define SLOTS VT_SESSION_REQUESTS
#define NONE  UINT16_MAX

struct left {
	uint64_t unique;
	uint16_t slot;
};

struct vt_kept_requests {
	struct vt_session_state *state;
	pthread_mutex_t lock;
	pthread_cond_t freed;
	/* guarded by lock */
	unsigned waiting;      /* threads that want a slot */
	uint16_t free;         /* a stack of those below the state's top that are free */
	uint16_t heads[SLOTS]; /* kept ones by their unique: chains */
	uint16_t next[SLOTS];  /* in the stack, or in its chain */
	struct left *left;     /* of a dead server, the first one last */
	_Atomic size_t left_count;
};

static struct fuse_in_header *message_in(const struct vt_kept_requests *kept, uint16_t slot)
{
	return (struct fuse_in_header *) kept->state->requests[slot].message;
}

static bool wants_answer(const struct fuse_in_header *message)
{
	return message->opcode != FUSE_FORGET && message->opcode != FUSE_BATCH_FORGET &&
	       message->opcode != FUSE_INTERRUPT;
}

/* ---- under the lock -------------------------------------------------------------------------- */

static void set_free(struct vt_kept_requests *kept, uint16_t slot)
{
	message_in(kept, slot)->unique = 0;
	kept->next[slot] = kept->free;
	kept->free = slot;
	if (kept->waiting > 0)
		(void) pthread_cond_signal(&kept->freed);
}

/* Uniques are counted up in steps of two, so that chains are short. */
static uint16_t *head_of(struct vt_kept_requests *kept, uint64_t unique)
{
	return &kept->heads[unique / 2 % SLOTS];
}

static void set_kept(struct vt_kept_requests *kept, uint16_t slot)
{
	uint16_t *head = head_of(kept, message_in(kept, slot)->unique);

	kept->next[slot] = *head;
	*head = slot;
}

static uint16_t take_slot(struct vt_kept_requests *kept)
{
	struct vt_session_record *record = kept->state->record;
	uint16_t slot = kept->free;

	if (slot == NONE)
		return (uint16_t) record->request_top++;
	kept->free = kept->next[slot];
	return slot;
}

/* ---- what a dead server left ----------------------------------------------------------------- */

static int later_first(const void *a, const void *b)
{
	const struct left *one = a, *other = b;

	return one->unique < other->unique ? 1 : -1;
}

/* A message shorter than its header is none: only another kernel's, if any. */
static int take_stock(struct vt_kept_requests *kept)
{
	uint32_t top = kept->state->record->request_top;
	size_t count = 0;

	kept->left = calloc(top + 1, sizeof *kept->left);
	if (!kept->left)
		return -ENOMEM;
	for (uint32_t slot = 0; slot < top; slot++) {
		const struct fuse_in_header *message = message_in(kept, (uint16_t) slot);

		if (message->unique && wants_answer(message) && message->len >= sizeof *message) {
			kept->left[count++] = (struct left){message->unique, (uint16_t) slot};
			set_kept(kept, (uint16_t) slot);
		} else {
			set_free(kept, (uint16_t) slot);
		}
	}
	qsort(kept->left, count, sizeof *kept->left, later_first);
	kept->left_count = count;
	return 0;
}

int vt_kept_requests_open(struct vt_session_state *state, struct vt_kept_requests **out,
			  struct vt_error *err)
{
	struct vt_kept_requests *kept = calloc(1, sizeof *kept);

	if (!kept)
		return vt_fail(err, ENOMEM, "no memory for a session");
	kept->state = state;
	(void) pthread_mutex_init(&kept->lock, NULL);
	(void) pthread_cond_init(&kept->freed, NULL);
	kept->free = NONE;
	memset(kept->heads, 0xff, sizeof kept->heads); /* NONE */
	if (take_stock(kept) < 0) {
		vt_kept_requests_close(kept);
		return vt_fail(err, ENOMEM, "no memory for a session");
	}
	*out = kept;
	return 0;
}

void vt_kept_requests_close(struct vt_kept_requests *kept)
{
	if (!kept)
		return;
	(void) pthread_cond_destroy(&kept->freed);
	(void) pthread_mutex_destroy(&kept->lock);
	free(kept->left);
	free(kept);
}

static bool next_left(struct vt_kept_requests *kept, uint16_t *slot)
{
	bool found;

	if (kept->left_count == 0) /* it never grows: this spares every read the lock */
		return false;
	(void) pthread_mutex_lock(&kept->lock);
	found = kept->left_count > 0;
	if (found)
		*slot = kept->left[--kept->left_count].slot;
	(void) pthread_mutex_unlock(&kept->lock);
	return found;
}

/* Of a message longer than a slot the end is lost. */
static void refuse(int fd, uint64_t unique)
{
	const struct fuse_out_header no = {.len = sizeof no, .error = -ENOSYS, .unique = unique};

	(void) !write(fd, &no, sizeof no);
}

size_t vt_kept_requests_left(struct vt_kept_requests *kept, int fd, void *buf)
{
	uint16_t slot;

	while (next_left(kept, &slot)) {
		const struct fuse_in_header *message = message_in(kept, slot);

		if (message->len <= VT_SESSION_REQUEST_MAX) {
			memcpy(buf, message, message->len);
			return message->len;
		}
		refuse(fd, message->unique);
		vt_kept_requests_answered(kept, message->unique);
	}
	return 0;
}

/* ---- reading and answering ------------------------------------------------------------------- */

/* libfuse cancels its threads at the end; one that waits here must not take the lock with it. */
static void wait_for_slot(struct vt_kept_requests *kept)
{
	int state;

	(void) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	kept->waiting++;
	while (kept->free == NONE)
		(void) pthread_cond_wait(&kept->freed, &kept->lock);
	kept->waiting--;
	(void) pthread_setcancelstate(state, NULL);
}

static uint16_t claim(struct vt_kept_requests *kept)
{
	uint16_t slot;

	(void) pthread_mutex_lock(&kept->lock);
	if (kept->free == NONE && kept->state->record->request_top == SLOTS)
		wait_for_slot(kept);
	slot = take_slot(kept);
	(void) pthread_mutex_unlock(&kept->lock);
	message_in(kept, slot)->unique = 0; /* in memory now; see above */
	return slot;
}

ssize_t vt_kept_requests_read(struct vt_kept_requests *kept, int fd, void *buf, size_t len)
{
	size_t left = vt_kept_requests_left(kept, fd, buf);
	struct fuse_in_header *message;
	uint16_t slot;
	ssize_t n;
	int code;

	if (left > 0)
		return (ssize_t) left;
	slot = claim(kept);
	message = message_in(kept, slot);
	n = readv(fd,
		  (struct iovec[]){
			  {message, VT_SESSION_REQUEST_MAX},
			  {(char *) buf + VT_SESSION_REQUEST_MAX, len - VT_SESSION_REQUEST_MAX}},
		  2);
	code = errno;
	if (n > 0)
		memcpy(buf, message,
		       n < (ssize_t) VT_SESSION_REQUEST_MAX ? (size_t) n : VT_SESSION_REQUEST_MAX);
	(void) pthread_mutex_lock(&kept->lock);
	if (n >= (ssize_t) sizeof *message && wants_answer(message))
		set_kept(kept, slot);
	else
		set_free(kept, slot);
	(void) pthread_mutex_unlock(&kept->lock);
	errno = code;
	return n;
}

void vt_kept_requests_answered(struct vt_kept_requests *kept, uint64_t unique)
{
	uint16_t *at;

	(void) pthread_mutex_lock(&kept->lock);
	at = head_of(kept, unique);
	while (*at != NONE && message_in(kept, *at)->unique != unique)
		at = &kept->next[*at];
	if (*at != NONE) {
		uint16_t slot = *at;

		*at = kept->next[slot];
		set_free(kept, slot);
	}
	(void) pthread_mutex_unlock(&kept->lock);
}
