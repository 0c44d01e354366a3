/* SPDX-License-Identifier: Apache-2.0 */
/* See refusal.h. */
#include "policy/refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "policy/book.h"
#include "policy/people.h"
#include "policy/reason.h"

static const char *const verbs[VT_RIGHT_COUNT + 1] = {
	[VT_RIGHT_BROWSE] = "browse", [VT_RIGHT_READ] = "read",        [VT_RIGHT_LEASE] = "lease",
	[VT_RIGHT_CURATE] = "curate", [VT_RIGHT_ADMIN] = "administer", [VT_RIGHT_SEE] = "see",
};

static const char *const words[VT_RIGHT_COUNT + 1] = {
	[VT_RIGHT_BROWSE] = "browse", [VT_RIGHT_READ] = "read",   [VT_RIGHT_LEASE] = "lease",
	[VT_RIGHT_CURATE] = "curate", [VT_RIGHT_ADMIN] = "admin", [VT_RIGHT_SEE] = "browse",
};

void vt_instant_text(uint64_t ns, char *out, size_t size)
{
	time_t seconds = (time_t) (ns / VT_NS_PER_SEC);
	struct tm tm = {0};

	if (ns == VT_TIME_NEVER || !gmtime_r(&seconds, &tm) ||
	    !strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm))
		(void) snprintf(out, size, "for ever");
}

#define WHY_MAX 256

static void why_leased(const struct vt_refusal *refusal, char why[WHY_MAX])
{
	const struct vt_lease *lease = vt_policy_lease(refusal->policy, refusal->decision->rule);
	char until[VT_INSTANT_TEXT_MAX];

	if (!lease)
		return;
	vt_instant_text(lease->until_ns, until, sizeof until);
	(void) snprintf(why, WHY_MAX, "%s %s until %s",
			refusal->decision->reason == VT_REASON_LEASED ? "leased to"
								      : "being taken back from",
			lease->holder.name, until);
}

static void why_rule(const struct vt_refusal *refusal, char why[WHY_MAX])
{
	const struct vt_rule *rule = vt_policy_rule(refusal->policy, refusal->decision->rule);
	char at[VT_INSTANT_TEXT_MAX];

	if (!rule)
		return;
	vt_instant_text(refusal->decision->reason == VT_REASON_NOT_YET ? rule->from_ns
								       : rule->until_ns,
			at, sizeof at);
	if (refusal->decision->reason == VT_REASON_NOT_YET)
		(void) snprintf(why, WHY_MAX, "allowed from %s on", at);
	else if (refusal->decision->reason == VT_REASON_ENDED)
		(void) snprintf(why, WHY_MAX, "what allowed it has ended (rule %ju)",
				(uintmax_t) rule->id);
	else if (rule->until_ns == VT_TIME_NEVER)
		(void) snprintf(why, WHY_MAX, "rule %ju denies it", (uintmax_t) rule->id);
	else
		(void) snprintf(why, WHY_MAX, "rule %ju denies it until %s", (uintmax_t) rule->id,
				at);
}

static void why_of(const struct vt_refusal *refusal, char why[WHY_MAX])
{
	(void) snprintf(why, WHY_MAX, "%s", vt_reason_words(refusal->decision->reason)->sentence);
	switch (refusal->decision->reason) {
	case VT_REASON_LEASED:
	case VT_REASON_DRAINING:
		why_leased(refusal, why);
		break;
	case VT_REASON_NOT_YET:
	case VT_REASON_ENDED:
	case VT_REASON_DENIED:
		why_rule(refusal, why);
		break;
	default:
		break;
	}
}

#define WAY_MAX 512

/* The command that helps: whoever reads the sentence knows whom to send it to. */
static void way_out(const struct vt_refusal *refusal, char way[WAY_MAX])
{
	enum vt_reason reason = refusal->decision->reason;
	bool space = !refusal->place.dataset && strchr(refusal->name, '*');
	char who[VT_PRINCIPAL_NAME_MAX + 16], object[VT_PATTERN_TEXT_MAX + 2];

	(void) snprintf(object, sizeof object, refusal->place.dataset ? "%s" : "'%s'",
			refusal->place.dataset || space ? refusal->name : "**");
	if (*refusal->person->name)
		(void) snprintf(who, sizeof who, "user:%s", refusal->person->name);
	else
		(void) snprintf(who, sizeof who, "WHO");
	if (reason == VT_REASON_LEASED || reason == VT_REASON_DRAINING)
		(void) snprintf(way, WAY_MAX, "'vitrine lease show %s' says more", object);
	else if (reason == VT_REASON_NO_GRANT || reason == VT_REASON_ENDED)
		(void) snprintf(way, WAY_MAX, "%s can allow it: vitrine grant %s %s %s",
				refusal->place.dataset ? "who administers it"
						       : "root or the store's owner",
				who, words[refusal->right], object);
	else if (reason == VT_REASON_LEFTOVER)
		(void) snprintf(way, WAY_MAX, "'vitrine status', by root, says who has it");
	else
		(void) snprintf(way, WAY_MAX, "'vitrine explain %s %s %s' says more", who,
				words[refusal->right], object);
}

int vt_refuse(const struct vt_refusal *refusal, struct vt_error *err)
{
	const struct vt_person *person = refusal->person;
	const char *quote = refusal->place.dataset ? "'" : "";
	char why[WHY_MAX], way[WAY_MAX];

	if (!refusal->name)
		return vt_fail(err, EACCES, "uid %u%s%s%s may not see that, or it does not exist",
			       (unsigned) person->uid, *person->name ? " (" : "", person->name,
			       *person->name ? ")" : "");
	why_of(refusal, why);
	way_out(refusal, way);
	return vt_fail(err, EACCES, "uid %u%s%s%s may not %s %s%s%s: %s; %s",
		       (unsigned) person->uid, *person->name ? " (" : "", person->name,
		       *person->name ? ")" : "", verbs[refusal->right], quote, refusal->name, quote,
		       why, way);
}
