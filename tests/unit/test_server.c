/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers as processes: this program, run again, is one. Started by the first client, one of them
 * however many start at once, gone when idle, replaced when killed.
 */
#include "fs/control_client.h"
#include "fs/control_socket.h"
#include "fs/keeper.h"
#include "fs/message.h"
#include "fs/mount.h"
#include "fs/mount_table.h"
#include "fs/server.h"
#include "index/base/error.h"
#include "index/index.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PATIENCE_MS 30000

static struct vt_error err;

/* An assertion that shows the sentence of the last failure. */
#define must(condition) ck_assert_msg(condition, "%s: %s", #condition, err.text)

static void set_up(const char *idle_seconds)
{
	(void) setenv("VITRINE_IDLE_SECONDS", idle_seconds, 1);
	(void) setenv("VITRINE_CACHE", "32M", 1);
	must(vt_index_create(vt_scratch(), &err) == 0);
}

static struct vt_client *client_of(const char *dir)
{
	struct vt_client *client = NULL;

	must(vt_client_connect(dir, true, &client, &err) == 0);
	return client;
}

static int call(struct vt_client *client, const char *op, json_t *args, json_t **result)
{
	return vt_client_call(client, &(struct vt_call){.op = op, .args = args}, result, &err);
}

static pid_t pid_of_server(struct vt_client *client)
{
	json_t *result = NULL;
	pid_t pid;

	must(call(client, "status", NULL, &result) == 0);
	pid = (pid_t) json_integer_value(json_object_get(result, "pid"));
	json_decref(result);
	return pid;
}

