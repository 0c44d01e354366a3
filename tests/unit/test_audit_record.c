/* SPDX-License-Identifier: Apache-2.0 */
/* Records have one text each; checkpoints are what openssl, too, takes for signed. */
#include "policy/audit_record.h"
#include "policy/checkpoint.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>

static int parse(const char *text)
{
	struct vt_audit_line line;

	return vt_audit_line_parse(text, strlen(text), &line, NULL);
}

#define HEAD "{\"kind\":\"x\",\"seq\":1,\"t\":2"

START_TEST(canonical_lines_are_taken)
{
	static const char *const good[] = {
		HEAD "}",
		HEAD ",\"u\":-1}",
		HEAD ",\"u\":[1,\"a\",{\"a\":1,\"b\":{}},[]]}",
		HEAD ",\"u\":\"\\\"\\\\\\n\\u001F\xc3\xa4\xf0\x9f\x90\xa6\"}",
		HEAD ",\"ta\":true,\"tb\":false,\"tc\":null}",
		HEAD ",\"u\":9223372036854775807,\"v\":-9223372036854775808}",
	};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(parse(good[i]) == 0, "%s", good[i]);
}
END_TEST

START_TEST(any_other_text_is_refused)
{
	static const char *const bad[] = {
		"",
		"{}",
		"{\"kind\":\"x\",\"seq\":1}",
		"{\"kind\":\"x\",\"t\":1,\"seq\":1}",
		"{\"kind\":1,\"seq\":1,\"t\":1}",
		"{\"kind\":\"x\",\"seq\":-1,\"t\":1}",
		HEAD "} ",
		HEAD ", \"u\":1}",
		HEAD ",\"t\":2}",
		HEAD ",\"u\":1.5}",
		HEAD ",\"u\":1e3}",
		HEAD ",\"u\":01}",
		HEAD ",\"u\":-0}",
		HEAD ",\"u\":9223372036854775808}",
		HEAD ",\"u\":\"\\/\"}",
		HEAD ",\"u\":\"\\u0041\"}",
		HEAD ",\"u\":\"\\u000A\"}",
		HEAD ",\"u\":\"\\u001f\"}",
		HEAD ",\"u\":\"\t\"}",
		HEAD ",\"u\":\"\xff\"}",
		HEAD ",\"u\":\"\xc0\x80\"}",
		HEAD ",\"u\":\"\xed\xa0\x80\"}",
		HEAD ",\"u\":[1,]}",
		HEAD ",\"u\":[[[[[[1]]]]]]}",
		HEAD ",\"U\":1}",
		HEAD ",\"u\":{\"b\":1,\"a\":2}}",
		HEAD ",}",
		HEAD,
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(parse(bad[i]) == -EBADMSG, "%s", bad[i]);
}
END_TEST

START_TEST(what_is_encoded_is_canonical_and_comes_back)
{
	json_t *fields = json_pack("{s:s, s:i, s:i, s:s}", "kind", "rm", "seq", 7, "t", 9, "object",
				   "a\"b\\c\x01\n\xc3\xa4");
	struct vt_buf out = VT_BUF_INIT;
	struct vt_audit_line line;
	char text[64], cut[4];

	ck_assert_int_eq(vt_audit_line_encode(fields, &out, NULL), 0);
	ck_assert_int_eq(vt_audit_line_parse((char *) out.data, out.len, &line, NULL), 0);
	ck_assert_uint_eq(line.seq, 7);
	ck_assert_uint_eq(line.time_ns, 9);
	ck_assert(vt_audit_line_is(&line, "kind", "rm"));
	vt_audit_line_text(&line, "object", text, sizeof text);
	ck_assert_str_eq(text, "a\"b\\c\x01\n\xc3\xa4");
	vt_audit_line_text(&line, "object", cut, sizeof cut);
	ck_assert_str_eq(cut, "a\"b");
	json_object_set_new(fields, "f", json_real(1.5));
	ck_assert_int_eq(vt_audit_line_encode(fields, &out, NULL), -EINVAL);
	json_decref(fields);
	vt_buf_done(&out);
}
END_TEST

START_TEST(a_record_that_is_too_long_is_refused)
{
	char text[5000];
	struct vt_buf out = VT_BUF_INIT;
	json_t *fields;

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	fields = json_pack("{s:s, s:i, s:i, s:s}", "kind", "rm", "seq", 7, "t", 9, "x", text);
	ck_assert_int_eq(vt_audit_line_encode(fields, &out, NULL), -E2BIG);
	json_decref(fields);
	vt_buf_done(&out);
}
END_TEST

/* A key, and a checkpoint by it. */
static struct vt_audit_key *key;
static struct vt_buf note;
static int dir;

static void make_note(void)
{
	struct vt_digest root;

	dir = open(vt_scratch(), O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(vt_audit_key_make(dir, 1, &key, NULL), 0);
	vt_digest_of("root", 4, &root);
	note = VT_BUF_INIT;
	ck_assert_int_eq(vt_checkpoint_sign("vitrine/test", 42, &root, key, &note, NULL), 0);
}

static void drop_note(void)
{
	vt_audit_key_free(key);
	vt_buf_done(&note);
	(void) close(dir);
	vt_scratch_done();
}

START_TEST(a_checkpoint_comes_back_and_is_its_keys_alone)
{
	struct vt_checkpoint checkpoint;
	struct vt_audit_key *other;
	size_t used;

	make_note();
	ck_assert_int_eq(vt_audit_key_make(dir, 2, &other, NULL), 0);
	ck_assert_int_eq(
		vt_checkpoint_parse((char *) note.data, note.len, &checkpoint, &used, NULL), 0);
	ck_assert_uint_eq(used, note.len);
	ck_assert_uint_eq(checkpoint.size, 42);
	ck_assert_str_eq(checkpoint.origin, "vitrine/test");
	ck_assert(vt_checkpoint_verify(&checkpoint, (char *) note.data, vt_audit_key_public(key)));
	ck_assert(
		!vt_checkpoint_verify(&checkpoint, (char *) note.data, vt_audit_key_public(other)));
	vt_audit_key_free(other);
	drop_note();
}
END_TEST

START_TEST(no_byte_of_a_checkpoint_can_be_changed)
{
	struct vt_checkpoint checkpoint;
	size_t used;

	make_note();
	for (size_t i = 0; i < note.len; i++)
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			note.data[i] ^= (uint8_t) bit;
			ck_assert(vt_checkpoint_parse((char *) note.data, note.len, &checkpoint,
						      &used, NULL) < 0 ||
				  used != note.len ||
				  !vt_checkpoint_verify(&checkpoint, (char *) note.data,
							vt_audit_key_public(key)));
			note.data[i] ^= (uint8_t) bit;
		}
	for (size_t len = 0; len < note.len; len++)
		ck_assert_int_eq(
			vt_checkpoint_parse((char *) note.data, len, &checkpoint, &used, NULL),
			-EAGAIN);
	drop_note();
}
END_TEST

START_TEST(openssl_takes_the_signature_and_the_key)
{
	struct vt_checkpoint checkpoint;
	char command[1024];
	size_t used;
	FILE *file;

	make_note();
	ck_assert_int_eq(
		vt_checkpoint_parse((char *) note.data, note.len, &checkpoint, &used, NULL), 0);
	file = fopen(vt_scratch_path("body"), "w");
	ck_assert_uint_eq(fwrite(note.data, 1, checkpoint.signed_len, file), checkpoint.signed_len);
	(void) fclose(file);
	file = fopen(vt_scratch_path("sig"), "w");
	ck_assert_uint_eq(fwrite(checkpoint.signs[0].signature, 1, 64, file), 64);
	(void) fclose(file);
	(void) snprintf(command, sizeof command,
			"openssl pkeyutl -verify -pubin -inkey %s/audit-1.pub -rawin -in %s/body "
			"-sigfile %s/sig >/dev/null",
			vt_scratch_dir, vt_scratch_dir, vt_scratch_dir);
	ck_assert_int_eq(system(command), 0);
	/* And the other way: what openssl signs with the private key is ours. */
	(void) snprintf(command, sizeof command,
			"openssl pkeyutl -sign -inkey %s/audit-1.key -rawin -in %s/body -out "
			"%s/again && cmp %s/sig %s/again",
			vt_scratch_dir, vt_scratch_dir, vt_scratch_dir, vt_scratch_dir,
			vt_scratch_dir);
	ck_assert_int_eq(system(command), 0);
	drop_note();
}
END_TEST

START_TEST(an_erased_key_is_gone)
{
	struct vt_audit_key *again;

	make_note();
	ck_assert_int_eq(vt_audit_key_load(dir, 1, &again, NULL), 0);
	ck_assert_int_eq(memcmp(vt_audit_key_public(again), vt_audit_key_public(key), 32), 0);
	vt_audit_key_free(again);
	ck_assert_int_eq(vt_audit_key_erase(dir, 1, NULL), 0);
	ck_assert_int_eq(vt_audit_key_erase(dir, 1, NULL), 0);
	ck_assert_int_eq(vt_audit_key_load(dir, 1, &again, NULL), -ENOENT);
	drop_note();
}
END_TEST

VT_SUITE(audit_record, canonical_lines_are_taken, any_other_text_is_refused,
	 what_is_encoded_is_canonical_and_comes_back, a_record_that_is_too_long_is_refused,
	 a_checkpoint_comes_back_and_is_its_keys_alone, no_byte_of_a_checkpoint_can_be_changed,
	 openssl_takes_the_signature_and_the_key, an_erased_key_is_gone)
