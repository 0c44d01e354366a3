/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes in canonical form (page.h): sorted, counted, each length before its bytes.
 * An entry without attributes has no encoding at all, so a list of none is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/page.h"

#define PREFIX         "user."
#define PREFIX_LEN     (sizeof PREFIX - 1)
#define ATTR_NAME_MAX  255u
#define ATTR_VALUE_MAX 65535u

static bool valid_name(const char *name, size_t len)
{
	return len > PREFIX_LEN && len <= ATTR_NAME_MAX && memcmp(name, PREFIX, PREFIX_LEN) == 0 &&
	       !memchr(name, '\0', len);
}

static bool read_xattr(struct vt_reader *reader, struct vt_xattr *out)
{
	out->name_len = vt_reader_u8(reader);
	out->name = vt_reader_get(reader, out->name_len);
	out->value_len = vt_reader_le16(reader);
	out->value = vt_reader_get(reader, out->value_len);
	return !reader->failed;
}

int vt_xattrs_next(const uint8_t *xattrs, size_t len, size_t *state, struct vt_xattr *out)
{
	size_t at = *state ? *state : sizeof(uint16_t); /* past the count */
	struct vt_reader reader;
	struct vt_xattr xattr;

	if (at >= len)
		return 0;
	reader = vt_reader_over(xattrs + at, len - at);
	if (!read_xattr(&reader, &xattr))
		return 0;
	*state = len - vt_reader_left(&reader);
	*out = xattr;
	return 1;
}

int vt_xattrs_check(const uint8_t *xattrs, size_t len)
{
	struct vt_xattr last = {0}, xattr;
	struct vt_reader reader;
	unsigned count;

	if (len < sizeof(uint16_t) || len > VT_XATTRS_LEN_MAX)
		return -EBADMSG;
	reader = vt_reader_over(xattrs, len);
	count = vt_reader_le16(&reader);
	if (count == 0)
		return -EBADMSG;
	for (; count > 0; count--) {
		if (!read_xattr(&reader, &xattr) || !valid_name(xattr.name, xattr.name_len))
			return -EBADMSG;
		if (vt_name_compare(last.name, last.name_len, xattr.name, xattr.name_len) >= 0)
			return -EBADMSG;
		last = xattr;
	}
	return vt_reader_left(&reader) ? -EBADMSG : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct vt_xattr *x = a, *y = b;

	return vt_name_compare(x->name, x->name_len, y->name, y->name_len);
}

static int check_list(const struct vt_xattr *list, size_t count, struct vt_error *err)
{
	size_t total = sizeof(uint16_t);

	for (size_t i = 0; i < count; i++) {
		const struct vt_xattr *x = &list[i];
		int shown = x->name_len < ATTR_NAME_MAX ? (int) x->name_len : (int) ATTR_NAME_MAX;

		if (!valid_name(x->name, x->name_len))
			return vt_fail(err, EINVAL, "'%.*s' is no name of a user attribute", shown,
				       x->name);
		if (i > 0 && by_name(&list[i - 1], x) == 0)
			return vt_fail(err, EINVAL, "attribute '%.*s' comes twice", shown, x->name);
		if (x->value_len > ATTR_VALUE_MAX)
			return vt_fail(err, E2BIG, "the value of attribute '%.*s' is too long",
				       shown, x->name);
		total += 1 + x->name_len + sizeof(uint16_t) + x->value_len;
		if (total > VT_XATTRS_LEN_MAX)
			return vt_fail(err, E2BIG, "the attributes take more than %u bytes",
				       VT_XATTRS_LEN_MAX);
	}
	return 0;
}

int vt_xattrs_encode(struct vt_xattr *list, size_t count, struct vt_buf *out, struct vt_error *err)
{
	int r;

	if (count == 0)
		return 0;
	qsort(list, count, sizeof *list, by_name);
	r = check_list(list, count, err);
	if (r < 0)
		return r;
	vt_buf_put_le16(out, (uint16_t) count); /* fits: each takes 8 bytes or more of 64 KiB */
	for (size_t i = 0; i < count; i++) {
		vt_buf_put_u8(out, (uint8_t) list[i].name_len);
		vt_buf_put(out, list[i].name, list[i].name_len);
		vt_buf_put_le16(out, (uint16_t) list[i].value_len);
		vt_buf_put(out, list[i].value, list[i].value_len);
	}
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for attributes") : 0;
}
