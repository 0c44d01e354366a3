/* SPDX-License-Identifier: Apache-2.0 */
/* See duplicates.h: one pass, a group of equal contents at a time, of which only sums are kept. */
#include "index/duplicates.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/content_sort.h"

#define CANCEL_EVERY 4096u /* rows */

struct group {
	uint8_t content[VT_CONTENT_PREFIX];
	struct vt_duplicate_group sum;
	uint64_t valued;          /* files with a value */
	uint32_t value, position; /* of the first of those */
	struct vt_twin leak;      /* value 0: none */
};

static void add_twin(struct vt_twins *twins, struct vt_twin twin)
{
	size_t at = twins->count;

	if (at == VT_OFFENDERS_MAX && twins->list[at - 1].position < twin.position)
		return;
	if (at < VT_OFFENDERS_MAX)
		twins->count++;
	else
		at--; /* the last one goes */
	for (; at > 0 && twins->list[at - 1].position > twin.position; at--)
		twins->list[at] = twins->list[at - 1];
	twins->list[at] = twin;
}

static uint64_t waste(const struct vt_duplicate_group *group)
{
	return (group->files - 1) * group->size;
}

static bool comes_first(const struct vt_duplicate_group *a, const struct vt_duplicate_group *b)
{
	return waste(a) != waste(b) ? waste(a) > waste(b) : a->members[0] < b->members[0];
}

static void add_example(struct vt_duplicates *out, const struct vt_duplicate_group *group)
{
	size_t at = out->example_count;

	if (at == VT_DUPLICATE_EXAMPLES && !comes_first(group, &out->examples[at - 1]))
		return;
	if (at < VT_DUPLICATE_EXAMPLES)
		out->example_count++;
	else
		at--;
	for (; at > 0 && comes_first(group, &out->examples[at - 1]); at--)
		out->examples[at] = out->examples[at - 1];
	out->examples[at] = *group;
}

static void close_group(struct vt_duplicates *out, const struct group *group)
{
	if (group->sum.files < 2)
		return;
	out->groups++;
	out->files += group->sum.files;
	out->bytes += waste(&group->sum);
	add_example(out, &group->sum);
	if (group->leak.value == 0)
		return;
	out->leaks++;
	out->leaked_files += group->valued;
	add_twin(&out->leaked, group->leak);
}

static void add_value(struct group *group, const struct vt_content_row *row)
{
	if (row->value == 0)
		return;
	group->valued++;
	if (group->value == 0) {
		group->value = row->value;
		group->position = row->position;
	} else if (group->leak.value == 0 && row->value != group->value) {
		group->leak =
			(struct vt_twin){row->position, group->position, row->value, group->value};
	}
}

static void add_member(struct vt_duplicates *out, struct group *group,
		       const struct vt_content_row *row)
{
	struct vt_duplicate_group *sum = &group->sum;

	if (sum->member_count < VT_DUPLICATE_MEMBERS)
		sum->members[sum->member_count++] = row->position;
	if (sum->files++ > 0)
		add_twin(&out->redundant,
			 (struct vt_twin){.position = row->position, .other = sum->members[0]});
	add_value(group, row);
}

int vt_duplicates_find(struct vt_content_sort *sort, bool (*is_cancelled)(void *context),
		       void *context, struct vt_duplicates *out, struct vt_error *err)
{
	struct group group = {0};
	struct vt_content_row row;
	int r;

	*out = (struct vt_duplicates){0};
	for (uint64_t seen = 0; (r = vt_content_sort_next(sort, &row, err)) == 1; seen++) {
		if (seen % CANCEL_EVERY == 0 && is_cancelled && is_cancelled(context))
			return vt_fail(err, ECANCELED, "cancelled");
		if (group.sum.files == 0 ||
		    memcmp(group.content, row.content, VT_CONTENT_PREFIX) != 0) {
			close_group(out, &group);
			group = (struct group){.sum.size = row.size};
			memcpy(group.content, row.content, VT_CONTENT_PREFIX);
		}
		add_member(out, &group, &row);
	}
	close_group(out, &group);
	return r;
}
