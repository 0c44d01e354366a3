/* SPDX-License-Identifier: Apache-2.0 */
/* See audit_key.h. */
#include "policy/audit_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"

#define PEM_MAX   4096u
#define FILE_NAME 32

struct vt_audit_key {
	uint32_t number;
	EVP_PKEY *pair;
	uint8_t public[VT_AUDIT_PUBLIC];
};

void vt_audit_key_free(struct vt_audit_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pair);
	free(key);
}

/* Takes the pair. */
static int adopt(EVP_PKEY *pair, uint32_t number, struct vt_audit_key **out, struct vt_error *err)
{
	struct vt_audit_key *key = calloc(1, sizeof *key);
	size_t len = VT_AUDIT_PUBLIC;

	if (!key) {
		EVP_PKEY_free(pair);
		return vt_fail(err, ENOMEM, "no memory for a key");
	}
	*key = (struct vt_audit_key){.number = number, .pair = pair};
	if (EVP_PKEY_get_id(pair) != EVP_PKEY_ED25519 ||
	    EVP_PKEY_get_raw_public_key(pair, key->public, &len) != 1 || len != VT_AUDIT_PUBLIC) {
		vt_audit_key_free(key);
		return vt_fail(err, EBADMSG, "it is no Ed25519 key");
	}
	*out = key;
	return 0;
}

static void name_of(char out[FILE_NAME], uint32_t number, const char *what)
{
	(void) snprintf(out, FILE_NAME, "audit-%u.%s", number, what);
}

static int sync_folder(int dir, struct vt_error *err)
{
	return fsync(dir) < 0 ? vt_fail(err, errno, "cannot sync the folder of keys: %m") : 0;
}

static int write_file(int dir, uint32_t number, const char *what, mode_t mode, BIO *text,
		      struct vt_error *err)
{
	vt_autoclose int fd = -1;
	char name[FILE_NAME], *data;
	long len = BIO_get_mem_data(text, &data);

	name_of(name, number, what);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return vt_fail(err, errno, "cannot replace '%s': %m", name);
	errno = 0;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0 || write(fd, data, (size_t) len) != len || fchmod(fd, mode) < 0 || fsync(fd) < 0)
		return vt_fail(err, errno ? errno : EIO, "cannot write the key '%s': %m", name);
	VT_CRASHPOINT("audit-key-file-written");
	return 0;
}

static int save(int dir, const struct vt_audit_key *key, struct vt_error *err)
{
	BIO *private = BIO_new(BIO_s_secmem()), *public = BIO_new(BIO_s_mem());
	int r;

	if (private && public &&
	    PEM_write_bio_PrivateKey(private, key->pair, NULL, NULL, 0, NULL, NULL) == 1 &&
	    PEM_write_bio_PUBKEY(public, key->pair) == 1)
		r = write_file(dir, key->number, "key", 0400, private, err);
	else
		r = vt_fail(err, ENOMEM, "no memory for a key");
	if (r == 0)
		r = write_file(dir, key->number, "pub", 0400, public, err);
	BIO_free(private); /* clears it */
	BIO_free(public);
	return r < 0 ? r : sync_folder(dir, err);
}

int vt_audit_key_make(int dir, uint32_t number, struct vt_audit_key **out, struct vt_error *err)
{
	vt_cleanup(vt_audit_key_freep) struct vt_audit_key *key = NULL;
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int r = pair ? adopt(pair, number, &key, err)
		     : vt_fail(err, EIO, "OpenSSL makes no Ed25519 key");

	if (r == 0)
		r = save(dir, key, err);
	if (r < 0)
		return r;
	*out = vt_steal(&key);
	return 0;
}

int vt_audit_key_load(int dir, uint32_t number, struct vt_audit_key **out, struct vt_error *err)
{
	vt_autoclose int fd = -1;
	char name[FILE_NAME], text[PEM_MAX];
	ssize_t len;
	EVP_PKEY *pair = NULL;
	BIO *bio;
	int r;

	name_of(name, number, "key");
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	len = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (len < 0)
		return vt_fail(err, errno, "cannot read the audit log's key '%s': %m", name);
	bio = BIO_new_mem_buf(text, (int) len);
	if (bio)
		pair = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	OPENSSL_cleanse(text, sizeof text);
	if (!pair)
		return vt_fail(err, EBADMSG, "'%s' is no private key", name);
	r = adopt(pair, number, out, err);
	return r < 0 ? vt_fail_in(err, r, "'%s'", name) : 0;
}

int vt_audit_key_erase(int dir, uint32_t number, struct vt_error *err)
{
	static const char zeros[PEM_MAX];
	vt_autoclose int fd = -1;
	char name[FILE_NAME];
	struct stat st;

	name_of(name, number, "key");
	if (fchmodat(dir, name, 0600, 0) < 0 && errno == ENOENT)
		return 0;
	fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0 ||
	    pwrite(fd, zeros, st.st_size < (off_t) PEM_MAX ? (size_t) st.st_size : PEM_MAX, 0) <
		    0 ||
	    fsync(fd) < 0)
		return vt_fail(err, errno, "cannot erase '%s': %m", name);
	VT_CRASHPOINT("audit-key-zeroed");
	if (unlinkat(dir, name, 0) < 0)
		return vt_fail(err, errno, "cannot remove '%s': %m", name);
	VT_CRASHPOINT("audit-key-gone");
	return sync_folder(dir, err);
}

uint32_t vt_audit_key_number(const struct vt_audit_key *key)
{
	return key->number;
}

const uint8_t *vt_audit_key_public(const struct vt_audit_key *key)
{
	return key->public;
}

int vt_audit_key_sign(const struct vt_audit_key *key, const void *data, size_t len,
		      uint8_t out[VT_AUDIT_SIGNATURE], struct vt_error *err)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t out_len = VT_AUDIT_SIGNATURE;
	bool ok = context && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) == 1 &&
		  EVP_DigestSign(context, out, &out_len, data, len) == 1;

	EVP_MD_CTX_free(context);
	return ok ? 0 : vt_fail(err, EIO, "OpenSSL cannot sign");
}

bool vt_audit_key_verify(const uint8_t public[VT_AUDIT_PUBLIC], const void *data, size_t len,
			 const uint8_t signature[VT_AUDIT_SIGNATURE])
{
	EVP_PKEY *key =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, VT_AUDIT_PUBLIC);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = key && context && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
		  EVP_DigestVerify(context, signature, VT_AUDIT_SIGNATURE, data, len) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	return ok;
}
