/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog_edit.h. */
#include "index/catalog_edit.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/outbox.h"

#define RECORD_TEXT_MAX 1024u /* bytes of a reason or a message that are recorded */

struct vt_edit vt_edit_begin(struct vt_catalog *catalog)
{
	struct vt_batch *batch = vt_batch_new();

	(void) pthread_mutex_lock(&catalog->writer);
	return (struct vt_edit){.catalog = catalog, .batch = batch, .own = batch};
}

void vt_edit_end(struct vt_edit *edit)
{
	vt_batch_free(edit->own);
	vt_dataset_unref(edit->dataset);
	for (size_t i = 0; i < edit->version_count; i++)
		vt_version_unref(edit->versions[i]);
	free(edit->versions);
	(void) pthread_mutex_unlock(&edit->catalog->writer);
}

/* ---- looking -------------------------------------------------------------------------------- */

int vt_edit_find_dataset(struct vt_edit *edit, uint32_t dataset, struct vt_error *err)
{
	edit->slot = vt_catalog_slot(edit->catalog, dataset);
	if (!edit->slot)
		return vt_fail(err, ENOENT, "there is no dataset with id %u", dataset);
	return 0;
}

int vt_edit_find_version(struct vt_edit *edit, uint32_t serial, const struct vt_version **out,
			 struct vt_error *err)
{
	*out = vt_catalog_find(edit->catalog, serial);
	if (!*out)
		return vt_fail(err, ENOENT, "there is no version with serial %u", serial);
	return vt_edit_find_dataset(edit, (*out)->dataset, err);
}

int vt_edit_find_live(struct vt_edit *edit, uint32_t dataset, uint32_t serial,
		      const struct vt_version **out, struct vt_error *err)
{
	int r = vt_edit_find_version(edit, serial, out, err);

	if (r < 0)
		return r;
	if ((*out)->dataset != dataset)
		return vt_fail(err, EINVAL, "version '%s' is of another dataset, '%s'",
			       (*out)->name, edit->slot->now->name);
	if ((*out)->state != VT_VERSION_LIVE)
		return vt_fail(err, ESTALE, "version '%s' of '%s' was withdrawn: %s", (*out)->name,
			       edit->slot->now->name, (*out)->reason);
	return 0;
}

int vt_edit_take(struct vt_edit *edit, enum vt_counter counter, uint32_t *out, struct vt_error *err)
{
	uint64_t first;
	int r = vt_store_take(edit->catalog->store, counter, 1, &first, err);

	if (r == 0)
		*out = (uint32_t) first; /* the counter's bound is below 2^32 */
	return r;
}

/* ---- staging -------------------------------------------------------------------------------- */

static void put(struct vt_edit *edit, enum vt_family family, const void *key, size_t len,
		const struct vt_buf *record)
{
	vt_batch_put(edit->batch, edit->catalog->store, family, key, len, record->data,
		     record->len);
}

int vt_edit_put_dataset(struct vt_edit *edit, const struct vt_dataset *dataset,
			struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[4];
	int r = vt_dataset_encode(dataset, &record, err);

	if (r < 0)
		return r;
	vt_key_u32(dataset->id, key);
	put(edit, VT_CF_DATASET, key, sizeof key, &record);
	return vt_dataset_decode(dataset->id, record.data, record.len, &edit->dataset, err);
}

void vt_edit_drop_dataset(struct vt_edit *edit)
{
	uint8_t key[4];

	vt_key_u32(edit->slot->now->id, key);
	vt_batch_delete(edit->batch, edit->catalog->store, VT_CF_DATASET, key, sizeof key);
}

/* Into the batch alone. */
static int put_version(struct vt_edit *edit, const struct vt_version *version, uint64_t removed_ns,
		       struct vt_buf *record, struct vt_error *err)
{
	uint8_t key[8];
	int r = vt_version_encode(version, removed_ns, record, err);

	if (r < 0)
		return r;
	vt_key_u32_u32(version->dataset, version->serial, key);
	put(edit, VT_CF_VERSION, key, sizeof key, record);
	return 0;
}

