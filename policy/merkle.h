/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Merkle tree of RFC 6962 (and 9162), section 2.1, with SHA-256: a leaf is SHA-256(0x00 ||
 * line), a node SHA-256(0x01 || left || right). Only the right edge is kept: appending and the root
 * need no more.
 *
 * Not thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/digest.h"

#define VT_MERKLE_EDGE 64u

/* All zeros: the empty tree. */
struct vt_merkle {
	uint64_t size; /* leaves */
	/* [i]: the root of the full subtree of 2^i leaves that bit i of `size` stands for */
	struct vt_digest edge[VT_MERKLE_EDGE];
};

void vt_merkle_leaf(const void *line, size_t len, struct vt_digest *out);
void vt_merkle_node(const struct vt_digest *left, const struct vt_digest *right,
		    struct vt_digest *out);

void vt_merkle_append(struct vt_merkle *tree, const struct vt_digest *leaf);
void vt_merkle_root(const struct vt_merkle *tree, struct vt_digest *out);

/* The edge, biggest subtree first: as many as `size` has bits set. And back. */
size_t vt_merkle_save(const struct vt_merkle *tree, struct vt_digest out[VT_MERKLE_EDGE]);
void vt_merkle_load(struct vt_merkle *tree, uint64_t size, const struct vt_digest *edge);

/* Proofs, made from all leaves: that leaf `index` is in the tree, that the first `old` leaves were
 * it. */
struct vt_merkle_proof {
	size_t count;
	struct vt_digest nodes[2 * VT_MERKLE_EDGE];
};
void vt_merkle_prove_inclusion(const struct vt_digest *leaves, uint64_t size, uint64_t index,
			       struct vt_merkle_proof *out);
void vt_merkle_prove_consistency(const struct vt_digest *leaves, uint64_t size, uint64_t old,
				 struct vt_merkle_proof *out);

/* Checked as in RFC 9162, 2.1.3.2 and 2.1.4.2. */
bool vt_merkle_check_inclusion(const struct vt_merkle_proof *proof, const struct vt_digest *leaf,
			       uint64_t index, uint64_t size, const struct vt_digest *root);
bool vt_merkle_check_consistency(const struct vt_merkle_proof *proof, uint64_t old,
				 const struct vt_digest *old_root, uint64_t size,
				 const struct vt_digest *root);
