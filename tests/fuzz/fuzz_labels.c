/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a file of labels; the first says of which format, 0 that it is to be guessed, 'c'
 * and 'j' that it is a sidecar. Refused, or given as rows that hold to the rules; and a row that
 * was taken comes back the same from the line it is written as.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "index/base/buf.h"
#include "index/label_line.h"
#include "tests/fuzz/fuzz.h"
#include "tools/labels/reader.h"
#include "tools/labels/sidecar.h"

static const struct vt_label_options options = {.annotator = "ann"};

/* The name by which a reader opens what is in memory. */
static void name_memory(const void *data, size_t size, int *fd, char name[32])
{
	*fd = memfd_create("labels", MFD_CLOEXEC);
	must(*fd >= 0 && write(*fd, data, size) == (ssize_t) size);
	(void) snprintf(name, 32, "/proc/self/fd/%d", *fd);
}

/* All rows as lines; those that are refused are left out. */
static void read_all(const void *data, size_t size, enum vt_label_format format, bool may_refuse,
		     struct vt_buf *lines)
{
	vt_cleanup(vt_label_reader_closep) struct vt_label_reader *reader = NULL;
	vt_autoclose int fd = -1;
	struct vt_label_row row;
	char name[32];
	int r;

	name_memory(data, size, &fd, name);
	r = vt_label_reader_open(name, format, &options, &reader, NULL);
	must(r == 0 || may_refuse);
	if (r < 0)
		return;
	while ((r = vt_label_reader_next(reader, &row, NULL)) > 0 || (r == -EINVAL && may_refuse)) {
		if (r > 0) {
			must(vt_label_check(&row.label, NULL) == 0);
			vt_label_line_put(&row, lines);
		}
	}
	must(r == 0 || may_refuse);
	must(!vt_buf_failed(lines));
}

static void read_sidecar(const void *data, size_t size, const char *name, struct vt_buf *lines)
{
	static const struct vt_label_text files[] = {{"a.x", 3}, {"a.json", 6}, {"a", 1}};
	struct vt_sidecar sidecar;

	if (vt_sidecar_read((struct vt_label_text){name, strlen(name)}, data, size, files, 3,
			    &options, &sidecar, NULL) < 0)
		return;
	for (size_t i = 0; i < sidecar.count; i++) {
		must(vt_label_check(&sidecar.rows[i].label, NULL) == 0);
		vt_label_line_put(&sidecar.rows[i], lines);
	}
	vt_sidecar_done(&sidecar);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vt_cleanup(vt_buf_done) struct vt_buf once = VT_BUF_INIT, twice = VT_BUF_INIT;

	if (size == 0)
		return 0;
	if (data[0] < VT_LABELS_FORMATS)
		read_all(data + 1, size - 1, data[0], true, &once);
	else if (data[0] == 'c' || data[0] == 'j')
		read_sidecar(data + 1, size - 1, data[0] == 'c' ? "a.cls" : "a.json", &once);
	read_all(once.data ? (void *) once.data : "", once.len, VT_LABELS_JSONL, false, &twice);
	must(once.len == twice.len &&
	     (once.len == 0 || memcmp(once.data, twice.data, once.len) == 0));
	return 0;
}
