/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handover STORE SOURCE MOUNTED DATASET ALICE BOB NARROWINGS [KILL_EVERY]
 *
 * A dataset goes from alice to bob and back, by leases, grants, denials and ends, while four
 * readers (handover_reader.c) read it by every way without a pause. Each narrowing is one request
 * on a connection that stays open; every KILL_EVERYth time the server is killed within it, and the
 * caller then begins again from a state that is known. MOUNTED shows the files of the folder
 * SOURCE; ALICE and BOB are users. Prints what was read, and how long the requests took; any
 * violation, or a way that never came to be tried, ends it with 1.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/control_client.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "tests/tools/handover.h"

#define DWELL_US    25000 /* between two requests: readers try all they have */
#define FILES_MAX   64u
#define SERVER_WAIT 30u /* s, for another server */

enum { ALICE, BOB, ROOT, CALLERS };

static const char *store, *dataset;
static const char *name_of[CALLERS];
static uid_t uid_of[CALLERS];
static struct vt_client *client_of[CALLERS]; /* NULL: to be connected */
static struct handover_shared *shared;
static struct handover_file files[FILES_MAX];
static size_t file_count;
static uint64_t *latency;
static unsigned narrowings, wanted, kill_every, kills, unsure;
static pid_t server;

static _Noreturn void give_up(const char *what, const struct vt_error *err)
{
	printf("%s: %s\n", what, err ? err->text : strerror(errno));
	shared->over = true;
	exit(1);
}

/* ---- asking ------------------------------------------------------------------------------------
 */

/* This thread alone: whose it is when a connection is made is asked of the kernel. */
static void act_as(unsigned caller)
{
	if (syscall(SYS_setresuid, -1, uid_of[caller], -1) < 0)
		give_up("setresuid", NULL);
}

/* A killed server's successor takes its time. */
static void connect_as(unsigned caller)
{
	struct vt_error err;

	for (unsigned tries = 0; !client_of[caller]; tries++) {
		act_as(caller);
		(void) vt_client_connect(store, false, &client_of[caller], &err);
		act_as(ROOT);
		if (!client_of[caller] && tries > SERVER_WAIT * 100)
			give_up("connect", &err);
		if (!client_of[caller])
			(void) usleep(10000);
	}
}

static int call_as(unsigned caller, const struct vt_call *call, json_t **result,
		   struct vt_error *err)
{
	int r;

	connect_as(caller);
	act_as(caller); /* it may have to connect again */
	r = vt_client_call(client_of[caller], call, result, err);
	act_as(ROOT);
	return r;
}

static int ask(unsigned caller, const char *op, json_t *args, json_t **result, struct vt_error *err)
{
	const struct vt_call call = {.op = op, .args = args};

	return call_as(caller, &call, result, err);
}

static json_t *about(void)
{
	return json_pack("{s:s}", "object", dataset);
}

static json_t *rule(unsigned user, const char *right)
{
	char who[128];

	(void) snprintf(who, sizeof who, "user:%s", name_of[user]);
	return json_pack("{s:s, s:s, s:s}", "object", dataset, "who", who, "right", right);
}

static json_t *lease_for(double seconds)
{
	return json_pack("{s:s, s:I}", "object", dataset, "length",
			 (json_int_t) (seconds * VT_NS_PER_SEC));
}

/* ---- what readers are told ---------------------------------------------------------------------
 */

enum standing { IN, OUT, UNSAID };

/* A request begins: nothing is said of anybody until it has returned. */
static void unsay(void)
{
	for (unsigned user = 0; user < USERS; user++) {
		shared->users[user].allowed = false;
		shared->users[user].denied_since_ns = 0;
	}
	shared->epoch++;
}

