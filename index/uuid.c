/* SPDX-License-Identifier: Apache-2.0 */
/* See uuid.h. */
#include "index/uuid.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "index/base/error.h"

int vt_uuid_make(uint8_t uuid[16], struct vt_error *err)
{
	if (getrandom(uuid, 16, 0) != 16)
		return vt_fail(err, EIO, "the system has no random numbers");
	uuid[6] = (uint8_t) ((uuid[6] & 0x0f) | 0x40); /* version 4 */
	uuid[8] = (uint8_t) ((uuid[8] & 0x3f) | 0x80); /* the RFC's variant */
	return 0;
}

static bool has_dash_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void vt_uuid_format(const uint8_t uuid[16], char text[VT_UUID_TEXT])
{
	size_t at = 0;

	for (size_t i = 0; i < 16; i++)
		at += (size_t) snprintf(text + at, VT_UUID_TEXT - at, "%s%02x",
					has_dash_before(i) ? "-" : "", uuid[i]);
}

int vt_uuid_parse(const char *text, uint8_t uuid[16])
{
	char again[VT_UUID_TEXT];
	uint8_t bytes[16];
	const char *at = text;

	if (strnlen(text, VT_UUID_TEXT) != VT_UUID_TEXT - 1)
		return -EINVAL;
	for (size_t i = 0; i < 16; i++, at += 2) {
		if (has_dash_before(i))
			at++;
		if (sscanf(at, "%2hhx", &bytes[i]) != 1)
			return -EINVAL;
	}
	vt_uuid_format(bytes, again); /* one spelling only */
	if (strcmp(text, again) != 0)
		return -EINVAL;
	memcpy(uuid, bytes, sizeof bytes);
	return 0;
}
