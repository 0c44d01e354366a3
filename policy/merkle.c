/* SPDX-License-Identifier: Apache-2.0 */
/* See merkle.h. */
#include "policy/merkle.h"

#include <assert.h>
#include <string.h>

void vt_merkle_leaf(const void *line, size_t len, struct vt_digest *out)
{
	vt_digest_tagged("", line, len, out); /* the empty tag's NUL is the 0x00 in front */
}

void vt_merkle_node(const struct vt_digest *left, const struct vt_digest *right,
		    struct vt_digest *out)
{
	uint8_t bytes[1 + 2 * VT_DIGEST_LEN] = {1};

	memcpy(bytes + 1, left->bytes, VT_DIGEST_LEN);
	memcpy(bytes + 1 + VT_DIGEST_LEN, right->bytes, VT_DIGEST_LEN);
	vt_digest_of(bytes, sizeof bytes, out);
}

void vt_merkle_append(struct vt_merkle *tree, const struct vt_digest *leaf)
{
	struct vt_digest carry = *leaf;
	unsigned i = 0;

	for (; tree->size >> i & 1; i++)
		vt_merkle_node(&tree->edge[i], &carry, &carry);
	tree->edge[i] = carry;
	tree->size++;
}

void vt_merkle_root(const struct vt_merkle *tree, struct vt_digest *out)
{
	bool begun = false;

	if (tree->size == 0)
		vt_digest_of("", 0, out);
	for (unsigned i = 0; i < VT_MERKLE_EDGE; i++) {
		if (!(tree->size >> i & 1))
			continue;
		if (begun)
			vt_merkle_node(&tree->edge[i], out, out);
		else
			*out = tree->edge[i];
		begun = true;
	}
}

size_t vt_merkle_save(const struct vt_merkle *tree, struct vt_digest out[VT_MERKLE_EDGE])
{
	size_t count = 0;

	for (unsigned i = VT_MERKLE_EDGE; i-- > 0;)
		if (tree->size >> i & 1)
			out[count++] = tree->edge[i];
	return count;
}

void vt_merkle_load(struct vt_merkle *tree, uint64_t size, const struct vt_digest *edge)
{
	memset(tree, 0, sizeof *tree);
	tree->size = size;
	for (unsigned i = VT_MERKLE_EDGE; i-- > 0;)
		if (size >> i & 1)
			tree->edge[i] = *edge++;
}

/* ---- proofs --------------------------------------------------------------------------------- */

static void root_of(const struct vt_digest *leaves, uint64_t count, struct vt_digest *out)
{
	struct vt_merkle tree = {0};

	for (uint64_t i = 0; i < count; i++)
		vt_merkle_append(&tree, &leaves[i]);
	vt_merkle_root(&tree, out);
}

/* The biggest power of two below `size`, which is at least 2. */
static uint64_t split(uint64_t size)
{
	return 1ull << (63 - __builtin_clzll(size - 1));
}

static void add_root(struct vt_merkle_proof *proof, const struct vt_digest *leaves, uint64_t count)
{
	root_of(leaves, count, &proof->nodes[proof->count++]);
}

/* PATH(m, D[n]) of 2.1.3.1; nodes come out from the leaf up. */
static void prove_path(const struct vt_digest *leaves, uint64_t size, uint64_t index,
		       struct vt_merkle_proof *out)
{
	uint64_t k;

	if (size <= 1)
		return;
	k = split(size);
	if (index < k) {
		prove_path(leaves, k, index, out);
		add_root(out, leaves + k, size - k);
	} else {
		prove_path(leaves + k, size - k, index - k, out);
		add_root(out, leaves, k);
	}
}

void vt_merkle_prove_inclusion(const struct vt_digest *leaves, uint64_t size, uint64_t index,
			       struct vt_merkle_proof *out)
{
	assert(index < size);
	out->count = 0;
	prove_path(leaves, size, index, out);
}

/* SUBPROOF(m, D[n], b) of 2.1.4.1. */
static void prove_sub(const struct vt_digest *leaves, uint64_t size, uint64_t old, bool whole,
		      struct vt_merkle_proof *out)
{
	uint64_t k;

	if (old == size) {
		if (!whole)
			add_root(out, leaves, size);
		return;
	}
	k = split(size);
	if (old <= k) {
		prove_sub(leaves, k, old, whole, out);
		add_root(out, leaves + k, size - k);
	} else {
		prove_sub(leaves + k, size - k, old - k, false, out);
		add_root(out, leaves, k);
	}
}

void vt_merkle_prove_consistency(const struct vt_digest *leaves, uint64_t size, uint64_t old,
				 struct vt_merkle_proof *out)
{
	assert(old <= size);
	out->count = 0;
	if (old > 0)
		prove_sub(leaves, size, old, true, out);
}

/* ---- checking ------------------------------------------------------------------------------- */

bool vt_merkle_check_inclusion(const struct vt_merkle_proof *proof, const struct vt_digest *leaf,
			       uint64_t index, uint64_t size, const struct vt_digest *root)
{
	uint64_t node = index, last = size - 1;
	struct vt_digest at = *leaf;

	if (index >= size)
		return false;
	for (size_t i = 0; i < proof->count; i++) {
		if (last == 0)
			return false;
		if ((node & 1) || node == last) {
			vt_merkle_node(&proof->nodes[i], &at, &at);
			for (; !(node & 1) && node; node >>= 1)
				last >>= 1;
		} else {
			vt_merkle_node(&at, &proof->nodes[i], &at);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && vt_digest_equal(&at, root);
}

bool vt_merkle_check_consistency(const struct vt_merkle_proof *proof, uint64_t old,
				 const struct vt_digest *old_root, uint64_t size,
				 const struct vt_digest *root)
{
	uint64_t node = old - 1, last = size - 1;
	struct vt_digest from, to;
	size_t i = 0;

	if (old > size)
		return false;
	if (old == 0)
		return proof->count == 0;
	if (old == size)
		return proof->count == 0 && vt_digest_equal(old_root, root);
	for (; node & 1; node >>= 1)
		last >>= 1;
	if (node == 0) /* `old` is a power of two: its root is a node of the new tree */
		from = to = *old_root;
	else if (proof->count == 0)
		return false;
	else
		from = to = proof->nodes[i++];
	for (; i < proof->count; i++) {
		if (last == 0)
			return false;
		if ((node & 1) || node == last) {
			vt_merkle_node(&proof->nodes[i], &from, &from);
			vt_merkle_node(&proof->nodes[i], &to, &to);
			for (; !(node & 1) && node; node >>= 1)
				last >>= 1;
		} else {
			vt_merkle_node(&to, &proof->nodes[i], &to);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && vt_digest_equal(&from, old_root) && vt_digest_equal(&to, root);
}
