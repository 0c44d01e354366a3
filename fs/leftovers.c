/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See leftovers.h. A noted mount is, in this order:
 *
 *     served      by us
 *     waited for  nobody serves it, but that may be about to change: the kernel forgets a mount a
 *                 moment after it told its server so, and a standing one is brought by its command
 *     left over   nobody serves it and the kernel still has it. The gate is shut
 *
 * The device's number is given to another file system as soon as the kernel has forgotten the one
 * noted. It shows in the mount table by another type or source; one that we are to serve ourselves
 * takes the note's place.
 */
#include "fs/leftovers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "fs/fuse_connections.h"
#include "fs/mount.h"
#include "fs/mount_table.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/folder.h"
#include "policy/gate.h"

#define STANDING_NS (10 * VT_NS_PER_SEC)
#define ENDING_NS   (5 * VT_NS_PER_SEC)
#define UNFINISHED  ".new"

struct entry {
	uint64_t device;
	json_t *note;
	bool served, left_over, known;
	uint64_t due_ns; /* monotonic: not served from then on, it is left over */
	struct entry *prev, *next;
};

struct vt_leftovers {
	struct vt_service *service; /* constant, as the folder */
	char folder[PATH_MAX];
	char boot[VT_BOOT_ID_TEXT];
	pthread_mutex_t lock; /* also over the files: none is on the way of a read */
	struct entry *list;   /* guarded by lock, as the next */
	int connections;      /* -1: none yet */
};

static const char *text_of(const struct entry *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry->note, key));

	return text ? text : "?";
}

static uint64_t number_of(const struct entry *entry, const char *key)
{
	return (uint64_t) json_integer_value(json_object_get(entry->note, key));
}

/* ---- files ----------------------------------------------------------------------------------- */

static int path_of(const struct vt_leftovers *leftovers, uint64_t device, const char *ending,
		   char path[PATH_MAX])
{
	char name[VT_DEVICE_TEXT];

	vt_device_format(device, name);
	return snprintf(path, PATH_MAX, "%s/%s%s", leftovers->folder, name, ending) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

static int write_synced(const char *path, const char *text)
{
	vt_autoclose int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t len = strlen(text);

	if (fd < 0)
		return -errno;
	errno = ENOSPC; /* of a write that was cut */
	return write(fd, text, len) == (ssize_t) len && fsync(fd) == 0 ? 0 : -errno;
}

static int save(const struct vt_leftovers *leftovers, const struct entry *entry,
		struct vt_error *err)
{
	vt_autofree char *text = json_dumps(entry->note, JSON_COMPACT | JSON_SORT_KEYS);
	char path[PATH_MAX], fresh[PATH_MAX];
	int r = text ? path_of(leftovers, entry->device, "", path) : -ENOMEM;

	if (r == 0)
		r = path_of(leftovers, entry->device, UNFINISHED, fresh);
	if (r == 0)
		r = write_synced(fresh, text);
	VT_CRASHPOINT("mount-note-written");
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	VT_CRASHPOINT("mount-noted");
	return r < 0 ? vt_fail(err, -r, "cannot note what is mounted in '%s': %m",
			       leftovers->folder)
		     : vt_folder_sync(leftovers->folder, err);
}

static void remove_file(const struct vt_leftovers *leftovers, uint64_t device)
{
	char path[PATH_MAX];

	if (path_of(leftovers, device, "", path) == 0)
		(void) unlink(path);
	VT_CRASHPOINT("mount-note-removed");
}

/* ---- entries, under the lock ----------------------------------------------------------------- */

static struct entry *find(struct vt_leftovers *leftovers, uint64_t device)
{
	struct entry *entry;

	DL_SEARCH_SCALAR(leftovers->list, entry, device, device);
	return entry;
}

/* Takes the note. */
static struct entry *add(struct vt_leftovers *leftovers, uint64_t device, json_t *note)
{
	struct entry *entry = note ? calloc(1, sizeof *entry) : NULL;

	if (!entry) {
		json_decref(note);
		return NULL;
	}
	entry->device = device;
	entry->note = note;
	DL_APPEND(leftovers->list, entry);
	return entry;
}

static void forget(struct vt_leftovers *leftovers, struct entry *entry)
{
	DL_DELETE(leftovers->list, entry);
	json_decref(entry->note);
	free(entry);
}

static void set_gate(struct vt_leftovers *leftovers)
{
	const struct entry *entry;

	DL_SEARCH_SCALAR(leftovers->list, entry, left_over, true);
	vt_gate_shut(leftovers->service->gate, entry != NULL);
}

/* `how`: "ended", or "accepted" by `by_uid`. */
static void tell_end(const struct vt_leftovers *leftovers, const struct entry *entry,
		     const char *how, const uint32_t *by_uid)
{
	char device[VT_DEVICE_TEXT];

	if (!entry->left_over)
		return;
	vt_device_format(entry->device, device);
	vt_log(VT_LOG_INFO, "leftover %s mount='%s' device=%s", how, text_of(entry, "mountpoint"),
	       device);
	vt_trail_leftover_end(leftovers->service, text_of(entry, "mountpoint"), entry->device, how,
			      by_uid);
}

/* The file and the entry go. */
static void drop(struct vt_leftovers *leftovers, struct entry *entry, const char *how,
		 const uint32_t *by_uid)
{
	tell_end(leftovers, entry, how, by_uid);
	remove_file(leftovers, entry->device);
	forget(leftovers, entry);
}

/* ---- opening --------------------------------------------------------------------------------- */

/* A note that cannot be read is one all the same: of what, the file's name says. */
static json_t *read_note(const struct vt_leftovers *leftovers, const char *path)
{
	json_t *note = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(note))
		return note;
	json_decref(note);
	vt_log(VT_LOG_WARNING, "the note of a mount cannot be read file='%s'", path);
	return json_pack("{s:s}", "boot", leftovers->boot);
}

