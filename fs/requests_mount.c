/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about mounts. A mount is made by the command, which hands its /dev/fuse descriptor over;
 * whoever could make one may have it served, since every read is checked by itself.
 */
#include "fs/holdings.h"
#include "fs/mount.h"
#include "fs/mount_table.h"
#include "fs/mount_trail.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/index.h"
#include "policy/people.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define MOUNTS_PER_UID 64u
#define MOUNTPOINT_MAX 4095u
#define UMOUNT_WAIT_MS 5000
#define UMOUNT_STEP_MS 10

#define FUSE_DEVICE makedev(10, 229) /* the kernel's devices.txt: /dev/fuse */

/* What is read from any other kind of file would not be the kernel's requests. */
static int check_descriptor(int fd, struct vt_error *err)
{
	struct stat st;

	if (fd < 0)
		return vt_fail(err, EINVAL, "the request came without a descriptor of /dev/fuse");
	if (fstat(fd, &st) < 0)
		return vt_fail(err, errno, "cannot look at the descriptor of /dev/fuse: %m");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != FUSE_DEVICE)
		return vt_fail(err, EINVAL, "the descriptor is not one of /dev/fuse");
	return 0;
}

struct count {
	uint32_t uid;
	unsigned mounts;
};

static void count_own(void *context, const struct vt_session_info *info)
{
	struct count *count = context;

	count->mounts += info->uid == count->uid;
}

static int check_count(struct vt_control_request *request, struct vt_error *err)
{
	struct count count = {.uid = vt_control_caller(request)};

	vt_sessions_each(request->service->sessions, count_own, &count);
	if (count.mounts >= MOUNTS_PER_UID)
		return vt_fail(err, EMFILE, "uid %u already has %u mounts of this store",
			       (unsigned) count.uid, count.mounts);
	return 0;
}

static int check_mountpoint(const char *mountpoint, struct vt_error *err)
{
	if (mountpoint[0] != '/' || strlen(mountpoint) > MOUNTPOINT_MAX)
		return vt_fail(err, EINVAL, "the mount point '%.80s' is no absolute path",
			       mountpoint);
	return 0;
}

/* args.device, "MAJOR:MINOR", and args.source: believed of those who may show what is guarded. */
static int read_site(const struct vt_control_request *request, struct vt_mount_site *site,
		     struct vt_error *err)
{
	const char *device = NULL;
	int r = vt_arg_text_or(request->args, "device", &device, err);

	if (r >= 0)
		r = vt_arg_text_or(request->args, "source", &site->source, err);
	if (r < 0 || !device || !vt_control_is_owner(request))
		return r;
	return vt_device_parse(device, &site->device)
		       ? 0
		       : vt_fail(err, EINVAL, "'%.40s' is no device", device);
}

/* ---- which kind ------------------------------------------------------------------------------ */

static int parse_kind(const struct vt_control_request *request, const char *kind,
		      enum vt_mount_kind *out, struct vt_error *err)
{
	static const enum vt_mount_kind kinds[] = {VT_MOUNT_SHARED, VT_MOUNT_OPEN_ONLY,
						   VT_MOUNT_PRIVATE};

	if (!kind) {
		*out = vt_control_is_owner(request) ? VT_MOUNT_SHARED : VT_MOUNT_OPEN_ONLY;
		return 0;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kind, vt_mount_kind_name(kinds[i])) == 0) {
			*out = kinds[i];
			return 0;
		}
	return vt_fail(err, EINVAL, "'%.40s' is no kind of mount", kind);
}

/* Lists cost a request per file that is looked at first: only where some dataset needs them. */
static int parse_lists(const struct vt_control_request *request, const char *lists, bool *out,
		       struct vt_error *err)
{
	if (!lists || strcmp(lists, "auto") == 0)
		*out = vt_gate_needs_lists(request->service->gate);
	else if (strcmp(lists, "on") == 0 || strcmp(lists, "off") == 0)
		*out = strcmp(lists, "on") == 0;
	else
		return vt_fail(err, EINVAL, "acl=%.40s: it is auto, on or off", lists);
	return 0;
}

/*
 * What is not for everybody is shown only where nobody but root, or the owner whose data it all is,
 * can end the connection: who aborts it keeps what the kernel cached, whatever is revoked later.
 */
