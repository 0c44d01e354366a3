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
 * the exhibit first and drains the table next, so nothing slips between (fs/session_narrow.c).
 */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "fs/node.h"
#include "fs/ops.h"
#include "fs/session.h"
#include "fs/session_state.h"
#include "fs/trail.h"
#include "fs/views.h"
#include "fs/visible.h"
#include "fs/xattr.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"

#define FOREVER  1e9 /* s: what is in a version never changes */
#define CHANGING 1.0 /* s: names of datasets, versions and tags */

/* Reads ahead under way: with the usual 12 one slow shard would stop all. */
#define BACKGROUND 1024u

/* ---- running requests ------------------------------------------------------------------------ */

struct vt_service *vt_op_service(const struct vt_request *request)
{
	return request->session->service;
}

struct vt_viewer vt_op_viewer(const struct vt_request *request)
{
	return (struct vt_viewer){.service = request->session->service,
				  .session = request->session,
				  .subject = &request->subject,
				  .request = request};
}

void vt_op_end(struct vt_request *request)
{
	vt_request_end(&request->session->requests, request);
}

/* The kernel is never told of bad stored bytes but as EIO; the log has the words. */
static int shown_errno(int r)
{
	return r == -EBADMSG ? EIO : -r;
}

void vt_op_fail(struct vt_request *request, int r)
{
	if (vt_request_claim(request))
		(void) fuse_reply_err(request->req, shown_errno(r));
	vt_op_end(request);
}

static void run_waiting(struct vt_io_task *task)
{
	struct vt_request *request = (struct vt_request *) task;
	int r = vt_request_is_pending(request) ? request->run(request, false) : -ECANCELED;

	if (r < 0)
		vt_op_fail(request, r == -EAGAIN ? -EIO : r);
}

/* Is it about what labels say, so that it may take long? */
static bool is_query(const struct vt_request *request)
{
	uint32_t position = vt_node_position(request->id);

	return vt_view_has_id(request->id) ||
	       (vt_node_exhibit(request->id) &&
		(position == VT_POSITION_LABELS || position == VT_POSITION_QUERIES));
}

/* Queries wait apart, each user's in a lane of his: many of one hold up nothing but his own. */
static void run_later(struct vt_request *request)
{
	struct vt_service *service = vt_op_service(request);
	bool query = is_query(request);

	request->task = (struct vt_io_task){.run = run_waiting,
					    .lane = query ? request->subject.uid : VT_LANE_INDEX};
	vt_io_pool_submit(query ? service->queries : service->pool, &request->task);
}

void vt_op_run(struct vt_request *request)
{
	int r = request->run(request, true);

	if (r == -EAGAIN) {
		run_later(request);
	} else if (r < 0) {
		vt_op_fail(request, r);
	}
}

struct vt_request *vt_op_begin(fuse_req_t req, fuse_ino_t id, enum vt_op_class op_class,
			       vt_request_run *function)
{
	struct vt_session *session = fuse_req_userdata(req);

	return vt_request_begin(&session->requests, session, req, id, op_class, function);
}

void vt_op_start(fuse_req_t req, fuse_ino_t id, enum vt_op_class op_class, vt_request_run *function)
{
	struct vt_request *request = vt_op_begin(req, id, op_class, function);

	if (request)
		vt_op_run(request);
}

/* Is the mount for whoever asks? Root gets past a private one's folder, and overlays ask as root.
 */
static bool is_mount_for(const struct vt_request *request, struct vt_place place)
{
	const struct vt_mount_plan *plan = request->session->plan;

	switch (plan->kind) {
	case VT_MOUNT_OPEN_ONLY:
		return !place.version || vt_gate_is_open(vt_op_service(request)->gate, place);
	case VT_MOUNT_PRIVATE:
		return plan->any_uid || request->uid == plan->user;
	case VT_MOUNT_SHARED:
		break;
	}
	return true;
}

