/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit of FUSE itself: a file system that answers every request from memory, with the options
 * of a Vitrine mount (fs/ops.c, op_init() and vt_session_ops), and does nothing else. Its tree is
 * that of a list of files (file_list.h); their bytes are zeros.
 *
 *     nullfs [--no-open] LIST MOUNTPOINT
 *
 * --no-open answers OPEN and OPENDIR with ENOSYS, as open-only and private mounts do. Runs in the
 * foreground until it is unmounted or gets SIGTERM.
 */
#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <fuse_lowlevel.h>

#include "index/base/array.h"
#include "tests/bench/file_list.h"

#define FOREVER    1e9
#define MAX_WRITE  (1u << 20)
#define BACKGROUND 1024u
#define THREADS    10u

struct node {
	char *name;
	uint64_t size;
	bool is_folder;
	uint32_t *children; /* of a folder, sorted by name once the tree is whole */
	size_t count, room;
};

/* Node 0 is the root; the kernel's id of a node is its number plus one. */
static struct node *nodes;
static size_t node_count, node_room;
static bool answers_open = true;
static const char zeros[MAX_WRITE];

/* ---- the tree -------------------------------------------------------------------------------- */

static uint32_t add_node(const char *name, size_t len, bool is_folder, uint64_t size)
{
	char *copy = strndup(name, len);

	if (!copy || vt_array_reserve(nodes, node_room, node_count + 1) < 0)
		errx(EXIT_FAILURE, "no memory for the tree");
	nodes[node_count] = (struct node){.name = copy, .is_folder = is_folder, .size = size};
	return (uint32_t) node_count++;
}

static uint32_t add_child(uint32_t folder, const char *name, size_t len, bool is_folder,
			  uint64_t size)
{
	const uint32_t child = add_node(name, len, is_folder, size);
	struct node *parent = &nodes[folder];

	if (vt_array_reserve(parent->children, parent->room, parent->count + 1) < 0)
		errx(EXIT_FAILURE, "no memory for the tree");
	parent->children[parent->count++] = child;
	return child;
}

/* The list is sorted: a folder that is there already is the last that was added to its parent. */
static uint32_t folder_in(uint32_t parent, const char *name, size_t len)
{
	const struct node *node = &nodes[parent];

	if (node->count > 0) {
		const uint32_t last = node->children[node->count - 1];

		if (strncmp(nodes[last].name, name, len) == 0 && nodes[last].name[len] == '\0')
			return last;
	}
	return add_child(parent, name, len, true, 0);
}

static void add_file(const struct bench_file *file)
{
	const char *name = file->path, *slash;
	uint32_t folder = 0;

	while ((slash = strchr(name, '/')) != NULL) {
		folder = folder_in(folder, name, (size_t) (slash - name));
		name = slash + 1;
	}
	(void) add_child(folder, name, strlen(name), false, file->size);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(nodes[*(const uint32_t *) a].name, nodes[*(const uint32_t *) b].name);
}

static void make_tree(const char *list_path)
{
	struct bench_list list;

	bench_list_load(list_path, &list);
	(void) add_node("", 0, true, 0);
	for (size_t i = 0; i < list.count; i++)
		add_file(&list.files[i]);
	bench_list_done(&list);
	for (size_t i = 0; i < node_count; i++)
		if (nodes[i].count > 0)
			qsort(nodes[i].children, nodes[i].count, sizeof *nodes[i].children,
			      compare_names);
}

static void free_tree(void)
{
	for (size_t i = 0; i < node_count; i++) {
		free(nodes[i].name);
		free(nodes[i].children);
	}
	free(nodes);
}

static int compare_to_name(const void *name, const void *child)
{
	return strcmp(name, nodes[*(const uint32_t *) child].name);
}

static struct stat attributes(size_t number)
{
	const struct node *node = &nodes[number];

	return (struct stat){.st_ino = number + 1,
			     .st_mode = node->is_folder ? S_IFDIR | 0555 : S_IFREG | 0444,
			     .st_nlink = 1,
			     .st_size = (off_t) node->size,
			     .st_blocks = (blkcnt_t) (node->size + 511) / 512};
}

static struct fuse_entry_param entry_of(size_t number)
{
	return (struct fuse_entry_param){.ino = number + 1,
					 .attr = attributes(number),
					 .attr_timeout = FOREVER,
					 .entry_timeout = FOREVER};
}

