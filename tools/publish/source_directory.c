/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory as a source. The crew's threads list directories from a stack of paths, so that
 * neither depth nor width costs descriptors; the spool brings the entries into order. Every open
 * goes from the source's own descriptor through openat2(), which refuses symlinks on the way: a
 * directory that is swapped for a symlink meanwhile cannot lead outside.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "index/base/error.h"
#include "index/page.h"
#include "tools/publish/kept.h"
#include "tools/publish/source.h"

#define XATTR_COUNT_MAX 1024u
#define LISTING_MAX     (64u << 20) /* bytes of a directory's entries in memory */

/* What the threads share. */
struct scanning {
	struct vt_publish_context *context;
	struct vt_source *source;
	uint32_t index;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the stack grew, or nothing more can come */
	/* guarded by lock */
	struct vt_buf stack;       /* directories to list: path, NUL, u32 length with the NUL */
	unsigned listing;          /* threads that list one now, and may add to the stack */
	pthread_mutex_t kept_lock; /* around context->kept; innermost */
};

/* A thread's. */
struct scan {
	struct scanning *all;
	struct vt_buf top;  /* the directory that is listed */
	struct vt_buf path; /* of the current entry, NUL-terminated */
	struct vt_buf xattrs;
	struct timespec newest; /* of the entries seen */
	struct vt_buf listing;  /* of the current directory: struct stat, name, NUL each */
	bool whole;             /* the listing has all that is to be published of it */
};

static int open_step(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t) flags | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof how);

	return fd < 0 ? -errno : (int) fd;
}

int vt_source_open_below(int root, const char *path, int flags)
{
	vt_autoclose int base = -1;
	char step[PATH_MAX];

	/* The kernel takes less than PATH_MAX at a time. */
	while (strlen(path) >= PATH_MAX) {
		size_t len = PATH_MAX - 1;
		int next;

		while (path[len] != '/')
			len--;
		memcpy(step, path, len);
		step[len] = '\0';
		next = open_step(base >= 0 ? base : root, step, O_PATH | O_DIRECTORY);
		if (next < 0)
			return next;
		if (base >= 0)
			(void) close(base);
		base = next;
		path += len + 1;
	}
	return open_step(base >= 0 ? base : root, *path ? path : ".", flags | O_RDONLY);
}

size_t vt_source_suffix(const char *name, size_t len)
{
	static const char *const suffixes[] = {".zst", ".gz"};

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && memcmp(name + len - n, suffixes[i], n) == 0)
			return n;
	}
	return 0;
}

/* Attributes */

/* The "user." attributes of what `path` names, canonical, in `out`. */
static int read_xattrs(const char *path, const char *shown, struct vt_buf *out,
		       struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf values = VT_BUF_INIT;
	struct vt_xattr list[XATTR_COUNT_MAX];
	char names[XATTR_LIST_MAX];
	size_t count = 0;
	ssize_t len = llistxattr(path, names, sizeof names);

	vt_buf_reset(out);
	if (len < 0 && (errno == ENOTSUP || errno == ENODATA))
		return 0;
	if (len < 0)
		return vt_fail(err, errno, "cannot read the attributes of '%s': %m", shown);
	for (const char *name = names; name < names + len; name += strlen(name) + 1) {
		size_t at = values.len;
		ssize_t size;
		void *room;

		if (strncmp(name, "user.", 5) != 0)
			continue;
		if (count == XATTR_COUNT_MAX || values.len > VT_XATTRS_LEN_MAX)
			return vt_fail(err, E2BIG, "'%s' has too many attributes", shown);
		room = vt_buf_grow(&values, VT_XATTRS_LEN_MAX);
		if (!room)
			return vt_fail(err, ENOMEM, "no memory for attributes");
		size = lgetxattr(path, name, room, VT_XATTRS_LEN_MAX);
		if (size < 0)
			return vt_fail(err, errno, "cannot read attribute '%s' of '%s': %m", name,
				       shown);
		values.len = at + (size_t) size;
		list[count++] = (struct vt_xattr){name, strlen(name), NULL, (size_t) size};
	}
	if (count == 0)
		return 0;
	for (size_t i = 0, at = 0; i < count; at += list[i++].value_len)
		list[i].value = values.data + at;
	if (vt_xattrs_encode(list, count, out, err) < 0)
		return vt_fail_in(err, -E2BIG, "attributes of '%s'", shown);
	return 0;
}

