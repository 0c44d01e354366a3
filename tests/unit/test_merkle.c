/* SPDX-License-Identifier: Apache-2.0 */
/* The tree and its proofs agree with RFC 6962's vectors and with each other. */
#include "policy/merkle.h"
#include "tests/unit/suite.h"

#include <string.h>

/* The leaves, roots and paths of the reference implementation of RFC 6962
 * (certificate-transparency). */
static const struct {
	const char *data;
	size_t len;
} inputs[8] = {
	{"", 0},
	{"\x00", 1},
	{"\x10", 1},
	{"\x20\x21", 2},
	{"\x30\x31", 2},
	{"\x40\x41\x42\x43", 4},
	{"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
	{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
};
static const char *const roots[9] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void expect(const struct vt_digest *digest, const char *expected)
{
	char hex[VT_DIGEST_HEX];

	vt_digest_format(digest, hex);
	ck_assert_str_eq(hex, expected);
}

static struct vt_digest leaves[64];

static void make_leaves(void)
{
	for (size_t i = 0; i < 64; i++)
		vt_merkle_leaf(i < 8 ? inputs[i].data : (const char *) &i,
			       i < 8 ? inputs[i].len : 8, &leaves[i]);
}

static void root_of(uint64_t size, struct vt_digest *out)
{
	struct vt_merkle tree = {0};

	for (uint64_t i = 0; i < size; i++)
		vt_merkle_append(&tree, &leaves[i]);
	vt_merkle_root(&tree, out);
}

START_TEST(roots_are_the_published_ones)
{
	struct vt_digest root;

	make_leaves();
	for (uint64_t size = 0; size <= 8; size++) {
		root_of(size, &root);
		expect(&root, roots[size]);
	}
}
END_TEST

START_TEST(paths_are_the_published_ones)
{
	struct vt_merkle_proof proof;

	make_leaves();
	vt_merkle_prove_inclusion(leaves, 8, 5, &proof);
	ck_assert_uint_eq(proof.count, 3);
	expect(&proof.nodes[0], "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b");
	expect(&proof.nodes[1], "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
	expect(&proof.nodes[2], "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
	vt_merkle_prove_consistency(leaves, 8, 6, &proof);
	ck_assert_uint_eq(proof.count, 3);
	expect(&proof.nodes[0], "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a");
	expect(&proof.nodes[1], "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0");
	expect(&proof.nodes[2], "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7");
}
END_TEST

START_TEST(every_inclusion_proof_holds_for_its_leaf_alone)
{
	struct vt_merkle_proof proof;
	struct vt_digest root;

	make_leaves();
	for (uint64_t size = 1; size <= 64; size++) {
		root_of(size, &root);
		for (uint64_t i = 0; i < size; i++) {
			vt_merkle_prove_inclusion(leaves, size, i, &proof);
			for (uint64_t j = 0; j < size; j++)
				ck_assert_int_eq(vt_merkle_check_inclusion(&proof, &leaves[j], i,
									   size, &root),
						 i == j);
			if (size > 1) {
				proof.nodes[0].bytes[3] ^= 1;
				ck_assert(!vt_merkle_check_inclusion(&proof, &leaves[i], i, size,
								     &root));
			}
		}
	}
}
END_TEST

START_TEST(every_consistency_proof_holds_for_its_roots_alone)
{
	struct vt_digest root, old_root, other;
	struct vt_merkle_proof proof;

	make_leaves();
	for (uint64_t size = 1; size <= 64; size++) {
		root_of(size, &root);
		for (uint64_t old = 1; old <= size; old++) {
			root_of(old, &old_root);
			vt_merkle_prove_consistency(leaves, size, old, &proof);
			ck_assert(vt_merkle_check_consistency(&proof, old, &old_root, size, &root));
			other = old_root;
			other.bytes[31] ^= 1;
			ck_assert(!vt_merkle_check_consistency(&proof, old, &other, size, &root));
			other = root;
			other.bytes[0] ^= 1;
			ck_assert(
				!vt_merkle_check_consistency(&proof, old, &old_root, size, &other));
		}
	}
}
END_TEST

START_TEST(a_saved_edge_goes_on_as_the_tree)
{
	struct vt_merkle tree = {0}, again;
	struct vt_digest edge[VT_MERKLE_EDGE], root, expected;

	make_leaves();
	for (uint64_t size = 0; size < 64; size++) {
		ck_assert_uint_eq(vt_merkle_save(&tree, edge), (size_t) __builtin_popcountll(size));
		vt_merkle_load(&again, size, edge);
		vt_merkle_append(&again, &leaves[size]);
		vt_merkle_append(&tree, &leaves[size]);
		vt_merkle_root(&again, &root);
		vt_merkle_root(&tree, &expected);
		ck_assert(vt_digest_equal(&root, &expected));
	}
}
END_TEST

VT_SUITE(merkle, roots_are_the_published_ones, paths_are_the_published_ones,
	 every_inclusion_proof_holds_for_its_leaf_alone,
	 every_consistency_proof_holds_for_its_roots_alone, a_saved_edge_goes_on_as_the_tree)
