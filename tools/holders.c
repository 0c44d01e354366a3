/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See holders.h. statx(2) with nothing wanted and AT_STATX_DONT_SYNC tells the device of whatever a
 * link in /proc leads to and sends nothing to its server. Processes come and go meanwhile: one that
 * is gone holds nothing.
 */
#include "tools/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fs/mount_table.h"
#include "index/base/array.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"

#define LINK_MAX_LEN 288 /* /proc/PID/fd/NAME */

struct search {
	uint64_t device;
	void (*each)(void *context, const struct vt_holder *holder);
	void *context;
	bool all;          /* every process could be looked at */
	ino_t *namespaces; /* of mounts, ours the first, that were looked at */
	size_t count, room;
};

static void close_folder(DIR **folder)
{
	if (*folder)
		(void) closedir(*folder);
}

/* ---- one process ----------------------------------------------------------------------------- */

/* `name`: of a link in the process's folder. */
static bool leads_there(const struct search *search, pid_t pid, const char *folder,
			const char *name)
{
	char path[LINK_MAX_LEN + 32];
	struct statx st;

	(void) snprintf(path, sizeof path, "/proc/%d/%s%s", (int) pid, folder, name);
	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &st) == 0 &&
	       makedev(st.stx_dev_major, st.stx_dev_minor) == search->device;
}

static bool has_file(struct search *search, pid_t pid)
{
	vt_cleanup(close_folder) DIR *folder = NULL;
	const struct dirent *entry;
	char path[64];

	(void) snprintf(path, sizeof path, "/proc/%d/fd", (int) pid);
	folder = opendir(path);
	if (!folder) {
		search->all &= errno == ENOENT || errno == ESRCH;
		return false;
	}
	while ((entry = readdir(folder)))
		if (entry->d_name[0] != '.' && leads_there(search, pid, "fd/", entry->d_name))
			return true;
	return false;
}

static bool has_mapping(struct search *search, pid_t pid)
{
	vt_autofclose FILE *file = NULL;
	vt_autofree char *line = NULL;
	unsigned high, low;
	char path[64];
	size_t size = 0;

	(void) snprintf(path, sizeof path, "/proc/%d/maps", (int) pid);
	file = fopen(path, "re");
	while (file && getline(&line, &size, file) >= 0)
		if (sscanf(line, "%*s %*s %*s %x:%x", &high, &low) == 2 &&
		    makedev(high, low) == search->device)
			return true;
	return false;
}

static bool is_seen(struct search *search, ino_t number)
{
	for (size_t i = 0; i < search->count; i++)
		if (search->namespaces[i] == number)
			return true;
	if (vt_array_reserve(search->namespaces, search->room, search->count + 1) < 0)
		return false; /* it is looked at, and named, once more */
	search->namespaces[search->count++] = number;
	return false;
}

static int is_there(void *context, const struct vt_mounted *mounted)
{
	const struct search *search = context;

	return mounted->device == search->device;
}

static bool has_mount(struct search *search, pid_t pid)
{
	char path[64];
	struct stat st;

	(void) snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int) pid);
	if (stat(path, &st) < 0 || is_seen(search, st.st_ino))
		return false;
	(void) snprintf(path, sizeof path, "/proc/%d/mountinfo", (int) pid);
	return vt_mounted_list_any(path, is_there, search, NULL) > 0;
}

static void describe(struct vt_holder *holder)
{
	vt_autofclose FILE *file = NULL;
	char path[64], line[256];
	unsigned uid;

	(void) snprintf(path, sizeof path, "/proc/%d/status", (int) holder->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "Uid:%*u%u", &uid) == 1)
			holder->uid = uid;
		else if (strncmp(line, "Name:\t", 6) == 0)
			(void) snprintf(holder->command, sizeof holder->command, "%.*s",
					(int) strcspn(line + 6, "\n"), line + 6);
	}
}

static void look_at(struct search *search, pid_t pid)
{
	struct vt_holder holder = {.pid = pid, .command = "?"};

	holder.ways = (has_file(search, pid) ? VT_HOLDS_FILE : 0u) |
		      (has_mapping(search, pid) ? VT_HOLDS_MAPPING : 0u) |
		      (has_mount(search, pid) ? VT_HOLDS_MOUNT : 0u);
	if (leads_there(search, pid, "", "cwd") || leads_there(search, pid, "", "root"))
		holder.ways |= VT_HOLDS_FOLDER;
	if (!holder.ways)
		return;
	describe(&holder);
	search->each(search->context, &holder);
}

/* ---- all ------------------------------------------------------------------------------------- */

int vt_holders_each(uint64_t device, void (*each)(void *context, const struct vt_holder *holder),
		    void *context, struct vt_error *err)
{
	vt_cleanup(close_folder) DIR *folder = opendir("/proc");
	struct search search = {.device = device, .each = each, .context = context, .all = true};
	const struct dirent *entry;
	struct stat st;

	if (!folder)
		return vt_fail(err, errno, "cannot look at the processes: %m");
	if (stat("/proc/self/ns/mnt", &st) == 0)
		(void) is_seen(&search, st.st_ino);
	while ((entry = readdir(folder)))
		if (isdigit((unsigned char) entry->d_name[0]))
			look_at(&search, (pid_t) atoi(entry->d_name));
	free(search.namespaces);
	return search.all;
}
