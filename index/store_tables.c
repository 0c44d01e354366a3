/* SPDX-License-Identifier: Apache-2.0 */
/* See store.h: the tables in use, checked whole. */
#include "index/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "index/folder.h"
#include "index/sst_sums.h"

struct check {
	struct vt_store *store;
	const char *dir, *table;
	vt_store_damage *each;
	void *context;
};

static void find(void *context, uint64_t offset, uint64_t len, const char *what)
{
	const struct check *check = context;
	char problem[256];

	(void) snprintf(problem, sizeof problem, "damaged from byte %llu on, %llu bytes: %s",
			(unsigned long long) offset, (unsigned long long) len, what);
	check->each(check->context, check->table, problem);
}

static bool is_in_use(struct vt_store *store, const char *table)
{
	const rocksdb_livefiles_t *files = rocksdb_livefiles(store->db);
	bool found = false;

	for (int i = 0; !found && i < rocksdb_livefiles_count(files); i++)
		found = strcmp(rocksdb_livefiles_name(files, i) + 1, table) == 0;
	rocksdb_livefiles_destroy(files);
	return found;
}

static int check_table(const struct check *check, struct vt_error *err)
{
	vt_autoclose int fd = -1;
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/%s", check->dir, check->table);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) { /* RocksDB may have put its rows into another one */
		if (!is_in_use(check->store, check->table))
			return 0;
		check->each(check->context, check->table, "it is not there");
		return 1;
	}
	if (fd < 0)
		return vt_fail(err, errno, "cannot open '%s': %m", path);
	r = vt_sst_check_sums(fd, find, (void *) check, err);
	return r < 0 ? vt_fail_in(err, r, "cannot check '%s'", path) : r;
}

int vt_store_check_tables(struct vt_store *store, const char *dir, vt_store_damage *each,
			  void *context, struct vt_error *err)
{
	const rocksdb_livefiles_t *files = rocksdb_livefiles(store->db);
	struct check check = {.store = store, .dir = dir, .each = each, .context = context};
	int damages = 0, r = 0;

	for (int i = 0; r >= 0 && i < rocksdb_livefiles_count(files); i++) {
		check.table = rocksdb_livefiles_name(files, i) + 1; /* behind a '/' */
		r = check_table(&check, err);
		damages += r;
	}
	rocksdb_livefiles_destroy(files);
	return r < 0 ? r : damages;
}
