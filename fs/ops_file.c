/* SPDX-License-Identifier: Apache-2.0 */
/* Files: opening, reading and seeking (ops.h). */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "fs/document_read.h"
#include "fs/file_reader.h"
#include "fs/lead.h"
#include "fs/node.h"
#include "fs/ops.h"
#include "fs/session.h"
#include "fs/status.h"
#include "fs/trail.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"

/* Under the access lock: neither disk nor user database is waited for. */
static int check_again(struct vt_request *request, const struct vt_shown *shown)
{
	struct vt_session *session = request->session;
	const struct vt_version *version;
	struct vt_decision decision;
	int r = vt_exhibits_version(session->exhibits, session->service->index->catalog,
				    request->id, &version);

	if (r < 0)
		return r;
	vt_version_unref(version);
	r = vt_gate_decide(session->service->gate, &request->subject, VT_RIGHT_READ,
			   vt_shown_place(shown), true, &decision);
	if (r < 0)
		return r;
	if (decision.allowed)
		return vt_trail_access(request, shown, &decision);
	vt_trail_denial(request, VT_RIGHT_READ, vt_shown_place(shown), &decision);
	return -EACCES;
}

/*
 * "Live, entitled, noted" is one step: a narrowing takes the same lock. All that may have to be
 * waited for was asked before, so that nobody waits under the lock. -EAGAIN: the user database must
 * be asked anew.
 */
static int note_handle(struct vt_request *request, const struct vt_shown *shown,
		       struct fuse_file_info *file)
{
	struct vt_session *session = request->session;
	int r;

	(void) pthread_mutex_lock(&session->access);
	r = check_again(request, shown);
	if (r == 0)
		r = vt_handles_add(session->handles, request->id, request->subject.uid, &file->fh);
	(void) pthread_mutex_unlock(&session->access);
	return r;
}

static void drop_handle(struct vt_session *session, uint64_t handle)
{
	(void) pthread_mutex_lock(&session->access);
	vt_handles_remove(session->handles, handle);
	(void) pthread_mutex_unlock(&session->access);
}

/* An opener who was interrupted sends no RELEASE: the kernel says so by -ENOENT. */
static void reply_opened(struct vt_request *request, const struct fuse_file_info *file, bool noted)
{
	if (noted && (!vt_request_claim(request) || fuse_reply_open(request->req, file) == -ENOENT))
		drop_handle(request->session, file->fh);
	else if (noted)
		vt_count_open(vt_op_service(request)->counters, request->subject.uid,
			      request->dataset);
	else if (vt_request_claim(request))
		(void) fuse_reply_open(request->req, file);
	vt_op_end(request);
}

/* A number for a text of a moment. */
static uint32_t new_text(void)
{
	static atomic_uint last;
	uint32_t number;

	do {
		number = atomic_fetch_add(&last, 1) + 1;
	} while (number == 0);
	return number;
}

static bool is_file(const struct vt_shown *shown)
{
	return shown->kind == VT_SHOWN_TREE && shown->node.entry.type == VT_FILE;
}

/* Texts of the moment: the kernel keeps nothing of them, and they are nobody's handle. */
static void open_control(struct fuse_file_info *file)
{
	file->keep_cache = 0;
	file->direct_io = 1;
	file->fh = vt_handle_of_text(new_text());
}

static int run_open(struct vt_request *request, bool nowait)
{
	struct fuse_file_info file = {.noflush = 1, .keep_cache = 1};
	struct vt_shown shown;
	bool noted = false;
	int r;

	do {
		r = vt_op_admit(request, nowait, VT_RIGHT_READ, &shown, NULL);
		if (r < 0)
			return r;
		noted = shown.version != NULL;
		request->dataset = shown.dataset ? shown.dataset->id : 0;
		if (noted)
			r = note_handle(request, &shown, &file);
		else
			open_control(&file);
		if (is_file(&shown))
			vt_leads_note(vt_op_service(request)->leads, &shown.node.entry.content);
		vt_shown_done(&shown);
	} while (r == -EAGAIN && !nowait);
	if (r < 0)
		return r;
	reply_opened(request, &file, noted);
	return 0;
}

/* ENOSYS: the kernel opens by itself from now on, keeps what it read, and asks no more. */
void vt_op_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	(void) file;
	if (!vt_session_checks_open(fuse_req_userdata(req))) {
		(void) fuse_reply_err(req, ENOSYS);
		return;
	}
	vt_op_start(req, id, VT_OP_OPEN, run_open);
}

void vt_op_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	(void) id;
	if (!vt_handle_is_text(file->fh))
		drop_handle(fuse_req_userdata(req), file->fh);
	(void) fuse_reply_err(req, 0);
}

static uint64_t length_of(const struct iovec *pieces, int count)
{
	uint64_t length = 0;

	for (int i = 0; i < count; i++)
		length += pieces[i].iov_len;
	return length;
}

