/* SPDX-License-Identifier: Apache-2.0 */
/* See json_text.h. */
#include "index/json_text.h"

#include <stdio.h>
#include <string.h>

#include "index/base/buf.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* A text with each byte above ASCII replaced: used only when the whole is not UTF-8. */
static json_t *lossy(const char *text, size_t len)
{
	struct vt_buf out = VT_BUF_INIT;
	json_t *json = NULL;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char) text[i] < 0x80 && text[i] != '\0')
			vt_buf_put_u8(&out, (uint8_t) text[i]);
		else
			vt_buf_put(&out, REPLACEMENT, strlen(REPLACEMENT));
	}
	if (!vt_buf_failed(&out))
		json = json_stringn((const char *) out.data, out.len);
	vt_buf_done(&out);
	return json;
}

static json_t *hex(const char *text, size_t len)
{
	struct vt_buf out = VT_BUF_INIT;
	json_t *json = NULL;

	for (size_t i = 0; i < len; i++)
		vt_buf_printf(&out, "%02x", (unsigned char) text[i]);
	if (!vt_buf_failed(&out))
		json = json_stringn((const char *) out.data, out.len);
	vt_buf_done(&out);
	return json;
}

/* NULL when it is not UTF-8. */
static json_t *exact(const char *text, size_t len)
{
	return memchr(text, '\0', len) ? NULL : json_stringn(text, len);
}

json_t *vt_json_readable(const char *text, size_t len)
{
	json_t *plain = exact(text, len);

	return plain ? plain : lossy(text, len);
}

int vt_json_set_text(json_t *object, const char *key, const char *text, size_t len)
{
	json_t *plain = exact(text, len);
	char key_hex[64];

	if (plain)
		return json_object_set_new(object, key, plain);
	(void) snprintf(key_hex, sizeof key_hex, "%s_hex", key);
	if (json_object_set_new(object, key, lossy(text, len)) < 0)
		return -1;
	return json_object_set_new(object, key_hex, hex(text, len));
}
