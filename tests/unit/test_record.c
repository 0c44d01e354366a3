/* SPDX-License-Identifier: Apache-2.0 */
/* Records decode to what was encoded, or not at all; the version digest covers what it should. */
#include "index/record.h"
#include "tests/unit/catalog_model.h"
#include "tests/unit/suite.h"

static struct vt_version model(void)
{
	struct vt_version version = version_model(5, "gold");

	version.domain = VT_DOMAIN_PLAIN;
	version.number = 7;
	version.state = VT_VERSION_LIVE;
	version.exhibit = 8;
	version.reason = "";
	version.parent = 6;
	version.parent_digest.bytes[0] = 3;
	return version;
}

static int decode(const uint8_t *data, size_t len)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;

	return vt_version_decode(5, 9, data, len, &version, NULL, &err);
}

START_TEST(a_version_cut_short_or_prolonged_is_damaged)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	struct vt_version version = model();

	must(vt_version_encode(&version, 0, &record, &err) == 0);
	must(decode(record.data, record.len) == 0);
	for (size_t len = 0; len < record.len; len++)
		ck_assert_int_eq(decode(record.data, len), -EBADMSG);
	vt_buf_put_u8(&record, 0);
	ck_assert_int_eq(decode(record.data, record.len), -EBADMSG);
}
END_TEST

START_TEST(a_newer_record_is_refused_as_such)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	struct vt_version version = model();

	must(vt_version_encode(&version, 0, &record, &err) == 0);
	record.data[0] = 4;
	ck_assert_int_eq(decode(record.data, record.len), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "newer vitrine"));
	record.data[0] = 0;
	ck_assert_int_eq(decode(record.data, record.len), -EBADMSG);
}
END_TEST

/* Under the address sanitizer: whatever the bytes, a decoder stays inside them. */
START_TEST(flipped_bytes_never_lead_outside)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	struct vt_version version = model();

	must(vt_version_encode(&version, 0, &record, &err) == 0);
	for (size_t i = 0; i < record.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			int r;

			record.data[i] ^= (uint8_t) (1 << bit);
			r = decode(record.data, record.len);
			ck_assert(r == 0 || r == -EBADMSG || r == -ENOTSUP);
			record.data[i] ^= (uint8_t) (1 << bit);
		}
	}
}
END_TEST

START_TEST(states_that_cannot_be_are_damaged)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	struct vt_version live = model();
	uint64_t removed_ns;

	live.exhibit = 0;
	must(vt_version_encode(&live, 0, &record, &err) == 0);
	ck_assert_int_eq(decode(record.data, record.len), -EBADMSG);
	vt_buf_reset(&record);
	live.state = VT_VERSION_REMOVED;
	must(vt_version_encode(&live, 77, &record, &err) == 0);
	must(vt_version_decode(5, 9, record.data, record.len, &version, &removed_ns, &err) == 0);
	ck_assert_uint_eq(removed_ns, 77);
	vt_buf_reset(&record);
	must(vt_version_encode(&live, 0, &record, &err) == 0);
	ck_assert_int_eq(decode(record.data, record.len), -EBADMSG);
}
END_TEST

#define LABELS_TAIL  26u /* bytes that format 2 has behind the tree, without labels and texts */
#define HISTORY_TAIL 2u  /* and format 3 behind those, without a history */

START_TEST(a_record_of_format_1_has_no_labels_and_is_its_own_base)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	vt_cleanup(vt_version_unrefp) const struct vt_version *back = NULL;
	struct vt_version version = model();

	version.labels = (struct vt_label_tree){0};
	version.label_digest = (struct vt_digest){{0}};
	must(vt_version_encode(&version, 0, &record, &err) == 0);
	record.data[0] = 1;
	ck_assert_int_eq(decode(record.data, record.len), -EBADMSG);
	must(vt_version_decode(5, 9, record.data, record.len - LABELS_TAIL - HISTORY_TAIL, &back,
			       NULL, &err) == 0);
	ck_assert_uint_eq(back->base, 9);
	ck_assert_uint_eq(back->revision, 0);
	ck_assert_uint_eq(back->labels.labels, 0);
	ck_assert_str_eq(back->provenance, "");
	ck_assert_str_eq(back->checks, "");
	ck_assert_str_eq(back->licence, "CC-BY-4.0");
}
END_TEST

START_TEST(a_record_of_format_2_may_have_had_versions_before)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	vt_cleanup(vt_version_unrefp) const struct vt_version *first = NULL, *later = NULL;
	struct vt_version version = model();

	must(vt_version_encode(&version, 0, &record, &err) == 0);
	record.data[0] = 2;
	ck_assert_int_eq(decode(record.data, record.len), -EBADMSG);
	must(vt_version_decode(5, 9, record.data, record.len - HISTORY_TAIL, &later, NULL, &err) ==
	     0);
	ck_assert_uint_eq(later->history.count, 0);
	ck_assert(later->history.more);
	version.parent_digest = (struct vt_digest){{0}};
	vt_buf_reset(&record);
	must(vt_version_encode(&version, 0, &record, &err) == 0);
	record.data[0] = 2;
	must(vt_version_decode(5, 9, record.data, record.len - HISTORY_TAIL, &first, NULL, &err) ==
	     0);
	ck_assert(!first->history.more);
}
END_TEST