/* What an id stands for; damage is worth a line. */
static int find(struct vt_request *request, bool nowait, struct vt_shown *out)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	struct vt_error err = {0};
	int r = vt_shown_resolve(&viewer, request->id, nowait, out, &err);

	if (r < 0 && r != -EAGAIN && r != -ESTALE)
		vt_log(VT_LOG_ERROR, "cannot resolve a node id=%016llx: %s",
		       (unsigned long long) request->id, err.text);
	return r;
}

/*
 * Folders that say how files are labelled: the kernel keeps their listings, and gives them to
 * whoever may open them.
 */
static bool tells_labels(const struct vt_shown *shown)
{
	return shown->view || shown->kind == VT_SHOWN_VERSION_LABELS;
}

/* May the request do that? What is refused goes to the audit log, and is done. */
static int admit(struct vt_request *request, bool nowait, enum vt_right right,
		 struct vt_shown *shown, struct vt_decision *why)
{
	struct vt_place place = vt_shown_place(shown);
	struct vt_decision decision = {.reason = VT_REASON_OTHER_MOUNT};
	int r = 0;

	if (!place.version) /* a folder of versions is for whoever sees one */
		right = VT_RIGHT_SEE;
	else if (right == VT_RIGHT_BROWSE && tells_labels(shown))
		right = VT_RIGHT_READ;
	if (is_mount_for(request, place))
		r = vt_gate_decide(vt_op_service(request)->gate, &request->subject, right, place,
				   nowait, &decision);
	if (r == 0 && !decision.allowed) {
		vt_trail_denial(request, right, place, &decision);
		r = -EACCES;
	}
	if (r < 0)
		vt_shown_done(shown);
	else if (why)
		*why = decision;
	return r;
}

/*
 * Where OPEN is not asked every other request is judged. They are few: what the kernel keeps it
 * does not ask for.
 */
int vt_op_resolve(struct vt_request *request, bool nowait, struct vt_shown *out)
{
	int r = find(request, nowait, out);

	if (r < 0 || vt_session_checks_open(request->session) || !out->version)
		return r;
	return admit(request, nowait, VT_RIGHT_BROWSE, out, NULL);
}

int vt_op_admit(struct vt_request *request, bool nowait, enum vt_right right, struct vt_shown *out,
		struct vt_decision *decision)
{
	int r = find(request, nowait, out);

	return r < 0 || !out->dataset ? r : admit(request, nowait, right, out, decision);
}

/* ---- attributes and names -------------------------------------------------------------------- */

static double timeout_of(const struct vt_shown *shown)
{
	if (shown->kind == VT_SHOWN_CONTROL)
		return 0;
	/* The root of a version is a name in the changing part. */
	return vt_node_exhibit(shown->id) && vt_node_position(shown->id) ? FOREVER : CHANGING;
}

/* Once for each mount: from now on every name of another version is refused. */
static void tell_full(struct vt_session *session)
{
	if (!atomic_exchange(&session->told_full, true))
		vt_log(VT_LOG_ERROR,
		       "no other version can be shown, after so many: unmount and mount again "
		       "mount='%s' versions=%u",
		       session->mountpoint, session->state->record->version_count);
}

/* Notes the id before the kernel can learn of it. */
int vt_op_fill_entry(struct vt_request *request, const struct vt_shown *shown, bool nowait,
		     struct fuse_entry_param *out)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	int r;

	*out = (struct fuse_entry_param){.ino = shown->id};
	r = vt_shown_stat(&viewer, shown, nowait, &out->attr, NULL);
	if (r < 0)
		return r;
	out->entry_timeout = timeout_of(shown);
	out->attr_timeout = out->entry_timeout;
	if (!vt_node_exhibit(shown->id))
		return 0;
	if (shown->view)
		return vt_views_note(request->session->views, shown->view,
				     shown->version->tree.root.nodes, shown->id);
	r = vt_exhibits_note(request->session->exhibits, shown->version, shown->id);
	if (r == -ENFILE)
		tell_full(request->session);
	return r;
}

