/* SPDX-License-Identifier: Apache-2.0 */
/* See reason.h. */
#include "policy/reason.h"

#include <errno.h>

static const struct vt_reason_words table[] = {
	[VT_REASON_RULE] = {"rule", "a rule allows it", 0, 0},
	[VT_REASON_OWNER] = {"owner", "the dataset is theirs", 0, 0},
	[VT_REASON_STORE] = {"store", "root and the store's owner may", 0, 0},
	[VT_REASON_HOLDER] = {"holder", "they hold the lease", 0, 0},
	[VT_REASON_NO_GRANT] = {"no-grant", "nothing allows it", EACCES, EACCES},
	[VT_REASON_NOT_YET] = {"not-yet", "what allows it has not begun", EACCES, EACCES},
	[VT_REASON_ENDED] = {"ended", "what allowed it has ended", EACCES, EACCES},
	[VT_REASON_DENIED] = {"denied", "a rule denies it", EACCES, EACCES},
	[VT_REASON_LEASED] = {"leased", "it is leased to another", EACCES, EBUSY},
	[VT_REASON_DRAINING] = {"draining", "a lease on it is being ended", EACCES, EBUSY},
	[VT_REASON_STALE] = {"stale", "the uid was another user's when it was named", EACCES,
			     EACCES},
	[VT_REASON_UNKNOWN_RULE] = {"unknown-rule",
				    "a rule of a kind that this program does not know", EACCES,
				    EACCES},
	[VT_REASON_OTHER_MOUNT] = {"other-mount", "the mount is not for them", EACCES, EACCES},
	[VT_REASON_LEFTOVER] = {"leftover",
				"a mount that lost its server may still be read, so that only what "
				"is open to everybody is served",
				EACCES, EACCES},
};

const struct vt_reason_words *vt_reason_words(enum vt_reason reason)
{
	static const struct vt_reason_words none = {"unknown", "a reason without words", EACCES,
						    EACCES};
	size_t at = (size_t) reason;

	return at < sizeof table / sizeof *table && table[at].name ? &table[at] : &none;
}
