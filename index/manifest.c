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

static int open_folder(const char *index, struct vt_error *err)
{
	int folder = open(index, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return folder < 0 ? vt_fail(err, errno, "cannot open '%s': %m", index) : folder;
}

static int read_current(int folder, uint64_t *number, struct vt_error *err)
{
	char text[64] = "";
	vt_autoclose int fd = openat(folder, "CURRENT", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		return vt_fail(err, errno, "cannot read 'CURRENT': %m");
	if (sscanf(text, "MANIFEST-%" SCNu64, number) != 1)
		return vt_fail(err, EBADMSG, "'CURRENT' is damaged");
	return 0;
}

/* Follows the list that CURRENT names in `folder`, which stays the caller's if that fails. */
static int open_list(int folder, struct vt_manifest *out, struct vt_error *err)
{
	struct vt_manifest manifest = {.folder = folder, .fd = -1};
	char name[64];
	int r = fstatat(folder, "CURRENT", &manifest.current, 0) < 0
			? vt_fail(err, errno, "cannot read 'CURRENT': %m")
			: read_current(folder, &manifest.mark.number, err);

	if (r < 0)
		return r;
	(void) snprintf(name, sizeof name, "MANIFEST-%06" PRIu64, manifest.mark.number);
	manifest.fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
	if (manifest.fd < 0)
		return vt_fail(err, errno == ENOENT ? EBADMSG : errno, "cannot open '%s': %m",
			       name);
	manifest.hash = XXH64_createState();
	if (!manifest.hash) {
		(void) close(manifest.fd);
		return vt_fail(err, ENOMEM, "no memory to read the list of tables");
	}
	(void) XXH64_reset(manifest.hash, 0);
	*out = manifest;
	return 0;
}

static void close_list(struct vt_manifest *manifest)
{
	if (manifest->fd >= 0)
		(void) close(manifest->fd);
	(void) XXH64_freeState(manifest->hash);
	manifest->fd = -1;
	manifest->hash = NULL;
}

int vt_manifest_open(const char *index, struct vt_manifest *out, struct vt_error *err)
{
	vt_autoclose int folder = open_folder(index, err);
	int r = folder < 0 ? folder : open_list(folder, out, err);

	if (r == 0)
		(void) vt_steal_fd(&folder);
	return r;
}

void vt_manifest_close(struct vt_manifest *manifest)
{
	if (manifest->fd >= 0)
		(void) close(manifest->folder);
	close_list(manifest);
}

/* CURRENT is never written to: another one takes its place. */
static bool is_current(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int follow(struct vt_manifest *manifest, struct vt_error *err)
{
	struct vt_manifest next;
	struct stat st;
	int r;

	if (fstatat(manifest->folder, "CURRENT", &st, 0) < 0)
		return vt_fail(err, errno, "cannot read 'CURRENT': %m");
	if (is_current(&st, &manifest->current))
		return 0;
	r = open_list(manifest->folder, &next, err);
	if (r < 0)
		return r;
	close_list(manifest);
	*manifest = next;
	return 0;
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
	int r = follow(manifest, err);
	uint64_t before = manifest->mark.length;

	if (r == 0)
		r = read_on(manifest, UINT64_MAX, err);
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
	vt_autoclose int folder = open_folder(index, err);
	struct vt_manifest_mark found;
	uint64_t number;
	int r = folder < 0 ? folder : read_current(folder, &number, err);

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