/* An absent name: for ever inside a version, never in the part that changes. */
static void reply_absent(struct vt_request *request, const struct vt_shown *parent)
{
	struct fuse_entry_param entry = {.entry_timeout = FOREVER};

	if (!vt_request_claim(request))
		return;
	if (vt_node_exhibit(parent->id) && parent->kind != VT_SHOWN_VERSION_QUERIES)
		(void) fuse_reply_entry(request->req, &entry);
	else
		(void) fuse_reply_err(request->req, ENOENT);
}

static int run_lookup(struct vt_request *request, bool nowait)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	struct vt_shown parent, child = {0};
	struct fuse_entry_param entry;
	int r = vt_op_resolve(request, nowait, &parent);

	if (r < 0)
		return r;
	r = vt_shown_lookup(&viewer, &parent, request->name, nowait, &child, NULL);
	if (r == 0)
		r = vt_op_fill_entry(request, &child, nowait, &entry);
	if (r == 0 && vt_request_claim(request))
		(void) fuse_reply_entry(request->req, &entry);
	else if (r == -ENOENT)
		reply_absent(request, &parent);
	vt_shown_done(&child);
	vt_shown_done(&parent);
	if (r < 0 && r != -ENOENT)
		return r;
	vt_op_end(request);
	return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct vt_request *request;

	if (strlen(name) > VT_NAME_LEN_MAX) {
		(void) fuse_reply_err(req, ENAMETOOLONG);
		return;
	}
	request = vt_op_begin(req, parent, VT_OP_LOOKUP, run_lookup);
	if (!request)
		return;
	strcpy(request->name, name);
	vt_op_run(request);
}

static int run_getattr(struct vt_request *request, bool nowait)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	struct vt_shown shown;
	struct stat st;
	int r = vt_op_resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	r = vt_shown_stat(&viewer, &shown, nowait, &st, NULL);
	if (r == 0 && vt_request_claim(request))
		(void) fuse_reply_attr(request->req, &st, timeout_of(&shown));
	vt_shown_done(&shown);
	if (r == 0)
		vt_op_end(request);
	return r;
}

static void op_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	(void) file;
	vt_op_start(req, id, VT_OP_LOOKUP, run_getattr);
}

static int run_readlink(struct vt_request *request, bool nowait)
{
	char text[VT_TARGET_LEN_MAX + 1];
	struct vt_shown shown;
	const char *target;
	size_t len;
	int r = vt_op_admit(request, nowait, VT_RIGHT_BROWSE, &shown, NULL);

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
	vt_op_end(request);
	return 0;
}

static void op_readlink(fuse_req_t req, fuse_ino_t id)
{
	vt_op_start(req, id, VT_OP_OTHER, run_readlink);
}

/* ---- xattrs ---------------------------------------------------------------------------------- */

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
	vt_op_end(request);
	return 0;
}

/*
 * Values of published attributes and digests are content: the caller must be one who may browse,
 * whichever way he came by the inode. Where he stands himself (access, expires) anybody may ask.
 */
static int run_xattr(struct vt_request *request, bool nowait)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	struct vt_buf value = VT_BUF_INIT;
	struct vt_shown shown;
	int r = vt_xattr_is_own_standing(request->name)
			? vt_op_resolve(request, nowait, &shown)
			: vt_op_admit(request, nowait, VT_RIGHT_BROWSE, &shown, NULL);

	if (r < 0)
		return r;
	r = *request->name ? vt_xattr_get(&viewer, &shown, request->name, nowait, &value)
			   : vt_xattr_list(&shown, &value);
	if (r == 0)
		r = reply_xattr(request, &value);
	vt_buf_done(&value);
	vt_shown_done(&shown);
	return r;
}

