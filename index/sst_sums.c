/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sst_sums.h. Every block is reached from the footer: by the metaindex those that say
 * something of the table, by the index those with rows. Both the index and the filter are cut into
 * parts (store.c), whose places stand in a block of their own; in tables of before they are whole.
 * What leads on is believed once its sum is right.
 */
#include "index/sst_sums.h"

#include <errno.h>
#include <lz4.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/sst_format.h"

#define MAGIC        UINT64_C(0x88e241b785f4cff7)
#define VERSION      5u
#define SUM_XXH3     4u /* RocksDB's ChecksumType and CompressionType */
#define PACKED_NOT   0u
#define PACKED_LZ4   4u
#define UNPACKED_MAX (256u << 20) /* bytes of an index: of ten million blocks */
#define FILTER_PARTS "partitionedfilter."
#define INDEX_FACT   "index.type"   /* u32, RocksDB's IndexType */
#define NUMBER_FACT  "global_seqno" /* the end of a key; its value is a number of 8 bytes */

/* What a block is. Entries of the first four lead to others, of the kind that stands here. */
enum kind { METAINDEX, INDEX, INDEX_PART, FILTERS, ROWS, FILTER, FACTS };
static const struct {
	const char *what;
	enum kind below;
} kinds[] = {
	[METAINDEX] = {"the list of its parts", FACTS},
	[INDEX] = {"the index of its rows", ROWS},
	[INDEX_PART] = {"an index of its rows", ROWS},
	[FILTERS] = {"the index of its filters", FILTER},
	[ROWS] = {"rows", 0},
	[FILTER] = {"a filter, on which no row depends", 0},
	[FACTS] = {"facts about it", 0},
};

struct check {
	int fd;
	uint64_t end; /* where the footer begins */
	vt_sst_damage *each;
	void *context;
	int damages;
	enum { UNKNOWN, WHOLE, IN_PARTS } index; /* what the facts say of it */
};

static int damaged(struct check *check, struct vt_sst_place place, const char *what)
{
	check->damages++;
	check->each(check->context, place.offset, place.len, what);
	return 0;
}

/* RocksDB's ComputeBuiltinChecksumWithLastByte(): the byte that says how it is packed is in it. */
static bool is_right(const uint8_t *block, size_t len)
{
	uint32_t sum = (uint32_t) XXH3_64bits(block, len) ^ block[len] * UINT32_C(0x6b9083d9);
	uint32_t written;

	memcpy(&written, block + len + 1, sizeof written);
	return le32toh(written) == sum;
}

/*
 * A table that was taken in got a number among the writes then, and the sum is of zeros there. The
 * list of tables has that number, too, and RocksDB compares them when it opens the table.
 */
static bool is_right_but_for_number(uint8_t *facts, size_t len)
{
	uint8_t *number = memmem(facts, len, NUMBER_FACT, strlen(NUMBER_FACT));

	if (!number)
		return false;
	number += strlen(NUMBER_FACT);
	if ((size_t) (facts + len - number) < sizeof(uint64_t))
		return false;
	memset(number, 0, sizeof(uint64_t));
	return is_right(facts, len);
}

/* 1: it was read, and is right, with what is behind it; 0: it is damaged, which was told. */
static int read_block(struct check *check, struct vt_sst_place place, enum kind kind,
		      struct vt_buf *block, struct vt_error *err)
{
	const char *what = kinds[kind].what;
	size_t whole = place.len + VT_SST_BEHIND;
	ssize_t got;

	if (place.offset > check->end || place.len > check->end - place.offset ||
	    whole > check->end - place.offset)
		return damaged(check, place, what);
	if (!vt_buf_grow(block, whole))
		return vt_fail(err, ENOMEM, "no memory for a block of %zu bytes", whole);
	got = vt_file_read_at(check->fd, block->data, whole, place.offset);
	if (got != (ssize_t) whole ||
	    !(is_right(block->data, place.len) ||
	      (kind == FACTS && is_right_but_for_number(block->data, place.len))))
		return damaged(check, place, what);
	block->len = place.len;
	return 1;
}

/* In place of what was read comes what it was before it was packed. */
static int unpack(struct vt_buf *block, struct vt_error *err)
{
	struct vt_reader packed = vt_reader_over(block->data, block->len);
	vt_cleanup(vt_buf_done) struct vt_buf plain = VT_BUF_INIT;
	uint8_t how = block->data[block->len];
	uint64_t len;

	if (how == PACKED_NOT)
		return 0;
	len = vt_reader_varint(&packed);
	if (how != PACKED_LZ4 || packed.failed || len > UNPACKED_MAX)
		return vt_fail(err, ENOTSUP, "it is packed in a way that is not known here");
	if (!vt_buf_grow(&plain, len))
		return vt_fail(err, ENOMEM, "no memory for an index of a table");
	if (LZ4_decompress_safe((const char *) packed.at, (char *) plain.data,
				(int) vt_reader_left(&packed), (int) len) != (int) len)
		return vt_fail(err, ENOTSUP, "it is packed in a way that is not known here");
	vt_buf_done(block);
	*block = plain;
	plain = VT_BUF_INIT;
	return 0;
}

/* RocksDB's kBinarySearch and kTwoLevelIndexSearch. */
static void note_facts(struct check *check, const struct vt_buf *facts)
{
	const uint8_t *type = memmem(facts->data, facts->len, INDEX_FACT, strlen(INDEX_FACT));
	struct vt_reader reader = vt_reader_over(facts->data, facts->len);
	uint32_t value;

	if (!type)
		return;
	reader.at = type + strlen(INDEX_FACT);
	value = vt_reader_le32(&reader);
	if (!reader.failed && (value == 0 || value == 2))
		check->index = value == 0 ? WHOLE : IN_PARTS;
}

