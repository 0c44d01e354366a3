/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FUSE table: ask, then reply. The one place where our codes meet the kernel.
 *
 * A handler makes a request and runs it in the session's thread without waiting; where that would
 * need a disk (-EAGAIN) the same function runs again on a pool thread, where it may wait. File data
 * always comes through vt_file_reader_read(), which does the same for frames. So a slow disk stops
 * only the reads that need it.
 *
 * Order in every handler: the request is entered, then its exhibit is looked up. A narrowing flips
 * the exhibit first and drains the table next, so nothing slips between (fs/session.c, retire_in).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "fs/document_read.h"
#include "fs/file_reader.h"
#include "fs/node.h"
#include "fs/session.h"
#include "fs/status.h"
#include "fs/xattr.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"

#define FOREVER    1e9        /* s: what is in a version never changes */
#define CHANGING   1.0        /* s: names of datasets, versions and tags */
#define MAX_WRITE  (1u << 20) /* also bounds a READ; libfuse 3.14 fails above 1 MiB */
#define BACKGROUND 1024u /* reads ahead under way: the usual 12 would let one slow shard stop all  \
			  */
#define DOT_NAMES 2u     /* "." and ".." stand before the entries of a listing */

/* ---- running requests
 * ---------------------------------------------------------------------------- */

static struct vt_service *service_of(const struct vt_request *request)
{
	return request->session->service;
}

static void end(struct vt_request *request)
{
	vt_request_end(&request->session->requests, request);
}

/* The kernel is never told of bad stored bytes but as EIO; the log has the words. */
static int shown_errno(int r)
{
	return r == -EBADMSG ? EIO : -r;
}

static void fail(struct vt_request *request, int r)
{
	if (vt_request_claim(request))
		(void) fuse_reply_err(request->req, shown_errno(r));
	end(request);
}

static void run_waiting(struct vt_io_task *task)
{
	struct vt_request *request = (struct vt_request *) task;
	int r = request->run(request, false);

	if (r < 0)
		fail(request, r == -EAGAIN ? -EIO : r);
}

static void run(struct vt_request *request)
{
	int r = request->run(request, true);

	if (r == -EAGAIN) {
		request->task = (struct vt_io_task){.run = run_waiting, .lane = 0};
		vt_io_pool_submit(service_of(request)->pool, &request->task);
	} else if (r < 0) {
		fail(request, r);
	}
}

static struct vt_request *begin(fuse_req_t req, fuse_ino_t id, vt_request_run *function)
{
	struct vt_session *session = fuse_req_userdata(req);

	return vt_request_begin(&session->requests, session, req, id, function);
}

/* What an id stands for, for a handler; damage is worth a line. */
static int resolve(struct vt_request *request, bool nowait, struct vt_shown *out)
{
	struct vt_error err = {0};
	int r = vt_shown_resolve(service_of(request), request->id, nowait, out, &err);

	if (r < 0 && r != -EAGAIN && r != -ESTALE)
		vt_log(VT_LOG_ERROR, "cannot resolve a node id=%016llx: %s",
		       (unsigned long long) request->id, err.text);
	return r;
}

static int may(struct vt_request *request, const struct vt_shown *shown, enum vt_right right)
{
	return vt_gate_check(service_of(request)->gate, &request->subject, right,
			     vt_shown_object(shown), NULL, NULL);
}

/* ---- attributes and names
 * -------------------------------------------------------------------------- */

static double timeout_of(const struct vt_shown *shown)
{
	/* The root of a version is a name in the changing part. */
	return vt_node_exhibit(shown->id) && vt_node_position(shown->id) ? FOREVER : CHANGING;
}

/* Notes the id before the kernel can learn of it. */
static int fill_entry(struct vt_request *request, const struct vt_shown *shown, bool nowait,
		      struct fuse_entry_param *out)
{
	int r;

	*out = (struct fuse_entry_param){.ino = shown->id};
	r = vt_shown_stat(service_of(request), shown, nowait, &out->attr, NULL);
	if (r < 0)
		return r;
	out->entry_timeout = timeout_of(shown);
	out->attr_timeout = shown->kind == VT_SHOWN_CONTROL ? 0 : out->entry_timeout;
	if (vt_node_exhibit(shown->id))
		vt_session_state_note(request->session->state, shown->id,
				      shown->version->tree.root.nodes);
	return 0;
}

/* An absent name: for ever inside a version, never in the part that changes. */
static void reply_absent(struct vt_request *request, const struct vt_shown *parent)
{
	struct fuse_entry_param entry = {.entry_timeout = FOREVER};

	if (!vt_request_claim(request))
		return;
	if (vt_node_exhibit(parent->id))
		(void) fuse_reply_entry(request->req, &entry);
	else
		(void) fuse_reply_err(request->req, ENOENT);
}

