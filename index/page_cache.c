/* SPDX-License-Identifier: Apache-2.0 */
/* See page_cache.h. */
#include "index/page_cache.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/store.h"

void vt_page_key(uint64_t id, uint8_t key[VT_PAGE_KEY_LEN])
{
	uint64_t big_endian = htobe64(id);

	memcpy(key, &big_endian, sizeof big_endian);
}

static int get_page(void *context, uint64_t id, bool nowait, struct vt_page **out,
		    struct vt_error *err)
{
	struct vt_page_cache *cache = context;
	struct vt_lru_entry *kept = vt_lru_get(cache->lru, vt_lru_key(VT_LRU_PAGE, 0, id));
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[VT_PAGE_KEY_LEN];
	struct vt_page *page;
	int r;

	if (kept) {
		*out = (struct vt_page *) kept; /* its first member */
		return 0;
	}
	vt_page_key(id, key);
	r = vt_store_get(cache->store, VT_CF_PAGE, key, sizeof key, nowait, &value, err);
	if (r == -ENOENT) /* ids are only found in pages and records: this is damage, not absence */
		return vt_fail(err, EBADMSG, "page %llu is missing from the index",
			       (unsigned long long) id);
	if (r < 0)
		return r;
	r = vt_page_decode(value.data, value.len, id, false, cache->lru, &page, err);
	if (r < 0)
		return r;
	*out = (struct vt_page *) vt_lru_put(cache->lru, &page->lru);
	return 0;
}

struct vt_page_source vt_page_cache_source(struct vt_page_cache *cache)
{
	return (struct vt_page_source){.get = get_page, .context = cache};
}
