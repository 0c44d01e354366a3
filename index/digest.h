/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Content ids: SHA-256 (FIPS 180-4, by OpenSSL's libcrypto). The id of a file is the plain SHA-256
 * of its bytes, so `sha256sum` agrees. Structured values (pages, trees, versions) are hashed behind
 * a domain tag, so that no page can be mistaken for a file: index/schema.md, "Digests".
 *
 * Thread-safe; a hasher belongs to one thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

#define VT_DIGEST_LEN 32
#define VT_DIGEST_HEX (2 * VT_DIGEST_LEN + 1) /* with the NUL */

struct vt_digest {
	uint8_t bytes[VT_DIGEST_LEN];
};

void vt_digest_of(const void *data, size_t len, struct vt_digest *out);

/* SHA-256 of `tag`, its NUL included, followed by the data. */
void vt_digest_tagged(const char *tag, const void *data, size_t len, struct vt_digest *out);

bool vt_digest_equal(const struct vt_digest *a, const struct vt_digest *b);
bool vt_digest_is_zero(const struct vt_digest *digest); /* all zeros: "none" */
void vt_digest_format(const struct vt_digest *digest, char hex[VT_DIGEST_HEX]);
int vt_digest_parse(const char *hex, struct vt_digest *out); /* exactly 64 digits, else -EINVAL */

/* In pieces. */
struct vt_hasher;
struct vt_hasher *vt_hasher_new(void); /* NULL when memory is short */
void vt_hasher_free(struct vt_hasher *hasher);
void vt_hasher_update(struct vt_hasher *hasher, const void *data, size_t len);
void vt_hasher_final(struct vt_hasher *hasher, struct vt_digest *out); /* and starts anew */
VT_DEFINE_CLEANUP(struct vt_hasher, vt_hasher_free);
