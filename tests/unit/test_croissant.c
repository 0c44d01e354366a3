/* SPDX-License-Identifier: Apache-2.0 */
/* croissant.json of versions that no mount of a test has: hostile, huge, of other licences. */
#include "fs/croissant.h"

#include <jansson.h>
#include <string.h>

#include "fs/croissant_facts.h"
#include "fs/licence.h"
#include "index/base/buf.h"
#include "tests/unit/suite.h"

static const struct vt_dataset dataset = {.id = 1, .name = "lab/birds"};

static struct vt_version make_version(void)
{
	struct vt_version version = {.name = "v3.1",
				     .author = "ann",
				     .message = "",
				     .licence = "",
				     .provenance = "",
				     .labels = {.labels = 4, .files = 2}};

	version.document_body[VT_DOCUMENT_SHA256SUMS] = 68;
	version.document_body[VT_DOCUMENT_LABELS] = 400;
	return version;
}

static struct vt_croissant_facts make_facts(void)
{
	return (struct vt_croissant_facts){.splits = json_array(), .classes = json_object()};
}

/* The document; its length goes to `len` (may be NULL). The facts are done. */
static json_t *make(const struct vt_version *version, struct vt_croissant_facts *facts, size_t *len)
{
	vt_cleanup(vt_buf_done) struct vt_buf out = VT_BUF_INIT;
	json_error_t where;
	json_t *json;

	ck_assert_int_eq(vt_croissant_put(&dataset, version, facts, &out, NULL), 0);
	json = json_loadb((char *) out.data, out.len, JSON_REJECT_DUPLICATES, &where);
	ck_assert_msg(json != NULL, "%s", where.text);
	if (len)
		*len = out.len;
	vt_croissant_facts_done(facts);
	return json;
}