/* ---- requests -------------------------------------------------------------------------------- */

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct node *folder = &nodes[parent - 1];
	const uint32_t *child = folder->count == 0
					? NULL
					: bsearch(name, folder->children, folder->count,
						  sizeof *folder->children, compare_to_name);
	struct fuse_entry_param entry = {.entry_timeout = FOREVER};

	if (child)
		entry = entry_of(*child);
	(void) fuse_reply_entry(req, &entry);
}

static void op_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	const struct stat st = attributes(id - 1);

	(void) fuse_reply_attr(req, &st, FOREVER);
}

static void op_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	if (!answers_open) {
		(void) fuse_reply_err(req, ENOSYS);
		return;
	}
	file->keep_cache = 1;
	file->noflush = 1;
	(void) fuse_reply_open(req, file);
}

static void op_opendir(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file)
{
	if (!answers_open) {
		(void) fuse_reply_err(req, ENOSYS);
		return;
	}
	file->keep_cache = 1;
	file->cache_readdir = 1;
	(void) fuse_reply_open(req, file);
}

static void op_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		    struct fuse_file_info *file)
{
	const uint64_t at = (uint64_t) offset, end = nodes[id - 1].size;
	const uint64_t left = at < end ? end - at : 0;

	if (size > left)
		size = (size_t) left;
	(void) fuse_reply_buf(req, zeros, size < sizeof zeros ? size : sizeof zeros);
}

static void list(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset, bool plus)
{
	const struct node *folder = &nodes[id - 1];
	char *data = malloc(size);
	size_t used = 0;

	if (!data) {
		(void) fuse_reply_err(req, ENOMEM);
		return;
	}
	for (size_t i = (size_t) offset; i < folder->count; i++) {
		const struct fuse_entry_param entry = entry_of(folder->children[i]);
		const char *name = nodes[folder->children[i]].name;
		const size_t room = size - used;
		const size_t len = plus ? fuse_add_direntry_plus(req, data + used, room, name,
								 &entry, (off_t) i + 1)
					: fuse_add_direntry(req, data + used, room, name,
							    &entry.attr, (off_t) i + 1);

		if (len > room)
			break;
		used += len;
	}
	(void) fuse_reply_buf(req, data, used);
	free(data);
}

static void op_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	list(req, id, size, offset, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
			   struct fuse_file_info *file)
{
	list(req, id, size, offset, true);
}

/* Without this libfuse says ENOSYS, and the kernel would never ask again. */
static void op_getxattr(fuse_req_t req, fuse_ino_t id, const char *name, size_t size)
{
	(void) fuse_reply_err(req, EOPNOTSUPP);
}

static void op_init(void *userdata, struct fuse_conn_info *connection)
{
	connection->want &=
		~(unsigned) (FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_READDIRPLUS_AUTO |
			     FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	connection->want |=
		connection->capable &
		(unsigned) (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS |
			    FUSE_CAP_CACHE_SYMLINKS | FUSE_CAP_EXPLICIT_INVAL_DATA);
	connection->max_write = MAX_WRITE;
	connection->max_background = BACKGROUND;
	connection->congestion_threshold = BACKGROUND / 4 * 3;
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.getattr = op_getattr,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.open = op_open,
	.read = op_read,
	.getxattr = op_getxattr,
};

/* ---- the loop -------------------------------------------------------------------------------- */

static void serve(struct fuse_session *session)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();

	if (!config)
		errx(EXIT_FAILURE, "no memory for the loop");
	fuse_loop_cfg_set_max_threads(config, THREADS);
	fuse_loop_cfg_set_clone_fd(config, 0);
	(void) fuse_session_loop_mt(session, config);
	fuse_loop_cfg_destroy(config);
}

static void mount_and_serve(const char *mountpoint)
{
	char program[] = "nullfs", flag[] = "-o";
	char options[] = "ro,nosuid,nodev,allow_other,default_permissions,fsname=nullfs";
	char *argv[] = {program, flag, options, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof ops, NULL);

	if (!session || fuse_set_signal_handlers(session) < 0 ||
	    fuse_session_mount(session, mountpoint) < 0)
		errx(EXIT_FAILURE, "cannot mount on %s", mountpoint);
	serve(session);
	fuse_session_unmount(session);
	fuse_remove_signal_handlers(session);
	fuse_session_destroy(session);
	fuse_opt_free_args(&args);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--no-open") == 0) {
		answers_open = false;
		argv++;
		argc--;
	}
	if (argc != 3)
		errx(EXIT_FAILURE, "nullfs [--no-open] LIST MOUNTPOINT");
	make_tree(argv[1]);
	mount_and_serve(argv[2]);
	free_tree();
	return EXIT_SUCCESS;
}
