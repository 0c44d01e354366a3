/* SPDX-License-Identifier: Apache-2.0 */
/* See crashpoint.h. Part of builds for tests only. */
#include "index/base/crashpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/cleanup.h"

#define LINE_MAX_LEN 64

/* Which time it is, by the lines before: all are as long as this one if it is told to die there. */
static unsigned long note(const char *path, const char *name)
{
	vt_autoclose int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
	char line[LINE_MAX_LEN];
	int len = snprintf(line, sizeof line, "%s\n", name);

	if (fd < 0 || len >= LINE_MAX_LEN || write(fd, line, (size_t) len) != len)
		abort();
	return (unsigned long) (lseek(fd, 0, SEEK_CUR) / len); /* the end of what we wrote */
}

/* Dies there if it is told to. */
static void reach(const char *name)
{
	static atomic_ulong count; /* of the one that is asked for */
	const char *wish = getenv("VITRINE_TEST_CRASH");
	const char *path = getenv("VITRINE_TEST_CRASH_REACHED");
	const char *colon = wish ? strchr(wish, ':') : NULL;
	size_t len = colon ? (size_t) (colon - wish) : wish ? strlen(wish) : 0;
	unsigned long time;

	if (wish && (strlen(name) != len || memcmp(name, wish, len) != 0))
		return;
	time = path ? note(path, name) : wish ? atomic_fetch_add(&count, 1) + 1 : 0;
	if (wish && time == (colon ? strtoul(colon + 1, NULL, 10) : 1))
		(void) raise(SIGKILL);
}

/* Keeps errno: it may stand between a call that failed and the look at why. */
void vt_crashpoint(const char *name)
{
	int saved = errno;

	reach(name);
	errno = saved;
}
