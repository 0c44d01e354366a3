/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine top`: who reads how much of what, now. Asking starts no server. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/io_text.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/rates.h"
#include "tools/screen.h"

#define INTERVAL_MAX 3600u
#define LINES_AROUND 5u /* the head, and two tables' titles with an empty line before each */

static uint64_t interval = 2;
static bool once;
static const struct vt_option options[] = {
	VT_NUMBER(0, "interval", "SECONDS", &interval, "from one look to the next; 2"),
	VT_FLAG(0, "once", &once, "print the rates of one interval, and end"),
	{0},
};

static const struct vt_column reader_columns[] = {
	{"READER", "name", VT_COLUMN_NAME},
	{"REQUESTS/s", "requests", VT_COLUMN_RATE},
	{"READ/s", "bytes", VT_COLUMN_SIZE},
	{"OPENS/s", "opens", VT_COLUMN_RATE},
	{0},
};
static const struct vt_column dataset_columns[] = {
	{"DATASET", "name", VT_COLUMN_NAME},
	{"READ/s", "bytes", VT_COLUMN_SIZE},
	{"OPENS/s", "opens", VT_COLUMN_RATE},
	{0},
};

/* ---- what is shown --------------------------------------------------------------------------- */

static void print_head(const json_t *rates)
{
	const json_t *share = json_object_get(rates, "hit_share");
	char age[VT_DURATION_TEXT], requests[32], opens[32], bytes[16], memory[16];

	vt_age_format(vt_json_number(rates, "up_seconds") * 1e9, age);
	(void) printf("up %s", age);
	if (json_object_get(rates, "requests")) {
		vt_format_rate(vt_json_number(rates, "requests"), requests);
		vt_format_rate(vt_json_number(rates, "opens"), opens);
		vt_format_size((uint64_t) vt_json_number(rates, "bytes"), bytes);
		vt_format_size((uint64_t) vt_json_number(rates, "memory"), memory);
		(void) printf("   requests %s/s   read %s/s   opens %s/s   memory %s", requests,
			      bytes, opens, memory);
	}
	if (json_is_real(share))
		(void) printf("   cache hits %.1f %%", 100 * json_real_value(share));
	(void) putchar('\n');
}

/* Each table has half of the room, and what the other leaves. */
static int print_rates(const struct vt_cli *cli, const json_t *rates, size_t room,
		       struct vt_error *err)
{
	const json_t *readers = json_object_get(rates, "readers");
	const json_t *datasets = json_object_get(rates, "datasets");
	size_t many = json_array_size(datasets), half = many < room / 2 ? many : room / 2;
	size_t first =
		json_array_size(readers) < room - half ? json_array_size(readers) : room - half;
	int r;

	print_head(rates);
	r = vt_print_table(cli, reader_columns, readers, first, err);
	return r < 0 ? r : vt_print_table(cli, dataset_columns, datasets, room - first, err);
}

/* ---- when ------------------------------------------------------------------------------------ */

/* The caller's. A server may have been followed by another since the last time. */
static int look(struct vt_cli *cli, json_t **out, struct vt_error *err)
{
	int r = vt_cli_call(cli, "io", NULL, NULL, NULL, out, err);

	if (r == 0 || r == -EACCES)
		return r;
	vt_cli_done(cli);
	if (vt_client_connect(cli->store, false, &cli->client, err) < 0)
		return vt_fail(err, EPIPE, "the server has ended");
	return vt_cli_call(cli, "io", NULL, NULL, NULL, out, err);
}

/*
 * `*last` becomes what is there now; the rates since what it was are the caller's, or NULL when
 * that was another server's.
 */
static int look_again(struct vt_cli *cli, json_t **last, json_t **rates, struct vt_error *err)
{
	json_t *now = NULL;
	int r = look(cli, &now, err);

	if (r < 0)
		return r;
	*rates = vt_rates(*last, now);
	json_decref(*last);
	*last = now;
	return 0;
}

static uint64_t next_look(void)
{
	return vt_clock_monotonic_ns() + interval * VT_NS_PER_SEC;
}

static void sleep_until(uint64_t ns)
{
	const struct timespec until = {.tv_sec = (time_t) (ns / VT_NS_PER_SEC),
				       .tv_nsec = (long) (ns % VT_NS_PER_SEC)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static int print_lines(struct vt_cli *cli, json_t **last, struct vt_error *err)
{
	do {
		vt_cleanup(vt_json_freep) json_t *rates = NULL;
		int r;

		sleep_until(next_look());
		r = look_again(cli, last, &rates, err);
		if (r == 0 && rates && cli->json)
			vt_print_json(rates);
		else if (r == 0 && rates)
			r = print_rates(cli, rates, SIZE_MAX / 2, err);
		if (r < 0 || fflush(stdout) != 0)
			return r; /* the end of the results is looked at by who runs us */
	} while (cli->json && !once);
	return 0;
}

static int draw(const struct vt_cli *cli, struct vt_screen *screen, const json_t *rates,
		struct vt_error *err)
{
	unsigned lines = vt_screen_lines(screen);
	int r;

	vt_screen_begin(screen);
	r = print_rates(cli, rates, lines > LINES_AROUND ? lines - LINES_AROUND : 0, err);
	vt_screen_end(screen);
	return r;
}

static int watch(struct vt_cli *cli, struct vt_screen *screen, json_t **last, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *rates = json_object();
	uint64_t next = 0; /* at once */
	enum vt_screen_event event;
	int r = 0;

	while (r == 0 && (event = vt_screen_wait(screen, next)) != VT_SCREEN_QUIT) {
		json_t *newer = NULL;

		if (event == VT_SCREEN_TIME) {
			r = look_again(cli, last, &newer, err);
			next = next_look();
		}
		if (newer) {
			json_decref(rates);
			rates = newer;
		}
		if (r == 0)
			r = draw(cli, screen, rates, err);
	}
	return r;
}

static int watch_on_screen(struct vt_cli *cli, json_t **last, struct vt_error *err)
{
	vt_cleanup(vt_screen_closep) struct vt_screen *screen = NULL;
	int r = vt_screen_open(&screen, err);

	return r < 0 ? r : watch(cli, screen, last, err);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *last = NULL;
	bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	int r;

	if (interval == 0 || interval > INTERVAL_MAX)
		return vt_misused(cli, err, "an interval is 1 to %u seconds", INTERVAL_MAX);
	r = vt_cli_connect_running(cli, err);
	if (r > 0)
		r = look(cli, &last, err);
	if (r < 0 || !last)
		return r;
	return cli->json || once || !terminal ? print_lines(cli, &last, err)
					      : watch_on_screen(cli, &last, err);
}

const struct vt_command vt_cmd_top = {
	.name = "top",
	.synopsis = "",
	.summary = "Show who reads how much of what, live",
	.details = "On a terminal until 'q'; else the rates of one interval, or with --json\n"
		   "of every interval. Others than who administers the store see what they do\n"
		   "themselves, and what is done with datasets that they administer.",
	.options = options,
	.run = run,
};
