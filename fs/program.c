/* SPDX-License-Identifier: Apache-2.0 */
/* See program.h. */
#include "fs/program.h"

#include "index/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

static enum vt_program self = VT_PROGRAM_STORE;

static const struct {
	const char *name, *what;
} programs[] = {
	[VT_PROGRAM_STORE] = {"vitrine-store", "works on stores"},
	[VT_PROGRAM_PUBLISH] = {"vitrine-publish", "publishes"},
};

/* From the folder of the client, as installed; of another one, and as built. */
static const char *const places[] = {VT_PROGRAM_FOLDER "/", ""};

void vt_program_set(enum vt_program program)
{
	self = program;
}

static int find_beside(const char *folder, enum vt_program program, char path[PATH_MAX],
		       struct vt_error *err)
{
	const char *name = programs[program].name;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (snprintf(path, PATH_MAX, "%s/%s%s", folder, places[i], name) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return 0;
	return vt_fail(err, ENOEXEC,
		       "'%s/%s%s', the part of Vitrine that %s, is missing or cannot be run: "
		       "install Vitrine anew",
		       folder, places[0], name, programs[program].what);
}

int vt_program_folder(char path[PATH_MAX], struct vt_error *err)
{
	ssize_t len = readlink(SELF, path, PATH_MAX - 1);

	if (len < 0)
		return vt_fail(err, errno, "cannot tell where this program is: %m");
	path[len] = '\0';
	*strrchr(path, '/') = '\0';
	return 0;
}

int vt_program_find(enum vt_program program, char path[PATH_MAX], struct vt_error *err)
{
	char folder[PATH_MAX];
	int r;

	if (program == self) {
		strcpy(path, SELF);
		return 0;
	}
	r = vt_program_folder(folder, err);
	return r < 0 ? r : find_beside(folder, program, path, err);
}
