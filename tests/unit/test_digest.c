/* SPDX-License-Identifier: Apache-2.0 */
/* Digests agree with the published test vectors, whole and in pieces. */
#include "index/digest.h"
#include "tests/unit/failing_malloc.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <pthread.h>

/* FIPS 180-4 example: SHA-256("abc"). */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

START_TEST(abc_has_the_published_digest)
{
	struct vt_digest digest;
	char hex[VT_DIGEST_HEX];

	vt_digest_of("abc", 3, &digest);
	vt_digest_format(&digest, hex);
	ck_assert_str_eq(hex, ABC);
}
END_TEST

START_TEST(pieces_give_the_digest_of_the_whole)
{
	vt_cleanup(vt_hasher_freep) struct vt_hasher *hasher = vt_hasher_new();
	struct vt_digest whole, pieces;

	for (int round = 0; round < 2; round++) { /* final starts anew */
		vt_hasher_update(hasher, "a", 1);
		vt_hasher_update(hasher, "bc", 2);
		vt_hasher_final(hasher, &pieces);
		vt_digest_of("abc", 3, &whole);
		ck_assert(vt_digest_equal(&whole, &pieces));
	}
}
END_TEST

START_TEST(a_tag_and_its_nul_come_first)
{
	struct vt_digest tagged, plain;

	vt_digest_tagged("tag", "abc", 3, &tagged);
	vt_digest_of("tag\0abc", 7, &plain);
	ck_assert(vt_digest_equal(&tagged, &plain));
}
END_TEST

START_TEST(only_64_hex_digits_parse)
{
	struct vt_digest digest, abc;

	vt_digest_of("abc", 3, &abc);
	ck_assert_int_eq(vt_digest_parse(ABC, &digest), 0);
	ck_assert(vt_digest_equal(&digest, &abc));
	ck_assert_int_eq(vt_digest_parse("ba78", &digest), -EINVAL);
	ck_assert_int_eq(vt_digest_parse("x" ABC, &digest), -EINVAL);
	ck_assert_int_eq(
		vt_digest_parse("g"
				"a7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
				&digest),
		-EINVAL);
}
END_TEST

static void *digest_without_memory(void *context)
{
	struct vt_digest *digests = context;

	allocations_left = 0;
	vt_digest_of("abc", 3, &digests[0]);
	ck_assert(stop_failing());
	vt_digest_of("abc", 3, &digests[1]);
	return NULL;
}

START_TEST(a_thread_without_memory_for_its_own_hasher_has_the_same_digest)
{
	struct vt_digest digests[2], abc;
	pthread_t thread;

	vt_digest_of("abc", 3, &abc);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, digest_without_memory, digests), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert(vt_digest_equal(&digests[0], &abc));
		ck_assert(vt_digest_equal(&digests[1], &abc));
	}
}
END_TEST

VT_SUITE(digest, abc_has_the_published_digest, pieces_give_the_digest_of_the_whole,
	 a_tag_and_its_nul_come_first, only_64_hex_digits_parse,
	 a_thread_without_memory_for_its_own_hasher_has_the_same_digest)
