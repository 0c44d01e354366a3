/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See screen.h. Signals are blocked but while we wait, so that none comes between looking and
 * waiting (ppoll(2)).
 */
#include "tools/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/error.h"

#define LINES_OTHERWISE 24u

/* The other screen, no cursor, no wrapping; and back. */
#define ENTER "\033[?1049h\033[?25l\033[?7l"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"
/* An empty screen, from its first line on. */
#define BEGIN "\033[H\033[2J"

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

struct vt_screen {
	struct termios before;
	sigset_t mask_before;
};

static volatile sig_atomic_t ended, resized;

static void note(int signal)
{
	if (signal == SIGWINCH)
		resized = 1;
	else
		ended = 1;
}

static void catch (int signal, sigset_t *blocked)
{
	struct sigaction action = {.sa_handler = note};

	(void) sigemptyset(&action.sa_mask);
	(void) sigaction(signal, &action, NULL);
	(void) sigaddset(blocked, signal);
}

static void catch_signals(struct vt_screen *screen)
{
	sigset_t blocked;

	(void) sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		catch (ends[i], &blocked);
	catch (SIGWINCH, &blocked);
	(void) sigprocmask(SIG_BLOCK, &blocked, &screen->mask_before);
}

/* Keys come at once and unseen. Being stopped would leave the terminal as it is. */
static int take_keys(const struct termios *before)
{
	struct termios now = *before;

	now.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
	now.c_cc[VSUSP] = _POSIX_VDISABLE;
	now.c_cc[VMIN] = 1;
	now.c_cc[VTIME] = 0;
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
}

int vt_screen_open(struct vt_screen **out, struct vt_error *err)
{
	struct vt_screen *screen = calloc(1, sizeof *screen);
	int code;

	if (!screen)
		return vt_fail(err, ENOMEM, "no memory for a screen");
	if (tcgetattr(STDIN_FILENO, &screen->before) < 0 || take_keys(&screen->before) < 0) {
		code = errno;
		free(screen);
		return vt_fail(err, code, "cannot use the terminal: %m");
	}
	catch_signals(screen);
	(void) fputs(ENTER, stdout);
	(void) fflush(stdout);
	*out = screen;
	return 0;
}

void vt_screen_close(struct vt_screen *screen)
{
	if (!screen)
		return;
	(void) fputs(LEAVE, stdout);
	(void) fflush(stdout);
	(void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &screen->before);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		(void) signal(ends[i], SIG_DFL);
	(void) signal(SIGWINCH, SIG_DFL);
	(void) sigprocmask(SIG_SETMASK, &screen->mask_before, NULL);
	free(screen);
}

void vt_screen_begin(struct vt_screen *screen)
{
	(void) screen;
	(void) fputs(BEGIN, stdout);
}

void vt_screen_end(struct vt_screen *screen)
{
	(void) screen;
	(void) fflush(stdout);
}

unsigned vt_screen_lines(const struct vt_screen *screen)
{
	struct winsize size;

	(void) screen;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row == 0)
		return LINES_OTHERWISE;
	return size.ws_row;
}

/* A terminal that has gone reads as its end. */
static bool wants_to_quit(void)
{
	char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	return n == 0 || (n < 0 && errno != EINTR) || (n == 1 && (key == 'q' || key == 'Q'));
}

enum vt_screen_event vt_screen_wait(struct vt_screen *screen, uint64_t until_ns)
{
	while (!ended) {
		uint64_t now = vt_clock_monotonic_ns();
		uint64_t left = until_ns > now ? until_ns - now : 0;
		const struct timespec timeout = {.tv_sec = (time_t) (left / VT_NS_PER_SEC),
						 .tv_nsec = (long) (left % VT_NS_PER_SEC)};
		struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
		int r = ppoll(&keys, 1, &timeout, &screen->mask_before);

		if (resized) {
			resized = 0;
			return VT_SCREEN_RESIZED;
		}
		if (r == 0)
			return VT_SCREEN_TIME;
		if (r > 0 && wants_to_quit())
			return VT_SCREEN_QUIT;
	}
	return VT_SCREEN_QUIT;
}
