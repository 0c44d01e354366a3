/* SPDX-License-Identifier: Apache-2.0 */
/* See positions.h. */
#include "policy/positions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS   (VT_POSITIONS_PAGE / 64)
#define RUN_MAX 10u /* bytes of one run: two numbers of 32 bits */
#define END     (1ull << 32)

void vt_positions_done(struct vt_positions *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		free(set->pages[i]);
	free(set->pages);
	*set = (struct vt_positions){0};
}

/* Where the page is, or would be. */
static uint32_t find(const struct vt_positions *set, uint32_t number)
{
	uint32_t low = 0, high = set->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (set->pages[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_there(const struct vt_positions *set, uint32_t at, uint32_t number)
{
	return at < set->count && set->pages[at]->number == number;
}

static int insert(struct vt_positions *set, uint32_t at, uint32_t number)
{
	struct vt_positions_page *page, **pages = set->pages;
	uint32_t room = set->room ? 2 * set->room : 1;

	if (set->count == set->room) {
		pages = reallocarray(pages, room, sizeof *pages);
		if (!pages)
			return -ENOMEM;
		set->pages = pages;
		set->room = room;
	}
	page = calloc(1, sizeof *page);
	if (!page)
		return -ENOMEM;
	page->number = number;
	memmove(pages + at + 1, pages + at, (set->count - at) * sizeof(struct vt_positions_page *));
	pages[at] = page;
	set->count++;
	return 0;
}

int vt_positions_add(struct vt_positions *set, uint32_t position)
{
	uint32_t number = position / VT_POSITIONS_PAGE, bit = position % VT_POSITIONS_PAGE;
	uint32_t at = find(set, number);
	int r = is_there(set, at, number) ? 0 : insert(set, at, number);

	if (r == 0)
		set->pages[at]->bits[bit / 64] |= 1ull << bit % 64;
	return r;
}

int vt_positions_add_run(struct vt_positions *set, uint32_t first, uint32_t last)
{
	int r = 0;

	for (uint64_t i = first; r == 0 && i <= last; i++)
		r = vt_positions_add(set, (uint32_t) i);
	return r;
}

bool vt_positions_has(const struct vt_positions *set, uint32_t position)
{
	uint32_t number = position / VT_POSITIONS_PAGE, bit = position % VT_POSITIONS_PAGE;
	uint32_t at = find(set, number);

	return is_there(set, at, number) && (set->pages[at]->bits[bit / 64] >> bit % 64 & 1);
}

uint64_t vt_positions_count(const struct vt_positions *set)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < set->count; i++)
		for (size_t j = 0; j < WORDS; j++)
			count += (unsigned) __builtin_popcountll(set->pages[i]->bits[j]);
	return count;
}

/* The first position from `position` on that is set (or is not); END: there is none. */
static uint64_t next(const struct vt_positions *set, uint64_t position, bool is_set)
{
	while (position < END) {
		uint32_t number = (uint32_t) (position / VT_POSITIONS_PAGE);
		uint32_t at = find(set, number);
		uint64_t word;

		if (!is_there(set, at, number)) {
			if (!is_set)
				return position;
			if (at == set->count)
				return END;
			position = (uint64_t) set->pages[at]->number * VT_POSITIONS_PAGE;
			continue;
		}
		word = set->pages[at]->bits[position % VT_POSITIONS_PAGE / 64];
		word = (is_set ? word : ~word) & ~0ull << position % 64;
		if (word)
			return (position & ~63ull) + (unsigned) __builtin_ctzll(word);
		position = (position & ~63ull) + 64;
	}
	return END;
}

static void put_number(struct vt_buf *out, uint32_t value)
{
	for (; value >= 0x80; value >>= 7)
		vt_buf_put_u8(out, (uint8_t) (value | 0x80));
	vt_buf_put_u8(out, (uint8_t) value);
}

bool vt_positions_encode(const struct vt_positions *set, uint64_t *from, size_t max,
			 struct vt_buf *out, uint64_t *count)
{
	uint64_t first = next(set, *from, true), end, behind = 0;
	size_t begin = out->len;

	*count = 0;
	for (; first < END && out->len - begin + RUN_MAX <= max; first = next(set, end, true)) {
		end = next(set, first, false);
		put_number(out, (uint32_t) (first - behind));
		put_number(out, (uint32_t) (end - first - 1));
		*count += end - first;
		behind = *from = end;
	}
	return *count > 0;
}

static uint32_t get_number(struct vt_reader *in)
{
	uint64_t value = 0;
	uint8_t byte;
	unsigned shift = 0;

	do {
		byte = vt_reader_u8(in);
		value |= (uint64_t) (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 35);
	if (byte & 0x80 || value > UINT32_MAX || (shift > 7 && byte == 0))
		in->failed = true;
	return (uint32_t) value;
}

int vt_positions_decode(const void *data, size_t len,
			int (*run)(void *context, uint32_t first, uint32_t last), void *context)
{
	struct vt_reader in = vt_reader_over(data, len);
	uint64_t at = 0;
	int r = 0;

	while (r == 0 && vt_reader_left(&in) > 0) {
		bool begun = at > 0;
		uint32_t skip = get_number(&in), more = get_number(&in);
		uint64_t first = at + skip;

		at = first + more + 1;
		if (in.failed || at > END || (begun && skip == 0))
			return -EBADMSG;
		r = run(context, (uint32_t) first, (uint32_t) (at - 1));
	}
	return r;
}