static int run_lookup(struct vt_request *request, bool nowait)
{
	struct vt_shown parent, child = {0};
	struct fuse_entry_param entry;
	int r = resolve(request, nowait, &parent);

	if (r < 0)
		return r;
	r = vt_shown_lookup(service_of(request), &parent, request->name, nowait, &child, NULL);
	if (r == 0)
		r = fill_entry(request, &child, nowait, &entry);
	if (r == 0 && vt_request_claim(request))
		(void) fuse_reply_entry(request->req, &entry);
	else if (r == -ENOENT)
		reply_absent(request, &parent);
	vt_shown_done(&child);
	vt_shown_done(&parent);
	if (r < 0 && r != -ENOENT)
		return r;
	end(request);
	return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct vt_request *request;

	if (strlen(name) > VT_NAME_LEN_MAX) {
		(void) fuse_reply_err(req, ENAMETOOLONG);
		return;
	}
	request = begin(req, parent, run_lookup);
	if (!request)
		return;
	strcpy(request->name, name);
	run(request);
}

static int run_getattr(struct vt_request *request, bool nowait)
{
	struct vt_shown shown;
	struct stat st;
	int r = resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	r = vt_shown_stat(service_of(request), &shown, nowait, &st, NULL);
	if (r == 0 && vt_request_claim(request))
		(void) fuse_reply_attr(request->req, &st,
				       shown.kind == VT_SHOWN_CONTROL ? 0 : timeout_of(&shown));
	vt_shown_done(&shown);
	if (r == 0)
		end(request);
	return r;
}

static void op_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	struct vt_request *request = begin(req, id, run_getattr);

	(void) file;
	if (request)
		run(request);
}

static int run_readlink(struct vt_request *request, bool nowait)
{
	char text[VT_TARGET_LEN_MAX + 1];
	struct vt_shown shown;
	const char *target;
	size_t len;
	int r = resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	r = vt_shown_target(&shown, &target, &len);
	if (r == 0) {
		memcpy(text, target, len);
		text[len] = '\0';
	}
	vt_shown_done(&shown);
	if (r < 0)
		return r;
	if (vt_request_claim(request))
		(void) fuse_reply_readlink(request->req, text);
	end(request);
	return 0;
}

static void op_readlink(fuse_req_t req, fuse_ino_t id)
{
	struct vt_request *request = begin(req, id, run_readlink);

	if (request)
		run(request);
}

/* ---- directories
 * ------------------------------------------------------------------------------------- */

static int run_opendir(struct vt_request *request, bool nowait)
{
	struct fuse_file_info file = {0};
	struct vt_shown shown;
	int r = resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	r = may(request, &shown, VT_RIGHT_BROWSE);
	if (r == 0 && vt_node_exhibit(request->id))
		file.cache_readdir = file.keep_cache = 1; /* both, or it is not kept */
	vt_shown_done(&shown);
	if (r < 0)
		return r;
	if (vt_request_claim(request))
		(void) fuse_reply_open(request->req, &file);
	end(request);
	return 0;
}

static void op_opendir(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	struct vt_request *request = begin(req, id, run_opendir);

	(void) file;
	if (request)
		run(request);
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
		entry.attr.st_ino = *next == 0 && directory->version
					    ? (ino_t) directory->version->serial << 32 |
						      vt_node_position(directory->id)
					    : 0xffffffff; /* unknown, as libfuse has it */
		if (!put_dirent(out, *next == 0 ? "." : "..", &entry, (off_t) *next + 1))
			return false;
	}
	return true;
}

static int entry_for_listing(struct vt_request *request, const struct vt_shown *child, bool nowait,
			     struct fuse_entry_param *out)
{
	if (request->plus)
		return fill_entry(request, child, nowait, out);
	*out = (struct fuse_entry_param){.ino = child->id};
	return vt_shown_stat(service_of(request), child, nowait, &out->attr, NULL);
}

static int fill_listing(struct vt_request *request, const struct vt_shown *directory, bool nowait,
			struct dirents *out)
{
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
	r = vt_listing_new(service_of(request), directory, next - DOT_NAMES, &listing, NULL);
	while (r >= 0) {
		r = vt_listing_next(listing, nowait, &bytes, &len, &child, NULL);
		if (r <= 0)
			break;
		r = entry_for_listing(request, &child, nowait, &entry);
		if (r < 0)
			break;
		memcpy(name, bytes, len);
		name[len] = '\0';
		if (!put_dirent(out, name, &entry, (off_t) ++next))
			return 0;
	}
	/* What was collected before the end of patience is an answer too. */
	return out->used > 0 ? 0 : r;
}