static int watch(pid_t pid)
{
	int fd = (int) syscall(SYS_pidfd_open, pid, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Takes `pidfd`. */
static void wait_for_end(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	ck_assert_msg(poll(&p, 1, PATIENCE_MS) == 1, "the process did not end");
	(void) close(pidfd);
}

static void kill_server(pid_t pid)
{
	int pidfd = watch(pid);

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	wait_for_end(pidfd);
}

static void stop(struct vt_client *client)
{
	int pidfd = watch(pid_of_server(client));

	must(call(client, "stop", NULL, NULL) == 0);
	wait_for_end(pidfd);
}

static void tear_down(struct vt_client *client)
{
	stop(client);
	vt_client_close(client);
	vt_scratch_done();
}

/* ---- starting -------------------------------------------------------------------------------- */

START_TEST(the_first_client_starts_a_server_and_the_next_finds_it)
{
	struct vt_client *first, *second;

	set_up("60");
	first = client_of(vt_scratch_dir);
	second = client_of(vt_scratch_dir);
	ck_assert_int_ne(pid_of_server(first), getpid());
	ck_assert_int_eq(pid_of_server(first), pid_of_server(second));
	vt_client_close(second);
	tear_down(first);
}
END_TEST

START_TEST(without_leave_to_start_there_is_none)
{
	struct vt_client *client = NULL;

	set_up("60");
	ck_assert_int_eq(vt_client_connect(vt_scratch_dir, false, &client, &err), -ECONNREFUSED);
	ck_assert_ptr_nonnull(strstr(err.text, "no server runs"));
	ck_assert_ptr_null(client);
	vt_scratch_done();
}
END_TEST

START_TEST(where_no_store_is_none_can_serve)
{
	struct vt_client *client = NULL;

	ck_assert_int_eq(vt_client_connect(vt_scratch(), true, &client, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "no store"));
	vt_scratch_done();
}
END_TEST

START_TEST(why_a_server_did_not_start_reaches_the_client)
{
	struct vt_client *client = NULL;

	set_up("60");
	(void) setenv("VITRINE_CACHE", "much", 1);
	ck_assert_int_lt(vt_client_connect(vt_scratch_dir, true, &client, &err), 0);
	ck_assert_msg(strstr(err.text, "VITRINE_CACHE='much'"), "%s", err.text);
	vt_scratch_done();
}
END_TEST

enum { RACERS = 8 };

START_TEST(clients_that_start_at_once_share_one_server)
{
	struct vt_client *client;
	int go[2], pids[2];
	pid_t server = 0, pid;
	char byte;

	set_up("60");
	ck_assert_int_eq(pipe(go), 0);
	ck_assert_int_eq(pipe(pids), 0);
	for (int i = 0; i < RACERS; i++) {
		if (fork() != 0)
			continue;
		(void) close(go[1]);
		(void) !read(go[0], &byte, 1); /* until all are there: the pipe closes */
		client = client_of(vt_scratch_dir);
		pid = pid_of_server(client);
		(void) !write(pids[1], &pid, sizeof pid);
		_exit(0);
	}
	(void) close(pids[1]);
	(void) close(go[1]);
	for (int i = 0; i < RACERS; i++) {
		ck_assert_int_eq(read(pids[0], &pid, sizeof pid), sizeof pid);
		ck_assert(server == 0 || server == pid);
		server = pid;
	}
	while (wait(NULL) > 0)
		;
	tear_down(client_of(vt_scratch_dir));
}
END_TEST

static uint32_t status_uid(struct vt_client *client)
{
	json_t *result = NULL;
	uint32_t uid;

	must(call(client, "status", NULL, &result) == 0);
	uid = (uint32_t) json_integer_value(json_object_get(result, "uid"));
	json_decref(result);
	return uid;
}

static int give(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return lchown(path, 12345, 12345);
}

/* Runs in a child, as somebody else. */
static int connect_as(uid_t uid)
{
	struct vt_client *client = NULL;
	int status;

	if (fork() == 0) {
		if (setgid(uid) < 0 || setuid(uid) < 0)
			_exit(99);
		_exit(-vt_client_connect(vt_scratch_dir, true, &client, &err));
	}
	(void) wait(&status);
	ck_assert(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

START_TEST(a_server_runs_as_the_owner_of_its_store)
{
	struct vt_client *client;

	if (geteuid() != 0)
		return; /* only root can have others own it */
	set_up("60");
	ck_assert_int_eq(nftw(vt_scratch_dir, give, 16, FTW_PHYS), 0);
	ck_assert_int_eq(connect_as(54321), -EACCES);
	client = client_of(vt_scratch_dir);
	ck_assert_uint_eq(status_uid(client), 12345);
	ck_assert_int_eq(connect_as(54321), 0);
	tear_down(client);
}
END_TEST

/* ---- ending ---------------------------------------------------------------------------------- */

START_TEST(an_idle_server_goes_and_the_next_client_starts_another)
{
	struct vt_client *client;
	pid_t first;
	int pidfd;

	set_up("0.05");
	client = client_of(vt_scratch_dir);
	first = pid_of_server(client);
	pidfd = watch(first);
	vt_client_close(client);
	wait_for_end(pidfd);
	client = client_of(vt_scratch_dir);
	ck_assert_int_ne(pid_of_server(client), first);
	tear_down(client);
}
END_TEST

START_TEST(clients_and_an_ever_closing_server_do_not_miss_each_other)
{
	set_up("0.01");
	for (int i = 0; i < 20; i++) {
		struct vt_client *client = client_of(vt_scratch_dir);

		(void) pid_of_server(client);
		vt_client_close(client);
	}
	(void) setenv("VITRINE_IDLE_SECONDS", "60", 1);
	tear_down(client_of(vt_scratch_dir));
}
END_TEST

START_TEST(a_termination_signal_is_an_orderly_end)
{
	struct vt_client *client;
	json_t *result = NULL;
	int pidfd;

	set_up("60");
	client = client_of(vt_scratch_dir);
	must(call(client, "import.begin", json_pack("{s:s}", "dataset", "d"), &result) == 0);
	pidfd = watch(pid_of_server(client));
	ck_assert_int_eq(kill(pid_of_server(client), SIGTERM), 0);
	wait_for_end(pidfd);
	ck_assert_int_ne(access(json_string_value(json_object_get(result, "dir")), F_OK), 0);
	ck_assert_int_ne(access(vt_scratch_path("run/control.sock"), F_OK), 0);
	json_decref(result);
	vt_client_close(client);
	tear_down(client_of(vt_scratch_dir));
}
END_TEST

START_TEST(a_store_made_in_the_place_of_another_is_left_alone_by_its_server)
{
	struct vt_client *client;
	pid_t old;
	int pidfd;

	set_up("60");
	client = client_of(vt_scratch_dir);
	must(call(client, "import.begin", json_pack("{s:s}", "dataset", "d"), NULL) == 0);
	old = pid_of_server(client);
	pidfd = watch(old);
	vt_scratch_done();
	must(vt_index_create(vt_scratch_dir, &err) == 0);
	ck_assert_int_eq(kill(old, SIGTERM), 0);
	wait_for_end(pidfd);
	vt_client_close(client);
	client = client_of(vt_scratch_dir);
	must(call(client, "datasets", NULL, NULL) == 0);
	tear_down(client);
}
END_TEST

/* ---- dying ----------------------------------------------------------------------------------- */

/* Versions whose rows are too much for a socket to hold. */
static void make_long_rows(void)
{
	static char message[60001];
	struct vt_index *index;
	uint32_t dataset, latest = 0;

	memset(message, 'm', sizeof message - 1);
	must(vt_index_open(vt_scratch_dir, 32 << 20, &index, &err) == 0);
	must(vt_catalog_create_dataset(index->catalog, "d", 0, &dataset, &err) == 0);
	for (int i = 0; i < 20; i++) {
		vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
		struct vt_version model = {
			.dataset = dataset,
			.state = VT_VERSION_LIVE,
			.reason = "",
			.tree.root = {.type = VT_DIRECTORY, .mode = 0755, .nodes = 1},
			.author = "ann",
			.message = message,
			.licence = "",
		};

		must(vt_catalog_commit(index->catalog, &model, latest, NULL, &version, &err) == 0);
		latest = version->serial;
	}
	vt_index_close(index);
}

static int kill_at_first_row(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	pid_t *pid = context;

	if (*pid)
		kill_server(*pid);
	*pid = 0;
	return 0;
}

START_TEST(a_request_whose_server_dies_names_it_and_the_client_goes_on)
{
	struct vt_call versions = {.op = "versions", .row = kill_at_first_row};
	struct vt_client *client;
	pid_t pid, victim;

	set_up("60");
	make_long_rows();
	client = client_of(vt_scratch_dir);
	pid = victim = pid_of_server(client);
	versions.args = json_pack("{s:s}", "dataset", "d");
	versions.context = &victim;
	ck_assert_int_eq(vt_client_call(client, &versions, NULL, &err), -ECONNRESET);
	ck_assert_ptr_nonnull(strstr(err.text, "versions"));
	ck_assert_ptr_nonnull(strstr(err.text, vt_scratch_dir));
	must(call(client, "datasets", NULL, NULL) == 0);
	ck_assert_int_ne(pid_of_server(client), pid);
	tear_down(client);
}
END_TEST

static void say(struct vt_channel *channel, const char *key, int value)
{
	json_t *answer = json_pack("{s:{s:i}}", "result", key, value);

	ck_assert_int_eq(vt_channel_send(channel, answer, NULL, 0, -1, NULL), 0);
	ck_assert_int_eq(vt_channel_flush(channel, NULL), 0);
	json_decref(answer);
}

/* Servers that end as soon as they have greeted, then one that answers; `arg`: listening. */
static void *end_one_by_one(void *arg)
{
	int listener = *(int *) arg;

	for (int left = 3; left >= 0; left--) {
		struct vt_message message = VT_MESSAGE_INIT;
		struct vt_channel channel;

		vt_channel_init(&channel, accept(listener, NULL, NULL));
		ck_assert_int_eq(vt_channel_receive(&channel, &message, NULL), 1);
		vt_message_done(&message);
		if (left > 0) /* what is sent from now on reaches nobody */
			ck_assert_int_eq(shutdown(channel.fd, SHUT_RD), 0);
		say(&channel, "protocol", VT_PROTOCOL);
		while (left == 0 && vt_channel_receive(&channel, &message, NULL) == 1) {
			say(&channel, "left", left);
			vt_message_done(&message);
		}
		vt_channel_done(&channel);
	}
	return NULL;
}

START_TEST(a_request_that_reached_nobody_is_for_the_next_server_however_many_end)
{
	struct vt_client *client;
	pthread_t servers;
	int listener;

	set_up("60");
	must(vt_control_listen(vt_scratch_dir, &listener, &err) == 0);
	ck_assert_int_eq(fcntl(listener, F_SETFL, 0), 0); /* waits for who comes */
	ck_assert_int_eq(pthread_create(&servers, NULL, end_one_by_one, &listener), 0);
	client = client_of(vt_scratch_dir);
	must(call(client, "datasets", NULL, NULL) == 0);
	vt_client_close(client);
	ck_assert_int_eq(pthread_join(servers, NULL), 0);
	(void) close(listener);
	vt_control_unlink(vt_scratch_dir);
	vt_scratch_done();
}
END_TEST

START_TEST(what_was_begun_does_not_go_on_with_another_server)
{
	/* Whatever comes next: a look at something else would lead to another server in silence. */
	static const char *const ops[] = {"import.shard", "import.commit", "label.rows",
					  "datasets"};
	struct vt_client *client;

	set_up("60");
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
		json_t *dataset = json_pack("{s:s}", "dataset", "d");

		client = client_of(vt_scratch_dir);
		must(call(client, "import.begin", dataset, NULL) == 0);
		ck_assert(!vt_client_has_lost(client));
		kill_server(pid_of_server(client));
		ck_assert(vt_client_has_lost(client));
		for (int times = 0; times < 2; times++) { /* some pass over the first */
			ck_assert_int_eq(call(client, ops[i], NULL, NULL), -ECONNRESET);
			ck_assert_ptr_nonnull(strstr(err.text, ops[i]));
		}
		ck_assert(vt_client_has_lost(client));
		must(call(client, "import.begin", json_pack("{s:s}", "dataset", "d"), NULL) == 0);
		ck_assert(!vt_client_has_lost(client));
		must(call(client, "datasets", NULL, NULL) == 0);
		vt_client_close(client);
	}
	tear_down(client_of(vt_scratch_dir));
}
END_TEST

/* ---- the keeper ------------------------------------------------------------------------------ */

static char mountpoint[256];

static int note_site(void *args, const struct vt_mounted *mounted)
{
	char device[VT_DEVICE_TEXT];

	if (strcmp(mounted->point, mountpoint) != 0)
		return 0;
	vt_device_format(mounted->device, device);
	return json_object_set_new(args, "device", json_string(device)) +
	       json_object_set_new(args, "source", json_string(mounted->source));
}

/* False where nothing can be mounted. */
static bool mount_there(struct vt_client *client)
{
	struct vt_mount_options options = {.fsname = vt_scratch_dir};
	json_t *args;
	int fd;

	(void) snprintf(mountpoint, sizeof mountpoint, "%s", vt_scratch_path("mnt"));
	(void) mkdir(mountpoint, 0755);
	fd = vt_mount_attach(mountpoint, &options, &err);
	if (fd < 0)
		return false;
	args = json_pack("{s:s}", "mountpoint", mountpoint);
	must(vt_mounted_list(note_site, args, &err) == 0);
	must(vt_client_call(client, &(struct vt_call){.op = "mount", .args = args, .fd = fd}, NULL,
			    &err) == 0);
	(void) close(fd);
	return true;
}

static int count_row(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	(*(unsigned *) context)++;
	return 0;
}

static unsigned mounts_of(struct vt_client *client)
{
	unsigned count = 0;

	must(vt_client_call(client,
			    &(struct vt_call){.op = "mounts", .row = count_row, .context = &count},
			    NULL, &err) == 0);
	return count;
}

static pid_t parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	FILE *file;

	(void) snprintf(path, sizeof path, "/proc/%d/stat", (int) pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %*c %d", &parent), 1);
	(void) fclose(file);
	return parent;
}

static bool answers(void)
{
	struct stat st;

	return stat(mountpoint, &st) == 0;
}

static void unmount(struct vt_client *client)
{
	must(vt_mount_detach(mountpoint, false, &err) == 0);
	must(call(client, "umount", json_pack("{s:s}", "mountpoint", mountpoint), NULL) == 0);
	ck_assert_uint_eq(mounts_of(client), 0);
}

/* Before a server is there, so that nothing needs one. */
START_TEST(root_does_not_mount_through_a_link)
{
	struct vt_mount_options options = {.fsname = "link"};
	char link[256];
	int fd;

	if (geteuid() != 0)
		return;
	(void) vt_scratch();
	(void) snprintf(mountpoint, sizeof mountpoint, "%s", vt_scratch_path("mnt"));
	(void) snprintf(link, sizeof link, "%s", vt_scratch_path("link"));
	must(mkdir(mountpoint, 0755) == 0 && symlink("mnt", link) == 0);
	fd = vt_mount_attach(mountpoint, &options, &err);
	if (fd >= 0) { /* else nothing can be mounted here */
		must(vt_mount_detach(mountpoint, true, &err) == 0);
		(void) close(fd);
		ck_assert_int_eq(vt_mount_attach(link, &options, &err), -ELOOP);
	}
	vt_scratch_done();
}
END_TEST

START_TEST(a_mount_survives_the_death_of_its_server)
{
	struct vt_client *client;
	pid_t first, second;

	set_up("60");
	client = client_of(vt_scratch_dir);
	if (mount_there(client)) {
		first = pid_of_server(client);
		for (int i = 0; i < 5; i++) {
			kill_server(pid_of_server(client));
			ck_assert(answers());
			ck_assert_uint_eq(mounts_of(client), 1);
		}
		second = pid_of_server(client);
		ck_assert_int_ne(first, second);
		unmount(client);
	}
	tear_down(client);
}
END_TEST

/* Until that many have been given everything, which the log says. */
static void wait_for_keepers(unsigned count)
{
	static char log[1 << 16];

	for (int waited = 0; waited < PATIENCE_MS; waited++) {
		FILE *file = fopen(vt_scratch_path("run/server.log"), "re");
		unsigned seen = 0;

		ck_assert_ptr_nonnull(file);
		log[fread(log, 1, sizeof log - 1, file)] = '\0';
		(void) fclose(file);
		for (const char *at = log; (at = strstr(at, "keeper started")); at++)
			seen++;
		if (seen == count)
			return;
		(void) poll(NULL, 0, 1);
	}
	ck_abort_msg("no keeper number %u", count);
}

START_TEST(a_server_whose_keeper_dies_starts_another)
{
	struct vt_client *client;
	pid_t server, keeper;

	set_up("60");
	client = client_of(vt_scratch_dir);
	if (mount_there(client)) {
		kill_server(pid_of_server(client)); /* the next one is the keeper's child */
		server = pid_of_server(client);
		keeper = parent_of(server);
		kill_server(keeper);
		ck_assert(answers());
		ck_assert_int_eq(pid_of_server(client), server);
		wait_for_keepers(2);
		kill_server(server);
		ck_assert(answers());
		ck_assert_uint_eq(mounts_of(client), 1);
		unmount(client);
	}
	tear_down(client);
}
END_TEST

START_TEST(a_keeper_without_mounts_goes_on_and_starts_no_server)
{
	struct vt_client *client;
	pid_t keeper;
	int pidfd;

	set_up("60");
	client = client_of(vt_scratch_dir);
	if (mount_there(client)) {
		kill_server(pid_of_server(client));
		keeper = parent_of(pid_of_server(client));
		pidfd = watch(keeper);
		unmount(client);
		ck_assert(mount_there(client)); /* the same keeper holds it */
		kill_server(pid_of_server(client));
		ck_assert(answers());
		ck_assert_int_eq(parent_of(pid_of_server(client)), keeper);
		unmount(client);
		kill_server(pid_of_server(client));
		wait_for_end(pidfd);
	}
	tear_down(client);
}
END_TEST

START_TEST(an_orderly_end_leaves_no_keeper_and_no_dead_mount)
{
	struct vt_client *client;
	struct stat above, below;
	int pidfd;

	set_up("60");
	client = client_of(vt_scratch_dir);
	if (mount_there(client)) {
		kill_server(pid_of_server(client));
		pidfd = watch(parent_of(pid_of_server(client)));
		stop(client);
		wait_for_end(pidfd);
		ck_assert_int_eq(stat(vt_scratch_dir, &above), 0);
		ck_assert_int_eq(stat(mountpoint, &below), 0);
		ck_assert_uint_eq(above.st_dev, below.st_dev);
	}
	tear_down(client);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *tests[] = {
		the_first_client_starts_a_server_and_the_next_finds_it,
		without_leave_to_start_there_is_none,
		where_no_store_is_none_can_serve,
		why_a_server_did_not_start_reaches_the_client,
		clients_that_start_at_once_share_one_server,
		a_server_runs_as_the_owner_of_its_store,
		an_idle_server_goes_and_the_next_client_starts_another,
		clients_and_an_ever_closing_server_do_not_miss_each_other,
		a_termination_signal_is_an_orderly_end,
		a_store_made_in_the_place_of_another_is_left_alone_by_its_server,
		a_request_whose_server_dies_names_it_and_the_client_goes_on,
		a_request_that_reached_nobody_is_for_the_next_server_however_many_end,
		what_was_begun_does_not_go_on_with_another_server,
		root_does_not_mount_through_a_link,
		a_mount_survives_the_death_of_its_server,
		a_server_whose_keeper_dies_starts_another,
		a_keeper_without_mounts_goes_on_and_starts_no_server,
		an_orderly_end_leaves_no_keeper_and_no_dead_mount,
		NULL,
	};

	if (argc > 1 && strcmp(argv[1], "server") == 0)
		return vt_server_main(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "keeper") == 0)
		return vt_keeper_main(argc - 1, argv + 1);
	return vt_suite_run("server", tests, NULL);
}
