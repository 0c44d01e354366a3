/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See session_state.h. Each exhibit's bitmap is mapped once, when its first id is noted, and stays.
 * The table of maps is read without a lock: a slot's `bits` is published with release after the
 * rest.
 */
#include "fs/session_state.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/document.h"
#include "fs/mount.h"
#include "fs/node.h"
#include "index/base/error.h"

#define MAGIC 0x3145544154535456ull /* "VTSTATE1", little-endian */
#define PAGE  4096u
#define SLOTS                                                                                      \
	(sizeof((struct vt_session_record *) 0)->exhibits /                                        \
	 sizeof *((struct vt_session_record *) 0)->exhibits)
#define WORD_BITS 64u

struct vt_session_state {
	int fd; /* borrowed */
	struct vt_session_record *record;
	_Atomic(_Atomic uint64_t *) bits[SLOTS]; /* maps, by slot of the record */
	pthread_mutex_t lock;                    /* guards the adding of exhibits */
};

static size_t page_align(size_t bytes)
{
	return (bytes + PAGE - 1) / PAGE * PAGE;
}

static size_t bitmap_bytes(uint32_t nodes)
{
	return page_align(((size_t) nodes + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t));
}

int vt_session_state_new(struct vt_error *err)
{
	const uint64_t magic = MAGIC;
	int fd = memfd_create("vitrine-session", MFD_CLOEXEC);

	if (fd < 0)
		return vt_fail(err, errno, "cannot make a session's state: %m");
	if (ftruncate(fd, (off_t) page_align(sizeof(struct vt_session_record))) < 0 ||
	    pwrite(fd, &magic, sizeof magic, 0) != sizeof magic) {
		int code = errno;

		(void) close(fd);
		return vt_fail(err, code, "cannot make a session's state: %m");
	}
	return fd;
}

int vt_session_state_open(int fd, struct vt_session_state **out, struct vt_error *err)
{
	struct vt_session_state *state;
	struct stat st;
	void *map;

	if (fstat(fd, &st) < 0 || (size_t) st.st_size < sizeof(struct vt_session_record))
		return vt_fail(err, EINVAL, "not the state of a session");
	state = calloc(1, sizeof *state);
	if (!state)
		return vt_fail(err, ENOMEM, "no memory for a session");
	map = mmap(NULL, sizeof(struct vt_session_record), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (map == MAP_FAILED || ((struct vt_session_record *) map)->magic != MAGIC) {
		int code = map == MAP_FAILED ? errno : EINVAL;

		free(state);
		return vt_fail(err, code, "cannot use the state of a session: %m");
	}
	state->fd = fd;
	state->record = map;
	if (state->record->end == 0)
		state->record->end = page_align(sizeof(struct vt_session_record));
	(void) pthread_mutex_init(&state->lock, NULL);
	*out = state;
	return 0;
}

void vt_session_state_close(struct vt_session_state *state)
{
	if (!state)
		return;
	for (unsigned i = 0; i < SLOTS; i++)
		if (state->bits[i])
			(void) munmap((void *) state->bits[i],
				      bitmap_bytes(state->record->exhibits[i].nodes));
	(void) munmap(state->record, sizeof *state->record);
	(void) pthread_mutex_destroy(&state->lock);
	free(state);
}

struct vt_session_record *vt_session_state_record(struct vt_session_state *state)
{
	return state->record;
}

/* The slot of an exhibit, or the free one where it belongs (open addressing, nothing is removed);
 * -1: full. */
static int find_slot(const struct vt_session_state *state, uint32_t exhibit)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		unsigned slot = (exhibit + i) % SLOTS;
		uint32_t there = state->record->exhibits[slot].exhibit;

		if (there == exhibit || there == 0)
			return (int) slot;
	}
	return -1;
}

static bool has_exhibit(const struct vt_session_state *state, int slot, uint32_t exhibit)
{
	return slot >= 0 && state->record->exhibits[slot].exhibit == exhibit;
}

