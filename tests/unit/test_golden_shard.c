/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards of every format version stay readable for ever: those in tests/data/golden/shard-N were
 * written once and are never written again. Those in tests/data/broken are refused, each by name.
 *
 * With VT_GOLDEN_WRITE=DIR the golden ones of the present version are written to DIR, which is for
 * the day there is a new version. broken_shards.py makes the broken ones.
 */
#include <errno.h>

#include "fs/shard_reader.h"
#include "index/base/error.h"
#include "tests/unit/shard_model.h"

#define TEXT_LEN  300u
#define NOISE_LEN 200u

static const char *data_path(const char *name)
{
	static char paths[4][4096];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	ck_assert_ptr_nonnull(getenv("VT_TEST_DATA"));
	(void) snprintf(path, sizeof paths[0], "%s/%s", getenv("VT_TEST_DATA"), name);
	return path;
}

static struct vt_dictionary *golden_dictionary(void)
{
	struct vt_dictionary *dictionary = NULL;
	size_t len;
	vt_autofree uint8_t *data = model_slurp(data_path("golden/shard-1/dictionary"), &len);

	ck_assert_int_eq(vt_dictionary_new(data, len, NULL, &dictionary, NULL), 0);
	return dictionary;
}

static const char *in(const char *dir, const char *name)
{
	static char path[4096];

	(void) snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

START_TEST(write_the_golden_shards_when_asked)
{
	const char *dir = getenv("VT_GOLDEN_WRITE");
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = model_dictionary(1);
	struct vt_shard_writer *writer;
	uint8_t text[TEXT_LEN], noise[NOISE_LEN];
	const void *data;
	size_t len;

	if (!dir)
		return;
	model_text(text, TEXT_LEN, 1);
	model_noise(noise, NOISE_LEN, 1);
	data = vt_dictionary_data(dictionary, &len);
	model_spill(in(dir, "dictionary"), data, len);
	writer = model_shard(in(dir, "compressed.vsh"), 1, NULL);
	(void) model_add(writer, NULL, false, text, TEXT_LEN, 3);
	(void) model_add(writer, NULL, false, text, TEXT_LEN / 2, 1);
	model_seal(writer, NULL);
	writer = model_shard(in(dir, "dictionary.vsh"), 2, dictionary);
	(void) model_add(writer, dictionary, false, text, TEXT_LEN, 2);
	(void) model_add(writer, NULL, true, noise, NOISE_LEN, 1);
	model_seal(writer, NULL);
	writer = model_shard(in(dir, "raw.vsh"), 3, NULL);
	(void) model_add(writer, NULL, true, noise, NOISE_LEN, 1);
	model_seal(writer, NULL);
	model_compression.codec = VT_CODEC_LZ4;
	vt_dictionary_free(dictionary);
	dictionary = model_dictionary(1);
	writer = model_shard(in(dir, "lz4.vsh"), 4, dictionary);
	(void) model_add(writer, dictionary, false, text, TEXT_LEN, 2);
	(void) model_add(writer, NULL, false, text, TEXT_LEN, 1);
	(void) model_add(writer, NULL, true, noise, NOISE_LEN, 1);
	model_seal(writer, NULL);
	model_compression.codec = VT_CODEC_ZSTD;
}
END_TEST

static void check_frame(struct vt_shard_reader *reader, const struct vt_dictionary *dictionary,
			const void *content, uint32_t len, size_t items)
{
	struct vt_shard_frame frame;
	struct vt_digest first;

	ck_assert_int_eq(vt_shard_reader_next(reader, &frame, NULL), 1);
	ck_assert_uint_eq(frame.content_size, len);
	ck_assert_uint_eq(frame.count, items);
	vt_digest_of(content, frame.items[0].length, &first);
	ck_assert(vt_digest_equal(&first, &frame.items[0].content));
	ck_assert_int_eq(vt_shard_reader_check(reader, &frame, dictionary, NULL), 0);
}

static struct vt_shard_reader *open_golden(const char *name, struct vt_shard_facts *facts)
{
	struct vt_shard_reader *reader = NULL;
	struct vt_error err = {0};

	ck_assert_msg(vt_shard_reader_open(data_path(name), &reader, facts, &err) == 0, "%s",
		      err.text);
	ck_assert_str_eq(facts->uuid, MODEL_UUID);
	ck_assert_uint_eq(facts->domain, 7);
	return reader;
}

START_TEST(version_1_compressed)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	struct vt_shard_facts facts;
	uint8_t text[TEXT_LEN];

	reader = open_golden("golden/shard-1/compressed.vsh", &facts);
	model_text(text, TEXT_LEN, 1);
	ck_assert_uint_eq(facts.serial, 1);
	ck_assert_uint_eq(facts.dictionary, 0);
	ck_assert_uint_eq(facts.frames, 2);
	check_frame(reader, NULL, text, TEXT_LEN, 3);
	check_frame(reader, NULL, text, TEXT_LEN / 2, 1);
}
END_TEST