static int read_file(void *context, const char *name, struct vt_error *err)
{
	struct vt_leftovers *leftovers = context;
	struct entry *entry;
	char path[PATH_MAX];
	uint64_t device;

	if (snprintf(path, sizeof path, "%s/%s", leftovers->folder, name) >= (int) sizeof path)
		return vt_fail(err, ENAMETOOLONG, "the path of the store is too long");
	if (!vt_device_parse(name, &device)) {
		(void) unlink(path); /* unfinished: its mount was not served yet */
		return 0;
	}
	entry = add(leftovers, device, read_note(leftovers, path));
	if (!entry)
		return vt_fail(err, ENOMEM, "no memory for the notes of mounts");
	if (strcmp(text_of(entry, "boot"), leftovers->boot) != 0) {
		drop(leftovers, entry, "ended", NULL);
		return 0;
	}
	entry->due_ns = vt_clock_monotonic_ns();
	if (json_is_true(json_object_get(entry->note, "standing")))
		entry->due_ns += STANDING_NS;
	return 0;
}

static int open_folder(struct vt_leftovers *leftovers, struct vt_error *err)
{
	if (snprintf(leftovers->folder, sizeof leftovers->folder, "%s/run/mounts",
		     leftovers->service->dir) >= (int) sizeof leftovers->folder)
		return vt_fail(err, ENAMETOOLONG, "the path of the store is too long");
	if (mkdir(leftovers->folder, 0700) < 0 && errno != EEXIST)
		return vt_fail(err, errno, "cannot make the folder '%s': %m", leftovers->folder);
	return vt_folder_each(leftovers->folder, read_file, leftovers, err);
}

int vt_leftovers_open(struct vt_service *service, struct vt_leftovers **out, struct vt_error *err)
{
	vt_cleanup(vt_leftovers_freep) struct vt_leftovers *leftovers =
		calloc(1, sizeof *leftovers);
	int r;

	if (!leftovers)
		return vt_fail(err, ENOMEM, "no memory for the notes of mounts");
	leftovers->service = service;
	leftovers->connections = -1;
	vt_clock_boot_id_format(leftovers->boot);
	(void) pthread_mutex_init(&leftovers->lock, NULL);
	r = open_folder(leftovers, err);
	if (r < 0)
		return r;
	*out = vt_steal(&leftovers);
	return 0;
}

