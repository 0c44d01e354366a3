/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark's reader: one workload over the files of a corpus under DIR, by one process or
 * more. Prints one line: the figure, its unit, and the bytes that were read (by walk and ls: the
 * sizes of all files), so that whoever compares figures sees that the same was done for them.
 *
 *     reader [-p PROCESSES] [-s SEED] [-n COUNT] [-b BYTES] WORKLOAD DIR LIST
 *
 * The time is from the first process's start to the last one's end; the list is read before it.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "index/base/array.h"
#include "index/base/clock.h"
#include "tests/bench/file_list.h"

#define PROCESSES_MAX 64u
#define BUFFER        (1u << 20)

struct job {
	const char *dir;
	struct bench_list list;
	unsigned processes;
	uint64_t seed, count, block; /* count 0: all there are */
};

/* What one process did; shared with the first. */
struct tally {
	uint64_t begun_ns, ended_ns, done, bytes;
};

struct workload {
	const char *name, *unit;
	void (*work)(const struct job *job, unsigned process, struct tally *tally);
	/* The figure out of the sums of all processes. */
	double (*figure)(const struct tally *sum, double seconds);
	bool shuffled;
};

static char buffer[BUFFER];

/* Seeds that are near each other begin far from each other. */
static uint64_t random_from(uint64_t seed)
{
	return seed * 0x9e3779b97f4a7c15ull;
}

static uint64_t random_next(uint64_t *state) /* xorshift64* */
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ull;
}

static void shuffle(struct bench_list *list, uint64_t seed)
{
	uint64_t state = random_from(seed);

	for (size_t i = list->count - 1; i > 0; i--) {
		const size_t other = random_next(&state) % (i + 1);
		const struct bench_file file = list->files[i];

		list->files[i] = list->files[other];
		list->files[other] = file;
	}
}

/* ---- reading files --------------------------------------------------------------------------- */

/* By the whole path, as programs do. */
static int open_file(const struct job *job, const struct bench_file *file)
{
	char path[PATH_MAX];
	int fd;

	(void) snprintf(path, sizeof path, "%s/%s", job->dir, file->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(EXIT_FAILURE, "%s", path);
	return fd;
}

static void read_whole(const struct job *job, const struct bench_file *file, struct tally *tally)
{
	const int fd = open_file(job, file);
	uint64_t bytes = 0;
	ssize_t n;

	while ((n = read(fd, buffer, sizeof buffer)) > 0)
		bytes += (uint64_t) n;
	if (n < 0)
		err(EXIT_FAILURE, "%s", file->path);
	if (bytes != file->size)
		errx(EXIT_FAILURE, "%s: %llu bytes, not %llu", file->path,
		     (unsigned long long) bytes, (unsigned long long) file->size);
	(void) close(fd);
	tally->bytes += bytes;
	tally->done++;
}

/* Every process has its share of the first `count` files. */
static void read_files(const struct job *job, unsigned process, struct tally *tally)
{
	for (size_t i = process; i < job->count; i += job->processes)
		read_whole(job, &job->list.files[i], tally);
}

/* `count` reads of `block` bytes, anywhere in the files. */
static void read_at_random(const struct job *job, unsigned process, struct tally *tally)
{
	uint64_t state = random_from(job->seed + process);
	int *fds = calloc(job->list.count, sizeof *fds);

	if (!fds)
		err(EXIT_FAILURE, "descriptors");
	for (size_t i = 0; i < job->list.count; i++) {
		if (job->list.files[i].size < job->block)
			errx(EXIT_FAILURE, "%s is too small", job->list.files[i].path);
		fds[i] = open_file(job, &job->list.files[i]);
	}
	for (uint64_t i = process; i < job->count; i += job->processes) {
		const size_t which = random_next(&state) % job->list.count;
		const uint64_t blocks = job->list.files[which].size / job->block;
		const uint64_t at = random_next(&state) % blocks * job->block;

		if (pread(fds[which], buffer, job->block, (off_t) at) != (ssize_t) job->block)
			err(EXIT_FAILURE, "%s", job->list.files[which].path);
		tally->bytes += job->block;
		tally->done++;
	}
	free(fds); /* the process ends, and closes them */
}

/* ---- walking folders ------------------------------------------------------------------------- */

struct names {
	char **names;
	size_t count, room;
};

static struct names names_of(int fd, const char *path)
{
	struct names out = {0};
	DIR *dir = fdopendir(dup(fd));
	const struct dirent *entry;

	if (!dir)
		err(EXIT_FAILURE, "%s", path);
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (vt_array_reserve(out.names, out.room, out.count + 1) < 0)
			errx(EXIT_FAILURE, "no memory for names");
		out.names[out.count] = strdup(entry->d_name);
		if (!out.names[out.count++])
			errx(EXIT_FAILURE, "no memory for names");
	}
	(void) closedir(dir);
	return out;
}

/* Asks until it hears that the file system has none such. */
static void ask_xattr(const char *path, const char *name, bool *supported)
{
	if (*supported && lgetxattr(path, name, buffer, 255) < 0)
		*supported = errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL;
}

/* What ls -l asks of a file (coreutils 9.1). */
static void ask_xattrs(const char *path, const struct stat *st)
{
	static bool has_labels = true, has_lists = true;

	if (S_ISLNK(st->st_mode))
		return;
	ask_xattr(path, "security.selinux", &has_labels);
	ask_xattr(path, "system.posix_acl_access", &has_lists);
	if (S_ISDIR(st->st_mode))
		ask_xattr(path, "system.posix_acl_default", &has_lists);
}