static void take_attributes(const struct stat *st, struct vt_item *item)
{
	item->mode = st->st_mode & 01777;
	item->mtime_sec = st->st_mtim.tv_sec;
	item->mtime_nsec = (uint32_t) st->st_mtim.tv_nsec;
	item->stamp.device = st->st_dev;
	item->stamp.inode = st->st_ino;
	item->stamp.mtime_ns = vt_stamp_ns(&st->st_mtim);
	item->stamp.ctime_ns = vt_stamp_ns(&st->st_ctim);
}

/* Scanning */

/* scan->path is a directory to list. */
static int push(struct scan *scan, struct vt_error *err)
{
	struct scanning *all = scan->all;
	uint32_t len = (uint32_t) scan->path.len;
	size_t before;
	bool failed;

	(void) pthread_mutex_lock(&all->lock);
	before = all->stack.len;
	vt_buf_put(&all->stack, scan->path.data, len);
	vt_buf_put(&all->stack, &len, sizeof len);
	failed = vt_buf_failed(&all->stack);
	if (failed)
		all->stack.len = before; /* no half of it, others pop */
	(void) pthread_cond_signal(&all->changed);
	(void) pthread_mutex_unlock(&all->lock);
	return failed ? vt_fail(err, ENOMEM, "no memory for directories") : 0;
}

/* With the lock held. */
static void pop(struct scanning *all, struct vt_buf *path)
{
	struct vt_buf *stack = &all->stack;
	uint32_t len;

	memcpy(&len, stack->data + stack->len - sizeof len, sizeof len);
	stack->len -= sizeof len + len;
	vt_buf_reset(path);
	vt_buf_put(path, stack->data + stack->len, len);
}

static int read_target(int dir, const char *name, struct vt_item *item, char target[PATH_MAX],
		       struct vt_error *err)
{
	ssize_t len = readlinkat(dir, name, target, PATH_MAX);

	if (len < 0)
		return vt_fail(err, errno, "cannot read the symlink '%s/%s': %m", item->path, name);
	if ((size_t) len > VT_TARGET_LEN_MAX)
		return vt_fail(err, ENAMETOOLONG, "the target of '%s' is too long", item->path);
	item->target = target;
	item->target_len = (size_t) len;
	return 0;
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "special file";
	}
}

static int fill_xattrs(struct scan *scan, int dir, const char *name, struct vt_item *item,
		       struct vt_error *err)
{
	char path[NAME_MAX + 64];
	int r;

	(void) snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
	r = read_xattrs(path, item->path, &scan->xattrs, err);
	item->xattrs = scan->xattrs.data;
	item->xattrs_len = scan->xattrs.len;
	return r;
}

static void fill_file(struct scan *scan, const struct stat *st, struct vt_item *item)
{
	size_t suffix = 0;

	item->type = VT_FILE;
	item->stamp.size = (uint64_t) st->st_size;
	item->linked = st->st_nlink > 1;
	if (scan->all->context->options->decompress)
		suffix = vt_source_suffix(item->path, item->path_len);
	if (suffix == 0)
		return;
	item->decode = true;
	item->linked = false; /* its content has another name than what it is linked to */
	item->path_len -= suffix;
	item->target = item->path + item->path_len;
	item->target_len = suffix;
}

/* Sets scan->path. */
static int name_entry(struct scan *scan, size_t prefix, const char *name, struct vt_error *err)
{
	scan->path.len = prefix;
	if (prefix > 0)
		vt_buf_put_u8(&scan->path, '/');
	vt_buf_put(&scan->path, name, strlen(name) + 1);
	if (vt_buf_failed(&scan->path))
		return vt_fail(err, ENOMEM, "no memory for a path");
	if (scan->path.len - 1 > VT_PATH_LEN_MAX)
		return vt_fail(err, ENAMETOOLONG, "a path below '%s' is too long: '%.100s…'",
			       scan->all->source->name, (const char *) scan->path.data);
	return 0;
}

