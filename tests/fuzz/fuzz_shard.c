/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a shard file: refused, or read to its end without fault. */
#include <stdio.h>
#include <sys/mman.h>

#include "fs/shard_reader.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vt_autoclose int fd = memfd_create("shard", MFD_CLOEXEC);
	char path[32];

	if (fd < 0 || write(fd, data, size) != (ssize_t) size)
		abort();
	(void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	read_shard(path);
	return 0;
}
