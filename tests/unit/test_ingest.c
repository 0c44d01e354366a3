/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of rows that are taken in while others commit, on a disk that fails: what RocksDB has
 * written to its list of tables and cannot sync is never marked as durable, for it removes such a
 * table, and an index whose marked list names it does not open again (index/store_sst.c).
 */
#include "index/manifest.h"
#include "index/store.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

/* Each waits so long for the other, whom a lock may keep out. */
#define PATIENCE_NS 300000000l
#define FAILS       2 /* of RocksDB's changes to the list: first it takes the table's number */

static __thread bool ingesting, committing;
static __thread unsigned list_syncs; /* of who takes rows in */
static sem_t written;                /* the commit is in the log, and not noted yet */
static sem_t listed;                 /* the table is in the list, and not synced yet */
static sem_t noted;

static void wait_a_little(sem_t *event)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PATIENCE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void) sem_timedwait(event, &until);
}

static bool is_list(int fd)
{
	char link[64], path[512] = "";

	(void) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/MANIFEST-");
}

/* In place of the one of no_sync.c: RocksDB's sync of the list fails who takes rows in. */
int fdatasync(int fd)
{
	if (!ingesting || !is_list(fd) || ++list_syncs < FAILS)
		return 0;
	sem_post(&listed);
	wait_a_little(&noted);
	errno = EIO;
	return -1;
}

int __real_vt_manifest_advance(struct vt_manifest *manifest, struct vt_error *problem);
int __wrap_vt_manifest_advance(struct vt_manifest *manifest, struct vt_error *problem);
int __wrap_vt_manifest_advance(struct vt_manifest *manifest, struct vt_error *problem)
{
	if (committing) {
		sem_post(&written);
		wait_a_little(&listed);
	}
	return __real_vt_manifest_advance(manifest, problem);
}

static void *commit(void *unused)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	committing = true;
	must(vt_store_write(idx->store, batch, true, &err) == 0);
	sem_post(&noted);
	return unused;
}

/* While a commit is under way, and in vain. */
static void take_in_a_row(void)
{
	struct vt_error why;
	char path[256];

	make_table(path);
	sem_wait(&written);
	ingesting = true;
	must(vt_store_ingest(idx->store, VT_CF_AUDIT, path, &why) == -EIO);
}

static void work_and_die(void)
{
	pthread_t committer;

	index_open();
	publish("birds", NULL, "bytes");
	ck_assert_int_eq(pthread_create(&committer, NULL, commit, NULL), 0);
	take_in_a_row();
	ck_assert_int_eq(pthread_join(committer, NULL), 0);
	(void) raise(SIGKILL);
}

START_TEST(a_table_whose_name_was_not_synced_is_not_marked_by_a_commit_meanwhile)
{
	int status;

	if (!VT_CAN_FORK)
		return;
	must(vt_index_create(vt_scratch(), &err) == 0);
	ck_assert_int_eq(
		sem_init(&written, 0, 0) | sem_init(&listed, 0, 0) | sem_init(&noted, 0, 0), 0);
	if (fork() == 0)
		work_and_die();
	ck_assert_int_gt(wait(&status), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	index_open();
	ck_assert_uint_gt(vt_store_cut_bytes(idx->store), 0); /* RocksDB does as it is said to */
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
	index_tear_down();
}
END_TEST

VT_SUITE(ingest, a_table_whose_name_was_not_synced_is_not_marked_by_a_commit_meanwhile)
