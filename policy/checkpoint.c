/* SPDX-License-Identifier: Apache-2.0 */
/* See checkpoint.h. */
#include "policy/checkpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/base64.h"

#define DASH      "\xe2\x80\x94 " /* an em dash and a blank begin a signature line */
#define DASH_LEN  4u
#define BLOB      (4u + VT_AUDIT_SIGNATURE)
#define NUMBER    32u
#define ROOT_TEXT VT_BASE64_LEN(VT_DIGEST_LEN)

bool vt_origin_is_valid(const char *origin)
{
	size_t len = strlen(origin);

	for (size_t i = 0; i < len; i++)
		if (origin[i] <= ' ' || origin[i] >= 0x7f || origin[i] == '+')
			return false;
	return len > 0 && len <= VT_ORIGIN_MAX;
}

static void key_id_of(const char *origin, const uint8_t public[VT_AUDIT_PUBLIC], uint8_t out[4])
{
	uint8_t bytes[VT_ORIGIN_MAX + 2 + VT_AUDIT_PUBLIC];
	size_t len = strlen(origin);
	struct vt_digest digest;

	memcpy(bytes, origin, len);
	bytes[len] = '\n';
	bytes[len + 1] = 1; /* Ed25519 */
	memcpy(bytes + len + 2, public, VT_AUDIT_PUBLIC);
	vt_digest_of(bytes, len + 2 + VT_AUDIT_PUBLIC, &digest);
	memcpy(out, digest.bytes, 4);
}

int vt_checkpoint_sign(const char *origin, uint64_t size, const struct vt_digest *root,
		       const struct vt_audit_key *key, struct vt_buf *out, struct vt_error *err)
{
	char root_text[ROOT_TEXT + 1], blob_text[VT_BASE64_LEN(BLOB) + 1];
	size_t first = out->len;
	uint8_t blob[BLOB];
	int r;

	vt_base64_encode(root->bytes, VT_DIGEST_LEN, root_text);
	vt_buf_printf(out, "%s\n%" PRIu64 "\n%s\n", origin, size, root_text);
	if (vt_buf_failed(out))
		return vt_fail(err, ENOMEM, "no memory for a checkpoint");
	key_id_of(origin, vt_audit_key_public(key), blob);
	r = vt_audit_key_sign(key, out->data + first, out->len - first, blob + 4, err);
	if (r < 0)
		return r;
	vt_base64_encode(blob, sizeof blob, blob_text);
	vt_buf_printf(out, "\n" DASH "%s %s\n", origin, blob_text);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a checkpoint") : 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct lines {
	const char *at, *end;
};

/* The next line without its newline. -EAGAIN when it is not whole. */
static int next_line(struct lines *in, const char **line, size_t *len)
{
	const char *newline = memchr(in->at, '\n', (size_t) (in->end - in->at));

	if (!newline)
		return -EAGAIN;
	*line = in->at;
	*len = (size_t) (newline - in->at);
	in->at = newline + 1;
	return 0;
}

static int parse_size(const char *line, size_t len, uint64_t *out)
{
	uint64_t value = 0;

	if (len == 0 || (line[0] == '0' && len > 1))
		return -EBADMSG;
	for (size_t i = 0; i < len; i++)
		if (line[i] < '0' || line[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t) (line[i] - '0'), &value))
			return -EBADMSG;
	*out = value;
	return 0;
}

static int parse_body(struct lines *in, struct vt_checkpoint *out)
{
	const char *line;
	size_t len;
	int r = next_line(in, &line, &len);

	if (r < 0)
		return r;
	if (len > VT_ORIGIN_MAX || memchr(line, '\0', len))
		return -EBADMSG;
	memcpy(out->origin, line, len);
	out->origin[len] = '\0';
	if (!vt_origin_is_valid(out->origin))
		return -EBADMSG;
	r = next_line(in, &line, &len);
	if (r == 0)
		r = parse_size(line, len, &out->size);
	if (r == 0)
		r = next_line(in, &line, &len);
	if (r < 0)
		return r;
	return len == ROOT_TEXT && vt_base64_decode(line, len, out->root.bytes, VT_DIGEST_LEN) ==
					   (ssize_t) VT_DIGEST_LEN
		       ? 0
		       : -EBADMSG;
}

/* "— NAME BASE64". Of another name: skipped. */
static int parse_sign(const char *line, size_t len, struct vt_checkpoint *out)
{
	size_t origin_len = strlen(out->origin);
	const char *blank = memchr(line + DASH_LEN, ' ', len - DASH_LEN);
	uint8_t blob[BLOB];

	if (!blank || blank == line + DASH_LEN)
		return -EBADMSG;
	if ((size_t) (blank - line) != DASH_LEN + origin_len ||
	    memcmp(line + DASH_LEN, out->origin, origin_len) != 0)
		return 0;
	if (out->sign_count == VT_CHECKPOINT_SIGNS ||
	    vt_base64_decode(blank + 1, (size_t) (line + len - blank - 1), blob, sizeof blob) !=
		    (ssize_t) sizeof blob)
		return -EBADMSG;
	memcpy(out->signs[out->sign_count].key_id, blob, 4);
	memcpy(out->signs[out->sign_count++].signature, blob + 4, VT_AUDIT_SIGNATURE);
	return 0;
}

static int parse(struct lines *in, const char *text, struct vt_checkpoint *out)
{
	const char *line;
	size_t len, lines = 0;
	int r = parse_body(in, out);

	out->signed_len = (size_t) (in->at - text);
	if (r == 0)
		r = next_line(in, &line, &len);
	if (r < 0 || len > 0)
		return r < 0 ? r : -EBADMSG;
	while ((size_t) (in->end - in->at) >= DASH_LEN && memcmp(in->at, DASH, DASH_LEN) == 0) {
		r = next_line(in, &line, &len);
		if (r == 0)
			r = parse_sign(line, len, out);
		if (r < 0)
			return r;
		lines++;
	}
	if (lines == 0 && (size_t) (in->end - in->at) < DASH_LEN &&
	    memcmp(in->at, DASH, (size_t) (in->end - in->at)) == 0)
		return -EAGAIN;
	return out->sign_count > 0 ? 0 : -EBADMSG;
}

int vt_checkpoint_parse(const char *text, size_t len, struct vt_checkpoint *out, size_t *used,
			struct vt_error *err)
{
	struct lines in = {text, text + (len < VT_CHECKPOINT_MAX ? len : VT_CHECKPOINT_MAX)};
	int r;

	out->sign_count = 0;
	r = parse(&in, text, out);
	if (r == -EAGAIN && len < VT_CHECKPOINT_MAX)
		return vt_fail(err, EAGAIN, "a checkpoint is cut");
	if (r < 0)
		return vt_fail(err, EBADMSG, "it is no checkpoint");
	*used = (size_t) (in.at - text);
	return 0;
}

bool vt_checkpoint_verify(const struct vt_checkpoint *checkpoint, const char *text,
			  const uint8_t public[VT_AUDIT_PUBLIC])
{
	uint8_t id[4];

	key_id_of(checkpoint->origin, public, id);
	for (size_t i = 0; i < checkpoint->sign_count; i++)
		if (memcmp(checkpoint->signs[i].key_id, id, 4) == 0 &&
		    vt_audit_key_verify(public, text, checkpoint->signed_len,
					checkpoint->signs[i].signature))
			return true;
	return false;
}
