/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See digest.h. OpenSSL 3 looks an algorithm up by name on every init unless it was fetched once,
 * so SHA-256 is fetched at first use and each thread keeps one context for the one-shot calls: a
 * small file then costs its bytes, not the lookup.
 */
#include "index/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

struct vt_hasher {
	EVP_MD_CTX *context;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_hasher; /* frees a thread's hasher when it ends */
static EVP_MD *sha256;
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vt_hasher spare; /* of a thread without memory for its own; guarded by spare_lock */

static void free_thread_hasher(void *hasher)
{
	vt_hasher_free(hasher);
}

static void start(struct vt_hasher *hasher)
{
	int ok = EVP_DigestInit_ex2(hasher->context, sha256, NULL);

	assert(ok == 1); /* a fetched algorithm and a live context cannot fail */
	(void) ok;
}

/* A process without memory for this, when it begins to hash, cannot go on. */
static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	spare.context = EVP_MD_CTX_new();
	if (!sha256 || !spare.context)
		abort();
	start(&spare);
	(void) pthread_key_create(&thread_hasher, free_thread_hasher);
}

struct vt_hasher *vt_hasher_new(void)
{
	struct vt_hasher *hasher;

	(void) pthread_once(&once, fetch);
	hasher = calloc(1, sizeof *hasher);
	if (!hasher)
		return NULL;
	hasher->context = EVP_MD_CTX_new();
	if (!hasher->context) {
		free(hasher);
		return NULL;
	}
	start(hasher);
	return hasher;
}

void vt_hasher_free(struct vt_hasher *hasher)
{
	if (!hasher)
		return;
	EVP_MD_CTX_free(hasher->context);
	free(hasher);
}

void vt_hasher_update(struct vt_hasher *hasher, const void *data, size_t len)
{
	int ok = EVP_DigestUpdate(hasher->context, data, len);

	assert(ok == 1);
	(void) ok;
}

void vt_hasher_final(struct vt_hasher *hasher, struct vt_digest *out)
{
	int ok = EVP_DigestFinal_ex(hasher->context, out->bytes, NULL);

	assert(ok == 1);
	(void) ok;
	start(hasher);
}

/* This thread's hasher, or the spare one, locked. */
static struct vt_hasher *take_hasher(void)
{
	struct vt_hasher *hasher;

	(void) pthread_once(&once, fetch);
	hasher = pthread_getspecific(thread_hasher);
	if (hasher)
		return hasher;
	hasher = vt_hasher_new();
	if (hasher && pthread_setspecific(thread_hasher, hasher) == 0)
		return hasher;
	vt_hasher_free(hasher);
	(void) pthread_mutex_lock(&spare_lock);
	return &spare;
}

static void finish(struct vt_hasher *hasher, struct vt_digest *out)
{
	vt_hasher_final(hasher, out);
	if (hasher == &spare)
		(void) pthread_mutex_unlock(&spare_lock);
}

void vt_digest_of(const void *data, size_t len, struct vt_digest *out)
{
	struct vt_hasher *hasher = take_hasher();

	vt_hasher_update(hasher, data, len);
	finish(hasher, out);
}

void vt_digest_tagged(const char *tag, const void *data, size_t len, struct vt_digest *out)
{
	struct vt_hasher *hasher = take_hasher();

	vt_hasher_update(hasher, tag, strlen(tag) + 1);
	vt_hasher_update(hasher, data, len);
	finish(hasher, out);
}

bool vt_digest_equal(const struct vt_digest *a, const struct vt_digest *b)
{
	return memcmp(a->bytes, b->bytes, VT_DIGEST_LEN) == 0;
}

bool vt_digest_is_zero(const struct vt_digest *digest)
{
	static const struct vt_digest zero;

	return vt_digest_equal(digest, &zero);
}

void vt_digest_format(const struct vt_digest *digest, char hex[VT_DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < VT_DIGEST_LEN; i++) {
		hex[2 * i] = digits[digest->bytes[i] >> 4];
		hex[2 * i + 1] = digits[digest->bytes[i] & 15];
	}
	hex[2 * VT_DIGEST_LEN] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int vt_digest_parse(const char *hex, struct vt_digest *out)
{
	struct vt_digest digest;

	if (strlen(hex) != 2 * VT_DIGEST_LEN)
		return -EINVAL;
	for (size_t i = 0; i < VT_DIGEST_LEN; i++) {
		int high = hex_value(hex[2 * i]), low = hex_value(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		digest.bytes[i] = (uint8_t) (high << 4 | low);
	}
	*out = digest;
	return 0;
}