void vt_leftovers_free(struct vt_leftovers *leftovers)
{
	struct entry *entry, *next;

	if (!leftovers)
		return;
	DL_FOREACH_SAFE(leftovers->list, entry, next)
	forget(leftovers, entry);
	vt_cleanup_close(&leftovers->connections);
	(void) pthread_mutex_destroy(&leftovers->lock);
	free(leftovers);
}

void vt_leftovers_look_through(struct vt_leftovers *leftovers, int connections)
{
	(void) pthread_mutex_lock(&leftovers->lock);
	if (leftovers->connections < 0 && vt_fuse_connections_is(connections))
		leftovers->connections = vt_steal_fd(&connections);
	(void) pthread_mutex_unlock(&leftovers->lock);
	vt_cleanup_close(&connections);
}

/* ---- what the kernel has --------------------------------------------------------------------- */

static int is_other(void *context, const struct vt_mounted *mounted)
{
	const struct entry *entry = context;
	json_t *seen;
	bool other;

	if (mounted->device != entry->device)
		return 0;
	if (strcmp(mounted->type, VT_MOUNT_TYPE) != 0)
		return 1;
	/* Compared as it was noted: text that is not UTF-8 is shown by other characters. */
	seen = json_object();
	other = vt_json_set_text(seen, "source", mounted->source, strlen(mounted->source)) == 0 &&
		json_object_get(entry->note, "source") &&
		!json_equal(json_object_get(seen, "source"),
			    json_object_get(entry->note, "source"));
	json_decref(seen);
	return other;
}

/* 1: it is there, 0: it is gone; negative: that cannot be told. */
static int lives(const struct vt_leftovers *leftovers, struct entry *entry)
{
	if (vt_mounted_list_any(VT_MOUNT_TABLE, is_other, entry, NULL) > 0)
		return 0;
	return vt_fuse_connections_have(leftovers->connections, entry->device);
}

static void begin(struct vt_leftovers *leftovers, struct entry *entry)
{
	char device[VT_DEVICE_TEXT];

	vt_device_format(entry->device, device);
	entry->left_over = true;
	vt_log(VT_LOG_WARNING,
	       "a mount lost its server and may still be read, so guarded data is not served "
	       "mount='%s' device=%s",
	       text_of(entry, "mountpoint"), device);
	vt_trail_leftover(leftovers->service, text_of(entry, "mountpoint"), text_of(entry, "kind"),
			  entry->device);
}

static void look_at(struct vt_leftovers *leftovers, struct entry *entry)
{
	int r;

	if (entry->served)
		return;
	r = lives(leftovers, entry);
	entry->known = r > 0;
	if (r == 0)
		drop(leftovers, entry, "ended", NULL);
	else if (!entry->left_over && vt_clock_monotonic_ns() >= entry->due_ns)
		begin(leftovers, entry);
}

void vt_leftovers_check(struct vt_leftovers *leftovers)
{
	struct entry *entry, *next;

	(void) pthread_mutex_lock(&leftovers->lock);
	DL_FOREACH_SAFE(leftovers->list, entry, next)
	look_at(leftovers, entry);
	set_gate(leftovers);
	(void) pthread_mutex_unlock(&leftovers->lock);
}

/* ---- mounts of ours -------------------------------------------------------------------------- */

static json_t *make_note(const struct vt_leftovers *leftovers, const struct vt_mount_site *site,
			 const struct vt_mount_plan *plan, bool standing)
{
	json_t *note =
		json_pack("{s:s, s:s, s:I, s:I, s:b}", "boot", leftovers->boot, "kind",
			  vt_mount_kind_name(plan->kind), "uid", (json_int_t) site->uid, "since",
			  (json_int_t) vt_clock_realtime_ns(), "standing", standing);

	if (note &&
	    (vt_json_set_text(note, "mountpoint", site->mountpoint, strlen(site->mountpoint)) < 0 ||
	     vt_json_set_text(note, "source", site->source, strlen(site->source)) < 0))
		json_decref(vt_steal(&note));
	return note;
}

