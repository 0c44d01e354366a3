/* SPDX-License-Identifier: Apache-2.0 */
/* Directories: opening and listing (ops.h). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/node.h"
#include "fs/ops.h"
#include "fs/session.h"

#define UNKNOWN_INO 0xffffffff /* as libfuse has it */
#define DOT_NAMES   2u         /* "." and ".." stand before the entries of a listing */

static int run_opendir(struct vt_request *request, bool nowait)
{
	struct fuse_file_info file = {0};
	struct vt_shown shown;
	int r = vt_op_admit(request, nowait, VT_RIGHT_BROWSE, &shown, NULL);

	if (r < 0)
		return r;
	if (vt_node_exhibit(request->id))
		file.cache_readdir = file.keep_cache = 1; /* both, or it is not kept */
	vt_shown_done(&shown);
	if (vt_request_claim(request))
		(void) fuse_reply_open(request->req, &file);
	vt_op_end(request);
	return 0;
}

/* ENOSYS: the kernel opens by itself from now on, keeps listings, and asks no more. */
void vt_op_opendir(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	(void) file;
	if (!vt_session_checks_open(fuse_req_userdata(req))) {
		(void) fuse_reply_err(req, ENOSYS);
		return;
	}
	vt_op_start(req, id, VT_OP_OPEN, run_opendir);
}

/* A reply being filled: names with attributes (plus), or names alone. */
struct dirents {
	struct vt_request *request;
	char *data;
	size_t used, size;
};

/* False when it does not fit any more. */
static bool put_dirent(struct dirents *out, const char *name, const struct fuse_entry_param *entry,
		       off_t next)
{
	fuse_req_t req = out->request->req;
	char *at = out->data + out->used;
	size_t room = out->size - out->used, len;

	len = out->request->plus ? fuse_add_direntry_plus(req, at, room, name, entry, next)
				 : fuse_add_direntry(req, at, room, name, &entry->attr, next);
	if (len > room)
		return false;
	out->used += len;
	return true;
}

/* "." and "..": no id, so that the kernel makes no entry for them. */
static bool put_dots(struct dirents *out, const struct vt_shown *directory, uint64_t *next)
{
	struct fuse_entry_param entry = {.attr = {.st_mode = S_IFDIR | 0555}};

	for (; *next < DOT_NAMES; ++*next) {
		entry.attr.st_ino = UNKNOWN_INO;
		if (*next == 0 && directory->version && !directory->view)
			entry.attr.st_ino = (ino_t) directory->version->serial << 32 |
					    vt_node_position(directory->id);
		if (!put_dirent(out, *next == 0 ? "." : "..", &entry, (off_t) *next + 1))
			return false;
	}
	return true;
}

static int entry_for_listing(struct vt_request *request, const struct vt_shown *child, bool nowait,
			     struct fuse_entry_param *out)
{
	const struct vt_viewer viewer = vt_op_viewer(request);

	if (child->kind == VT_SHOWN_NAME) { /* no id: the kernel looks it up when it is used */
		*out = (struct fuse_entry_param){
			.attr = {.st_mode = S_IFDIR | 0555, .st_ino = UNKNOWN_INO}};
		return 0;
	}
	if (request->plus)
		return vt_op_fill_entry(request, child, nowait, out);
	*out = (struct fuse_entry_param){.ino = child->id};
	return vt_shown_stat(&viewer, child, nowait, &out->attr, NULL);
}

static int fill_listing(struct vt_request *request, const struct vt_shown *directory, bool nowait,
			struct dirents *out)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	vt_cleanup(vt_listing_freep) struct vt_listing *listing = NULL;
	uint64_t next = (uint64_t) request->offset;
	char name[VT_NAME_LEN_MAX + 1];
	struct fuse_entry_param entry;
	struct vt_shown child;
	const char *bytes;
	size_t len;
	int r;

	if (!put_dots(out, directory, &next))
		return 0;
	r = vt_listing_new(&viewer, directory, next - DOT_NAMES, nowait, &listing, NULL);
	while (r >= 0) {
		r = vt_listing_next(listing, nowait, &bytes, &len, &child, NULL);
		if (r <= 0)
			break;
		r = entry_for_listing(request, &child, nowait, &entry);
		if (r < 0)
			break;
		memcpy(name, bytes, len);
		name[len] = '\0';
		next = DOT_NAMES + vt_listing_tell(listing);
		if (!put_dirent(out, name, &entry, (off_t) next))
			return 0;
	}
	/* What was collected before the end of patience is an answer too. */
	return out->used > 0 ? 0 : r;
}

static int run_readdir(struct vt_request *request, bool nowait)
{
	struct dirents out = {.request = request, .size = request->size};
	struct vt_shown directory;
	int r = vt_op_resolve(request, nowait, &directory);

	if (r < 0)
		return r;
	out.data = malloc(request->size);
	r = out.data ? fill_listing(request, &directory, nowait, &out) : -ENOMEM;
	if (r == 0) {
		if (vt_request_claim(request))
			(void) fuse_reply_buf(request->req, out.data, out.used);
		vt_op_end(request);
	}
	free(out.data);
	vt_shown_done(&directory);
	return r;
}

static void list(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset, bool plus)
{
	struct vt_request *request = vt_op_begin(req, id, VT_OP_READDIR, run_readdir);

	if (!request)
		return;
	request->size = vt_op_size(size);
	request->offset = offset;
	request->plus = plus;
	vt_op_run(request);
}

void vt_op_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		   struct fuse_file_info *file)
{
	(void) file;
	list(req, id, size, offset, false);
}

void vt_op_readdirplus(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	(void) file;
	list(req, id, size, offset, true);
}
