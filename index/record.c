/* SPDX-License-Identifier: Apache-2.0 */
/* See record.h: keys, and the records without texts. Those with texts are in snapshot.c. */
#include "index/record.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/record_private.h"

void vt_key_u32(uint32_t id, uint8_t key[4])
{
	id = htobe32(id);
	memcpy(key, &id, sizeof id);
}

void vt_key_u32_u32(uint32_t id, uint32_t second, uint8_t key[8])
{
	vt_key_u32(id, key);
	vt_key_u32(second, key + 4);
}

void vt_key_u64(uint64_t id, uint8_t key[8])
{
	id = htobe64(id);
	memcpy(key, &id, sizeof id);
}

uint32_t vt_key_read_u32(const void *key)
{
	uint32_t id;

	memcpy(&id, key, sizeof id);
	return be32toh(id);
}

uint64_t vt_key_read_u64(const void *key)
{
	uint64_t id;

	memcpy(&id, key, sizeof id);
	return be64toh(id);
}

void vt_page_digest_key(uint32_t domain, const struct vt_digest *digest,
			uint8_t key[VT_PAGE_DIGEST_KEY])
{
	vt_key_u32(domain, key);
	memcpy(key + 4, digest->bytes, VT_DIGEST_LEN);
}

void vt_dictionary_key(uint32_t domain, uint32_t id, uint8_t key[8])
{
	vt_key_u32_u32(domain, id, key);
}

int vt_record_format(struct vt_reader *r, uint8_t newest, const char *what, struct vt_error *err)
{
	uint8_t format = vt_reader_u8(r);

	if (format > newest)
		return vt_fail(err, ENOTSUP, "the record of a %s was made by a newer vitrine",
			       what);
	if (format == 0)
		return vt_fail(err, EBADMSG, "the record of a %s is damaged", what);
	return format;
}

int vt_record_begin(struct vt_reader *r, const char *what, struct vt_error *err)
{
	int format = vt_record_format(r, VT_RECORD_FORMAT, what, err);

	return format < 0 ? format : 0;
}

void vt_record_put_text(struct vt_buf *out, const char *text)
{
	size_t len = strlen(text);

	vt_buf_put_le16(out, (uint16_t) len);
	vt_buf_put(out, text, len + 1);
}

const char *vt_record_get_text(struct vt_reader *r, size_t max)
{
	size_t len = vt_reader_le16(r);
	const char *text = vt_reader_get(r, len + 1);

	if (text && (len > max || strnlen(text, len + 1) != len))
		r->failed = true;
	return r->failed ? "" : text;
}

int vt_record_end(const struct vt_reader *r, bool valid, const char *what, struct vt_error *err)
{
	if (r->failed || !valid || vt_reader_left(r) != 0)
		return vt_fail(err, EBADMSG, "the record of a %s is damaged", what);
	return 0;
}

int vt_record_written(const struct vt_buf *out)
{
	return vt_buf_failed(out) ? -ENOMEM : 0;
}

int vt_space_encode(uint32_t id, struct vt_buf *out)
{
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_le32(out, id);
	return vt_record_written(out);
}

int vt_space_decode(const void *data, size_t len, uint32_t *id, struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	uint32_t value;
	int e = vt_record_begin(&r, "space", err);

	if (e < 0)
		return e;
	value = vt_reader_le32(&r);
	e = vt_record_end(&r, value != 0, "space", err);
	if (e == 0)
		*id = value;
	return e;
}

int vt_tag_encode(uint32_t version, uint32_t link, struct vt_buf *out)
{
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_le32(out, version);
	vt_buf_put_le32(out, link);
	return vt_record_written(out);
}

int vt_tag_decode(const void *data, size_t len, uint32_t *version, uint32_t *link,
		  struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	uint32_t v, l;
	int e = vt_record_begin(&r, "tag", err);

	if (e < 0)
		return e;
	v = vt_reader_le32(&r);
	l = vt_reader_le32(&r);
	e = vt_record_end(&r, v != 0 && l != 0, "tag", err);
	if (e < 0)
		return e;
	*version = v;
	*link = l;
	return 0;
}

int vt_exhibit_encode(uint32_t version, enum vt_exhibit_state state, struct vt_buf *out)
{
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_u8(out, (uint8_t) state);
	vt_buf_put_le32(out, version);
	return vt_record_written(out);
}

int vt_exhibit_decode(const void *data, size_t len, uint32_t *version, enum vt_exhibit_state *state,
		      struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	uint32_t v;
	uint8_t s;
	int e = vt_record_begin(&r, "exhibit", err);

	if (e < 0)
		return e;
	s = vt_reader_u8(&r);
	v = vt_reader_le32(&r);
	e = vt_record_end(&r, v != 0 && (s == VT_EXHIBIT_LIVE || s == VT_EXHIBIT_RETIRED),
			  "exhibit", err);
	if (e < 0)
		return e;
	*version = v;
	*state = s;
	return 0;
}

int vt_shard_encode(const struct vt_shard_record *shard, struct vt_buf *out)
{
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put(out, shard->uuid, sizeof shard->uuid);
	vt_buf_put_le32(out, shard->domain);
	vt_buf_put_le32(out, shard->dictionary);
	vt_buf_put_le32(out, shard->frames);
	vt_buf_put_le64(out, shard->size);
	vt_buf_put_le64(out, shard->content_size);
	vt_buf_put(out, shard->digest.bytes, VT_DIGEST_LEN);
	return vt_record_written(out);
}

int vt_shard_decode(const void *data, size_t len, struct vt_shard_record *out, struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_shard_record shard = {0};
	int e = vt_record_begin(&r, "shard", err);

	if (e < 0)
		return e;
	vt_record_get_bytes(&r, shard.uuid, sizeof shard.uuid);
	shard.domain = vt_reader_le32(&r);
	shard.dictionary = vt_reader_le32(&r);
	shard.frames = vt_reader_le32(&r);
	shard.size = vt_reader_le64(&r);
	shard.content_size = vt_reader_le64(&r);
	vt_record_get_bytes(&r, shard.digest.bytes, VT_DIGEST_LEN);
	e = vt_record_end(&r, shard.domain != 0, "shard", err);
	if (e == 0)
		*out = shard;
	return e;
}

int vt_import_encode(uint32_t dataset, uint64_t begun_ns, struct vt_buf *out)
{
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_le32(out, dataset);
	vt_buf_put_le64(out, begun_ns);
	return vt_record_written(out);
}

int vt_import_decode(const void *data, size_t len, uint32_t *dataset, uint64_t *begun_ns,
		     struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	uint64_t begun;
	uint32_t id;
	int e = vt_record_begin(&r, "import", err);

	if (e < 0)
		return e;
	id = vt_reader_le32(&r);
	begun = vt_reader_le64(&r);
	e = vt_record_end(&r, id != 0, "import", err);
	if (e < 0)
		return e;
	*dataset = id;
	*begun_ns = begun;
	return 0;
}