static void say(enum standing alice, enum standing bob, bool alice_lost, bool bob_lost)
{
	const enum standing standing[USERS] = {alice, bob};
	const bool lost[USERS] = {alice_lost, bob_lost};
	uint64_t now = vt_clock_monotonic_ns();

	for (unsigned user = 0; user < USERS; user++) {
		struct handover_user *of = &shared->users[user];

		if (lost[user]) {
			of->dead_before = shared->epoch;
			of->dead_from = shared->epoch + 1;
		}
		of->allowed = standing[user] == IN;
		of->denied_since_ns = standing[user] == OUT ? now : 0;
	}
	shared->epoch++;
}

/* ---- a kill within -----------------------------------------------------------------------------
 */

static void *kill_soon(void *argument)
{
	(void) usleep((useconds_t) (uintptr_t) argument);
	(void) kill(server, SIGKILL);
	return NULL;
}

static void find_server(void)
{
	struct vt_error err;
	json_t *hello = NULL;

	while (ask(ROOT, "hello", NULL, &hello, &err) < 0)
		;
	server = (pid_t) json_integer_value(json_object_get(hello, "pid"));
	json_decref(hello);
}

/* Bob, while he waits in line. */
static pthread_t waiter;
static bool waits;

/* Until he has it, or the server is gone. */
static void await_waiter(void)
{
	if (waits)
		(void) pthread_join(waiter, NULL);
	waits = false;
}

static void everybody_hangs_up(void)
{
	await_waiter();
	for (unsigned caller = 0; caller < CALLERS; caller++) {
		vt_client_close(client_of[caller]);
		client_of[caller] = NULL;
	}
}

/* Until it is certain: leases are gone, nobody is denied, both may read. */
static void begin_anew(void)
{
	static const struct {
		const char *op, *right;
		int missing;
	} steps[] = {
		{"lease.break", NULL, -ENOENT}, {"revoke", "read", -ENOENT}, {"grant", "lease", 0}};

	unsay();
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		for (unsigned user = 0; user < USERS; user++) {
			struct vt_error err;
			json_t *args = steps[i].right ? rule(user, steps[i].right) : about();
			int r = ask(ROOT, steps[i].op, args, NULL, &err);

			if (r < 0 && r != steps[i].missing)
				give_up(steps[i].op, &err);
		}
	say(IN, IN, false, false);
}

/* A server was killed within something: what became of it is not known. */
static void begin_after_a_kill(void)
{
	everybody_hangs_up();
	(void) usleep(1500000); /* deaths that follow each other at once are another test */
	begin_anew();
}

/* ---- narrowings --------------------------------------------------------------------------------
 */

/*
 * One request. True: it returned, and said it was done. Else its server was killed within it and
 * nothing is known; then all begins anew.
 */
static bool request(unsigned caller, const char *op, json_t *args, bool narrows)
{
	bool killed = narrows && kill_every && narrowings % kill_every == kill_every - 1;
	struct vt_error err;
	pthread_t killer;
	uint64_t begun;
	int r;

	connect_as(caller);
	unsay();
	if (killed) {
		find_server();
		(void) pthread_create(&killer, NULL, kill_soon,
				      (void *) (uintptr_t) (rand() % 2500));
	}
	begun = vt_clock_monotonic_ns();
	r = ask(caller, op, args, NULL, &err);
	if (narrows && r >= 0 && !killed && narrowings < wanted)
		latency[narrowings] = vt_clock_monotonic_ns() - begun;
	narrowings += narrows;
	if (!killed && r < 0)
		give_up(op, &err);
	if (!killed)
		return true;
	(void) pthread_join(killer, NULL);
	kills++;
	unsure += r < 0;
	if (r < 0)
		begin_after_a_kill();
	return r >= 0;
}

static void dwell(void)
{
	(void) usleep(DWELL_US);
	if (kills &&
	    narrowings % kill_every == 0) { /* a server that was killed after it answered */
		everybody_hangs_up();
		(void) usleep(1500000);
	}
}