/* ---- entries -------------------------------------------------------------------------------- */

/*
 * An entry is a key, of which what it has in common with the one before is left out, and a place.
 * In an index the place of a key that has something in common begins where the block before ends,
 * and is given as how much longer it is, zigzag. Then comes where keys are whole.
 */
struct entries {
	struct vt_reader reader;
	bool is_index;
	struct vt_sst_place before;
	const char *key; /* what is not left out */
	size_t key_len;
};

static bool entries_over(const struct vt_buf *block, bool is_index, struct entries *out)
{
	uint32_t restarts;

	if (block->len < sizeof restarts)
		return false;
	memcpy(&restarts, block->data + block->len - sizeof restarts, sizeof restarts);
	restarts = le32toh(restarts);
	if (restarts >= block->len / sizeof restarts)
		return false;
	*out = (struct entries){
		.reader = vt_reader_over(block->data,
					 block->len - (restarts + (size_t) 1) * sizeof restarts),
		.is_index = is_index,
	};
	return true;
}

static struct vt_sst_place next_place(struct entries *entries, uint64_t common)
{
	struct vt_sst_place place = {entries->before.offset + entries->before.len + VT_SST_BEHIND,
				     entries->before.len};
	uint64_t more;

	if (!entries->is_index || common == 0)
		return vt_reader_place(&entries->reader);
	more = vt_reader_varint(&entries->reader);
	place.len += (more >> 1) ^ (0 - (more & 1));
	return place;
}

/* 1, 0 at the end, -ENOTSUP */
static int next_entry(struct entries *entries, struct vt_sst_place *out, struct vt_error *err)
{
	struct vt_reader *reader = &entries->reader;
	uint64_t common, rest;

	if (vt_reader_left(reader) == 0)
		return 0;
	common = vt_reader_varint(reader);
	rest = vt_reader_varint(reader);
	if (!entries->is_index)
		(void) vt_reader_varint(reader); /* the length of the place */
	entries->key = vt_reader_get(reader, rest);
	entries->key_len = rest;
	*out = entries->before = next_place(entries, common);
	return reader->failed ? vt_fail(err, ENOTSUP, "a block is not of the kind that is known")
			      : 1;
}

static enum kind kind_below(const struct check *check, enum kind kind,
			    const struct entries *entries)
{
	if (kind == INDEX && check->index == IN_PARTS)
		return INDEX_PART;
	if (kind == METAINDEX && entries->key_len > strlen(FILTER_PARTS) &&
	    memcmp(entries->key, FILTER_PARTS, strlen(FILTER_PARTS)) == 0)
		return FILTERS;
	return kinds[kind].below;
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* As deep as kinds[] goes. */
static int check_block(struct check *check, struct vt_sst_place place, enum kind kind,
		       struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf block = VT_BUF_INIT;
	struct vt_sst_place below;
	struct entries entries = {0};
	int r = read_block(check, place, kind, &block, err);

	if (r > 0 && kind == FACTS)
		note_facts(check, &block);
	if (r <= 0 || kind >= ROWS)
		return r;
	r = unpack(&block, err);
	if (r == 0 && !entries_over(&block, kind != METAINDEX, &entries))
		r = vt_fail(err, ENOTSUP, "a block is not of the kind that is known");
	while (r >= 0 && (r = next_entry(&entries, &below, err)) > 0)
		r = check_block(check, below, kind_below(check, kind, &entries), err);
	return r;
}

/* 1; 0: it is damaged, which was told. */
static int read_footer(struct check *check, struct vt_sst_place *metaindex,
		       struct vt_sst_place *rows)
{
	const struct vt_sst_place all = {check->end, VT_SST_FOOTER};
	uint8_t footer[VT_SST_FOOTER];
	struct vt_reader reader = vt_reader_over(footer, sizeof footer);
	uint8_t sum, rest = 0;

	if (vt_file_read_at(check->fd, footer, sizeof footer, check->end) != sizeof footer)
		return damaged(check, all, "its end");
	sum = vt_reader_u8(&reader);
	*metaindex = vt_reader_place(&reader);
	*rows = vt_reader_place(&reader);
	while (!reader.failed && vt_reader_left(&reader) > sizeof(uint32_t) + sizeof(uint64_t))
		rest |= vt_reader_u8(&reader);
	if (sum != SUM_XXH3 || rest != 0 || vt_reader_le32(&reader) != VERSION ||
	    vt_reader_le64(&reader) != MAGIC || reader.failed)
		return damaged(check, all, "its end");
	return 1;
}

int vt_sst_check_sums(int fd, vt_sst_damage *each, void *context, struct vt_error *err)
{
	struct check check = {.fd = fd, .each = each, .context = context};
	struct vt_sst_place metaindex, rows;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return vt_fail(err, errno, "%m");
	if (st.st_size >= VT_SST_FOOTER)
		check.end = (uint64_t) st.st_size - VT_SST_FOOTER;
	if (read_footer(&check, &metaindex, &rows) == 0)
		return check.damages;
	r = check_block(&check, metaindex, METAINDEX, err);
	if (r >= 0 && check.index == UNKNOWN && check.damages == 0)
		return vt_fail(err, ENOTSUP, "its index is not of a kind that is known");
	if (r >= 0 && check.index != UNKNOWN)
		r = check_block(&check, rows, INDEX, err);
	return r < 0 ? r : check.damages;
}
