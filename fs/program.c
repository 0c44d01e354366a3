/* SPDX-License-Identifier: Apache-2.0 */
/* See program.h. */
#include "fs/program.h"

#include "index/base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

static bool is_client;

/* From the folder of the client: as installed, as built. */
static const char *const places[] = {VT_PROGRAM_FOLDER "/" VT_PROGRAM_NAME, VT_PROGRAM_NAME};

void vt_program_set_client(void)
{
	is_client = true;
}

static int find_beside(const char *folder, char path[PATH_MAX], struct vt_error *err)
{
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (snprintf(path, PATH_MAX, "%s/%s", folder, places[i]) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return 0;
	return vt_fail(err, ENOEXEC,
		       "'%s/%s', the part of Vitrine that works on stores, is missing or cannot be "
		       "run: install Vitrine anew",
		       folder, places[0]);
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

int vt_program_find(char path[PATH_MAX], struct vt_error *err)
{
	char folder[PATH_MAX];
	int r;

	if (!is_client) {
		strcpy(path, SELF);
		return 0;
	}
	r = vt_program_folder(folder, err);
	return r < 0 ? r : find_beside(folder, path, err);
}
