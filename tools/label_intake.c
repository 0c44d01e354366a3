/* SPDX-License-Identifier: Apache-2.0 */
/* See label_intake.h. */
#include "tools/label_intake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/cli.h"
#include "tools/label_options.h"
#include "tools/label_sort.h"
#include "tools/output.h"
#include "tools/progress.h"

#define SAID_MAX 20u /* bad rows that are told one by one */

static int note_refused(void *context, enum vt_labels_refusal why, uint64_t origin,
			const char *sentence, struct vt_error *err)
{
	struct vt_label_intake *intake = context;
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	(void) err;
	intake->outside += why == VT_LABELS_OUTSIDE;
	vt_label_sort_where(origin, intake->files, &text);
	vt_buf_printf(&text, "%s", sentence);
	vt_buf_put_u8(&text, 0);
	if (!vt_buf_failed(&text))
		vt_label_intake_complain(intake, (const char *) text.data);
	return 0;
}

int vt_label_intake_begin(struct vt_label_intake *intake, struct vt_error *err)
{
	intake->sender = (struct vt_label_sender){
		.cli = intake->cli, .refused = note_refused, .context = intake};
	return vt_label_sort_new(&intake->sort, err);
}

void vt_label_intake_done(struct vt_label_intake *intake)
{
	vt_label_sender_done(&intake->sender);
	vt_label_sort_free(intake->sort);
}

void vt_label_intake_complain(struct vt_label_intake *intake, const char *sentence)
{
	if (intake->bad++ < SAID_MAX)
		vt_label_intake_say(intake, sentence);
}

void vt_label_intake_say(const struct vt_label_intake *intake, const char *sentence)
{
	vt_cleanup(vt_buf_done) struct vt_buf line = VT_BUF_INIT;

	vt_buf_printf(&line, "vitrine: ");
	vt_escape(sentence, strlen(sentence), &line);
	vt_buf_put_u8(&line, 0);
	if (!vt_buf_failed(&line))
		vt_progress_print(intake->bar, (const char *) line.data);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int add(struct vt_label_intake *intake, const struct vt_label_row *row, unsigned file,
	       uint64_t line, struct vt_error *err)
{
	int r = vt_label_sort_add(intake->sort, row, file, line, err);

	if (r >= 0)
		intake->rows++;
	return r;
}

int vt_label_intake_add(struct vt_label_intake *intake, const struct vt_label_row *row,
			struct vt_error *err)
{
	return add(intake, row, 0, 0, err);
}

static int read_file(struct vt_label_intake *intake, unsigned number, struct vt_error *err)
{
	vt_cleanup(vt_label_reader_closep) struct vt_label_reader *reader = NULL;
	struct vt_label_row row;
	struct vt_error why;
	int r = vt_label_options_open(intake->files[number - 1], &reader, err);

	while (r >= 0) {
		r = vt_label_reader_next(reader, &row, &why);
		if (r == 0)
			break;
		if (r == -EINVAL) {
			vt_label_intake_complain(intake, why.text);
			r = 0;
			continue;
		}
		if (r < 0)
			return vt_fail(err, -r, "%s", why.text);
		r = add(intake, &row, number, vt_label_reader_line(reader), err);
	}
	return r;
}

int vt_label_intake_read_files(struct vt_label_intake *intake, struct vt_error *err)
{
	int r = 0;

	for (unsigned i = 1; r >= 0 && i <= intake->file_count; i++)
		r = read_file(intake, i, err);
	return r;
}

int vt_label_intake_add_path(struct vt_label_intake *intake, const char *path, size_t len,
			     struct vt_error *err)
{
	struct vt_label_row rows[VT_PATH_RULE_KEYS];
	struct vt_error why;
	int count = vt_path_rule_labels(intake->rule, (struct vt_label_text){path, len},
					vt_label_options_get(), rows, &why);
	int r = 0;

	if (count < 0)
		vt_label_intake_complain(intake, why.text);
	for (int i = 0; i < count && r >= 0; i++) {
		if (!vt_label_options_get()->source) /* nobody said otherwise */
			rows[i].label.source = VT_LABEL_RULE;
		r = vt_label_intake_add(intake, &rows[i], err);
	}
	return r;
}

/* ---- sending --------------------------------------------------------------------------------- */

int vt_label_intake_judge(const struct vt_label_intake *intake, struct vt_error *err)
{
	char line[64];

	(void) snprintf(line, sizeof line, "vitrine: and %llu more",
			(unsigned long long) (intake->bad - SAID_MAX));
	if (intake->bad > SAID_MAX)
		vt_progress_print(intake->bar, line);
	if (intake->bad == 0 || intake->skip)
		return 0;
	if (intake->outside > 0)
		return vt_fail(err, EINVAL,
			       "%llu rows are bad, %llu of them by the schema of '%s' ('vitrine "
			       "gate show %s'), nothing was %s (--on-error skip passes them over)",
			       (unsigned long long) intake->bad,
			       (unsigned long long) intake->outside, intake->dataset,
			       intake->dataset, intake->verb);
	return vt_fail(err, EINVAL,
		       "%llu rows are bad, nothing was %s (--on-error skip passes them over)",
		       (unsigned long long) intake->bad, intake->verb);
}

int vt_label_intake_send(struct vt_label_intake *intake, struct vt_error *err)
{
	struct vt_label_sorted file;
	int r = vt_label_sort_finish(intake->sort, err);

	intake->is_sending = true;
	while (r >= 0 && (r = vt_label_sort_next(intake->sort, &file, err)) > 0) {
		r = vt_label_sender_put(&intake->sender, file.path, intake->replace, file.labels,
					file.origins, file.count, err);
		intake->sent += file.count;
	}
	if (r >= 0)
		r = vt_label_sender_flush(&intake->sender, err);
	return r < 0 ? r : vt_label_intake_judge(intake, err);
}