static const char *text_at(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

static const json_t *with_id(const json_t *list, const char *id)
{
	const json_t *node;
	size_t i;

	json_array_foreach(list, i, node) if (strcmp(text_at(node, "@id"), id) == 0) return node;
	ck_abort_msg("nothing is called %s", id);
	return NULL;
}

START_TEST(any_bytes_make_json)
{
	struct vt_version version = make_version();
	struct vt_croissant_facts facts = make_facts();
	json_t *json;

	version.author = "\xff\"ann\\";
	version.message = "a\x01\"b\\\xc3(\n";
	version.licence = "\xfe\x1f";
	version.provenance = "{\"source\": \"x@v1\", \"where\": \"a=\\\"\\u0001\\\\\\\"\"}";
	json_object_set_new(facts.classes, "key", json_pack("{s:i}", "q\"\\\x02\xc3\xa9", 3));
	json = make(&version, &facts, NULL);
	ck_assert_str_eq(text_at(json_object_get(json, "creator"), "name"), "\xef\xbf\xbd\"ann\\");
	ck_assert_ptr_nonnull(
		strstr(text_at(json, "description"), "\n\na\x01\"b\\\xef\xbf\xbd(\n"));
	ck_assert_str_eq(text_at(json_object_get(json, "license"), "name"), "\xef\xbf\xbd\x1f");
	json_decref(json);
}
END_TEST

START_TEST(sums_change_no_length)
{
	struct vt_version version = make_version();
	struct vt_croissant_facts without = make_facts(), facts = make_facts();
	char hex[VT_DIGEST_HEX];
	size_t before, after;
	json_t *json;

	vt_digest_of("a", 1, &facts.sums_digest);
	vt_digest_of("b", 1, &facts.labels_digest);
	vt_digest_format(&facts.labels_digest, hex);
	json_decref(make(&version, &without, &before));
	json = make(&version, &facts, &after);
	ck_assert_uint_eq(before, after);
	ck_assert_str_eq(
		text_at(with_id(json_object_get(json, "distribution"), "labels.jsonl"), "sha256"),
		hex);
	json_decref(json);
}
END_TEST

START_TEST(long_documents_are_sets_without_a_sum)
{
	struct vt_version version = make_version();
	struct vt_croissant_facts facts = make_facts();
	const json_t *list, *labels, *field;
	json_t *json;

	version.document_body[VT_DOCUMENT_LABELS] = VT_CROISSANT_SUMMED;
	ck_assert(vt_croissant_sums(&version, VT_DOCUMENT_LABELS));
	version.document_body[VT_DOCUMENT_LABELS]++;
	ck_assert(!vt_croissant_sums(&version, VT_DOCUMENT_LABELS));
	json = make(&version, &facts, NULL);
	list = json_object_get(json, "distribution");
	labels = with_id(list, "labels.jsonl");
	ck_assert_str_eq(text_at(labels, "@type"), "cr:FileSet");
	ck_assert_str_eq(text_at(labels, "includes"), "labels.jsonl");
	ck_assert_ptr_null(json_object_get(labels, "sha256"));
	ck_assert_str_eq(text_at(with_id(list, "SHA256SUMS"), "@type"), "cr:FileObject");
	labels = with_id(json_object_get(json, "recordSet"), "labels");
	field = with_id(json_object_get(labels, "field"), "labels/key");
	ck_assert_str_eq(
		text_at(json_object_get(json_object_get(field, "source"), "fileSet"), "@id"),
		"labels.jsonl");
	json_decref(json);
}
END_TEST

START_TEST(versions_are_three_numbers_where_names_are_given)
{
	static const struct {
		const char *name, *version;
	} cases[] = {{"v3", "3.0.0"},        {"v3.12", "3.12.0"}, {"first", "first"},
		     {"first.1", "first.1"}, {"v", "v"},          {"v3.", "v3."},
		     {"v3.1b", "v3.1b"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vt_version version = make_version();
		struct vt_croissant_facts facts = make_facts();
		json_t *json;

		version.name = cases[i].name;
		json = make(&version, &facts, NULL);
		ck_assert_str_eq(text_at(json, "version"), cases[i].version);
		json_decref(json);
	}
}
END_TEST

START_TEST(splits_of_other_names_have_no_term)
{
	struct vt_version version = make_version();
	struct vt_croissant_facts facts = make_facts();
	const json_t *splits, *samples, *source;
	json_t *json;

	json_array_append_new(facts.splits, json_string("train"));
	json_array_append_new(facts.splits, json_string("a.b"));
	json = make(&version, &facts, NULL);
	splits = with_id(json_object_get(json, "recordSet"), "splits");
	ck_assert_uint_eq(json_array_size(json_object_get(splits, "field")), 1);
	samples = with_id(json_object_get(json, "recordSet"), "samples");
	source = json_object_get(with_id(json_object_get(samples, "field"), "samples/split"),
				 "source");
	ck_assert_str_eq(text_at(json_object_get(source, "transform"), "regex"),
			 "^(train|a\\.b)/.*$");
	json_decref(json);
}
END_TEST

START_TEST(licences_are_urls_or_works)
{
	json_t *json = vt_licence_json("cc-by-4.0");

	ck_assert_str_eq(json_string_value(json), "https://spdx.org/licenses/CC-BY-4.0");
	json_decref(json);
	json = vt_licence_json("https://example.org/terms");
	ck_assert_str_eq(json_string_value(json), "https://example.org/terms");
	json_decref(json);
	json = vt_licence_json("https://example.org/ and more");
	ck_assert_str_eq(text_at(json, "name"), "https://example.org/ and more");
	json_decref(json);
	ck_assert_ptr_null(vt_licence_terms(""));
}
END_TEST

static size_t actions(const json_t *offer, const char *member)
{
	const json_t *permission = json_object_get(offer, "odrl:permission");
	const json_t *duty = json_object_get(permission, "odrl:duty");

	return json_array_size(
		json_object_get(strcmp(member, "duty") == 0 ? duty : permission, "odrl:action"));
}

START_TEST(terms_are_those_of_the_licence)
{
	static const struct {
		const char *name;
		size_t permitted, duties;
		bool prohibits;
	} cases[] = {{"CC0-1.0", 3, 0, false},
		     {"CC-BY-4.0", 3, 2, false},
		     {"CC-BY-SA-4.0", 3, 3, false},
		     {"CC-BY-NC-SA-4.0", 3, 3, true},
		     {"CC-BY-NC-ND-4.0", 2, 2, true}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *offer = vt_licence_terms(cases[i].name);

		ck_assert_uint_eq(actions(offer, "permission"), cases[i].permitted);
		ck_assert_uint_eq(actions(offer, "duty"), cases[i].duties);
		ck_assert_int_eq(json_object_get(offer, "odrl:prohibition") != NULL,
				 cases[i].prohibits);
		json_decref(offer);
	}
}
END_TEST

VT_SUITE(croissant, any_bytes_make_json, sums_change_no_length,
	 long_documents_are_sets_without_a_sum, versions_are_three_numbers_where_names_are_given,
	 splits_of_other_names_have_no_term, licences_are_urls_or_works,
	 terms_are_those_of_the_licence)