static int check_plan(const struct vt_control_request *request, const struct vt_mount_plan *plan,
		      struct vt_error *err)
{
	if (plan->any_uid && plan->kind != VT_MOUNT_PRIVATE)
		return vt_fail(err, EINVAL, "any_uid goes with a private mount only");
	if (plan->kind == VT_MOUNT_OPEN_ONLY || vt_control_is_owner(request))
		return 0;
	return vt_fail(err, EACCES,
		       "a %s mount is made by root or by the store's owner: whoever makes a mount "
		       "can end it in a way that keeps what was read",
		       vt_mount_kind_name(plan->kind));
}

/* options.locked: by its digest, so that a version of another store or time is never taken for it.
 */
static int find_locked(const struct vt_control_request *request, const json_t *locked,
		       const struct vt_version **out, struct vt_error *err)
{
	struct vt_catalog *catalog = request->service->index->catalog;
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	const char *name, *version;
	int r = vt_arg_text(locked, "dataset", &name, err);

	if (r >= 0)
		r = vt_arg_text(locked, "version", &version, err);
	if (r < 0)
		return r;
	if (vt_catalog_dataset(catalog, name, &dataset, NULL) < 0 ||
	    vt_catalog_resolve(catalog, dataset->id, version, out, NULL) < 0 ||
	    !vt_control_sees(request, *out))
		return vt_fail(err, ENOENT, "there is no '%s@%s' here, or it is not open to you",
			       name, version);
	return 0;
}

static int parse_locked(const struct vt_control_request *request, const json_t *locked,
			struct vt_mount_plan *plan, struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	struct vt_digest digest = {0};
	int r;

	if (!locked)
		return 0;
	r = vt_arg_digest_or(locked, "digest", &digest, err);
	if (r >= 0)
		r = find_locked(request, locked, &version, err);
	if (r < 0)
		return r;
	if (!vt_digest_equal(&digest, &version->digest))
		return vt_fail(err, ESTALE,
			       "'%s' is not what is locked: its version digest differs",
			       version->name);
	plan->locked_dataset = version->dataset;
	plan->locked_version = version->serial;
	return 0;
}

static int read_plan(const struct vt_control_request *request, struct vt_mount_plan *out,
		     struct vt_error *err)
{
	const json_t *options = json_object_get(request->args, "options");
	const char *kind = NULL, *lists = NULL, *user = NULL;
	struct vt_mount_plan plan = {0};
	int r = vt_arg_text_or(options, "kind", &kind, err);

	if (r >= 0)
		r = vt_arg_text_or(options, "acl", &lists, err);
	if (r >= 0)
		r = vt_arg_text_or(options, "user", &user, err);
	if (r >= 0)
		r = vt_arg_flag(options, "any_uid", &plan.any_uid, err);
	if (r >= 0)
		r = parse_kind(request, kind, &plan.kind, err);
	if (r >= 0)
		r = parse_locked(request, json_object_get(options, "locked"), &plan, err);
	if (r >= 0 && plan.kind == VT_MOUNT_SHARED)
		r = parse_lists(request, lists, &plan.lists, err);
	if (r >= 0 && plan.kind == VT_MOUNT_PRIVATE)
		r = user ? vt_people_uid_of(user, &plan.user, err)
			 : vt_fail(err, EINVAL, "a private mount is for a user: 'user' is missing");
	if (r >= 0)
		r = check_plan(request, &plan, err);
	if (r >= 0)
		*out = plan;
	return r;
}

/* It is in the audit log before anything is read there. */
static int serve(struct vt_control_request *request, int fuse_fd, int state_fd,
		 const struct vt_mount_site *site, const struct vt_mount_plan *plan, uint64_t *id,
		 struct vt_error *err)
{
	struct vt_mount_trail *trail = request->service->mount_trail;
	struct vt_host *host = request->connection->host;
	int r;

	vt_mount_trail_begin(trail, site->uid, site->mountpoint, plan);
	r = host->mount(host, fuse_fd, state_fd, site, plan, id, err);
	if (r < 0)
		vt_mount_trail_end(trail, site->uid, site->mountpoint, plan);
	return r;
}

