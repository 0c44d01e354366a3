/* SPDX-License-Identifier: Apache-2.0 */
/* The line of the progress bar, for every state of the work and width of the terminal. */
#include "tools/progress.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "tools/cli.h"

#include <errno.h>
#include <string.h>

const struct vt_command *const vt_commands[] = {NULL};

START_TEST(a_line_has_phase_share_files_bytes_rate_and_time_left)
{
	const struct vt_progress_view view = {"storing", 1797, 3000, 1 << 20, 4 << 20};
	char line[256];

	vt_progress_format(&view, 2 * VT_NS_PER_SEC, 200, line);
	ck_assert_str_eq(line, "storing   24%  1,797 of 3,000 files  1.0 MiB of 4.0 MiB"
			       "  512.0 KiB/s  0:06 left");
}
END_TEST

START_TEST(what_is_not_known_is_not_shown)
{
	const struct vt_progress_view view = {"scanning", 12, 0, 0, 0};
	char line[256];

	vt_progress_format(&view, 0, 200, line);
	ck_assert_str_eq(line, "scanning  12 files");
}
END_TEST

/* Totals are counted while the work goes on, and may lag behind it. */
START_TEST(more_done_than_counted_is_all_of_it)
{
	const struct vt_progress_view view = {"storing", 9, 3, UINT64_MAX, 1};
	char line[256];

	vt_progress_format(&view, VT_NS_PER_SEC, 200, line);
	ck_assert_ptr_nonnull(strstr(line, "100%"));
	ck_assert_ptr_null(strstr(line, "left"));
}
END_TEST

START_TEST(no_line_is_wider_than_the_terminal)
{
	const struct vt_progress_view view = {"storing", 1797, 3000, 1 << 20, 4 << 20};
	char line[256];

	for (int columns = -1; columns < 100; columns++) {
		vt_progress_format(&view, 2 * VT_NS_PER_SEC, columns, line);
		ck_assert_int_lt((int) strlen(line), columns > 0 ? columns : 1);
	}
}
END_TEST

static void look(void *context, struct vt_progress_view *out)
{
	*out = (struct vt_progress_view){.phase = "storing"};
}

START_TEST(an_unknown_kind_is_refused_and_none_shows_nothing)
{
	const struct vt_command command = {.name = "publish"};
	const struct vt_cli cli = {.command = &command};
	struct vt_progress *bar = NULL;
	struct vt_error err;

	ck_assert_int_eq(vt_progress_start(&cli, "fancy", look, NULL, &bar, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "'fancy'"));
	ck_assert_int_eq(vt_progress_start(&cli, "none", look, NULL, &bar, &err), 0);
	ck_assert_ptr_null(bar);
	vt_progress_stop(bar);
}
END_TEST

START_TEST(stopping_does_not_wait_for_the_next_line)
{
	const struct vt_cli cli = {0};
	struct vt_progress *bar = NULL;

	for (int i = 0; i < 100; i++) { /* each would take ten seconds, and the suite times out */
		ck_assert_int_eq(vt_progress_start(&cli, "plain", look, NULL, &bar, NULL), 0);
		ck_assert_ptr_nonnull(bar);
		vt_progress_stop(bar);
	}
}
END_TEST

VT_SUITE(progress, a_line_has_phase_share_files_bytes_rate_and_time_left,
	 what_is_not_known_is_not_shown, more_done_than_counted_is_all_of_it,
	 no_line_is_wider_than_the_terminal, an_unknown_kind_is_refused_and_none_shows_nothing,
	 stopping_does_not_wait_for_the_next_line)
