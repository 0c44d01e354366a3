/* SPDX-License-Identifier: Apache-2.0 */
/* See dataset_gate.h. */
#include "index/dataset_gate.h"

#include <errno.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/quality.h"
#include "index/record.h"
#include "index/store.h"

#define PREFIX     "gate."
#define PREFIX_LEN (sizeof PREFIX - 1)
#define KEY_LEN    (PREFIX_LEN + 4)

static void key_of(uint32_t dataset, uint8_t key[KEY_LEN])
{
	memcpy(key, PREFIX, PREFIX_LEN);
	vt_key_u32(dataset, key + PREFIX_LEN);
}

int vt_dataset_gate(struct vt_store *store, uint32_t dataset, struct vt_buf *out,
		    struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[KEY_LEN];
	int r;

	key_of(dataset, key);
	r = vt_store_get(store, VT_CF_META, key, sizeof key, false, &value, err);
	if (r < 0)
		return r;
	vt_buf_put(out, value.data, value.len);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a quality gate") : 0;
}

/* `text` NULL: none. */
static int write_row(struct vt_store *store, uint32_t dataset, const char *text, size_t len,
		     struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint8_t key[KEY_LEN];
	int r;

	if (!batch)
		return vt_fail(err, ENOMEM, "no memory for a quality gate");
	key_of(dataset, key);
	if (text)
		vt_batch_put(batch, store, VT_CF_META, key, sizeof key, text, len);
	else
		vt_batch_delete(batch, store, VT_CF_META, key, sizeof key);
	r = vt_store_write(store, batch, true, err);
	VT_CRASHPOINT("gate-kept");
	return r;
}

int vt_dataset_gate_set(struct vt_store *store, uint32_t dataset, const char *text, size_t len,
			struct vt_error *err)
{
	vt_cleanup(vt_quality_freep) struct vt_quality *quality = NULL;
	int r;

	if (len > VT_GATE_TEXT_MAX)
		return vt_fail(err, EINVAL, "a quality gate has at most %u bytes",
			       VT_GATE_TEXT_MAX);
	r = vt_quality_parse(text, len, &quality, err);
	return r < 0 ? r : write_row(store, dataset, text, len, err);
}

int vt_dataset_gate_remove(struct vt_store *store, uint32_t dataset, struct vt_error *err)
{
	return write_row(store, dataset, NULL, 0, err);
}

bool vt_dataset_gate_is_key(const void *key, size_t len, uint32_t *dataset)
{
	if (len != KEY_LEN || memcmp(key, PREFIX, PREFIX_LEN) != 0)
		return false;
	*dataset = vt_key_read_u32((const uint8_t *) key + PREFIX_LEN);
	return true;
}