/* The list of a boundary, as the kernel wants it. Asked by the kernel for whoever walks there. */
static int run_acl(struct vt_request *request, bool nowait)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	struct vt_buf value = VT_BUF_INIT;
	struct vt_shown shown;
	int r = vt_op_resolve(request, nowait, &shown);

	if (r < 0)
		return r;
	r = vt_xattr_acl(&viewer, &shown, &value);
	if (r == 0)
		r = reply_xattr(request, &value);
	vt_buf_done(&value);
	vt_shown_done(&shown);
	return r;
}

/*
 * Names outside `user.` are refused before anything else: `ls` asks two such names of every file
 * until it hears this. Where boundaries are shown with lists the kernel itself asks for an ACL of
 * every inode, and would refuse everybody after such an answer.
 */
static void op_getxattr(fuse_req_t req, fuse_ino_t id, const char *name, size_t size)
{
	struct vt_session *session = fuse_req_userdata(req);
	struct vt_request *request;

	if (session->plan->lists && strcmp(name, VT_ACL_DEFAULT) == 0) {
		(void) fuse_reply_err(req, ENODATA);
		return;
	}
	if (session->plan->lists && strcmp(name, VT_ACL_ACCESS) == 0) {
		request = vt_op_begin(req, id, VT_OP_XATTR, run_acl);
	} else if (strncmp(name, "user.", 5) != 0 || strlen(name) > VT_NAME_LEN_MAX) {
		(void) fuse_reply_err(req, EOPNOTSUPP);
		return;
	} else {
		request = vt_op_begin(req, id, VT_OP_XATTR, run_xattr);
	}
	if (!request)
		return;
	strcpy(request->name, name);
	request->size = size;
	vt_op_run(request);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t id, size_t size)
{
	struct vt_request *request = vt_op_begin(req, id, VT_OP_XATTR, run_xattr);

	if (!request)
		return;
	*request->name = '\0';
	request->size = size;
	vt_op_run(request);
}

/* ---- the file system ------------------------------------------------------------------------- */

/* No I/O: `df` must answer whatever the disk does. What the caller may not see takes no room. */
static int run_statfs(struct vt_request *request, bool nowait)
{
	const struct vt_viewer viewer = vt_op_viewer(request);
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = VT_NAME_LEN_MAX};
	struct vt_totals totals;
	int r = vt_visible_totals(&viewer, nowait, &totals);

	if (r < 0)
		return r;
	st.f_blocks = totals.bytes / 4096 + (totals.bytes % 4096 != 0);
	st.f_files = totals.nodes;
	if (vt_request_claim(request))
		(void) fuse_reply_statfs(request->req, &st);
	vt_op_end(request);
	return 0;
}

static void op_statfs(fuse_req_t req, fuse_ino_t id)
{
	(void) id;
	vt_op_start(req, FUSE_ROOT_ID, VT_OP_OTHER, run_statfs);
}

static void op_init(void *userdata, struct fuse_conn_info *connection)
{
	struct vt_session *session = userdata;

	/*
	 * Attributes always come with names: READDIRPLUS_AUTO leaves it after the first part of a
	 * listing to programs that look only when they have all names, like find(1), and each
	 * entry then costs a LOOKUP: five times as long on a cold walk.
	 */
	connection->want &=
		~(unsigned) (FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS_AUTO |
			     FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	connection->want |=
		connection->capable &
		(unsigned) (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS |
			    FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA);
	if (session->plan->lists)
		connection->want |= connection->capable & (unsigned) FUSE_CAP_POSIX_ACL;
	connection->max_write = VT_OP_SIZE_MAX; /* also bounds a READ */
	connection->max_background = BACKGROUND;
	connection->congestion_threshold = BACKGROUND / 4 * 3;
}

const struct fuse_lowlevel_ops vt_session_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.opendir = vt_op_opendir,
	.readdir = vt_op_readdir,
	.readdirplus = vt_op_readdirplus,
	.open = vt_op_open,
	.release = vt_op_release,
	.read = vt_op_read,
	.lseek = vt_op_lseek,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.statfs = op_statfs,
};
