/* SPDX-License-Identifier: Apache-2.0 */
/* See gate.h. */
#include "policy/gate.h"

#include "index/base/error.h"

#include <errno.h>
#include <stdlib.h>

struct vt_gate {
	uid_t owner; /* constant: of the store */
};

int vt_gate_new(uid_t owner, struct vt_gate **out, struct vt_error *err)
{
	struct vt_gate *gate = calloc(1, sizeof *gate);

	if (!gate)
		return vt_fail(err, ENOMEM, "no memory for the policy gate");
	gate->owner = owner;
	*out = gate;
	return 0;
}

void vt_gate_free(struct vt_gate *gate)
{
	free(gate);
}

int vt_gate_check(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
		  struct vt_object object, uint64_t *valid_until_ns, struct vt_error *err)
{
	(void) object;
	if (right > VT_RIGHT_READ && subject->uid != 0 && subject->uid != gate->owner)
		return vt_fail(
			err, EACCES,
			"uid %u may read this store but not change it; run it as root or as its "
			"owner, uid %u",
			(unsigned) subject->uid, (unsigned) gate->owner);
	if (valid_until_ns)
		*valid_until_ns = UINT64_MAX;
	return 0;
}

void vt_gate_boundary(struct vt_gate *gate, struct vt_object object, struct vt_boundary *out)
{
	(void) object;
	*out = (struct vt_boundary){.uid = gate->owner, .gid = 0, .mode = 0555};
}