/* A parent with `count` versions before it, the newest with the most files. */
static const struct vt_version *with_history(unsigned count, struct vt_version *version)
{
	const struct vt_version *made = NULL;

	for (unsigned i = 0; i <= count; i++) {
		vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT, rows = VT_BUF_INIT;

		version->history = vt_history_after(made, &rows);
		version->counts.files = i;
		must(vt_version_encode(version, 0, &record, &err) == 0);
		vt_version_unref(made);
		must(vt_version_decode(5, 9, record.data, record.len, &made, NULL, &err) == 0);
	}
	return made;
}

static void expect_history(unsigned before, unsigned kept)
{
	struct vt_version version = model();
	vt_cleanup(vt_version_unrefp) const struct vt_version *made =
		with_history(before, &version);
	struct vt_reader rows = vt_reader_over(made->history.rows, made->history.len);
	struct vt_ancestor row;

	ck_assert_uint_eq(made->history.count, kept);
	ck_assert_int_eq(made->history.more, before > kept);
	for (unsigned i = 0; i < kept; i++) {
		ck_assert(vt_history_next(&rows, &row));
		ck_assert_uint_eq(row.files, before - 1 - i);
		ck_assert_str_eq(row.name, "gold");
		ck_assert_str_eq(row.author, version.author);
		ck_assert_uint_eq(row.created_ns, version.created_ns);
		ck_assert(vt_digest_equal(&row.digest, &version.digest));
	}
	ck_assert(!vt_history_next(&rows, &row));
}

START_TEST(a_version_tells_of_the_twenty_before_it)
{
	expect_history(0, 0);
	expect_history(1, 1);
	expect_history(20, 20);
	expect_history(21, 20);
	expect_history(43, 20);
}
END_TEST

START_TEST(labels_and_what_is_revised_come_back)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	vt_cleanup(vt_version_unrefp) const struct vt_version *back = NULL;
	struct vt_version version = model();

	version.base = 4;
	version.revision = 3;
	version.provenance = "{\"of\": 1}";
	version.checks = "[]";
	must(vt_version_encode(&version, 0, &record, &err) == 0);
	must(vt_version_decode(5, 9, record.data, record.len, &back, NULL, &err) == 0);
	ck_assert_uint_eq(back->base, 4);
	ck_assert_uint_eq(back->revision, 3);
	ck_assert_mem_eq(&back->labels, &version.labels, sizeof version.labels);
	ck_assert_str_eq(back->provenance, "{\"of\": 1}");
	ck_assert_str_eq(back->checks, "[]");
}
END_TEST

/* A change of the model that makes it one that no writer leaves. */
static void break_labels(struct vt_version *version, unsigned how)
{
	switch (how) {
	case 0:
		version->base = 4;
		break;
	case 1:
		version->revision = 1;
		break;
	case 2: /* itself */
		version->base = 9;
		version->revision = 1;
		break;
	case 3:
		version->labels.page = 0;
		break;
	case 4:
		version->label_digest.bytes[0] ^= 1;
		break;
	case 5:
		version->labels.labels++;
		break;
	case 6:
		version->labels = (struct vt_label_tree){0};
		break;
	default:
		version->labels = (struct vt_label_tree){.page = 9};
		version->label_digest = (struct vt_digest){{0}};
	}
}

START_TEST(labels_and_bases_that_cannot_be_are_damaged)
{
	for (unsigned how = 0; how < 8; how++) {
		vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
		struct vt_version version = model();

		break_labels(&version, how);
		must(vt_version_encode(&version, 0, &record, &err) == 0);
		ck_assert_msg(decode(record.data, record.len) == -EBADMSG, "%u", how);
	}
}
END_TEST

START_TEST(texts_have_their_bounds)
{
	static char text[VT_MESSAGE_MAX + 2];
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	vt_cleanup(vt_version_unrefp) const struct vt_version *back = NULL;
	struct vt_version version = model();

	memset(text, 'm', VT_MESSAGE_MAX);
	version.message = text;
	must(vt_version_encode(&version, 0, &record, &err) == 0);
	must(vt_version_decode(5, 9, record.data, record.len, &back, NULL, &err) == 0);
	ck_assert_uint_eq(strlen(back->message), VT_MESSAGE_MAX);
	text[VT_MESSAGE_MAX] = 'm';
	vt_buf_reset(&record);
	ck_assert_int_eq(vt_version_encode(&version, 0, &record, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "message"));
}
END_TEST

