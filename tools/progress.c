/* SPDX-License-Identifier: Apache-2.0 */
/* See progress.h. */
#include "tools/progress.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/cli.h"
#include "tools/output.h"

#define BAR_NS   (VT_NS_PER_SEC / 5)
#define PLAIN_NS (10 * VT_NS_PER_SEC)

struct vt_progress {
	vt_progress_look *look; /* constant, as all to here */
	void *context;
	bool plain;
	pthread_t thread;
	pthread_mutex_t lock; /* also around what goes to standard error */
	pthread_cond_t wake;
	bool stop;         /* guarded by lock, as all below */
	const char *phase; /* whose start `phase_ns` is */
	uint64_t phase_ns;
};

static void append(char out[256], size_t columns, const char *text)
{
	size_t used = strlen(out);

	if (used + strlen(text) < columns && used + strlen(text) < 256)
		(void) strcpy(out + used, text);
}

static void append_left(const struct vt_progress_view *view, uint64_t elapsed_ns, char out[256],
			size_t columns)
{
	uint64_t done = view->total_bytes ? view->bytes : view->files;
	uint64_t total = view->total_bytes ? view->total_bytes : view->total_files;
	unsigned long long seconds;
	char text[64];

	if (done == 0 || done >= total || elapsed_ns < VT_NS_PER_SEC)
		return;
	seconds = (unsigned long long) ((double) elapsed_ns / VT_NS_PER_SEC *
					(double) (total - done) / (double) done);
	(void) snprintf(text, sizeof text, "  %llu:%02llu left", seconds / 60, seconds % 60);
	append(out, columns, text);
}

/* Parts that do not fit the line are left out whole, the last ones first. */
void vt_progress_format(const struct vt_progress_view *view, uint64_t elapsed_ns, int columns,
			char out[256])
{
	char files[32], total[32], bytes[16], all[16], rate[16], text[128];
	size_t room = columns > 0 ? (size_t) columns : 0;

	*out = '\0';
	append(out, room, view->phase);
	if (view->total_bytes) {
		uint64_t percent = view->bytes >= view->total_bytes
					   ? 100
					   : view->bytes / (view->total_bytes / 100 + 1);

		(void) snprintf(text, sizeof text, "  %3llu%%", (unsigned long long) percent);
		append(out, room, text);
	}
	vt_format_count(view->files, files);
	vt_format_count(view->total_files, total);
	(void) snprintf(text, sizeof text, "  %s%s%s files", files, view->total_files ? " of " : "",
			view->total_files ? total : "");
	append(out, room, text);
	if (view->bytes) {
		vt_format_size(view->bytes, bytes);
		vt_format_size(view->total_bytes, all);
		(void) snprintf(text, sizeof text, "  %s%s%s", bytes,
				view->total_bytes ? " of " : "", view->total_bytes ? all : "");
		append(out, room, text);
	}
	if (view->bytes && elapsed_ns >= VT_NS_PER_SEC) {
		vt_format_size(
			(uint64_t) ((double) view->bytes / (double) elapsed_ns * VT_NS_PER_SEC),
			rate);
		(void) snprintf(text, sizeof text, "  %s/s", rate);
		append(out, room, text);
	}
	append_left(view, elapsed_ns, out, room);
}

static int terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

static void draw(struct vt_progress *p)
{
	struct vt_progress_view view = {.phase = ""};
	uint64_t now = vt_clock_monotonic_ns();
	char line[256];

	p->look(p->context, &view);
	if (!p->phase || strcmp(p->phase, view.phase) != 0) {
		p->phase = view.phase;
		p->phase_ns = now;
	}
	vt_progress_format(&view, now - p->phase_ns, p->plain ? 256 : terminal_columns(), line);
	(void) fprintf(stderr, p->plain ? "%s\n" : "\r\033[K%s", line);
}

static void *draw_until_stopped(void *context)
{
	struct vt_progress *p = context;
	uint64_t next = vt_clock_monotonic_ns();

	(void) pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct timespec until;

		next += p->plain ? PLAIN_NS : BAR_NS;
		until = (struct timespec){.tv_sec = (time_t) (next / VT_NS_PER_SEC),
					  .tv_nsec = (long) (next % VT_NS_PER_SEC)};
		while (!p->stop && pthread_cond_clockwait(&p->wake, &p->lock, CLOCK_MONOTONIC,
							  &until) != ETIMEDOUT)
			;
		if (!p->stop)
			draw(p);
	}
	(void) pthread_mutex_unlock(&p->lock);
	return NULL;
}

int vt_progress_start(const struct vt_cli *cli, const char *how, vt_progress_look *look,
		      void *context, struct vt_progress **out, struct vt_error *err)
{
	bool terminal = isatty(STDERR_FILENO), plain = how && strcmp(how, "plain") == 0;
	struct vt_progress *p;

	if (how && !plain && strcmp(how, "auto") != 0 && strcmp(how, "none") != 0)
		return vt_misused(cli, err, "--progress is auto, plain or none, not '%s'", how);
	*out = NULL;
	if (!plain && (!terminal || cli->quiet || (how && strcmp(how, "none") == 0)))
		return 0;
	p = calloc(1, sizeof *p);
	if (!p)
		return vt_fail(err, ENOMEM, "no memory for the progress bar");
	p->look = look;
	p->context = context;
	p->plain = plain;
	(void) pthread_mutex_init(&p->lock, NULL);
	(void) pthread_cond_init(&p->wake, NULL);
	if (pthread_create(&p->thread, NULL, draw_until_stopped, p) != 0) {
		free(p);
		return 0; /* the work matters, the bar does not */
	}
	*out = p;
	return 0;
}

void vt_progress_stop(struct vt_progress *p)
{
	if (!p)
		return;
	(void) pthread_mutex_lock(&p->lock);
	p->stop = true;
	(void) pthread_cond_signal(&p->wake);
	(void) pthread_mutex_unlock(&p->lock);
	(void) pthread_join(p->thread, NULL);
	if (!p->plain)
		(void) fputs("\r\033[K", stderr);
	(void) pthread_cond_destroy(&p->wake);
	(void) pthread_mutex_destroy(&p->lock);
	free(p);
}

void vt_progress_print(struct vt_progress *p, const char *line)
{
	if (p)
		(void) pthread_mutex_lock(&p->lock);
	if (p && !p->plain)
		(void) fputs("\r\033[K", stderr);
	vt_print_name(stderr, line, strlen(line));
	(void) fputc('\n', stderr);
	if (p)
		(void) pthread_mutex_unlock(&p->lock);
}
