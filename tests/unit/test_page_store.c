/* SPDX-License-Identifier: Apache-2.0 */
/* New pages into the store: each once, found after a flush, counted when they were not there. */
#include "index/page_store.h"

#include "tests/unit/label_store.h"
#include "tests/unit/raw_rows.h"
#include "tests/unit/suite.h"

static const struct item few[] = {{"a", "1", "x"}, {"d/f", "2", "y"}, {"", "", ""}};

static struct vt_page_store *pages_of(uint32_t domain)
{
	struct vt_page_store *pages;

	must(vt_page_store_new(idx->store, domain, &pages, &err) == 0);
	return pages;
}

/* Puts one page of rows, whose canonical bytes are `text`, and gives its id. */
static uint64_t put_one(struct vt_page_store *pages, const char *text)
{
	struct vt_page_sink sink = vt_page_store_sink(pages, VT_PAGE_ROWS);
	struct vt_new_page page = {.digest = *content_of(text)};

	vt_buf_put(&page.value, text, strlen(text));
	must(sink.put(sink.context, &page, 1, &err) == 0);
	vt_buf_done(&page.value);
	return page.id;
}

static bool is_stored(uint64_t id)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[VT_PAGE_KEY_LEN];

	vt_page_key(id, key);
	return vt_store_get(idx->store, VT_CF_PAGE, key, sizeof key, false, &value, &err) == 0;
}

START_TEST(an_equal_page_is_stored_once_and_has_one_id)
{
	struct vt_page_store *pages;
	uint64_t a, b;

	index_set_up();
	pages = pages_of(1);
	a = put_one(pages, "one");
	b = put_one(pages, "two!");
	ck_assert_uint_ne(a, b);
	ck_assert_uint_ne(a, 0);
	ck_assert_uint_eq(vt_page_store_bytes(pages), 7);
	must(vt_page_store_flush(pages, &err) == 0);
	ck_assert_uint_eq(put_one(pages, "one"), a);
	ck_assert_uint_eq(vt_page_store_bytes(pages), 7);
	vt_page_store_free(pages);
	index_reopen();
	pages = pages_of(1);
	ck_assert_uint_eq(put_one(pages, "two!"), b);
	ck_assert_uint_eq(vt_page_store_bytes(pages), 0);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE), 2);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE_DIGEST), 2);
	vt_page_store_free(pages);
	index_tear_down();
}
END_TEST

/* A bit of the only page's row is wrong, then the row is gone. */
START_TEST(a_page_that_is_lost_is_stored_again_under_its_id)
{
	struct vt_page_store *pages;
	struct raw_rows rows;
	uint64_t id;

	index_set_up();
	pages = pages_of(1);
	id = put_one(pages, "one");
	must(vt_page_store_flush(pages, &err) == 0);
	rows = raw_rows_load(idx->store, VT_CF_PAGE);
	ck_assert_uint_eq(rows.count, 1);
	for (int gone = 0; gone < 2; gone++) {
		rows.rows[0].value[0] ^= 1;
		if (gone)
			raw_delete(idx->store, VT_CF_PAGE, &rows.rows[0]);
		else
			raw_put(idx->store, VT_CF_PAGE, &rows.rows[0]);
		ck_assert(!is_stored(id));
		ck_assert_uint_eq(put_one(pages, "one"), id);
		must(vt_page_store_flush(pages, &err) == 0);
		ck_assert(is_stored(id));
	}
	raw_rows_done(&rows);
	vt_page_store_free(pages);
	index_tear_down();
}
END_TEST

START_TEST(domains_share_no_pages)
{
	struct vt_page_store *one, *other;

	index_set_up();
	one = pages_of(1);
	other = pages_of(2);
	ck_assert_uint_ne(put_one(one, "same"), put_one(other, "same"));
	must(vt_page_store_flush(one, &err) == 0);
	must(vt_page_store_flush(other, &err) == 0);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE), 2);
	vt_page_store_free(one);
	vt_page_store_free(other);
	index_tear_down();
}
END_TEST

START_TEST(pages_are_found_after_a_flush_or_when_there_are_many)
{
	struct vt_page_store *pages;
	char text[64 << 10];
	uint64_t first, last = 0;

	index_set_up();
	pages = pages_of(1);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	first = put_one(pages, "first");
	ck_assert(!is_stored(first));
	for (unsigned i = 0; i < 40; i++) {
		(void) snprintf(text, 16, "%u", i);
		text[strlen(text)] = '.';
		last = put_one(pages, text);
	}
	ck_assert(is_stored(first));
	ck_assert(!is_stored(last));
	must(vt_page_store_flush(pages, &err) == 0);
	ck_assert(is_stored(last));
	vt_page_store_free(pages);
	index_tear_down();
}
END_TEST

START_TEST(what_was_not_flushed_is_not_there)
{
	struct vt_page_store *pages;

	index_set_up();
	pages = pages_of(1);
	(void) put_one(pages, "lost");
	vt_page_store_free(pages);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE), 0);
	index_tear_down();
}
END_TEST

START_TEST(trees_of_files_and_of_labels_are_read_back)
{
	struct vt_label_tree labels;
	struct vt_node node = {0};
	struct vt_tree tree;
	size_t rows;

	index_set_up();
	tree = items_tree(few);
	labels = items_labels(few);
	rows = count_rows(VT_CF_PAGE);
	must(vt_tree_find(&idx->pages, &tree, "d/f", 3, &node, &err) == 0);
	ck_assert(vt_digest_equal(&node.entry.content, content_of("2")));
	vt_node_done(&node);
	ck_assert_str_eq(labels_text(&labels), "a=x d/f=y ");
	ck_assert_uint_eq(items_labels(few).page, labels.page);
	ck_assert_uint_eq(count_rows(VT_CF_PAGE), rows);
	index_tear_down();
}
END_TEST

VT_SUITE(page_store, an_equal_page_is_stored_once_and_has_one_id, domains_share_no_pages,
	 a_page_that_is_lost_is_stored_again_under_its_id,
	 pages_are_found_after_a_flush_or_when_there_are_many, what_was_not_flushed_is_not_there,
	 trees_of_files_and_of_labels_are_read_back)