START_TEST(small_records_come_back_and_refuse_damage)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT, again = VT_BUF_INIT;
	struct vt_shard_record shard = {.uuid = {1, 2},
					.domain = 3,
					.dictionary = 4,
					.frames = 5,
					.size = 6,
					.content_size = 7,
					.digest.bytes = {8}},
			       back = {0};
	enum vt_exhibit_state state;
	uint32_t version;

	must(vt_shard_encode(&shard, &record) == 0);
	must(vt_shard_decode(record.data, record.len, &back, &err) == 0);
	must(vt_shard_encode(&back, &again) == 0);
	ck_assert_uint_eq(again.len, record.len);
	ck_assert_mem_eq(again.data, record.data, record.len);
	ck_assert_uint_eq(back.content_size, 7);
	for (size_t len = 0; len < record.len; len++)
		ck_assert_int_eq(vt_shard_decode(record.data, len, &back, &err), -EBADMSG);

	vt_buf_reset(&record);
	must(vt_exhibit_encode(9, VT_EXHIBIT_RETIRED, &record) == 0);
	must(vt_exhibit_decode(record.data, record.len, &version, &state, &err) == 0);
	ck_assert_uint_eq(version, 9);
	ck_assert_int_eq(state, VT_EXHIBIT_RETIRED);
	record.data[1] = 3;
	ck_assert_int_eq(vt_exhibit_decode(record.data, record.len, &version, &state, &err),
			 -EBADMSG);
}
END_TEST

static bool digest_changes(const struct vt_version *changed)
{
	struct vt_version version = model();
	struct vt_digest a, b;

	must(vt_version_digest(&version, "lab/birds", &a, &err) == 0);
	must(vt_version_digest(changed, "lab/birds", &b, &err) == 0);
	return !vt_digest_equal(&a, &b);
}

#define CHANGED(member, value)                                                                     \
	__extension__({                                                                            \
		struct vt_version changed_ = model();                                              \
                                                                                                   \
		changed_.member = value;                                                           \
		digest_changes(&changed_);                                                         \
	})

START_TEST(the_digest_covers_what_was_published_and_nothing_else)
{
	struct vt_version version = model();
	struct vt_digest a, b;

	ck_assert(CHANGED(tree_digest.bytes[31], 1));
	ck_assert(CHANGED(label_digest.bytes[31], 1));
	ck_assert(CHANGED(name, "v7"));
	ck_assert(CHANGED(parent_digest.bytes[31], 1));
	ck_assert(CHANGED(author, "bob"));
	ck_assert(CHANGED(created_ns, 1));
	ck_assert(CHANGED(message, ""));
	ck_assert(CHANGED(licence, "MIT"));
	ck_assert(CHANGED(counts.files, 99));
	ck_assert(CHANGED(counts.directories, 99));
	ck_assert(CHANGED(counts.symlinks, 99));
	ck_assert(CHANGED(counts.bytes, 99));
	ck_assert(CHANGED(provenance, "{}"));
	must(vt_version_digest(&version, "lab/birds", &a, &err) == 0);
	must(vt_version_digest(&version, "lab/bird", &b, &err) == 0);
	ck_assert(!vt_digest_equal(&a, &b));

	ck_assert(!CHANGED(serial, 99));
	ck_assert(!CHANGED(exhibit, 99));
	ck_assert(!CHANGED(state, VT_VERSION_WITHDRAWN));
	ck_assert(!CHANGED(reason, "why"));
	ck_assert(!CHANGED(author_uid, 99));
	ck_assert(!CHANGED(domain, 99));
	ck_assert(!CHANGED(counts.stored_bytes, 99));
	ck_assert(!CHANGED(outline, 99));
	ck_assert(!CHANGED(provenance, ""));
	ck_assert(!CHANGED(checks, "{}"));
	ck_assert(!CHANGED(base, 99));
	ck_assert(!CHANGED(revision, 99));
	ck_assert(!CHANGED(tree.root.page, 99));
}
END_TEST

/* Computed by an independent program from index/schema.md, "Version digest". */
START_TEST(the_digest_of_a_known_version_never_changes)
{
	struct vt_version version = model();
	char hex[VT_DIGEST_HEX];
	struct vt_digest digest;

	version.label_digest = (struct vt_digest){{2}};
	must(vt_version_digest(&version, "lab/birds", &digest, &err) == 0);
	vt_digest_format(&digest, hex);
	ck_assert_str_eq(hex, "db287f6582856df6458b1c2877d4ae5ad586f11dd9263edbe843f0e623833585");
}
END_TEST

VT_SUITE(record, a_version_cut_short_or_prolonged_is_damaged, a_newer_record_is_refused_as_such,
	 a_record_of_format_1_has_no_labels_and_is_its_own_base,
	 a_record_of_format_2_may_have_had_versions_before, a_version_tells_of_the_twenty_before_it,
	 labels_and_what_is_revised_come_back, labels_and_bases_that_cannot_be_are_damaged,
	 flipped_bytes_never_lead_outside, states_that_cannot_be_are_damaged,
	 texts_have_their_bounds, small_records_come_back_and_refuse_damage,
	 the_digest_covers_what_was_published_and_nothing_else,
	 the_digest_of_a_known_version_never_changes)