static bool step(unsigned caller, const char *op, json_t *args, enum standing alice,
		 enum standing bob, bool alice_lost, bool bob_lost)
{
	if (!request(caller, op, args, alice_lost || bob_lost))
		return false;
	say(alice, bob, alice_lost, bob_lost);
	dwell();
	return true;
}

static struct {
	int r;
	struct vt_error err;
} line;

static atomic_bool in_line;

static int see_line(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	(void) context, (void) row, (void) blob, (void) blob_len;
	in_line = true;
	return 0;
}

static void *wait_in_line(void *argument)
{
	struct vt_call call = {.op = "lease.acquire", .row = see_line};

	(void) argument;
	call.args = json_pack("{s:s, s:I, s:b}", "object", dataset, "length",
			      (json_int_t) 3600 * VT_NS_PER_SEC, "wait", 1);
	line.r = call_as(BOB, &call, NULL, &line.err);
	return NULL;
}

/* Alice has it, bob waits in line: it is his when she lets go. */
static bool straight_from_alice_to_bob(void)
{
	unsigned deaths = kills;
	bool known;

	in_line = false;
	waits = pthread_create(&waiter, NULL, wait_in_line, NULL) == 0;
	while (!in_line)
		(void) usleep(500);
	known = request(ALICE, "lease.release", about(), true);
	await_waiter();
	if (known && line.r < 0 && kills == deaths)
		give_up("lease.acquire", &line.err);
	if (known && line.r < 0) /* alice was answered, and bob not any more */
		begin_after_a_kill();
	if (!known || line.r < 0)
		return false;
	say(OUT, IN, true, false);
	dwell();
	return true;
}

static bool has_lease(void)
{
	struct vt_error err;
	const struct vt_call call = {.op = "leases", .args = about(), .row = see_line};

	in_line = false;
	if (call_as(ROOT, &call, NULL, &err) < 0)
		give_up("leases", &err);
	return in_line;
}

/*
 * Nobody asks: it ends by itself, and is not listed when that is done; what the kernel shows is
 * renewed then, at the latest by the next change. On a busy machine it may have ended before it was
 * known here that it had begun: then nothing is said of it.
 */
static bool by_its_end(void)
{
	uint64_t until = vt_clock_monotonic_ns() + 3 * VT_NS_PER_SEC / 10;
	bool in_time;

	if (!request(ALICE, "lease.acquire", lease_for(0.3), true))
		return false;
	shared->said_until_ns = until;
	say(IN, OUT, false, true);
	(void) usleep(200000);
	unsay();
	in_time = vt_clock_monotonic_ns() < until;
	shared->said_until_ns = UINT64_MAX;
	while (has_lease())
		(void) usleep(1000);
	(void) request(ROOT, "grant", rule(BOB, "lease"), false);
	say(IN, IN, in_time, false);
	dwell();
	return true;
}

static bool by_leases(void)
{
	return step(BOB, "lease.acquire", lease_for(3600), OUT, IN, true, false) &&
	       step(ROOT, "lease.break", about(), IN, IN, false, true) &&
	       step(ALICE, "lease.acquire", lease_for(3600), IN, OUT, false, true) &&
	       straight_from_alice_to_bob() &&
	       step(BOB, "lease.release", about(), IN, IN, false, true);
}

static bool by_rules(void)
{
	return step(ROOT, "revoke", rule(BOB, "lease"), IN, OUT, false, true) &&
	       step(ROOT, "grant", rule(BOB, "lease"), IN, IN, false, false) &&
	       step(ROOT, "deny", rule(ALICE, "read"), OUT, IN, true, false) &&
	       step(ROOT, "revoke", rule(ALICE, "read"), IN, IN, false, false);
}

/* ---- the rest ----------------------------------------------------------------------------------
 */