int vt_edit_put_version(struct vt_edit *edit, const struct vt_version *version,
			struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	int r = put_version(edit, version, 0, &record, err);

	if (r < 0)
		return r;
	if (vt_array_reserve(edit->versions, edit->version_room, edit->version_count + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory for a change of the catalog");
	r = vt_version_decode(version->dataset, version->serial, record.data, record.len,
			      &edit->versions[edit->version_count], NULL, err);
	edit->version_count += r == 0;
	return r;
}

int vt_edit_bury_version(struct vt_edit *edit, const struct vt_version *version,
			 struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	struct vt_version tombstone = *version;
	int r = vt_edit_retire_version(edit, version, err);

	if (r < 0)
		return r;
	tombstone.state = VT_VERSION_REMOVED;
	tombstone.exhibit = 0;
	return put_version(edit, &tombstone, vt_clock_realtime_ns(), &record, err);
}

static int put_exhibit(struct vt_edit *edit, const struct vt_version *version,
		       enum vt_exhibit_state state, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[4];

	if (vt_exhibit_encode(version->serial, state, &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of an exhibit");
	vt_key_u32(version->exhibit, key);
	put(edit, VT_CF_EXHIBIT, key, sizeof key, &record);
	return 0;
}

int vt_edit_show_version(struct vt_edit *edit, const struct vt_version *version,
			 struct vt_error *err)
{
	return put_exhibit(edit, version, VT_EXHIBIT_LIVE, err);
}

int vt_edit_retire_version(struct vt_edit *edit, const struct vt_version *version,
			   struct vt_error *err)
{
	return version->exhibit ? put_exhibit(edit, version, VT_EXHIBIT_RETIRED, err) : 0;
}

static void tag_key(uint32_t dataset, const char *name, uint8_t key[4 + VT_NAME_PART_MAX],
		    size_t *len)
{
	vt_key_u32(dataset, key);
	*len = 4 + strlen(name);
	memcpy(key + 4, name, *len - 4);
}

int vt_edit_put_tag(struct vt_edit *edit, const struct tag_slot *tag, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[4 + VT_NAME_PART_MAX];
	size_t len;

	if (vt_tag_encode(tag->version, tag->link, &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of a tag");
	tag_key(tag->dataset, tag->name, key, &len);
	put(edit, VT_CF_TAG, key, len, &record);
	return 0;
}

void vt_edit_drop_tag(struct vt_edit *edit, const char *name)
{
	uint8_t key[4 + VT_NAME_PART_MAX];
	size_t len;

	tag_key(edit->slot->now->id, name, key, &len);
	vt_batch_delete(edit->batch, edit->catalog->store, VT_CF_TAG, key, len);
}

/* JSON text is UTF-8: one that is cut ends with a whole character. */
static json_t *text_of(const char *text)
{
	size_t len = strnlen(text, RECORD_TEXT_MAX);

	while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80)
		len--;
	return json_stringn(text, len);
}

int vt_edit_record(struct vt_edit *edit, const char *kind, const struct vt_version *version,
		   uint32_t by_uid, const char *text, struct vt_error *err)
{
	char object[VT_DATASET_NAME_MAX + VT_NAME_PART_MAX + 2], digest[VT_DIGEST_HEX];
	json_t *fields;

	(void) snprintf(object, sizeof object, "%s%s%s", edit->slot->now->name, version ? "@" : "",
			version ? version->name : "");
	fields = json_pack("{s:s, s:I, s:s}", "kind", kind, "uid", (json_int_t) by_uid, "object",
			   object);
	if (version) {
		vt_digest_format(&version->digest, digest);
		(void) json_object_set_new(fields, "ver", json_integer(version->serial));
		(void) json_object_set_new(fields, "digest", json_string(digest));
	}
	if (text && *text)
		(void) json_object_set_new(fields, "text", text_of(text));
	return vt_outbox_post_record(edit->batch, edit->catalog->store, fields, err);
}

/* ---- writing, and after it ------------------------------------------------------------------ */

int vt_edit_write(struct vt_edit *edit, struct vt_error *err)
{
	int r;

	VT_CRASHPOINT("catalog-before-commit");
	r = vt_store_write(edit->catalog->store, edit->batch, true, err);
	VT_CRASHPOINT("catalog-committed");
	return r;
}

void vt_edit_swap_begin(struct vt_edit *edit)
{
	(void) pthread_rwlock_wrlock(&edit->catalog->lock);
	if (edit->dataset)
		vt_catalog_put_dataset(edit->catalog, edit->slot, vt_steal(&edit->dataset));
	for (size_t i = 0; i < edit->version_count; i++)
		vt_catalog_put_version(edit->catalog, edit->slot, edit->versions[i]);
	edit->version_count = 0;
}

void vt_edit_swap_end(struct vt_edit *edit)
{
	(void) atomic_fetch_add(&edit->catalog->generation, 1);
	(void) pthread_rwlock_unlock(&edit->catalog->lock);
	VT_CRASHPOINT("catalog-shown");
}

int vt_edit_finish(struct vt_edit *edit, struct vt_error *err)
{
	int r = vt_edit_write(edit, err);

	if (r < 0)
		return r;
	vt_edit_swap_begin(edit);
	vt_edit_swap_end(edit);
	return 0;
}
