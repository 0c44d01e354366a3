/* SPDX-License-Identifier: Apache-2.0 */
/* See manifest.h. */
#include "index/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"

static int read_current(const char *index, uint64_t *number, struct vt_error *err)
{
	char path[4096], text[64] = "";
	vt_autoclose int fd = -1;

	if (snprintf(path, sizeof path, "%s/CURRENT", index) >= (int) sizeof path)
		return vt_fail(err, ENAMETOOLONG, "the path of the index is too long");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		return vt_fail(err, errno, "cannot read '%s': %m", path);
	if (sscanf(text, "MANIFEST-%" SCNu64, number) != 1)
		return vt_fail(err, EBADMSG, "'%s' is damaged", path);
	return 0;
}

int vt_manifest_open(const char *index, struct vt_manifest *out, struct vt_error *err)
{
	struct vt_manifest manifest = {.fd = -1};
	char path[4096];
	int r = read_current(index, &manifest.mark.number, err);

	if (r < 0)
		return r;
	if (snprintf(path, sizeof path, "%s/MANIFEST-%06" PRIu64, index, manifest.mark.number) >=
	    (int) sizeof path)
		return vt_fail(err, ENAMETOOLONG, "the path of the index is too long");
	manifest.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (manifest.fd < 0)
		return vt_fail(err, errno == ENOENT ? EBADMSG : errno, "cannot open '%s': %m",
			       path);
	manifest.hash = XXH64_createState();
	if (!manifest.hash) {
		vt_manifest_close(&manifest);
		return vt_fail(err, ENOMEM, "no memory to read the list of tables");
	}
	(void) XXH64_reset(manifest.hash, 0);
	*out = manifest;
	return 0;
}

void vt_manifest_close(struct vt_manifest *manifest)
{
	if (manifest->fd >= 0)
		(void) close(manifest->fd);
	(void) XXH64_freeState(manifest->hash);
	manifest->fd = -1;
	manifest->hash = NULL;
}

/* Reads on, up to `end`. */
static int read_on(struct vt_manifest *manifest, uint64_t end, struct vt_error *err)
{
	char bytes[16384];

	while (manifest->mark.length < end) {
		uint64_t left = end - manifest->mark.length;
		ssize_t n = pread(manifest->fd, bytes, left < sizeof bytes ? left : sizeof bytes,
				  (off_t) manifest->mark.length);

		if (n < 0)
			return vt_fail(err, errno, "cannot read the list of tables: %m");
		if (n == 0)
			break;
		(void) XXH64_update(manifest->hash, bytes, (size_t) n);
		manifest->mark.length += (uint64_t) n;
	}
	manifest->mark.hash = XXH64_digest(manifest->hash);
	return 0;
}

int vt_manifest_advance(struct vt_manifest *manifest, struct vt_error *err)
{
	uint64_t before = manifest->mark.length;
	int r = read_on(manifest, UINT64_MAX, err);

	if (r == 0 && manifest->mark.length > before && fdatasync(manifest->fd) < 0)
		return vt_fail(err, errno, "cannot sync the list of tables: %m");
	return r;
}

/* *out: the first `end` bytes of the list that CURRENT names. */
static int mark_up_to(const char *index, uint64_t end, struct vt_manifest_mark *out,
		      struct vt_error *err)
{
	struct vt_manifest manifest;
	int r = vt_manifest_open(index, &manifest, err);

	if (r < 0)
		return r;
	r = read_on(&manifest, end, err);
	*out = manifest.mark;
	vt_manifest_close(&manifest);
	return r;
}

static bool is_same(const struct vt_manifest_mark *a, const struct vt_manifest_mark *b)
{
	return a->number == b->number && a->length == b->length && a->hash == b->hash;
}

int vt_manifest_check(const char *index, const struct vt_manifest_mark *mark, struct vt_error *err)
{
	struct vt_manifest_mark found;
	uint64_t number;
	int r = read_current(index, &number, err);

	if (r < 0 || number > mark->number)
		return r;
	r = mark_up_to(index, mark->length, &found, err);
	if (r == 0 && !is_same(&found, mark))
		r = vt_fail(err, EBADMSG,
			    "its list of tables, MANIFEST-%06" PRIu64
			    ", is damaged; nothing was changed: restore the whole store from a "
			    "copy",
			    mark->number);
	return r;
}

bool vt_manifest_is(const char *index, const struct vt_manifest_mark *mark)
{
	struct vt_manifest_mark found;

	return mark_up_to(index, UINT64_MAX, &found, NULL) == 0 && is_same(&found, mark);
}