static void load(const char *source, const char *mounted)
{
	DIR *folder = opendir(source);
	struct dirent *entry;

	while (folder && (entry = readdir(folder)) && file_count < FILES_MAX) {
		struct handover_file *file = &files[file_count];
		char path[4096];
		struct stat st;
		FILE *in;

		(void) snprintf(path, sizeof path, "%s/%s", source, entry->d_name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		file->size = (size_t) st.st_size;
		file->bytes = malloc(file->size + 1);
		in = fopen(path, "rb");
		if (!in || fread(file->bytes, 1, file->size, in) != file->size)
			give_up(path, NULL);
		(void) fclose(in);
		if (asprintf(&file->path, "%s/%s", mounted, entry->d_name) < 0)
			give_up(path, NULL);
		file_count++;
	}
	if (!file_count)
		give_up(source, NULL);
	(void) closedir(folder);
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_latency(void)
{
	unsigned first = 0;

	qsort(latency, wanted, sizeof *latency, compare);
	while (first < wanted && !latency[first]) /* killed ones were not timed */
		first++;
	if (first == wanted)
		return;
	printf("request: p50 %.2f ms, p99 %.2f ms, max %.2f ms of %u\n",
	       (double) latency[first + (wanted - first) / 2] / 1e6,
	       (double) latency[first + (wanted - first) * 99 / 100] / 1e6,
	       (double) latency[wanted - 1] / 1e6, wanted - first);
}

/* Has everything been tried that there is? */
static bool print_ways(void)
{
	bool all = true;

	for (int way = 0; way < WAYS; way++) {
		bool can_die = way < HELD_O_PATH;

		printf("%-16s %9llu right, %9llu refused, %9llu dead\n", handover_ways[way],
		       (unsigned long long) shared->right[way],
		       (unsigned long long) shared->refused[way],
		       (unsigned long long) shared->dead[way]);
		all = all && shared->right[way] && shared->refused[way] &&
		      (!can_die || shared->dead[way]);
	}
	return all;
}

static void begin_readers(pid_t readers[READERS])
{
	static const char *const who[READERS] = {"alice 1", "alice 2", "bob 1", "bob 2"};

	(void) fflush(stdout);
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = fork();
		if (readers[i] == 0) {
			(void) prctl(PR_SET_PDEATHSIG, SIGKILL);
			handover_read(shared, i / 2, uid_of[i / 2], i + 1, who[i], files,
				      file_count);
		}
	}
}

static unsigned end_readers(const pid_t readers[READERS])
{
	unsigned failed = 0;
	int status;

	shared->over = true;
	for (unsigned i = 0; i < READERS; i++)
		failed += waitpid(readers[i], &status, 0) < 0 || status != 0;
	return failed;
}

static uid_t uid_by_name(const char *name)
{
	const struct passwd *user = getpwnam(name);

	if (!user)
		give_up(name, NULL);
	return user->pw_uid;
}

int main(int argc, char **argv)
{
	pid_t readers[READERS];
	unsigned failed, cycle = 0;
	bool tried;

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (argc < 8 || shared == MAP_FAILED)
		return 2;
	shared->said_until_ns = UINT64_MAX;
	store = argv[1];
	load(argv[2], argv[3]);
	dataset = argv[4];
	for (unsigned user = 0; user < USERS; user++) {
		name_of[user] = argv[5 + user];
		uid_of[user] = uid_by_name(name_of[user]);
	}
	wanted = (unsigned) strtoul(argv[7], NULL, 10);
	kill_every = argc > 8 ? (unsigned) strtoul(argv[8], NULL, 10) : 0;
	latency = calloc(wanted, sizeof *latency);
	connect_as(ROOT);
	begin_readers(readers);
	begin_anew();
	while (narrowings < wanted && !shared->violations)
		if (by_leases() && by_rules() && cycle++ % 8 == 0)
			(void) by_its_end();
	failed = end_readers(readers);
	everybody_hangs_up();
	tried = print_ways();
	print_latency();
	printf("%u narrowings, %u kills (%u requests failed), %u violations\n", narrowings, kills,
	       unsure, shared->violations);
	return failed || shared->violations || !tried;
}
