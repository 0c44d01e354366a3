/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See ledger.h. The file is mapped: its pages are the kernel's to write out and drop. Space is
 * allocated before it is mapped, so that a full disk is an error and not a signal.
 */
#include "tools/publish/ledger.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "index/base/error.h"
#include "tools/publish/scratch.h"

#define FIRST_SLOTS   1024u
#define FIRST_RECORDS 1024u

struct slot {
	uint32_t tag;
	uint32_t number; /* of the record, plus one; 0: free */
};

struct vt_ledger {
	int fd;
	size_t record_size;
	uint8_t *records; /* the mapped file */
	uint64_t count, capacity;
	struct slot *slots;
	uint64_t mask; /* slots - 1 */
};

int vt_ledger_new(const char *dir, size_t record_size, struct vt_ledger **out, struct vt_error *err)
{
	vt_cleanup(vt_ledger_freep) struct vt_ledger *ledger = calloc(1, sizeof *ledger);

	assert(record_size >= VT_DIGEST_LEN);
	if (!ledger)
		return vt_fail(err, ENOMEM, "no memory for a table of contents");
	ledger->record_size = record_size;
	ledger->mask = FIRST_SLOTS - 1;
	ledger->slots = calloc(FIRST_SLOTS, sizeof *ledger->slots);
	ledger->fd = vt_scratch_open(dir, err);
	if (ledger->fd < 0)
		return ledger->fd;
	if (!ledger->slots)
		return vt_fail(err, ENOMEM, "no memory for a table of contents");
	*out = vt_steal(&ledger);
	return 0;
}

void vt_ledger_free(struct vt_ledger *ledger)
{
	if (!ledger)
		return;
	if (ledger->records)
		(void) munmap(ledger->records, ledger->capacity * ledger->record_size);
	if (ledger->fd >= 0)
		(void) close(ledger->fd);
	free(ledger->slots);
	free(ledger);
}

uint64_t vt_ledger_count(const struct vt_ledger *ledger)
{
	return ledger->count;
}

void *vt_ledger_at(const struct vt_ledger *ledger, uint64_t i)
{
	return ledger->records + i * ledger->record_size;
}

/* Digests are uniform: their first bytes choose the slot, others tell neighbours apart. */
static uint64_t slot_of(const struct vt_digest *digest, uint32_t *tag)
{
	uint64_t hash;

	memcpy(&hash, digest->bytes, sizeof hash);
	memcpy(tag, digest->bytes + sizeof hash, sizeof *tag);
	return hash;
}

void *vt_ledger_find(const struct vt_ledger *ledger, const struct vt_digest *digest)
{
	uint32_t tag;
	uint64_t i = slot_of(digest, &tag);

	for (;; i++) {
		const struct slot *slot = &ledger->slots[i & ledger->mask];
		void *record;

		if (slot->number == 0)
			return NULL;
		if (slot->tag != tag)
			continue;
		record = vt_ledger_at(ledger, slot->number - 1);
		if (memcmp(record, digest->bytes, VT_DIGEST_LEN) == 0)
			return record;
	}
}

static void place(struct slot *slots, uint64_t mask, const struct vt_digest *digest,
		  uint32_t number)
{
	uint32_t tag;
	uint64_t i = slot_of(digest, &tag);

	while (slots[i & mask].number)
		i++;
	slots[i & mask] = (struct slot){tag, number};
}

static int grow_slots(struct vt_ledger *ledger, struct vt_error *err)
{
	uint64_t mask = 2 * ledger->mask + 1;
	struct slot *slots = calloc(mask + 1, sizeof *slots);

	if (!slots)
		return vt_fail(err, ENOMEM, "no memory for a table of %ju contents",
			       (uintmax_t) mask);
	for (uint64_t i = 0; i < ledger->count; i++)
		place(slots, mask, vt_ledger_at(ledger, i), (uint32_t) (i + 1));
	free(ledger->slots);
	ledger->slots = slots;
	ledger->mask = mask;
	return 0;
}

static int grow_records(struct vt_ledger *ledger, struct vt_error *err)
{
	size_t before = ledger->capacity * ledger->record_size;
	uint64_t capacity = ledger->capacity ? 2 * ledger->capacity : FIRST_RECORDS;
	size_t after = capacity * ledger->record_size;
	int failed = posix_fallocate(ledger->fd, 0, (off_t) after);
	void *records;

	if (failed)
		return vt_fail(err, failed, "no room for the table of contents: %m");
	if (before)
		records = mremap(ledger->records, before, after, MREMAP_MAYMOVE);
	else
		records = mmap(NULL, after, PROT_READ | PROT_WRITE, MAP_SHARED, ledger->fd, 0);
	if (records == MAP_FAILED)
		return vt_fail(err, errno, "cannot map the table of contents: %m");
	ledger->records = records;
	ledger->capacity = capacity;
	return 0;
}

int vt_ledger_add(struct vt_ledger *ledger, const void *record, struct vt_error *err)
{
	int r = 0;

	if (ledger->count == UINT32_MAX - 1)
		return vt_fail(err, EOVERFLOW, "more than 4 billion different contents");
	if (4 * (ledger->count + 1) > 3 * (ledger->mask + 1))
		r = grow_slots(ledger, err);
	if (r == 0 && ledger->count == ledger->capacity)
		r = grow_records(ledger, err);
	if (r < 0)
		return r;
	memcpy(vt_ledger_at(ledger, ledger->count), record, ledger->record_size);
	ledger->count++;
	place(ledger->slots, ledger->mask, record, (uint32_t) ledger->count);
	return 0;
}