static int note(struct vt_leftovers *leftovers, const struct vt_mount_site *site,
		const struct vt_mount_plan *plan, bool standing, struct vt_error *err)
{
	struct entry *entry =
		add(leftovers, site->device, make_note(leftovers, site, plan, standing));
	int r;

	if (!entry)
		return vt_fail(err, ENOMEM, "no memory for the note of a mount");
	entry->served = true;
	r = save(leftovers, entry, err);
	if (r < 0)
		forget(leftovers, entry);
	return r;
}

int vt_leftovers_serve(struct vt_leftovers *leftovers, const struct vt_mount_site *site,
		       const struct vt_mount_plan *plan, bool standing, struct vt_error *err)
{
	bool guarded = plan->kind != VT_MOUNT_OPEN_ONLY;
	struct entry *before;
	int r = 0;

	if (guarded && (!site->device || !site->source))
		return vt_fail(err, EINVAL, "the device of the mount on '%s' is missing",
			       site->mountpoint);
	(void) pthread_mutex_lock(&leftovers->lock);
	before = site->device ? find(leftovers, site->device) : NULL;
	if (before) {
		tell_end(leftovers, before, "ended", NULL);
		forget(leftovers, before); /* its file is replaced, or else removed */
	}
	if (!guarded)
		remove_file(leftovers, site->device);
	else
		r = note(leftovers, site, plan, standing, err);
	set_gate(leftovers);
	(void) pthread_mutex_unlock(&leftovers->lock);
	return r;
}

void vt_leftovers_resume(struct vt_leftovers *leftovers, uint64_t device)
{
	struct entry *entry;

	(void) pthread_mutex_lock(&leftovers->lock);
	entry = find(leftovers, device);
	if (entry)
		entry->served = true;
	(void) pthread_mutex_unlock(&leftovers->lock);
}

/* Where the kernel cannot be asked, it is believed to have unmounted what it calls unmounted. */
void vt_leftovers_ended(struct vt_leftovers *leftovers, uint64_t device)
{
	struct entry *entry;

	(void) pthread_mutex_lock(&leftovers->lock);
	entry = find(leftovers, device);
	if (entry && entry->served) {
		entry->served = false;
		entry->due_ns = vt_clock_monotonic_ns() + ENDING_NS;
		if (lives(leftovers, entry) <= 0)
			drop(leftovers, entry, "ended", NULL);
	}
	(void) pthread_mutex_unlock(&leftovers->lock);
}

/* ---- for requests ---------------------------------------------------------------------------- */

size_t vt_leftovers_accept(struct vt_leftovers *leftovers, uint32_t by_uid)
{
	struct entry *entry, *next;
	size_t count = 0;

	(void) pthread_mutex_lock(&leftovers->lock);
	DL_FOREACH_SAFE(leftovers->list, entry, next)
	if (entry->left_over) {
		drop(leftovers, entry, "accepted", &by_uid);
		count++;
	}
	set_gate(leftovers);
	(void) pthread_mutex_unlock(&leftovers->lock);
	return count;
}

void vt_leftovers_each(struct vt_leftovers *leftovers,
		       void (*each)(void *context, const struct vt_leftover *leftover),
		       void *context)
{
	const struct entry *entry;

	(void) pthread_mutex_lock(&leftovers->lock);
	DL_FOREACH (leftovers->list, entry) {
		const struct vt_leftover leftover = {.device = entry->device,
						     .since_ns = number_of(entry, "since"),
						     .uid = (uint32_t) number_of(entry, "uid"),
						     .mountpoint = text_of(entry, "mountpoint"),
						     .kind = text_of(entry, "kind"),
						     .known = entry->known};

		if (entry->left_over)
			each(context, &leftover);
	}
	(void) pthread_mutex_unlock(&leftovers->lock);
}
