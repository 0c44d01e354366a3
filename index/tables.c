/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See tables.h. A table ends with a footer that says where its metaindex lies, a block in which
 * names of blocks stand before their places; a place is an offset and a length as varints. Nothing
 * that is read is believed: what does not lie in the file is left to RocksDB.
 */
#include "index/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/folder.h"

#define FOOTER_LEN 53u /* of format 1 and later: u8 kind of sum | places | u32 format, u64 magic   \
			*/
#define METAINDEX_MAX 4096u
#define PROPERTIES    "rocksdb.properties"
#define HASH_INDEX    0x80u /* in the last byte of a block */

struct place {
	uint64_t offset, len;
};

/* The number at `*at`, which goes behind it; 0 where there is none. */
static uint64_t read_varint(const uint8_t **at, const uint8_t *end)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;

		value |= (uint64_t) (byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
	return 0;
}

static struct place read_place(const uint8_t *at, const uint8_t *end)
{
	struct place place = {.offset = read_varint(&at, end)};

	place.len = read_varint(&at, end);
	return place;
}

/* Where the block of the properties lies; a length of 0 where that cannot be told. */
static struct place find_properties(int fd, uint64_t size)
{
	const size_t name_len = strlen(PROPERTIES);
	uint8_t footer[FOOTER_LEN], block[METAINDEX_MAX];
	struct place metaindex, none = {0};
	const uint8_t *name;

	if (size < FOOTER_LEN || vt_file_read_at(fd, footer, FOOTER_LEN, size - FOOTER_LEN) < 0)
		return none;
	metaindex = read_place(footer + 1, footer + FOOTER_LEN);
	if (metaindex.len > sizeof block || metaindex.offset > size ||
	    vt_file_read_at(fd, block, metaindex.len, metaindex.offset) != (ssize_t) metaindex.len)
		return none;
	name = memmem(block, metaindex.len, PROPERTIES, name_len);
	return name ? read_place(name + name_len, block + metaindex.len) : none;
}

static bool has_hash_index(int fd, uint64_t size)
{
	struct place properties = find_properties(fd, size);
	uint64_t last = properties.offset + properties.len - 1;
	uint8_t byte = 0;

	return properties.len > 0 && last < size && vt_file_read_at(fd, &byte, 1, last) == 1 &&
	       byte & HASH_INDEX;
}

static int check_entry(void *context, const char *name, struct vt_error *err)
{
	const char *dir = context, *dot = strrchr(name, '.');
	char path[PATH_MAX];
	vt_autoclose int fd = -1;
	struct stat st;

	if (!dot || strcmp(dot, ".sst") != 0)
		return 0;
	(void) snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0) /* RocksDB says more about it, if it needs it */
		return 0;
	if (!has_hash_index(fd, (uint64_t) st.st_size))
		return 0;
	return vt_fail(err, EBADMSG, "the properties of its table '%s' are damaged", name);
}

int vt_tables_check(const char *index_dir, struct vt_error *err)
{
	return vt_folder_each(index_dir, check_entry, (void *) index_dir, err);
}