/* What scan->path names, but for what must be read of it. */
static void describe(struct scan *scan, const struct stat *st, struct vt_item *item)
{
	*item = (struct vt_item){.path = (const char *) scan->path.data,
				 .path_len = scan->path.len - 1,
				 .source = scan->all->index};
	take_attributes(st, item);
	if (S_ISREG(st->st_mode)) {
		fill_file(scan, st, item);
	} else {
		item->type = S_ISDIR(st->st_mode) ? VT_DIRECTORY : VT_SYMLINK;
		item->linked = S_ISLNK(st->st_mode) && st->st_nlink > 1;
	}
}

static int take_entry(struct scan *scan, int dir, const char *name, const struct stat *st,
		      struct vt_error *err)
{
	char target[PATH_MAX];
	struct vt_item item;
	int r = 0;

	describe(scan, st, &item);
	if (item.type == VT_DIRECTORY)
		r = push(scan, err);
	else if (item.type == VT_SYMLINK)
		r = read_target(dir, name, &item, target, err);
	if (r == 0 && item.type != VT_SYMLINK) /* which have no "user." attributes */
		r = fill_xattrs(scan, dir, name, &item, err);
	return r < 0 ? r : vt_publish_found(scan->all->context, &item, err);
}

/* Looks at an entry, and puts it into the listing. */
static int list_entry(struct scan *scan, int dir, size_t prefix, const char *name,
		      struct vt_error *err)
{
	struct vt_publish_progress *progress = scan->all->context->progress;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return vt_fail(err, errno == ENOENT ? ESTALE : errno,
			       "cannot look at '%s/%.*s/%s': %m", scan->all->source->name,
			       (int) prefix, (const char *) scan->path.data, name);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode)) {
		int r = name_entry(scan, prefix, name, err);

		return r < 0 ? r
			     : vt_publish_skip(scan->all->context, kind_of(st.st_mode),
					       (const char *) scan->path.data, err);
	}
	if (S_ISREG(st.st_mode)) {
		(void) atomic_fetch_add(&progress->total_files, 1);
		(void) atomic_fetch_add(&progress->total_bytes, (uint64_t) st.st_size);
	}
	vt_note_newest(&scan->newest, st.st_mtim);
	vt_buf_put(&scan->listing, &st, sizeof st);
	vt_buf_put(&scan->listing, name, strlen(name) + 1);
	return vt_buf_failed(&scan->listing) ? vt_fail(err, ENOMEM, "no memory for a directory")
					     : 0;
}

/* The entries of the listing, one after another: 1 one, 0 the end. Sets scan->path. */
static int next_entry(struct scan *scan, size_t prefix, size_t *at, struct stat *st,
		      const char **name, struct vt_error *err)
{
	int r;

	if (*at == scan->listing.len)
		return 0;
	memcpy(st, scan->listing.data + *at, sizeof *st);
	*name = (const char *) scan->listing.data + *at + sizeof *st;
	*at += sizeof *st + strlen(*name) + 1;
	r = name_entry(scan, prefix, *name, err);
	return r < 0 ? r : 1;
}

static int take_listing(struct scan *scan, int dir, size_t prefix, struct vt_error *err)
{
	size_t at = 0;
	struct stat st;
	const char *name;
	int r;

	while ((r = next_entry(scan, prefix, &at, &st, &name, err)) > 0) {
		r = take_entry(scan, dir, name, &st, err);
		if (r == 0)
			r = vt_crew_result(scan->all->context->crew, err);
		if (r < 0)
			return r;
	}
	vt_buf_reset(&scan->listing);
	return r;
}

