/* SPDX-License-Identifier: Apache-2.0 */
/* See mount_table.h. */
#include "fs/mount_table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"

#define PROBE_MS 2000 /* for a stat that should take microseconds */
#define RETRY_US 1000

void vt_device_format(uint64_t device, char out[VT_DEVICE_TEXT])
{
	(void) snprintf(out, VT_DEVICE_TEXT, "%u:%u", major(device), minor(device));
}

bool vt_device_parse(const char *text, uint64_t *out)
{
	unsigned high, low;
	int used = 0;

	if (sscanf(text, "%u:%u%n", &high, &low, &used) != 2 || text[used])
		return false;
	*out = makedev(high, low);
	return true;
}

/* Blanks and backslashes stand as \ooo. */
static char *unescape(char *text)
{
	char *out = text;

	for (const char *in = text; *in; out++) {
		if (in[0] == '\\' && in[1] && in[2] && in[3]) {
			*out = (char) ((in[1] & 7) << 6 | (in[2] & 7) << 3 | (in[3] & 7));
			in += 4;
		} else {
			*out = *in++;
		}
	}
	*out = '\0';
	return text;
}

/* 36 35 98:0 /root /point options optional... - type source super */
static bool parse_line(char *line, struct vt_mounted *out)
{
	char *tail = strstr(line, " - "), *fields[5], *save = NULL;
	int count = 0;

	if (!tail)
		return false;
	*tail = '\0';
	for (char *f = strtok_r(line, " ", &save); f && count < 5; f = strtok_r(NULL, " ", &save))
		fields[count++] = f;
	if (count < 5 || !vt_device_parse(fields[2], &out->device))
		return false;
	out->point = unescape(fields[4]);
	out->type = strtok_r(tail + 3, " ", &save);
	out->source = strtok_r(NULL, " ", &save);
	if (!out->type || !out->source)
		return false;
	(void) unescape((char *) out->source);
	return true;
}

int vt_mounted_list_any(const char *table, vt_mounted_each *each, void *context,
			struct vt_error *err)
{
	vt_autofclose FILE *file = fopen(table, "re");
	vt_autofree char *line = NULL;
	struct vt_mounted mounted;
	size_t size = 0;
	int r = 0;

	if (!file)
		return vt_fail(err, errno, "cannot read %s: %m", table);
	while (r == 0 && getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (parse_line(line, &mounted))
			r = each(context, &mounted);
	}
	return r;
}

struct filter {
	vt_mounted_each *each;
	void *context;
};

static int pass_ours(void *context, const struct vt_mounted *mounted)
{
	const struct filter *filter = context;

	return strcmp(mounted->type, VT_MOUNT_TYPE) == 0 ? filter->each(filter->context, mounted)
							 : 0;
}

int vt_mounted_list(vt_mounted_each *each, void *context, struct vt_error *err)
{
	struct filter filter = {each, context};

	return vt_mounted_list_any(VT_MOUNT_TABLE, pass_ours, &filter, err);
}

static int is_point(void *point, const struct vt_mounted *mounted)
{
	return strcmp(mounted->point, point) == 0;
}

int vt_mounted_wait_end(const char *point, int other, int patience_ms, struct vt_error *err)
{
	vt_autoclose int fd = open(VT_MOUNT_TABLE, O_RDONLY | O_CLOEXEC);
	struct pollfd watch[] = {{.fd = fd, .events = POLLPRI}, {.fd = other, .events = POLLIN}};
	const struct timespec patience = {patience_ms / 1000, patience_ms % 1000 * 1000000L};
	sigset_t none;
	int r, ready;

	(void) sigemptyset(&none);
	if (fd < 0)
		return vt_fail(err, errno, "cannot read " VT_MOUNT_TABLE ": %m");
	while ((r = vt_mounted_list(is_point, (void *) point, err)) > 0) {
		ready = ppoll(watch, 2, patience_ms < 0 ? NULL : &patience, &none);
		if (ready < 0)
			return -errno;
		if (ready == 0 || watch[1].revents)
			return 1;
	}
	return r;
}

/*
 * What a file system answers about its root is passed over when the root's attributes are dropped
 * meanwhile. A root that was never known has no permissions, and the next who comes is refused if
 * his answer is passed over as well.
 */
static int wait_for_root(const char *point)
{
	struct statx known = {0};
	struct stat st;

	for (;;) {
		if (stat(point, &st) < 0 ||
		    statx(AT_FDCWD, point, AT_STATX_DONT_SYNC, STATX_MODE, &known) < 0)
			return errno;
		if (known.stx_mode & ALLPERMS)
			return 0;
		(void) usleep(RETRY_US);
	}
}

int vt_mounted_probe(const char *point)
{
	struct pollfd watch = {.events = POLLIN};
	int status, code = ETIMEDOUT;
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (pid == 0)
		_exit(wait_for_root(point));
	watch.fd = (int) syscall(SYS_pidfd_open, pid, 0);
	if (poll(&watch, 1, PROBE_MS) == 1 && waitpid(pid, &status, 0) == pid)
		code = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	else
		(void) kill(pid, SIGKILL); /* not waited for: it may be stuck in the kernel */
	if (watch.fd >= 0)
		(void) close(watch.fd);
	return code;
}
