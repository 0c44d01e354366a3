/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the words of a rule mean for one asker and one object: the parts of a decision. Pure. */
#include "policy/evaluate.h"

bool vt_scope_is_known(enum vt_scope scope);
bool vt_principal_is_known(enum vt_principal_kind kind);

/* Is what the pattern names, or may it be, a part of the object, smaller than it? */
bool vt_pattern_may_be_inside(const struct vt_pattern *pattern, const struct vt_object *object);

/* Is it the name that the uid was pinned to? So is any name of a uid without a pin. */
bool vt_name_is_still(const struct vt_policy *policy, uint32_t uid, const char *name);

/* To take something away the uid is enough; to give it the name must still be the pinned one. */
enum vt_naming { VT_TO_GIVE, VT_TO_TAKE };

/* Does the principal name the asker, whatever the time? `*end_ns` falls to when that ends. */
bool vt_principal_names(const struct vt_policy *policy, const struct vt_principal *principal,
			const struct vt_asker *who, enum vt_naming naming, uint64_t *end_ns);