/* Says so of the directory, and counts what need not be read. */
static int mark_kept(struct scan *scan, size_t prefix, uint64_t kept, uint32_t entries,
		     uint64_t files, uint64_t bytes, struct vt_error *err)
{
	struct vt_publish_progress *progress = scan->all->context->progress;
	struct vt_item mark = {.type = VT_DIRECTORY, .kept = kept, .kept_entries = entries};
	int r = name_entry(scan, prefix, "", err);

	if (r < 0)
		return r;
	mark.path = (const char *) scan->path.data;
	mark.path_len = prefix + 1;
	(void) atomic_fetch_add(&progress->files, files);
	(void) atomic_fetch_add(&progress->bytes, bytes);
	(void) atomic_fetch_add(&progress->unchanged, files);
	vt_buf_reset(&scan->listing);
	return vt_publish_found(scan->all->context, &mark, err);
}

/* 1 when the directory of the listing is kept, so that nothing of it is to be taken. */
static int keep_listing(struct scan *scan, size_t prefix, struct vt_error *err)
{
	struct vt_listing listing = {0};
	uint64_t files = 0, bytes = 0, kept;
	size_t at = 0;
	struct stat st;
	const char *name;
	int r;

	if (!scan->all->context->kept || prefix == 0 || !scan->whole)
		return 0;
	while ((r = next_entry(scan, prefix, &at, &st, &name, err)) > 0) {
		struct vt_item item;

		describe(scan, &st, &item);
		if (item.type == VT_DIRECTORY)
			return 0;
		vt_listing_add(&listing, &item);
		files += item.type == VT_FILE;
		bytes += item.stamp.size;
	}
	(void) pthread_mutex_lock(&scan->all->kept_lock);
	kept = vt_kept_find(scan->all->context->kept, (const char *) scan->path.data, prefix,
			    &listing);
	(void) pthread_mutex_unlock(&scan->all->kept_lock);
	if (r < 0 || kept == 0)
		return r;
	r = mark_kept(scan, prefix, kept, listing.entries, files, bytes, err);
	return r < 0 ? r : 1;
}

static int list_entries(struct scan *scan, DIR *dir, size_t prefix, struct vt_error *err)
{
	for (;;) {
		struct dirent *entry;
		int r;

		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno == 0 ? 0
					  : vt_fail(err, errno, "cannot list '%s/%.*s': %m",
						    scan->all->source->name, (int) prefix,
						    (const char *) scan->path.data);
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = list_entry(scan, dirfd(dir), prefix, entry->d_name, err);
		if (r == 0 && scan->listing.len > LISTING_MAX) {
			scan->whole = false;
			r = take_listing(scan, dirfd(dir), prefix, err);
		}
		if (r == 0)
			r = vt_crew_result(scan->all->context->crew, err);
		if (r < 0)
			return r;
	}
}

static int scan_entries(struct scan *scan, DIR *dir, size_t prefix, struct vt_error *err)
{
	int r;

	scan->whole = true;
	vt_buf_reset(&scan->listing);
	r = list_entries(scan, dir, prefix, err);
	if (r == 0)
		r = keep_listing(scan, prefix, err);
	return r == 0 ? take_listing(scan, dirfd(dir), prefix, err) : r < 0 ? r : 0;
}

static int scan_directory(struct scan *scan, const char *path, struct vt_error *err)
{
	int fd = vt_source_open_below(scan->all->source->fd, path, O_DIRECTORY);
	size_t prefix = strlen(path);
	DIR *dir;
	int r;

	if (fd < 0)
		return vt_fail(err, -fd, "cannot open the directory '%s/%s': %m",
			       scan->all->source->name, path);
	dir = fdopendir(fd);
	if (!dir) {
		(void) close(fd);
		return vt_fail(err, ENOMEM, "no memory to list '%s'", path);
	}
	vt_buf_reset(&scan->path);
	vt_buf_put(&scan->path, path, prefix);
	r = scan_entries(scan, dir, prefix, err);
	(void) closedir(dir);
	return r;
}

/*
 * The next directory of the stack. False: there is none and none can come, or the publish fails.
 */