static int run_readdir(struct vt_request *request, bool nowait)
{
	struct dirents out = {.request = request, .size = request->size};
	struct vt_shown directory;
	int r = resolve(request, nowait, &directory);

	if (r < 0)
		return r;
	out.data = malloc(request->size);
	r = out.data ? fill_listing(request, &directory, nowait, &out) : -ENOMEM;
	if (r == 0) {
		if (vt_request_claim(request))
			(void) fuse_reply_buf(request->req, out.data, out.used);
		end(request);
	}
	free(out.data);
	vt_shown_done(&directory);
	return r;
}

static void list(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset, bool plus)
{
	struct vt_request *request = begin(req, id, run_readdir);

	if (!request)
		return;
	request->size = size;
	request->offset = offset;
	request->plus = plus;
	run(request);
}

static void op_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	(void) file;
	list(req, id, size, offset, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
			   struct fuse_file_info *file)
{
	(void) file;
	list(req, id, size, offset, true);
}

/* ---- files
 * ------------------------------------------------------------------------------------------- */

static int run_open(struct vt_request *request, bool nowait)
{
	struct fuse_file_info file = {.noflush = 1};
	struct vt_shown shown;
	int r = resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	r = may(request, &shown, VT_RIGHT_READ);
	file.keep_cache = shown.kind != VT_SHOWN_CONTROL;
	file.direct_io = shown.kind == VT_SHOWN_CONTROL;
	vt_shown_done(&shown);
	if (r < 0)
		return r;
	if (vt_request_claim(request))
		(void) fuse_reply_open(request->req, &file);
	end(request);
	return 0;
}

static void op_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	struct vt_request *request;

	(void) file;
	request = begin(req, id, run_open);
	if (request)
		run(request);
}

static void read_done(void *context, int r, const struct iovec *pieces, int count)
{
	struct vt_request *request = context;

	if (r < 0) {
		fail(request, r);
		return;
	}
	if (vt_request_claim(request))
		(void) fuse_reply_iov(request->req, pieces, count);
	end(request);
}

static int read_text(struct vt_request *request, const struct vt_buf *text, uint64_t offset)
{
	size_t left;

	if (vt_buf_failed(text))
		return -ENOMEM;
	left = offset < text->len ? text->len - offset : 0;
	if (left > request->size)
		left = request->size;
	if (vt_request_claim(request))
		(void) fuse_reply_buf(request->req, left ? (char *) text->data + offset : NULL,
				      left);
	end(request);
	return 0;
}

/* Generated texts are made on a pool thread: a part of one may need many pages. */
static int read_generated(struct vt_request *request, const struct vt_shown *shown, bool nowait)
{
	struct vt_buf text = VT_BUF_INIT;
	struct vt_error err = {0};
	int r = 0;

	if (nowait)
		return -EAGAIN;
	if (shown->kind == VT_SHOWN_CONTROL) {
		vt_status_text(service_of(request), shown->number, &text);
		r = read_text(request, &text, (uint64_t) request->offset);
	} else {
		r = vt_document_read(service_of(request), shown->dataset, shown->version,
				     shown->document, (uint64_t) request->offset, request->size,
				     &text, &err);
		if (r == 0)
			r = read_text(request, &text, 0);
		else
			vt_log(VT_LOG_ERROR, "cannot make %s: %s",
			       vt_document_name(shown->document), err.text);
	}
	vt_buf_done(&text);
	return r;
}

static struct vt_content content_of(const struct vt_shown *shown)
{
	return (struct vt_content){.domain = shown->dataset->domain,
				   .id = shown->node.entry.content,
				   .size = shown->node.entry.size,
				   .hint = shown->node.entry.hint};
}

static bool is_file(const struct vt_shown *shown)
{
	return shown->kind == VT_SHOWN_TREE && shown->node.entry.type == VT_FILE;
}

static int run_read(struct vt_request *request, bool nowait)
{
	struct vt_content content;
	struct vt_shown shown;
	int r = resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	if (!is_file(&shown)) {
		r = shown.kind == VT_SHOWN_CONTROL || shown.kind == VT_SHOWN_DOCUMENT
			    ? read_generated(request, &shown, nowait)
			    : -EINVAL;
		vt_shown_done(&shown);
		return r;
	}
	content = content_of(&shown);
	vt_shown_done(&shown);
	/* From here on the request is read_done's. */
	vt_file_reader_read(service_of(request)->reader, &content, (uint64_t) request->offset,
			    request->size, read_done, request);
	return 0;
}

