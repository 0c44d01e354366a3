/* SPDX-License-Identifier: Apache-2.0 */
/* See id_names.h. */
#include "tools/labels/id_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "index/base/error.h"

static struct vt_id_name *entries_of(const struct vt_id_names *names, size_t *count)
{
	*count = names->entries.len / sizeof(struct vt_id_name);
	return (struct vt_id_name *) (void *) names->entries.data;
}

void vt_id_names_done(struct vt_id_names *names)
{
	vt_buf_done(&names->entries);
	vt_buf_done(&names->texts);
}

int vt_id_names_add(struct vt_id_names *names, struct vt_id_name entry, struct vt_label_text name,
		    struct vt_error *err)
{
	size_t count = names->entries.len / sizeof entry;

	if (count == VT_ID_NAMES_MAX || names->texts.len > UINT32_MAX - name.len - 1)
		return vt_fail(err, EINVAL, "there are more than %u, or their names too long",
			       VT_ID_NAMES_MAX);
	entry.name = (uint32_t) names->texts.len;
	vt_buf_put(&names->texts, name.bytes, name.len);
	vt_buf_put_u8(&names->texts, 0);
	vt_buf_put(&names->entries, &entry, sizeof entry);
	if (vt_buf_failed(&names->texts) || vt_buf_failed(&names->entries))
		return vt_fail(err, ENOMEM, "no memory for %zu names", count);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct vt_id_name *left = a, *right = b;

	if (left->id != right->id)
		return left->id < right->id ? -1 : 1;
	return left->index < right->index ? -1 : 1;
}

static int compare_id(const void *key, const void *member)
{
	int64_t id = *(const int64_t *) key, other = ((const struct vt_id_name *) member)->id;

	return id < other ? -1 : id > other;
}

/* Files mostly are, and qsort() wants memory for a copy. */
static bool is_ascending(const struct vt_id_name *entries, size_t count)
{
	for (size_t i = 1; i < count; i++)
		if (entries[i - 1].id >= entries[i].id)
			return false;
	return true;
}

const struct vt_id_name *vt_id_names_sort(struct vt_id_names *names)
{
	size_t count;
	struct vt_id_name *entries = entries_of(names, &count);

	if (is_ascending(entries, count))
		return NULL;
	qsort(entries, count, sizeof *entries, compare);
	for (size_t i = 1; i < count; i++)
		if (entries[i - 1].id == entries[i].id)
			return &entries[i];
	return NULL;
}

const char *vt_id_names_find(const struct vt_id_names *names, int64_t id)
{
	size_t count;
	const struct vt_id_name *entries = entries_of(names, &count), *found;

	found = count ? bsearch(&id, entries, count, sizeof *entries, compare_id) : NULL;
	return found ? (const char *) names->texts.data + found->name : NULL;
}
