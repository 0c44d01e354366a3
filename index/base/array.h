/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arrays that grow: a pointer, and a `size_t` that says for how many items there is room, wherever
 * their owner keeps them. Both are all zeros at first; the owner counts, and calls free().
 *
 *     if (vt_array_reserve(list->items, list->room, list->count + 1) < 0)
 *             return no_memory(err);
 *     list->items[list->count++] = item;
 */
#include <stddef.h>

/*
 * Room for `count` items, more than that if it must grow, so that adding one by one costs little.
 * 0 and the items may have moved, or -ENOMEM and nothing is changed. New items are not set.
 */
#define vt_array_reserve(items, room, count)                                                       \
	vt_array_grow(&(items), &(room), sizeof *(items), (count))

/* What the macro calls: `items` is the address of the pointer. */
int vt_array_grow(void *items, size_t *room, size_t size, size_t count);
