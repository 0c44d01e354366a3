/* SPDX-License-Identifier: Apache-2.0 */
/* See gunzip.h. RFC 1952; gzip(1) is gzip 1.12. */
#include "tools/publish/gunzip.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "index/base/error.h"

#define BUFFER (128u << 10)
#define MAGIC  3u /* bytes: two of magic, one of method */

struct vt_gunzip {
	struct vt_input input; /* first */
	struct vt_input *from;
	const char *name;
	z_stream z; /* its input lies in buffer */
	enum { BETWEEN, INSIDE, ENDED } state;
	bool later; /* a member has been read */
	bool garbage;
	uint8_t buffer[BUFFER];
};

/* Reads on until `wanted` bytes are there or the input ends. */
static int fill(struct vt_gunzip *gunzip, size_t wanted, struct vt_error *err)
{
	z_stream *z = &gunzip->z;

	if (z->avail_in > 0)
		memmove(gunzip->buffer, z->next_in, z->avail_in);
	z->next_in = gunzip->buffer;
	while (z->avail_in < wanted) {
		ssize_t n = gunzip->from->read(gunzip->from, gunzip->buffer + z->avail_in,
					       BUFFER - z->avail_in, err);

		if (n <= 0)
			return (int) n;
		z->avail_in += (unsigned) n;
	}
	return 0;
}

static int look_behind(struct vt_gunzip *gunzip, struct vt_error *err)
{
	z_stream *z = &gunzip->z;
	int r;

	do {
		for (size_t i = 0; i < z->avail_in; i++)
			gunzip->garbage = gunzip->garbage || z->next_in[i] != 0;
		z->avail_in = 0;
		r = fill(gunzip, 1, err);
	} while (r == 0 && z->avail_in > 0);
	return r;
}

/* Between members: another one, or the end. */
static int begin_member(struct vt_gunzip *gunzip, struct vt_error *err)
{
	static const uint8_t magic[MAGIC] = {0x1f, 0x8b, Z_DEFLATED};
	z_stream *z = &gunzip->z;
	unsigned alike = 0, len;
	int r = fill(gunzip, MAGIC, err);

	if (r < 0)
		return r;
	len = z->avail_in < MAGIC ? z->avail_in : MAGIC;
	for (unsigned i = 0; i < len; i++)
		alike += z->next_in[i] == magic[i];
	if (!gunzip->later || (len == MAGIC && memcmp(z->next_in, magic, 2) == 0)) {
		gunzip->state = INSIDE;
		return 0;
	}
	if (len > 0 && (alike == len || alike == 2))
		return vt_fail(err, EBADMSG, "'%s' is damaged: a gzip member has a wrong header",
			       gunzip->name);
	gunzip->state = ENDED;
	return look_behind(gunzip, err);
}

static int fail_inflate(const struct vt_gunzip *gunzip, int status, struct vt_error *err)
{
	if (status == Z_MEM_ERROR)
		return vt_fail(err, ENOMEM, "no memory to decompress '%s'", gunzip->name);
	return vt_fail(err, EBADMSG, "'%s' is damaged: %s", gunzip->name,
		       gunzip->z.msg ? gunzip->z.msg : "not gzip data");
}

static int inflate_some(struct vt_gunzip *gunzip, struct vt_error *err)
{
	z_stream *z = &gunzip->z;
	int status;

	if (z->avail_in == 0) {
		int r = fill(gunzip, 1, err);

		if (r < 0)
			return r;
		if (z->avail_in == 0)
			return vt_fail(err, EBADMSG, "'%s' is damaged: truncated gzip data",
				       gunzip->name);
	}
	status = inflate(z, Z_NO_FLUSH);
	if (status == Z_STREAM_END) {
		gunzip->state = BETWEEN;
		gunzip->later = true;
		status = inflateReset(z);
	}
	return status == Z_OK ? 0 : fail_inflate(gunzip, status, err);
}

static ssize_t read_gunzip(struct vt_input *input, void *data, size_t len, struct vt_error *err)
{
	struct vt_gunzip *gunzip = (struct vt_gunzip *) input;
	unsigned room = len < BUFFER ? (unsigned) len : BUFFER;
	int r = 0;

	gunzip->z.next_out = data;
	gunzip->z.avail_out = room;
	while (r == 0 && gunzip->state != ENDED && gunzip->z.avail_out == room)
		r = gunzip->state == BETWEEN ? begin_member(gunzip, err)
					     : inflate_some(gunzip, err);
	return r < 0 ? r : (ssize_t) (room - gunzip->z.avail_out);
}

int vt_gunzip_new(struct vt_input *from, const char *name, struct vt_gunzip **out,
		  struct vt_error *err)
{
	struct vt_gunzip *gunzip = calloc(1, sizeof *gunzip);

	/* 16: with gzip's header and trailer */
	if (!gunzip || inflateInit2(&gunzip->z, 16 + MAX_WBITS) != Z_OK) {
		free(gunzip);
		return vt_fail(err, ENOMEM, "no memory to decompress '%s'", name);
	}
	gunzip->input.read = read_gunzip;
	gunzip->from = from;
	gunzip->name = name;
	*out = gunzip;
	return 0;
}

void vt_gunzip_free(struct vt_gunzip *gunzip)
{
	if (!gunzip)
		return;
	(void) inflateEnd(&gunzip->z);
	free(gunzip);
}

struct vt_input *vt_gunzip_input(struct vt_gunzip *gunzip)
{
	return &gunzip->input;
}

bool vt_gunzip_has_garbage(const struct vt_gunzip *gunzip)
{
	return gunzip->garbage;
}
