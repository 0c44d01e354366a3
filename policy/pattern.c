/* SPDX-License-Identifier: Apache-2.0 */
/* See evaluate.h: what patterns cover and share. */
#include <string.h>

#include "policy/evaluate.h"

bool vt_pattern_covers(const struct vt_pattern *pattern, const struct vt_object *object)
{
	switch (pattern->scope) {
	case VT_SCOPE_ALL:
		return true;
	case VT_SCOPE_SPACE:
		return object->dataset && object->space &&
		       strcmp(pattern->space, object->space) == 0;
	case VT_SCOPE_DATASET:
		return object->dataset && pattern->dataset == object->dataset;
	case VT_SCOPE_VERSION:
		return object->dataset && pattern->dataset == object->dataset &&
		       pattern->version == object->version;
	}
	return true; /* of a newer vitrine: it may cover anything */
}

/* The space that all of the pattern's objects lie in; NULL: none, or not one. */
static const char *space_of(const struct vt_pattern *pattern, const char *dataset_space)
{
	return pattern->scope == VT_SCOPE_SPACE ? pattern->space : dataset_space;
}

bool vt_pattern_meets(const struct vt_pattern *a, const char *a_dataset_space,
		      const struct vt_pattern *b, const char *b_dataset_space)
{
	const char *a_space = space_of(a, a_dataset_space), *b_space = space_of(b, b_dataset_space);

	if (a->scope == VT_SCOPE_ALL || b->scope == VT_SCOPE_ALL)
		return true;
	if (a->scope == VT_SCOPE_SPACE || b->scope == VT_SCOPE_SPACE)
		return a_space && b_space && strcmp(a_space, b_space) == 0;
	return a->dataset == b->dataset &&
	       (a->scope == VT_SCOPE_DATASET || b->scope == VT_SCOPE_DATASET ||
		a->version == b->version);
}
