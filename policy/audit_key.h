/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The Ed25519 keys (RFC 8032, by OpenSSL) that sign the audit log's checkpoints. A key lives in
 * STORE/keys/audit-N.key (PKCS 8, PEM, 0400) until the next one takes over; then it is erased. Its
 * public half stands in the log, and for people and `openssl` in audit-N.pub.
 *
 * `dir` is a descriptor of the folder. A key belongs to one thread at a time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_audit_key;

#define VT_AUDIT_PUBLIC    32u
#define VT_AUDIT_SIGNATURE 64u

/* Makes key `number` and its two files, durable. What stands there (an attempt cut short) goes. */
int vt_audit_key_make(int dir, uint32_t number, struct vt_audit_key **out, struct vt_error *err);
/* -ENOENT: there is no such file. */
int vt_audit_key_load(int dir, uint32_t number, struct vt_audit_key **out, struct vt_error *err);
void vt_audit_key_free(struct vt_audit_key *key);
VT_DEFINE_CLEANUP(struct vt_audit_key, vt_audit_key_free);

/* Overwrites the private half and removes it, durable. One that is not there is erased already. */
int vt_audit_key_erase(int dir, uint32_t number, struct vt_error *err);

uint32_t vt_audit_key_number(const struct vt_audit_key *key);
const uint8_t *vt_audit_key_public(const struct vt_audit_key *key); /* VT_AUDIT_PUBLIC bytes */
int vt_audit_key_sign(const struct vt_audit_key *key, const void *data, size_t len,
		      uint8_t out[VT_AUDIT_SIGNATURE], struct vt_error *err);
/* Thread-safe. */
bool vt_audit_key_verify(const uint8_t public[VT_AUDIT_PUBLIC], const void *data, size_t len,
			 const uint8_t signature[VT_AUDIT_SIGNATURE]);
