/* SPDX-License-Identifier: Apache-2.0 */
/* See link.h. */
#include "index/link.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/error.h"
#include "index/store.h"

static const char tag[] = "vitrine links v1"; /* hashed with its NUL */

struct vt_link_hasher {
	struct vt_hasher *sha256;
	uint64_t next; /* the least position that may come next */
	bool any;
};

static bool is_possible(const struct vt_link *link)
{
	return link->primary <= link->position && link->count >= 2;
}

void vt_link_key(uint64_t table, uint32_t position, uint8_t key[VT_LINK_KEY_LEN])
{
	table = htobe64(table);
	position = htobe32(position);
	memcpy(key, &table, sizeof table);
	memcpy(key + sizeof table, &position, sizeof position);
}

void vt_link_value(const struct vt_link *link, uint8_t value[VT_LINK_VALUE_LEN])
{
	uint32_t parts[2] = {htole32(link->primary), htole32(link->count)};

	memcpy(value, parts, sizeof parts);
}

int vt_link_find(struct vt_store *store, uint64_t table, uint32_t position, bool nowait,
		 struct vt_link *out, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	struct vt_link link = {.position = position};
	uint8_t key[VT_LINK_KEY_LEN];
	struct vt_reader reader;
	int r;

	vt_link_key(table, position, key);
	r = vt_store_get(store, VT_CF_LINK, key, sizeof key, nowait, &value, err);
	if (r < 0)
		return r;
	reader = vt_reader_over(value.data, value.len);
	link.primary = vt_reader_le32(&reader);
	link.count = vt_reader_le32(&reader);
	if (reader.failed || vt_reader_left(&reader) || !is_possible(&link))
		return vt_fail(err, EBADMSG, "the link of node %u is damaged", position);
	*out = link;
	return 0;
}

int vt_link_hasher_new(struct vt_link_hasher **out, struct vt_error *err)
{
	vt_cleanup(vt_link_hasher_freep) struct vt_link_hasher *hasher = calloc(1, sizeof *hasher);

	if (hasher)
		hasher->sha256 = vt_hasher_new();
	if (!hasher || !hasher->sha256)
		return vt_fail(err, ENOMEM, "no memory for a link table's digest");
	vt_hasher_update(hasher->sha256, tag, sizeof tag);
	*out = vt_steal(&hasher);
	return 0;
}

void vt_link_hasher_free(struct vt_link_hasher *hasher)
{
	if (!hasher)
		return;
	vt_hasher_free(hasher->sha256);
	free(hasher);
}

int vt_link_hasher_add(struct vt_link_hasher *hasher, const struct vt_link *link,
		       struct vt_error *err)
{
	uint32_t parts[2] = {htole32(link->position), htole32(link->primary)};

	if (link->position < hasher->next || !is_possible(link))
		return vt_fail(err, EINVAL, "the link of node %u is out of order or impossible",
			       link->position);
	vt_hasher_update(hasher->sha256, parts, sizeof parts);
	hasher->next = (uint64_t) link->position + 1;
	hasher->any = true;
	return 0;
}

void vt_link_hasher_final(struct vt_link_hasher *hasher, struct vt_digest *out)
{
	if (hasher->any)
		vt_hasher_final(hasher->sha256, out);
	else
		*out = (struct vt_digest){0};
}
