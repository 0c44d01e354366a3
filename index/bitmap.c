/* SPDX-License-Identifier: Apache-2.0 */
/* See bitmap.h. The layout that is checked here is that of RoaringFormatSpec. */
#include "index/bitmap.h"

#include <string.h>

#define COOKIE_NO_RUNS   12346u
#define COOKIE_RUNS      12347u
#define CONTAINERS_MAX   65536u
#define ARRAY_MAX        4096u /* values; a container with more is a set of bits */
#define BITS_LEN         8192u
#define OFFSETS_FROM     4u /* containers; with runs, fewer have no table of offsets */
#define CONTAINER_VALUES 65536u

void vt_bitmap_encode(roaring_bitmap_t *bitmap, struct vt_buf *out)
{
	void *to;

	(void) roaring_bitmap_run_optimize(bitmap);
	to = vt_buf_grow(out, roaring_bitmap_portable_size_in_bytes(bitmap));
	if (to)
		(void) roaring_bitmap_portable_serialize(bitmap, to);
}

/* ---- checking -------------------------------------------------------------------------------- */

struct header {
	uint32_t containers;
	const uint8_t *runs;  /* a bit for each container that is one of runs; NULL: none is */
	const uint8_t *cards; /* u16 key, u16 count - 1 of each */
	const uint8_t *offsets;
};

static uint16_t le16_at(const uint8_t *bytes, uint32_t i)
{
	return (uint16_t) (bytes[2 * (size_t) i] | bytes[2 * (size_t) i + 1] << 8);
}

static uint32_t le32_at(const uint8_t *bytes, uint32_t i)
{
	return le16_at(bytes, 2 * i) | (uint32_t) le16_at(bytes, 2 * i + 1) << 16;
}

static bool is_of_runs(const struct header *header, uint32_t i)
{
	return header->runs && header->runs[i / 8] >> i % 8 & 1;
}

static const char *read_header(struct vt_reader *reader, struct header *out)
{
	uint32_t cookie = vt_reader_le32(reader);

	*out = (struct header){0};
	if (cookie == COOKIE_NO_RUNS) {
		out->containers = vt_reader_le32(reader);
	} else if ((cookie & 0xffff) == COOKIE_RUNS) {
		out->containers = (cookie >> 16) + 1;
		out->runs = vt_reader_get(reader, (out->containers + 7) / 8);
	} else {
		return "it does not begin as one";
	}
	if (out->containers == 0 || out->containers > CONTAINERS_MAX)
		return "its number of containers is out of range";
	out->cards = vt_reader_get(reader, (size_t) out->containers * 4);
	if (!out->runs || out->containers >= OFFSETS_FROM)
		out->offsets = vt_reader_get(reader, (size_t) out->containers * 4);
	return reader->failed ? "it is cut short" : NULL;
}

static const char *array_problem(struct vt_reader *reader, uint32_t count)
{
	const uint8_t *values = vt_reader_get(reader, 2 * (size_t) count);

	for (uint32_t i = 1; values && i < count; i++)
		if (le16_at(values, i - 1) >= le16_at(values, i))
			return "values are out of order";
	return NULL;
}

static const char *bits_problem(struct vt_reader *reader, uint32_t count)
{
	const uint8_t *bits = vt_reader_get(reader, BITS_LEN);
	uint32_t seen = 0;

	for (size_t i = 0; bits && i < BITS_LEN; i += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, bits + i, sizeof word);
		seen += (uint32_t) __builtin_popcountll(word);
	}
	return bits && seen != count ? "values are counted wrongly" : NULL;
}

static const char *runs_problem(struct vt_reader *reader, uint32_t count)
{
	uint32_t runs = vt_reader_le16(reader), seen = 0, next = 0;
	const uint8_t *bytes = vt_reader_get(reader, 4 * (size_t) runs);

	for (uint32_t i = 0; bytes && i < runs; i++) {
		uint32_t first = le16_at(bytes, 2 * i), more = le16_at(bytes, 2 * i + 1);

		if (first < next || first + more >= CONTAINER_VALUES)
			return "runs are out of order";
		next = first + more + 1;
		seen += more + 1;
	}
	return bytes && seen != count ? "values are counted wrongly" : NULL;
}

static const char *container_problem(struct vt_reader *reader, const struct header *header,
				     uint32_t i)
{
	uint32_t count = le16_at(header->cards, 2 * i + 1) + 1u;

	if (i > 0 && le16_at(header->cards, 2 * (i - 1)) >= le16_at(header->cards, 2 * i))
		return "containers are out of order";
	if (is_of_runs(header, i))
		return runs_problem(reader, count);
	return count <= ARRAY_MAX ? array_problem(reader, count) : bits_problem(reader, count);
}

const char *vt_bitmap_problem(const void *data, size_t len)
{
	struct vt_reader reader = vt_reader_over(data, len);
	struct header header;
	const char *problem = read_header(&reader, &header);

	for (uint32_t i = 0; !problem && i < header.containers; i++) {
		if (header.offsets &&
		    le32_at(header.offsets, i) != (size_t) (reader.at - (const uint8_t *) data))
			return "a container is not where it should be";
		problem = container_problem(&reader, &header, i);
		if (!problem && reader.failed)
			problem = "it is cut short";
	}
	if (!problem && vt_reader_left(&reader) > 0)
		problem = "something follows it";
	return problem;
}

roaring_bitmap_t *vt_bitmap_decode(const void *data, size_t len)
{
	return roaring_bitmap_portable_deserialize_safe(data, len);
}

/* ---- moving ---------------------------------------------------------------------------------- */

void vt_bitmap_add_moved(roaring_bitmap_t *to, const roaring_bitmap_t *from, uint32_t first,
			 uint32_t count, uint32_t at)
{
	uint32_t values[512], n;
	roaring_uint32_iterator_t it;

	roaring_init_iterator(from, &it);
	if (!roaring_move_uint32_iterator_equalorlarger(&it, first))
		return;
	while ((n = roaring_read_uint32_iterator(&it, values, 512)) > 0) {
		uint32_t kept = 0;

		while (kept < n && values[kept] - first < count) {
			values[kept] = values[kept] - first + at;
			kept++;
		}
		roaring_bitmap_add_many(to, kept, values);
		if (kept < n)
			return;
	}
}