int vt_serve_mount(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_mount_plan plan;
	struct vt_mount_site site = {.uid = vt_control_caller(request)};
	uint64_t id;
	int r = vt_arg_text(request->args, "mountpoint", &site.mountpoint, err);

	if (r >= 0)
		r = check_mountpoint(site.mountpoint, err);
	if (r >= 0)
		r = read_site(request, &site, err);
	if (r >= 0)
		r = check_descriptor(request->message->fd, err);
	if (r >= 0)
		r = check_count(request, err);
	if (r >= 0)
		r = read_plan(request, &plan, err);
	if (r >= 0)
		r = serve(request, vt_steal_fd(&request->message->fd), -1, &site, &plan, &id, err);
	if (r < 0)
		return r;
	request->result = json_pack("{s:I, s:I, s:s, s:b}", "id", (json_int_t) id, "pid",
				    (json_int_t) getpid(), "kind", vt_mount_kind_name(plan.kind),
				    "acl", plan.lists);
	return 0;
}

/* ---- adopting -------------------------------------------------------------------------------- */

struct served {
	const struct vt_hold *hold;
	uint64_t id; /* 0: it is not */
};

static void compare(void *context, const struct vt_session_info *info)
{
	struct served *served = context;
	long differs = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, info->fuse_fd,
			       served->hold->fuse_fd);

	if (differs < 0) /* not in every container: then by what it is called */
		differs = strcmp(info->mountpoint, served->hold->mountpoint);
	if (differs == 0)
		served->id = info->id;
}

static int take_hold(struct vt_control_request *request, const struct vt_hold *hold, uint64_t *id,
		     struct vt_error *err)
{
	struct served served = {.hold = hold};
	struct vt_mount_site site = {.mountpoint = hold->mountpoint, .uid = hold->uid};
	struct vt_mount_plan plan; /* for a state that no server has had yet */
	int r = check_mountpoint(hold->mountpoint, err);

	if (r >= 0)
		r = check_descriptor(hold->fuse_fd, err);
	if (r >= 0)
		vt_sessions_each(request->service->sessions, compare, &served);
	*id = served.id;
	if (r >= 0 && !served.id)
		r = check_count(request, err);
	if (r >= 0 && !served.id)
		r = read_site(request, &site, err);
	if (r >= 0 && !served.id)
		r = read_plan(request, &plan, err);
	if (r >= 0 && !served.id)
		r = serve(request, fcntl(hold->fuse_fd, F_DUPFD_CLOEXEC, 3),
			  fcntl(hold->state_fd, F_DUPFD_CLOEXEC, 3), &site, &plan, id, err);
	return r;
}

/* For who keeps a copy of a mount's descriptors: serves it, unless that is so already. */
int vt_serve_mount_adopt(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_holdings given = VT_HOLDINGS_INIT;
	uint64_t id = 0;
	int r = vt_control_check_owner(request, "bring a mount's state", err); /* it is believed */

	if (r >= 0 && request->message->fd < 0)
		r = vt_fail(err, EINVAL, "the request came without a mount");
	if (r >= 0)
		r = vt_holdings_receive(request->message->fd, &given, err);
	if (r >= 0 && r != VT_HOLDING_MOUNT)
		r = vt_fail(err, EINVAL, "the socket came without a mount");
	if (r >= 0)
		r = take_hold(request, given.list, &id, err);
	vt_holdings_done(&given);
	if (r < 0)
		return r;
	request->result =
		json_pack("{s:I, s:I}", "id", (json_int_t) id, "pid", (json_int_t) getpid());
	return 0;
}

/* ---- listing --------------------------------------------------------------------------------- */

/* Rows are gathered under the table's lock and sent after it. */
struct gathered {
	json_t *rows;
	struct vt_catalog *catalog;
	uint32_t uid; /* whose mounts */
	bool all;
	bool lists; /* something is shown with a list, and the caller may know */
};

/* Whose it is, or for whom. */
static bool is_own(const struct gathered *gathered, const struct vt_session_info *info)
{
	return gathered->all || info->uid == gathered->uid ||
	       (info->plan.kind == VT_MOUNT_PRIVATE && info->plan.user == gathered->uid);
}

