/* SPDX-License-Identifier: Apache-2.0 */
/* See page_store.h. */
#include "index/page_store.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/page_cache.h"
#include "index/record.h"
#include "index/store.h"

#define BATCH_BYTES (1u << 20)
#define RUN         256u /* numbers taken at once */

struct vt_page_store {
	struct vt_store *store;
	uint32_t domain;
	struct vt_batch *batch;
	size_t batch_bytes;
	uint64_t next, left; /* page ids */
	uint64_t bytes;
};

int vt_page_store_new(struct vt_store *store, uint32_t domain, struct vt_page_store **out,
		      struct vt_error *err)
{
	vt_cleanup(vt_page_store_freep) struct vt_page_store *pages = calloc(1, sizeof *pages);

	if (!pages || !(pages->batch = vt_batch_new()))
		return vt_fail(err, ENOMEM, "no memory for new pages");
	pages->store = store;
	pages->domain = domain;
	*out = vt_steal(&pages);
	return 0;
}

void vt_page_store_free(struct vt_page_store *pages)
{
	if (pages)
		vt_batch_free(pages->batch);
	free(pages);
}

uint64_t vt_page_store_bytes(const struct vt_page_store *pages)
{
	return pages->bytes;
}

int vt_page_store_flush(struct vt_page_store *pages, struct vt_error *err)
{
	struct vt_batch *next;
	int r;

	if (pages->batch_bytes == 0)
		return 0;
	next = vt_batch_new();
	if (!next)
		return vt_fail(err, ENOMEM, "no memory for new pages");
	r = vt_store_write(pages->store, pages->batch, false, err);
	VT_CRASHPOINT("pages-written");
	vt_batch_free(pages->batch);
	pages->batch = next;
	pages->batch_bytes = 0;
	return r;
}

static int is_lost(struct vt_store *store, uint64_t id, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[VT_PAGE_KEY_LEN];
	int r;

	vt_page_key(id, key);
	r = vt_store_get(store, VT_CF_PAGE, key, sizeof key, false, &value, err);
	return r == -ENOENT || r == -EBADMSG ? 1 : r;
}

int vt_page_store_find(struct vt_store *store, uint32_t domain, const struct vt_digest *digest,
		       uint64_t *id, bool *lost, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[VT_PAGE_DIGEST_KEY];
	struct vt_reader reader;
	int r;

	*lost = false;
	vt_page_digest_key(domain, digest, key);
	r = vt_store_get(store, VT_CF_PAGE_DIGEST, key, sizeof key, false, &value, err);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	reader = vt_reader_over(value.data, value.len);
	*id = vt_reader_le64(&reader);
	if (reader.failed || vt_reader_left(&reader))
		*id = 0;
	r = *id ? is_lost(store, *id, err) : 0;
	*lost = r > 0;
	return r < 0 ? r : 0;
}

static int take_id(struct vt_page_store *pages, uint64_t *id, struct vt_error *err)
{
	int r = 0;

	if (pages->left == 0) {
		r = vt_store_take(pages->store, VT_COUNTER_PAGE, RUN, &pages->next, err);
		pages->left = r < 0 ? 0 : RUN;
	}
	if (r < 0)
		return r;
	pages->left--;
	*id = pages->next++;
	return 0;
}

static int put_page(struct vt_page_store *pages, struct vt_new_page *page, struct vt_error *err)
{
	uint8_t key[VT_PAGE_KEY_LEN], digest_key[VT_PAGE_DIGEST_KEY];
	uint64_t value;
	bool lost;
	int r = vt_page_store_find(pages->store, pages->domain, &page->digest, &page->id, &lost,
				   err);

	if (r < 0 || (page->id && !lost))
		return r;
	if (!page->id)
		r = take_id(pages, &page->id, err);
	if (r < 0)
		return r;
	vt_page_key(page->id, key);
	vt_page_digest_key(pages->domain, &page->digest, digest_key);
	value = htole64(page->id);
	vt_batch_put(pages->batch, pages->store, VT_CF_PAGE, key, sizeof key, page->value.data,
		     page->value.len);
	vt_batch_put(pages->batch, pages->store, VT_CF_PAGE_DIGEST, digest_key, sizeof digest_key,
		     &value, sizeof value);
	pages->batch_bytes += page->value.len;
	pages->bytes += page->value.len;
	return 0;
}

static int put_pages(void *context, struct vt_new_page *list, size_t count, struct vt_error *err)
{
	struct vt_page_store *pages = context;
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = put_page(pages, &list[i], err);
	return r < 0 || pages->batch_bytes < BATCH_BYTES ? r : vt_page_store_flush(pages, err);
}

struct vt_page_sink vt_page_store_sink(struct vt_page_store *pages, enum vt_page_kind kind)
{
	return (struct vt_page_sink){.put = put_pages, .context = pages, .kind = kind};
}
