/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the fuzzer changes inputs of a byte and then parts, each of FIELDS lengths of two bytes and
 * as many fields: often one field of one part, whose length then fits again. What changes any bytes
 * mostly breaks a length, and with it all parts behind.
 */
#include <stdint.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define FIELD_MAX 0xffffu

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Where a field and its length stand, from the beginning of the input. */
struct field {
	size_t length_at, at, length;
};

/* The fields of the parts that are whole; gives how many there are in all, and puts number `wanted`
 * into `*out`. */
static size_t find_field(const uint8_t *data, size_t size, size_t wanted, struct field *out)
{
	size_t at = 1, count = 0;

	while (at < size && size - at >= 2 * FIELDS) {
		size_t lengths = at;

		at += 2 * FIELDS;
		for (size_t i = 0; i < FIELDS; i++) {
			struct field field = {lengths + 2 * i, at, 0};

			field.length = data[field.length_at] | (size_t) data[field.length_at + 1]
								       << 8;
			if (field.length > size - at)
				return count;
			if (count++ == wanted)
				*out = field;
			at += field.length;
		}
	}
	return count;
}

static size_t mutate_field(uint8_t *data, size_t size, size_t max, const struct field *field)
{
	static uint8_t changed[FIELD_MAX];
	size_t end = field->at + field->length, room = field->length + (max - size), length;

	room = room < FIELD_MAX ? room : FIELD_MAX;
	memcpy(changed, data + field->at, field->length);
	length = LLVMFuzzerMutate(changed, field->length, room);
	memmove(data + field->at + length, data + end, size - end);
	memcpy(data + field->at, changed, length);
	data[field->length_at] = (uint8_t) length;
	data[field->length_at + 1] = (uint8_t) (length >> 8);
	return size - field->length + length;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	struct field field = {0};
	size_t count = find_field(data, size, SIZE_MAX, &field);

	if (count == 0 || seed % 4 == 0)
		return LLVMFuzzerMutate(data, size, max);
	(void) find_field(data, size, seed / 4 % count, &field);
	return mutate_field(data, size, max, &field);
}