/* The map of a slot that has an exhibit; NULL when it cannot be had. Under the lock. */
static _Atomic uint64_t *map_slot(struct vt_session_state *state, int slot)
{
	uint32_t nodes = state->record->exhibits[slot].nodes;
	void *map;

	if (state->bits[slot])
		return state->bits[slot];
	map = mmap(NULL, bitmap_bytes(nodes), PROT_READ | PROT_WRITE, MAP_SHARED, state->fd,
		   (off_t) state->record->exhibits[slot].offset);
	if (map == MAP_FAILED)
		return NULL;
	state->bits[slot] = map;
	return map;
}

/* Under the lock. `exhibit` is stored last: a reader without the lock sees a whole slot. */
static bool add_exhibit(struct vt_session_state *state, int slot, uint32_t exhibit, uint32_t nodes)
{
	struct vt_session_record *record = state->record;

	if (ftruncate(state->fd, (off_t) (record->end + bitmap_bytes(nodes))) < 0)
		return false;
	record->exhibits[slot].nodes = nodes;
	record->exhibits[slot].documents = 0;
	record->exhibits[slot].offset = record->end;
	record->end += bitmap_bytes(nodes);
	record->exhibits[slot].exhibit = exhibit;
	return true;
}

/* The slot of an exhibit with its bitmap mapped, or -1. */
static int mapped_slot(struct vt_session_state *state, uint32_t exhibit, uint32_t nodes)
{
	int slot = find_slot(state, exhibit);

	if (has_exhibit(state, slot, exhibit) && state->bits[slot])
		return slot;
	(void) pthread_mutex_lock(&state->lock);
	slot = find_slot(state, exhibit);
	if (slot >= 0 && !has_exhibit(state, slot, exhibit) &&
	    !add_exhibit(state, slot, exhibit, nodes))
		slot = -1;
	if (slot >= 0 && !map_slot(state, slot))
		slot = -1;
	(void) pthread_mutex_unlock(&state->lock);
	return slot;
}

void vt_session_state_note(struct vt_session_state *state, uint64_t id, uint32_t nodes)
{
	uint32_t position = vt_node_position(id);
	int slot = mapped_slot(state, vt_node_exhibit(id), nodes);

	if (slot < 0)
		return;
	if (position >= VT_POSITION_DOCUMENTS) {
		state->record->exhibits[slot].documents |= 1u << (position - VT_POSITION_DOCUMENTS);
	} else if (position < nodes) {
		_Atomic uint64_t *word = &state->bits[slot][position / WORD_BITS];
		uint64_t bit = 1ull << position % WORD_BITS;

		/* Most are noted already: look before locking the cache line. */
		if (!(atomic_load_explicit(word, memory_order_relaxed) & bit))
			(void) atomic_fetch_or(word, bit);
	}
}

void vt_session_state_each(struct vt_session_state *state, uint32_t exhibit, uint32_t nodes,
			   void (*each)(void *context, uint64_t id), void *context)
{
	int slot = find_slot(state, exhibit);
	uint32_t documents;
	bool all;

	if (slot >= 0 && !has_exhibit(state, slot, exhibit))
		return; /* nothing of it was ever shown here */
	all = slot < 0 || mapped_slot(state, exhibit, nodes) < 0;
	documents = all ? ~0u : (uint32_t) state->record->exhibits[slot].documents;
	for (uint32_t i = 0; i <= VT_DOCUMENT_SHOWN; i++)
		if (documents >> i & 1)
			each(context, vt_node_id(exhibit, VT_POSITION_DOCUMENTS + i));
	for (uint32_t base = 0; base < nodes; base += WORD_BITS) {
		uint64_t word = all ? ~0ull : state->bits[slot][base / WORD_BITS];

		for (; word; word &= word - 1) {
			uint32_t position = base + (uint32_t) __builtin_ctzll(word);

			if (position < nodes)
				each(context, vt_node_id(exhibit, position));
		}
		if (nodes - base <= WORD_BITS)
			break; /* base would wrap near the top */
	}
}

void vt_session_state_forget(struct vt_session_state *state, uint32_t exhibit)
{
	int slot = find_slot(state, exhibit);

	if (has_exhibit(state, slot, exhibit)) /* the map stays: a late note() may be in it */
		(void) fallocate(state->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 (off_t) state->record->exhibits[slot].offset,
				 (off_t) bitmap_bytes(state->record->exhibits[slot].nodes));
}
