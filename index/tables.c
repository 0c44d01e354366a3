/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See tables.h. Nothing that is read is believed: what does not lie in the file is left to RocksDB.
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
#include "index/sst_format.h"

#define METAINDEX_MAX 4096u
#define PROPERTIES    "rocksdb.properties"
#define HASH_INDEX    0x80u /* in the last byte of a block */

/* Where the block of the properties lies; a length of 0 where that cannot be told. */
static struct vt_sst_place find_properties(int fd, uint64_t size)
{
	const size_t name_len = strlen(PROPERTIES);
	uint8_t footer[VT_SST_FOOTER], block[METAINDEX_MAX];
	struct vt_sst_place metaindex, none = {0};
	struct vt_reader reader;
	const uint8_t *name;

	if (size < sizeof footer ||
	    vt_file_read_at(fd, footer, sizeof footer, size - sizeof footer) < 0)
		return none;
	reader = vt_reader_over(footer + 1, sizeof footer - 1);
	metaindex = vt_reader_place(&reader);
	if (metaindex.len > sizeof block || metaindex.offset > size ||
	    vt_file_read_at(fd, block, metaindex.len, metaindex.offset) != (ssize_t) metaindex.len)
		return none;
	name = memmem(block, metaindex.len, PROPERTIES, name_len);
	if (!name)
		return none;
	name += name_len;
	reader = vt_reader_over(name, (size_t) (block + metaindex.len - name));
	return vt_reader_place(&reader);
}

static bool has_hash_index(int fd, uint64_t size)
{
	struct vt_sst_place properties = find_properties(fd, size);
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
