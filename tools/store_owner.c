/* SPDX-License-Identifier: Apache-2.0 */
/* See store_owner.h. */
#include "tools/store_owner.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "index/base/error.h"
#include "index/store_facts.h"

static int keep_reading(struct vt_error *err)
{
	const uint32_t bit = 1u << CAP_DAC_READ_SEARCH;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = bit, .permitted = bit}};

	if (syscall(SYS_capset, &header, data) < 0)
		return vt_fail(err, errno, "cannot keep the right to read: %m");
	return 0;
}

int vt_act_as_owner(const char *store, struct vt_error *err)
{
	struct vt_store_facts facts;
	const struct passwd *user;
	int r = vt_store_facts_read(store, &facts, err);

	if (r < 0)
		return r;
	if (geteuid() != 0 || facts.owner_uid == 0)
		return 0;
	user = getpwuid(facts.owner_uid);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(0, NULL) < 0 ||
	    (user && setgid(user->pw_gid) < 0) || setuid(facts.owner_uid) < 0)
		return vt_fail(err, errno, "cannot become the owner of '%s': %m", store);
	return keep_reading(err);
}
