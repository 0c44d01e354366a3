/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a control message: refused, or read within the bounds, and read the same again when
 * it is sent on.
 */
#include "fs/message.h"
#include "tests/fuzz/fuzz.h"

static const struct vt_message_head max = {VT_MESSAGE_JSON_MAX, VT_MESSAGE_BLOB_MAX};

/* Encoding may take more bytes than were read (numbers, escapes), but never means another thing. */
static void check_again(const json_t *json, size_t blob_len)
{
	struct vt_buf out = VT_BUF_INIT;
	struct vt_message_head head;
	json_t *again;

	if (vt_message_encode(json, blob_len, &out, NULL) == 0) {
		must(vt_message_parse_head(out.data, &max, &head, NULL) == 0);
		must(head.blob_len == blob_len && head.json_len == out.len - VT_MESSAGE_HEAD);
		must(vt_message_parse_json(out.data + VT_MESSAGE_HEAD, head.json_len, &again,
					   NULL) == 0);
		must(json_equal(json, again));
		json_decref(again);
	}
	vt_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vt_message_head head;
	json_t *json;

	if (size < VT_MESSAGE_HEAD || vt_message_parse_head(data, &max, &head, NULL) < 0)
		return 0;
	must(head.json_len <= max.json_len && head.blob_len <= max.blob_len);
	if (size - VT_MESSAGE_HEAD < head.json_len ||
	    vt_message_parse_json(data + VT_MESSAGE_HEAD, head.json_len, &json, NULL) < 0)
		return 0;
	must(json_is_object(json));
	check_again(json, head.blob_len);
	json_decref(json);
	return 0;
}
