/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a file of gates: refused in words, or measured on a version without files. */
#include <errno.h>

#include "index/base/error.h"
#include "index/label_stats.h"
#include "index/file_labels.h"
#include "index/quality.h"
#include "tests/fuzz/fuzz.h"

static int no_page(void *context, uint64_t id, bool nowait, struct vt_page **out,
		   struct vt_error *err)
{
	return vt_fail(err, ENOENT, "there are no pages");
}

static void measure(struct vt_quality *quality)
{
	const struct vt_page_source files = {.get = no_page, .kind = VT_PAGE_FILES};
	const struct vt_page_source labels = {.get = no_page, .kind = VT_PAGE_LABELS};
	const struct vt_tree tree = {.root = {.type = VT_DIRECTORY, .nodes = 1}};
	const struct vt_label_tree label_tree = {0};
	const struct vt_labelled_files nothing = {&files, &labels, &tree, &label_tree};
	const struct vt_stats_options options = {.scratch = "/tmp",
						 .leak_key = vt_quality_leak_key(quality),
						 .watch = vt_quality_watch(quality)};
	struct vt_label_stats *stats;
	json_t *result;
	int r;

	must(vt_label_stats_take(&nothing, &options, &stats, NULL) == 0);
	r = vt_quality_result(quality, stats, &result, NULL);
	must(r == 0 || r == 1);
	must(json_is_true(json_object_get(result, "passed")) == r);
	json_decref(result);
	vt_label_stats_free(stats);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vt_quality *quality;
	struct vt_error err = {""};
	int r = vt_quality_parse((const char *) data, size, &quality, &err);

	if (r == 0) {
		measure(quality);
		vt_quality_free(quality);
	} else {
		must(r == -EINVAL && err.text[0] != '\0');
	}
	return 0;
}