static void count_read(const struct vt_request *request, uint64_t bytes)
{
	vt_count_read(vt_op_service(request)->counters, request->subject.uid, request->dataset,
		      bytes);
}

static void read_done(void *context, int r, const struct iovec *pieces, int count)
{
	struct vt_request *request = context;

	if (r < 0) {
		vt_op_fail(request, r);
		return;
	}
	if (vt_request_claim(request)) {
		(void) fuse_reply_iov(request->req, pieces, count);
		count_read(request, length_of(pieces, count));
	}
	vt_op_end(request);
}

static int read_text(struct vt_request *request, const struct vt_buf *text, uint64_t offset)
{
	size_t left;

	if (vt_buf_failed(text))
		return -ENOMEM;
	left = offset < text->len ? text->len - offset : 0;
	if (left > request->size)
		left = request->size;
	if (vt_request_claim(request)) {
		(void) fuse_reply_buf(request->req, left ? (char *) text->data + offset : NULL,
				      left);
		count_read(request, left);
	}
	vt_op_end(request);
	return 0;
}

/* As it was when the handle's first part was read or, where there are none, when it was looked up.
 */
static int control_text(struct vt_request *request, const struct vt_shown *shown,
			struct vt_buf *out)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	bool opened = vt_session_checks_open(request->session);

	return vt_status_text_of(
		&viewer, VT_CONTROL_OF(shown->number), opened ? VT_KEPT_OPENED : VT_KEPT_LOOKED_UP,
		opened ? vt_handle_text(request->handle) : shown->number, false, out);
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
		r = control_text(request, shown, &text);
		if (r == 0)
			r = read_text(request, &text, (uint64_t) request->offset);
	} else {
		r = vt_document_read(vt_op_service(request), shown->dataset, shown->version,
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

/*
 * A read by a handle needs nothing but a live id: whose handle it is decides (session_narrow.c).
 * Where there are none the reader is asked about, and recorded, here.
 */
static int resolve_for_reading(struct vt_request *request, bool nowait, struct vt_shown *out)
{
	struct vt_decision decision;
	int r;

	if (vt_session_checks_open(request->session))
		return vt_op_resolve(request, nowait, out);
	r = vt_op_admit(request, nowait, VT_RIGHT_READ, out, &decision);
	if (r < 0 || !out->version || request->session->plan->kind != VT_MOUNT_PRIVATE)
		return r;
	r = vt_trail_access(request, out, &decision);
	if (r < 0)
		vt_shown_done(out);
	return r;
}

static int run_read(struct vt_request *request, bool nowait)
{
	struct vt_content content;
	struct vt_shown shown;
	int r = resolve_for_reading(request, nowait, &shown);

	if (r < 0)
		return r;
	request->dataset = shown.dataset ? shown.dataset->id : 0;
	if (!is_file(&shown)) {
		r = shown.kind == VT_SHOWN_CONTROL || shown.kind == VT_SHOWN_DOCUMENT
			    ? read_generated(request, &shown, nowait)
			    : -EINVAL;
		vt_shown_done(&shown);
		return r;
	}
	content = content_of(&shown);
	vt_shown_done(&shown);
	if (request->offset == 0)
		vt_leads_note(vt_op_service(request)->leads, &content.id);
	/* From here on the request is read_done's. */
	vt_file_reader_read(vt_op_service(request)->reader, &content, (uint64_t) request->offset,
			    request->size, read_done, request);
	return 0;
}

void vt_op_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		struct fuse_file_info *file)
{
	struct vt_request *request = vt_op_begin(req, id, VT_OP_READ, run_read);

	if (!request)
		return;
	request->size = vt_op_size(size);
	request->offset = offset;
	request->handle = file->fh;
	vt_op_run(request);
}

static int run_lseek(struct vt_request *request, bool nowait)
{
	struct vt_content content;
	struct vt_shown shown;
	int64_t offset;
	int r = resolve_for_reading(request, nowait, &shown);

	if (r < 0)
		return r;
	if (!is_file(&shown)) {
		vt_shown_done(&shown);
		return -EINVAL;
	}
	content = content_of(&shown);
	vt_shown_done(&shown);
	offset = vt_file_reader_seek(vt_op_service(request)->reader, &content,
				     (uint64_t) request->offset, request->whence, nowait, NULL);
	if (offset < 0)
		return (int) offset;
	if (vt_request_claim(request))
		(void) fuse_reply_lseek(request->req, offset);
	vt_op_end(request);
	return 0;
}

void vt_op_lseek(fuse_req_t req, fuse_ino_t id, off_t offset, int whence,
		 struct fuse_file_info *file)
{
	struct vt_request *request = vt_op_begin(req, id, VT_OP_OTHER, run_lseek);

	(void) file;
	if (!request)
		return;
	request->offset = offset;
	request->whence = whence;
	vt_op_run(request);
}