static void op_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	struct vt_request *request = begin(req, id, run_read);

	(void) file;
	if (!request)
		return;
	request->size = size;
	request->offset = offset;
	run(request);
}

static int run_lseek(struct vt_request *request, bool nowait)
{
	struct vt_content content;
	struct vt_shown shown;
	int64_t offset;
	int r = resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	if (!is_file(&shown)) {
		vt_shown_done(&shown);
		return -EINVAL;
	}
	content = content_of(&shown);
	vt_shown_done(&shown);
	offset = vt_file_reader_seek(service_of(request)->reader, &content,
				     (uint64_t) request->offset, request->whence, nowait, NULL);
	if (offset < 0)
		return (int) offset;
	if (vt_request_claim(request))
		(void) fuse_reply_lseek(request->req, offset);
	end(request);
	return 0;
}

static void op_lseek(fuse_req_t req, fuse_ino_t id, off_t offset, int whence,
		     struct fuse_file_info *file)
{
	struct vt_request *request = begin(req, id, run_lseek);

	(void) file;
	if (!request)
		return;
	request->offset = offset;
	request->whence = whence;
	run(request);
}

/* ---- xattrs
 * ------------------------------------------------------------------------------------------ */

/* As getxattr(2) has it: size 0 asks for the length, a short buffer is ERANGE. */
static int reply_xattr(struct vt_request *request, const struct vt_buf *value)
{
	if (request->size > 0 && request->size < value->len)
		return -ERANGE;
	if (vt_request_claim(request)) {
		if (request->size == 0)
			(void) fuse_reply_xattr(request->req, value->len);
		else
			(void) fuse_reply_buf(request->req, (char *) value->data, value->len);
	}
	end(request);
	return 0;
}

static int run_xattr(struct vt_request *request, bool nowait)
{
	struct vt_buf value = VT_BUF_INIT;
	struct vt_shown shown;
	int r = resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	r = *request->name ? vt_xattr_get(service_of(request), &shown, &request->subject,
					  request->name, &value)
			   : vt_xattr_list(&shown, &value);
	if (r == 0)
		r = reply_xattr(request, &value);
	vt_buf_done(&value);
	vt_shown_done(&shown);
	return r;
}

static void op_getxattr(fuse_req_t req, fuse_ino_t id, const char *name, size_t size)
{
	struct vt_request *request;

	/* Before anything else: `ls` asks two such names of every file until it hears this. */
	if (strncmp(name, "user.", 5) != 0 || strlen(name) > VT_NAME_LEN_MAX) {
		(void) fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	request = begin(req, id, run_xattr);
	if (!request)
		return;
	strcpy(request->name, name);
	request->size = size;
	run(request);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t id, size_t size)
{
	struct vt_request *request = begin(req, id, run_xattr);

	if (!request)
		return;
	*request->name = '\0';
	request->size = size;
	run(request);
}

/* ---- the file system
 * ----------------------------------------------------------------------------------- */

/* No I/O: `df` must answer whatever the disk does. */
static void op_statfs(fuse_req_t req, fuse_ino_t id)
{
	struct vt_session *session = fuse_req_userdata(req);
	struct vt_totals totals;
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = VT_NAME_LEN_MAX};

	(void) id;
	vt_catalog_totals(session->service->index->catalog, &totals);
	st.f_blocks = totals.bytes / 4096 + (totals.bytes % 4096 != 0);
	st.f_files = totals.nodes;
	(void) fuse_reply_statfs(req, &st);
}

static void op_init(void *userdata, struct fuse_conn_info *connection)
{
	(void) userdata;
	/*
	 * Attributes always come with names: READDIRPLUS_AUTO leaves it after the first part of a
	 * listing to programs that look only when they have all names, like find(1), and each
	 * entry then costs a LOOKUP: five times as long on a cold walk.
	 */
	connection->want &= ~(unsigned) (FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS_AUTO |
					 FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
					 FUSE_CAP_SPLICE_MOVE);
	connection->want |= connection->capable &
			    (unsigned) (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS |
					FUSE_CAP_READDIRPLUS | FUSE_CAP_CACHE_SYMLINKS |
					FUSE_CAP_EXPLICIT_INVAL_DATA);
	connection->max_write = MAX_WRITE;
	connection->max_background = BACKGROUND;
	connection->congestion_threshold = BACKGROUND / 4 * 3;
}

const struct fuse_lowlevel_ops vt_session_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.open = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.statfs = op_statfs,
};
