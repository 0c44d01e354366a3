/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as an archive that is published (all but writing it): refused in words, or its tree is
 * the same when it is read again. What would go on for long, as a file of many holes does, ends
 * when it is cancelled.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "index/base/error.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/small_store.h"

#define PATIENCE_NS 500000000

static struct direct direct;
static atomic_bool cancel;
static timer_t patience;

static void give_up(int number)
{
	cancel = true;
}

static void close_store(void)
{
	vt_import_free(direct.import);
	vt_index_close(direct.index);
}

static void open_store(void)
{
	struct sigaction action = {.sa_handler = give_up, .sa_flags = SA_RESTART};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};

	must(vt_index_open(small_store_make(), 16 << 20, &direct.index, NULL) == 0);
	must(vt_import_begin(direct.index, "fuzz", NULL, geteuid(), &direct.import, &direct.info,
			     NULL) == 0);
	(void) atexit(close_store);
	must(sigaction(SIGRTMIN, &action, NULL) == 0);
	must(timer_create(CLOCK_MONOTONIC, &event, &patience) == 0);
}

static int publish(const char *name, struct vt_publish_result *out)
{
	const struct itimerspec soon = {.it_value.tv_nsec = PATIENCE_NS};
	const struct vt_publish_options options = {.sources = &name,
						   .source_count = 1,
						   .threads = 1,
						   .dry_run = true,
						   .cancel = &cancel};
	struct vt_error err = {""};
	int r;

	cancel = false;
	must(timer_settime(patience, 0, &soon, NULL) == 0);
	r = vt_publish(direct_backend(&direct), &direct.info, "fuzz", NULL, &options, out, &err);
	must(timer_settime(patience, 0, &(struct itimerspec){0}, NULL) == 0);
	must(r == 0 || err.text[0]);
	must(r != -EINTR || cancel);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vt_autoclose int fd = memfd_create("archive", MFD_CLOEXEC);
	struct vt_publish_result once, again;
	char name[32];

	if (!direct.index)
		open_store();
	must(fd >= 0 && write(fd, data, size) == (ssize_t) size);
	(void) snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	if (publish(name, &once) < 0 || publish(name, &again) < 0)
		return 0;
	must(vt_digest_equal(&once.tree_digest, &again.tree_digest));
	must(memcmp(&once.counts, &again.counts, sizeof once.counts) == 0);
	return 0;
}
