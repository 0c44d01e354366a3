/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See manifest_cut.h. The list itself is changed once, at the end: who dies before leaves it as it
 * was, and who dies later has cut it. RocksDB begins a new list when it opens the index.
 */
#include "index/manifest_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/cleanup.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/folder.h"
#include "index/journal.h"
#include "index/manifest.h"

#define TRIALS 64 /* RocksDB syncs each change of the list: of all families once, and then some */
#define TRIAL  "trial"
#define LISTS  "MANIFEST-"
#define TORN   "torn-" LISTS

struct cut {
	const char *index;
	uint64_t number;
	char trial[VT_PATH];
};

/* Bytes from `at` to `end` go to a new file `path`, which is left open: its descriptor. */
static int copy(int from, uint64_t at, uint64_t end, const char *path, struct vt_error *err)
{
	vt_autoclose int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? -errno : 0;
	char bytes[16384];

	for (uint64_t done = at; r == 0 && done < end;) {
		size_t part = end - done < sizeof bytes ? end - done : sizeof bytes;
		ssize_t n = vt_file_read_at(from, bytes, part, done);

		r = n < 0 ? (int) n : vt_file_write_at(fd, bytes, (size_t) n, done - at);
		done += part;
	}
	return r < 0 ? vt_fail(err, -r, "cannot write '%s': %m", path) : vt_steal_fd(&fd);
}

/* ---- trials --------------------------------------------------------------------------------- */

static int link_entry(void *context, const char *name, struct vt_error *err)
{
	const struct cut *cut = context;
	char from[VT_PATH], to[VT_PATH];
	int r;

	if (strcmp(name, TRIAL) == 0 || strncmp(name, LISTS, strlen(LISTS)) == 0)
		return 0;
	r = vt_path(from, err, "%s/%s", cut->index, name);
	if (r == 0)
		r = vt_path(to, err, "%s/%s", cut->trial, name);
	if (r == 0 && link(from, to) < 0)
		r = vt_fail(err, errno, "cannot link '%s': %m", to);
	return r;
}

/* An index beside the index, but for its list. */
static int make_trial(struct cut *cut, struct vt_error *err)
{
	int r = vt_path(cut->trial, err, "%s/" TRIAL, cut->index);

	if (r == 0)
		r = vt_folder_remove(cut->trial, err); /* of one who died */
	if (r == 0)
		r = vt_folder_make(cut->trial, 0700, err);
	if (r == 0)
		r = vt_folder_each(cut->index, link_entry, cut, err);
	VT_CRASHPOINT("cut-trial-made");
	return r;
}

/* 1: with *end bytes the judge has nothing against the list in `fd`; 0: with no length of `ends`.
 */
static int try_ends(const struct cut *cut, int fd, const uint64_t *ends, int count,
		    vt_manifest_judge *judge, void *context, uint64_t *end, struct vt_error *err)
{
	vt_autoclose int trial = -1;
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/" LISTS "%06" PRIu64, cut->trial, cut->number);

	if (r == 0)
		trial = r = copy(fd, 0, ends[count - 1], path, err);
	for (int i = count - 1; r >= 0 && i >= 0; i--) {
		if (ftruncate(trial, (off_t) ends[i]) < 0)
			return vt_fail(err, errno, "cannot cut '%s': %m", path);
		*end = ends[i];
		if (judge(context, cut->trial, NULL) == 0)
			return 1;
	}
	return r < 0 ? r : 0;
}

/* 1: cut to *end bytes the list has nothing against it; 0: there is no such end. */
static int find_end(struct cut *cut, const struct vt_manifest *list,
		    const struct vt_manifest_mark *mark, vt_manifest_judge *judge, void *context,
		    uint64_t *end, struct vt_error *err)
{
	uint64_t ends[TRIALS];
	int count, r;

	if (list->mark.number != mark->number)
		return 0;
	cut->number = mark->number;
	count = vt_journal_ends(list->fd, mark->length, ends, TRIALS);
	if (count < 0)
		return vt_fail(err, -count, "cannot read the list of tables: %m");
	if (count == 0)
		return 0;
	r = make_trial(cut, err);
	if (r == 0)
		r = try_ends(cut, list->fd, ends, count, judge, context, end, err);
	(void) vt_folder_remove(cut->trial, NULL);
	return r;
}

/* ---- the cut -------------------------------------------------------------------------------- */

static int save_rest(const struct cut *cut, int fd, uint64_t end, uint64_t *bytes,
		     struct vt_error *err)
{
	vt_autoclose int saved = -1;
	char path[VT_PATH];
	struct stat st;
	int r = vt_path(path, err, "%s/" TORN "%06" PRIu64, cut->index, cut->number);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return vt_fail(err, errno, "cannot read the list of tables: %m");
	*bytes = (uint64_t) st.st_size - end;
	saved = copy(fd, end, (uint64_t) st.st_size, path, err);
	if (saved >= 0 && fsync(saved) < 0)
		return vt_fail(err, errno, "cannot write '%s': %m", path);
	return saved < 0 ? saved : vt_folder_sync(cut->index, err);
}

static int cut_off(const struct cut *cut, int fd, uint64_t end, uint64_t *bytes,
		   struct vt_error *err)
{
	vt_autoclose int list = -1;
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/" LISTS "%06" PRIu64, cut->index, cut->number);

	if (r == 0)
		r = save_rest(cut, fd, end, bytes, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("cut-end-saved");
	list = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (list < 0 || ftruncate(list, (off_t) end) < 0 || fsync(list) < 0)
		return vt_fail(err, errno, "cannot cut '%s': %m", path);
	VT_CRASHPOINT("cut-made");
	return 1;
}

int vt_manifest_can_cut(const char *index, const struct vt_manifest_mark *mark,
			vt_manifest_judge *judge, void *context, struct vt_error *err)
{
	vt_cleanup(vt_manifest_close) struct vt_manifest list = {.fd = -1};
	struct cut cut = {.index = index};
	uint64_t end;
	int r = vt_manifest_open(index, &list, err);

	return r < 0 ? r : find_end(&cut, &list, mark, judge, context, &end, err);
}

int vt_manifest_cut(const char *index, const struct vt_manifest_mark *mark,
		    vt_manifest_judge *judge, void *context, uint64_t *bytes, struct vt_error *err)
{
	vt_cleanup(vt_manifest_close) struct vt_manifest list = {.fd = -1};
	struct cut cut = {.index = index};
	uint64_t end;
	int r = vt_manifest_open(index, &list, err);

	if (r == 0)
		r = find_end(&cut, &list, mark, judge, context, &end, err);
	return r > 0 ? cut_off(&cut, list.fd, end, bytes, err) : r;
}

bool vt_manifest_is_torn(const char *name)
{
	return strncmp(name, TORN, strlen(TORN)) == 0;
}