static bool next_directory(struct scan *scan)
{
	struct scanning *all = scan->all;
	bool found;

	(void) pthread_mutex_lock(&all->lock);
	while (all->stack.len == 0 && all->listing > 0 && !vt_crew_stopped(all->context->crew))
		(void) pthread_cond_wait(&all->changed, &all->lock);
	found = all->stack.len > 0 && !vt_crew_stopped(all->context->crew);
	if (found) {
		pop(all, &scan->top);
		all->listing++;
	}
	(void) pthread_mutex_unlock(&all->lock);
	return found;
}

static void end_directory(struct scan *scan, int r, const struct vt_error *why)
{
	struct scanning *all = scan->all;

	if (r < 0)
		vt_crew_fail(all->context->crew, r, why);
	(void) pthread_mutex_lock(&all->lock);
	all->listing--;
	(void) pthread_cond_broadcast(&all->changed);
	(void) pthread_mutex_unlock(&all->lock);
}

static void scan_done(struct scan *scan)
{
	vt_buf_done(&scan->top);
	vt_buf_done(&scan->path);
	vt_buf_done(&scan->xattrs);
	vt_buf_done(&scan->listing);
}

struct scan_job {
	struct vt_crew_job job; /* first */
	struct scanning *all;
};

static void scan_directories(struct vt_crew_job *job, unsigned thread)
{
	struct scanning *all = ((struct scan_job *) job)->all;
	vt_cleanup(scan_done) struct scan scan = {
		.all = all,
		.newest = VT_NO_TIME,
	};
	struct vt_error why;

	(void) thread;
	free(job);
	while (next_directory(&scan)) {
		int r = vt_buf_failed(&scan.top)
				? vt_fail(&why, ENOMEM, "no memory for a path")
				: scan_directory(&scan, (const char *) scan.top.data, &why);

		end_directory(&scan, r, &why);
	}
	(void) pthread_mutex_lock(&all->lock);
	vt_note_newest(&all->source->newest, scan.newest);
	(void) pthread_mutex_unlock(&all->lock);
}

static int scan_root(struct scanning *all, struct vt_error *err)
{
	vt_cleanup(scan_done) struct scan scan = {.all = all};
	struct vt_source *source = all->source;
	char path[64];
	struct stat st;
	int r;

	if (fstat(source->fd, &st) < 0)
		return vt_fail(err, errno, "cannot look at '%s': %m", source->name);
	take_attributes(&st, &source->root);
	(void) snprintf(path, sizeof path, "/proc/self/fd/%d/.", source->fd);
	r = read_xattrs(path, source->name, &source->xattrs, err);
	source->root.xattrs = source->xattrs.data;
	source->root.xattrs_len = source->xattrs.len;
	if (r == 0)
		r = name_entry(&scan, 0, "", err);
	return r < 0 ? r : push(&scan, err);
}

static int submit_scans(struct scanning *all, struct vt_error *err)
{
	for (unsigned i = 0; i < all->context->threads; i++) {
		struct scan_job *job = malloc(sizeof *job);

		if (!job)
			return vt_fail(err, ENOMEM, "no memory to list directories");
		*job = (struct scan_job){.job.run = scan_directories, .all = all};
		vt_crew_submit(all->context->crew, &job->job);
	}
	return 0;
}

static void scanning_done(struct scanning *all)
{
	vt_buf_done(&all->stack);
	(void) pthread_cond_destroy(&all->changed);
	(void) pthread_mutex_destroy(&all->kept_lock);
	(void) pthread_mutex_destroy(&all->lock);
}

int vt_source_scan(struct vt_publish_context *context, uint32_t index, struct vt_error *err)
{
	vt_cleanup(scanning_done) struct scanning all = {
		.context = context, .source = &context->sources[index], .index = index};
	struct vt_error why;
	int r;

	(void) pthread_mutex_init(&all.lock, NULL);
	(void) pthread_mutex_init(&all.kept_lock, NULL);
	(void) pthread_cond_init(&all.changed, NULL);
	r = scan_root(&all, &why);
	if (r == 0)
		r = submit_scans(&all, &why);
	if (r < 0)
		vt_crew_fail(context->crew, r, &why);
	return vt_crew_drain(context->crew, err);
}
