/* SPDX-License-Identifier: Apache-2.0 */
/* See evaluate.h and match.h: what patterns cover and share. */
#include <string.h>

#include "policy/match.h"

static bool same_space(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool vt_pattern_covers(const struct vt_pattern *pattern, const struct vt_object *object)
{
	switch (pattern->scope) {
	case VT_SCOPE_ALL:
		return true;
	case VT_SCOPE_SPACE:
		return same_space(pattern->space, object->space);
	case VT_SCOPE_DATASET:
		return object->dataset && pattern->dataset == object->dataset;
	case VT_SCOPE_VERSION:
		return object->version && pattern->dataset == object->dataset &&
		       pattern->version == object->version;
	}
	return false;
}

bool vt_scope_is_known(enum vt_scope scope)
{
	return scope >= VT_SCOPE_ALL && scope <= VT_SCOPE_VERSION;
}

bool vt_pattern_may_cover(const struct vt_pattern *pattern, const struct vt_object *object)
{
	return !vt_scope_is_known(pattern->scope) || vt_pattern_covers(pattern, object);
}

bool vt_pattern_may_be_inside(const struct vt_pattern *pattern, const struct vt_object *object)
{
	if (object->dataset)
		return !object->version && pattern->scope == VT_SCOPE_VERSION &&
		       pattern->dataset == object->dataset;
	/* The store; or a space, where a pattern does not tell which one its dataset is in. */
	return !object->space || pattern->scope == VT_SCOPE_DATASET ||
	       pattern->scope == VT_SCOPE_VERSION;
}

static const char *space_of(const struct vt_pattern *pattern, const char *dataset_space)
{
	return pattern->scope == VT_SCOPE_SPACE ? pattern->space : dataset_space;
}

bool vt_pattern_meets(const struct vt_pattern *a, const char *a_dataset_space,
		      const struct vt_pattern *b, const char *b_dataset_space)
{
	if (!vt_scope_is_known(a->scope) || !vt_scope_is_known(b->scope) ||
	    a->scope == VT_SCOPE_ALL || b->scope == VT_SCOPE_ALL)
		return true;
	if (a->scope == VT_SCOPE_SPACE || b->scope == VT_SCOPE_SPACE)
		return same_space(space_of(a, a_dataset_space), space_of(b, b_dataset_space));
	return a->dataset == b->dataset &&
	       (a->scope == VT_SCOPE_DATASET || b->scope == VT_SCOPE_DATASET ||
		a->version == b->version);
}
