/* SPDX-License-Identifier: Apache-2.0 */
/* See donor.h: which kind a folder is. */
#include "tools/repair/donor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/error.h"
#include "index/store_facts.h"

static int check_copy(const char *dir, const char *store, const struct vt_store_facts *of,
		      struct vt_error *err)
{
	struct vt_store_facts ours;
	struct stat here, there;
	int r = vt_store_facts_read(store, &ours, err);

	if (r < 0)
		return r;
	if (stat(dir, &there) == 0 && stat(store, &here) == 0 && here.st_dev == there.st_dev &&
	    here.st_ino == there.st_ino)
		return vt_fail(err, EINVAL, "'%s' is the store itself: name a copy of it", dir);
	if (strcmp(ours.uuid, of->uuid) != 0)
		return vt_fail(err, EINVAL,
			       "'%s' is another store: mount it, and name the folder of the mount",
			       dir);
	return 0;
}

int vt_donor_open(const char *dir, const char *store, struct vt_shard_list *list,
		  struct vt_donor **out, struct vt_error *err)
{
	struct vt_store_facts facts;
	struct stat st;
	int r;

	if (stat(dir, &st) < 0)
		return vt_fail(err, errno, "cannot look at '%s': %m", dir);
	r = vt_store_facts_read(dir, &facts, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return vt_donor_tree(dir, out, err);
	if (r == 0)
		r = check_copy(dir, store, &facts, err);
	return r < 0 ? r : vt_donor_copy(dir, list, out, err);
}