START_TEST(version_1_with_dictionary)
{
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = golden_dictionary();
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	uint8_t text[TEXT_LEN], noise[NOISE_LEN];
	struct vt_shard_facts facts;

	reader = open_golden("golden/shard-1/dictionary.vsh", &facts);
	model_text(text, TEXT_LEN, 1);
	model_noise(noise, NOISE_LEN, 1);
	ck_assert_uint_eq(facts.dictionary, vt_dictionary_id(dictionary));
	check_frame(reader, dictionary, text, TEXT_LEN, 2);
	check_frame(reader, dictionary, noise, NOISE_LEN, 1);
}
END_TEST

START_TEST(version_1_lz4)
{
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = golden_dictionary();
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	uint8_t text[TEXT_LEN], noise[NOISE_LEN];
	struct vt_shard_facts facts;

	reader = open_golden("golden/shard-1/lz4.vsh", &facts);
	model_text(text, TEXT_LEN, 1);
	model_noise(noise, NOISE_LEN, 1);
	ck_assert(facts.lz4);
	check_frame(reader, dictionary, text, TEXT_LEN, 2);
	check_frame(reader, NULL, text, TEXT_LEN, 1);
	check_frame(reader, NULL, noise, NOISE_LEN, 1);
}
END_TEST

START_TEST(version_1_raw)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	uint8_t noise[NOISE_LEN];
	struct vt_shard_facts facts;

	reader = open_golden("golden/shard-1/raw.vsh", &facts);
	model_noise(noise, NOISE_LEN, 1);
	ck_assert_uint_eq(facts.size,
			  4096 + 9 + 3 + NOISE_LEN + 4 + 8 + 8 + 12 + 40 + 32 + 8 + 3 * 8 + 9);
	check_frame(reader, NULL, noise, NOISE_LEN, 1);
}
END_TEST

/* Reads all there is to read; 0 when every frame is sound. */
static int read_all(const char *name, struct vt_error *err)
{
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = golden_dictionary();
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	struct vt_shard_frame frame;
	struct vt_shard_facts facts;
	int r = vt_shard_reader_open(data_path(name), &reader, &facts, err);

	if (r < 0)
		return r;
	while ((r = vt_shard_reader_next(reader, &frame, err)) > 0) {
		r = vt_shard_reader_check(reader, &frame, dictionary, err);
		if (r < 0)
			break;
	}
	return r;
}

START_TEST(broken_shards_are_refused_by_name)
{
	const struct {
		const char *name;
		int code;
		const char *words;
	} broken[] = {
		{"empty", EBADMSG, "no shard has 0 bytes"},
		{"cut-in-header", EBADMSG, "no shard has 4095 bytes"},
		{"cut-in-frame", EBADMSG, "no seek table at its end"},
		{"cut-by-one", EBADMSG, "no seek table at its end"},
		{"other-file", EBADMSG, "does not begin with a shard's magic"},
		{"header-flip", EBADMSG, "the header is damaged"},
		{"newer", ENOTSUP, "made by a newer vitrine: format 2"},
		{"unknown-flag", ENOTSUP, "made by a newer vitrine: flags 0x80"},
		{"seek-count-huge", EBADMSG, "the seek table is damaged: 4294967295 entries"},
		{"seek-size-huge", EBADMSG, "the seek table is damaged: entry 1"},
		{"seek-gap", EBADMSG, "frames end at byte"},
		{"index-flip", EBADMSG, "the index is damaged: its SHA-256 differs"},
		{"index-items-huge", EBADMSG, "the index is damaged at frame 0: more items"},
		{"index-gap", EBADMSG, "items that do not fill it"},
		{"frame-flip", EBADMSG, "a damaged frame"},
		{"frame-no-checksum", EBADMSG, "not one whole frame with a checksum"},
		{"item-wrong", EBADMSG, "item 1: its SHA-256 is"},
		{"dictionary-other", EBADMSG, "not the dictionary"},
	};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct vt_error err = {0};
		char name[64];

		(void) snprintf(name, sizeof name, "broken/%s.vsh", broken[i].name);
		ck_assert_msg(read_all(name, &err) == -broken[i].code, "%s: %s", name, err.text);
		ck_assert_msg(strstr(err.text, broken[i].words) != NULL, "%s: %s", name, err.text);
	}
}
END_TEST

VT_SUITE(golden_shard, write_the_golden_shards_when_asked, version_1_compressed,
	 version_1_with_dictionary, version_1_lz4, version_1_raw, broken_shards_are_refused_by_name)