/* As find(1) and ls(1): all names of a folder first, then what they are. */
static void walk(const char *path, bool xattrs, struct tally *tally)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct names names;

	if (fd < 0)
		err(EXIT_FAILURE, "%s", path);
	names = names_of(fd, path);
	for (size_t i = 0; i < names.count; i++) {
		char child[PATH_MAX];
		struct stat st;

		(void) snprintf(child, sizeof child, "%s/%s", path, names.names[i]);
		if (fstatat(fd, names.names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			err(EXIT_FAILURE, "%s", child);
		if (xattrs)
			ask_xattrs(child, &st);
		if (S_ISREG(st.st_mode))
			tally->bytes += (uint64_t) st.st_size;
		tally->done++;
		if (S_ISDIR(st.st_mode))
			walk(child, xattrs, tally);
		free(names.names[i]);
	}
	free(names.names);
	(void) close(fd);
}

static void walk_sizes(const struct job *job, unsigned process, struct tally *tally)
{
	walk(job->dir, false, tally);
}

static void walk_like_ls(const struct job *job, unsigned process, struct tally *tally)
{
	walk(job->dir, true, tally);
}

/* ---- figures --------------------------------------------------------------------------------- */

static double megabytes_per_second(const struct tally *sum, double seconds)
{
	return (double) sum->bytes / 1e6 / seconds;
}

static double done_per_second(const struct tally *sum, double seconds)
{
	return (double) sum->done / seconds;
}

static double plain_seconds(const struct tally *sum, double seconds)
{
	return seconds;
}

static const struct workload workloads[] = {
	{"seq", "MB/s", read_files, megabytes_per_second, false},
	{"files", "files/s", read_files, done_per_second, true},
	{"pread", "reads/s", read_at_random, done_per_second, false},
	{"walk", "s", walk_sizes, plain_seconds, false},
	{"ls", "s", walk_like_ls, plain_seconds, false},
};

static const struct workload *find_workload(const char *name)
{
	for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
		if (strcmp(workloads[i].name, name) == 0)
			return &workloads[i];
	errx(EXIT_FAILURE, "no workload '%s'", name);
}

/* ---- processes ------------------------------------------------------------------------------- */

static void start(const struct workload *workload, const struct job *job, unsigned process,
		  struct tally *tally)
{
	const pid_t pid = fork();

	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid > 0)
		return;
	tally->begun_ns = vt_clock_monotonic_ns();
	workload->work(job, process, tally);
	tally->ended_ns = vt_clock_monotonic_ns();
	_exit(EXIT_SUCCESS);
}

static void wait_for_all(unsigned processes)
{
	bool failed = false;

	for (unsigned i = 0; i < processes; i++) {
		int status;

		if (wait(&status) < 0)
			err(EXIT_FAILURE, "wait");
		failed |= status != 0;
	}
	if (failed)
		errx(EXIT_FAILURE, "a process failed");
}

static void report(const struct workload *workload, const struct tally *tallies, unsigned count)
{
	struct tally sum = tallies[0];

	for (unsigned i = 1; i < count; i++) {
		sum.done += tallies[i].done;
		sum.bytes += tallies[i].bytes;
		if (tallies[i].begun_ns < sum.begun_ns)
			sum.begun_ns = tallies[i].begun_ns;
		if (tallies[i].ended_ns > sum.ended_ns)
			sum.ended_ns = tallies[i].ended_ns;
	}
	(void) printf("%.6g %s %llu\n",
		      workload->figure(&sum, (double) (sum.ended_ns - sum.begun_ns) / 1e9),
		      workload->unit, (unsigned long long) sum.bytes);
}

static void run(const struct workload *workload, const struct job *job)
{
	struct tally *tallies = mmap(NULL, PROCESSES_MAX * sizeof *tallies, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (tallies == MAP_FAILED)
		err(EXIT_FAILURE, "shared memory");
	for (unsigned i = 0; i < job->processes; i++)
		start(workload, job, i, &tallies[i]);
	wait_for_all(job->processes);
	report(workload, tallies, job->processes);
	(void) munmap(tallies, PROCESSES_MAX * sizeof *tallies);
}

static void misused(void)
{
	errx(EXIT_FAILURE,
	     "reader [-p PROCESSES] [-s SEED] [-n COUNT] [-b BYTES] WORKLOAD DIR LIST");
}

static void parse_options(int argc, char **argv, struct job *job)
{
	int option;

	while ((option = getopt(argc, argv, "p:s:n:b:")) != -1) {
		const uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;

		switch (option) {
		case 'p':
			job->processes = (unsigned) value;
			break;
		case 's':
			job->seed = value;
			break;
		case 'n':
			job->count = value;
			break;
		case 'b':
			job->block = value;
			break;
		default:
			misused();
		}
	}
	if (argc - optind != 3 || job->processes == 0 || job->processes > PROCESSES_MAX ||
	    job->seed == 0 || job->block == 0 || job->block > BUFFER)
		misused();
}

int main(int argc, char **argv)
{
	struct job job = {.processes = 1, .seed = 1, .block = 4096};
	const struct workload *workload;

	parse_options(argc, argv, &job);
	workload = find_workload(argv[optind]);
	job.dir = argv[optind + 1];
	bench_list_load(argv[optind + 2], &job.list);
	if (workload->shuffled)
		shuffle(&job.list, job.seed);
	if (workload->work == read_files && (job.count == 0 || job.count > job.list.count))
		job.count = job.list.count;
	run(workload, &job);
	bench_list_done(&job.list);
	return EXIT_SUCCESS;
}
