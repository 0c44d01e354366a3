/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a shard file: refused, or read to its end without fault; and the same bytes once
 * more with the digests of header and index made right, which else refuse nearly all that is
 * changed.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "fs/shard_format.h"
#include "fs/shard_reader.h"
#include "index/base/buf.h"
#include "index/digest.h"
#include "tests/fuzz/fuzz.h"

static void read_shard(const char *path)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	struct vt_shard_frame frame;
	struct vt_shard_facts facts;
	struct vt_digest digest;
	uint64_t bytes = 0;

	if (vt_shard_reader_open(path, &reader, &facts, NULL) < 0)
		return;
	while (vt_shard_reader_next(reader, &frame, NULL) > 0) {
		bytes += frame.content_size;
		(void) vt_shard_reader_check(reader, &frame, NULL, NULL);
	}
	if (bytes > facts.content_size || vt_shard_reader_digest(reader, &digest, NULL) < 0)
		abort();
}

static void try_shard(const uint8_t *data, size_t size)
{
	vt_autoclose int fd = memfd_create("shard", MFD_CLOEXEC);
	char path[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t) size)
		abort();
	(void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	read_shard(path);
}

/* Puts the digest of `len` bytes behind them. */
static void put_digest(uint8_t *data, size_t len)
{
	struct vt_digest digest;

	vt_digest_of(data, len, &digest);
	memcpy(data + len, digest.bytes, VT_DIGEST_LEN);
}

static uint32_t number_at(const uint8_t *data)
{
	struct vt_reader reader = vt_reader_over(data, sizeof(uint32_t));

	return vt_reader_le32(&reader);
}

/* The index: the last entry of the seek table at the end says how long it is, its digest included.
 */
static void seal_index(uint8_t *data, size_t size)
{
	const uint8_t *footer = data + size - VT_SEEK_FOOTER_SIZE;
	size_t table = VT_SKIPPABLE_SIZE + (size_t) number_at(footer) * VT_SEEK_ENTRY +
		       VT_SEEK_FOOTER_SIZE;
	size_t index;

	if (table > size - VT_SHARD_HEADER)
		return;
	index = number_at(footer - VT_SEEK_ENTRY);
	if (index >= VT_SKIPPABLE_SIZE + VT_DIGEST_LEN && index <= size - VT_SHARD_HEADER - table)
		put_digest(data + size - table - index + VT_SKIPPABLE_SIZE,
			   index - VT_SKIPPABLE_SIZE - VT_DIGEST_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vt_autofree uint8_t *sealed = NULL;

	try_shard(data, size);
	if (size < VT_SHARD_HEADER + VT_SEEK_FOOTER_SIZE + VT_SEEK_ENTRY)
		return 0;
	sealed = malloc(size);
	must(sealed != NULL);
	memcpy(sealed, data, size);
	put_digest(sealed, offsetof(struct vt_shard_header, digest));
	seal_index(sealed, size);
	try_shard(sealed, size);
	return 0;
}
