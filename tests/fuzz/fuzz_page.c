/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a page's value: refused, or read without fault and written again as the same bytes,
 * which is what "one encoding per value" means.
 */
#include <string.h>

#include "index/page.h"
#include "tests/fuzz/fuzz.h"

static void check_item(const struct vt_page *page, unsigned i, struct vt_page_builder *again)
{
	uint32_t node = vt_page_nodes_before(page, i), ordinal = vt_page_entries_before(page, i);
	struct vt_page_child child;
	struct vt_entry entry;
	const char *name;
	size_t len;

	name = vt_page_name(page, i, &len);
	must(vt_page_find(page, name, len) == (int) i);
	must(vt_page_index_of_node(page, node) == i);
	must(vt_page_index_of_entry(page, ordinal) == i);
	if (page->level > 0) {
		vt_page_child(page, i, &child);
		must(vt_page_builder_add_child(again, &child, NULL) == 0);
	} else {
		vt_page_entry(page, i, &entry);
		must(vt_page_builder_add_entry(again, &entry, NULL) == 0);
	}
	must(i + 1 == page->count || !vt_page_builder_is_full(again));
}

/* A page of labels has no builder; its rows are fuzz_label_block.c's. */
static void check_rows(const struct vt_page *page, const uint8_t *data, size_t size)
{
	const uint8_t *body;
	size_t len;

	body = vt_page_body(page, &len);
	must(len + 8 + (page->level ? 8u * page->count : 0) == size);
	must(memcmp(body, data + 8, len) == 0);
	for (unsigned i = 0; page->level && i < page->count; i++)
		(void) vt_page_listed(page, i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vt_cleanup(vt_page_builder_done) struct vt_page_builder again = {0};
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_digest digest;

	if (vt_page_decode(data, size, 1, true, NULL, &page, NULL) < 0)
		return 0;
	if (page->kind == VT_PAGE_ROWS) {
		check_rows(page, data, size);
		return 0;
	}
	vt_page_builder_init(&again, page->kind, page->level);
	for (unsigned i = 0; i < page->count; i++)
		check_item(page, i, &again);
	must(vt_page_builder_finish(&again, &digest, NULL) == 0);
	must(vt_digest_equal(&digest, &page->digest));
	must(vt_page_value_encode(&again, &value) == 0);
	must(value.len == size && memcmp(value.data, data, size) == 0);
	must(again.nodes == page->nodes && again.entries == page->entries);
	must(vt_line_sums_equal(&again.lines, &page->lines));
	return 0;
}