/* How much others read is nobody's business either. */
static int set_locked(json_t *row, struct vt_catalog *catalog, const struct vt_mount_plan *plan)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;

	if (!plan->locked_version ||
	    vt_catalog_version(catalog, plan->locked_version, &version, NULL) < 0 ||
	    vt_catalog_dataset_by_id(catalog, plan->locked_dataset, &dataset, NULL) < 0)
		return 0;
	return json_object_set_new(row, "locked",
				   json_sprintf("%s@%s", dataset->name, version->name));
}

static json_t *mount_row(const struct gathered *gathered, const struct vt_session_info *info)
{
	json_t *row = json_pack("{s:s, s:b, s:I, s:I}", "kind", vt_mount_kind_name(info->plan.kind),
				"acl", info->plan.lists, "pid", (json_int_t) getpid(), "uid",
				(json_int_t) info->uid);

	if (!row)
		return NULL;
	if (gathered->lists && info->plan.kind == VT_MOUNT_SHARED && !info->plan.lists)
		(void) json_object_set_new(row, "names_can_be_guessed", json_true());
	if (info->plan.kind == VT_MOUNT_PRIVATE)
		(void) json_object_set_new(row, "for_uid", json_integer(info->plan.user));
	if (!is_own(gathered, info))
		return row;
	(void) set_locked(row, gathered->catalog, &info->plan);
	(void) json_object_set_new(row, "requests", json_integer((json_int_t) info->requests));
	(void) json_object_set_new(row, "open_files", json_integer((json_int_t) info->handles));
	return row;
}

static void gather(void *context, const struct vt_session_info *info)
{
	struct gathered *gathered = context;
	json_t *row;

	if (info->plan.kind == VT_MOUNT_PRIVATE && !is_own(gathered, info))
		return;
	row = mount_row(gathered, info);
	if (row &&
	    (vt_json_set_text(row, "mountpoint", info->mountpoint, strlen(info->mountpoint)) < 0 ||
	     vt_json_set_time(row, "since", info->started_ns) < 0))
		json_decref(vt_steal(&row));
	(void) json_array_append_new(gathered->rows, row);
}

/* Somebody else's private mounts are nobody's business. */
int vt_serve_mounts(struct vt_control_request *request, struct vt_error *err)
{
	struct gathered gathered = {
		.rows = json_array(),
		.catalog = request->service->index->catalog,
		.uid = vt_control_caller(request),
		.all = vt_control_administers(request),
	};

	gathered.lists = gathered.all && vt_gate_needs_lists(request->service->gate);
	vt_sessions_each(request->service->sessions, gather, &gathered);
	return vt_control_send_rows(request, gathered.rows, err);
}

/* ---- ending ---------------------------------------------------------------------------------- */

struct search {
	const char *mountpoint;
	uint32_t uid;
	bool found;
};

static void look(void *context, const struct vt_session_info *info)
{
	struct search *search = context;

	if (strcmp(info->mountpoint, search->mountpoint) == 0) {
		search->uid = info->uid;
		search->found = true;
	}
}

static bool is_served(struct vt_control_request *request, struct search *search)
{
	search->found = false;
	vt_sessions_each(request->service->sessions, look, search);
	return search->found;
}

/* The mounter, or whoever administers the store. */
static int check_mounter(struct vt_control_request *request, uint32_t mounter, struct vt_error *err)
{
	if (vt_control_caller(request) == mounter)
		return 0;
	return vt_gate_check(request->service->gate, &request->connection->subject, VT_RIGHT_ADMIN,
			     (struct vt_place){0}, false, NULL, err);
}

/*
 * The command unmounts; this waits until the session has noticed. The server unmounts nothing for
 * others: a mount point is only what a client once said, and the server may be root.
 */
int vt_serve_umount(struct vt_control_request *request, struct vt_error *err)
{
	struct search search = {0};
	int r = vt_arg_text(request->args, "mountpoint", &search.mountpoint, err);

	if (r < 0 || !is_served(request, &search))
		return r;
	r = check_mounter(request, search.uid, err);
	for (int waited = 0; r >= 0 && is_served(request, &search); waited += UMOUNT_STEP_MS) {
		if (waited >= UMOUNT_WAIT_MS)
			return vt_fail(err, EBUSY, "'%s' is still mounted", search.mountpoint);
		(void) poll(NULL, 0, UMOUNT_STEP_MS);
	}
	return r;
}
