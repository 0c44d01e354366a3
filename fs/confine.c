/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See confine.h. Landlock (landlock(7); by system calls, since Debian 12 has no library for it)
 * says which files, seccomp (libseccomp) which system calls. The calls that are refused are those
 * that neither a server nor a publisher ever makes: a list of all that they may make would have to
 * follow every release of the C library, RocksDB and the modules of the user database.
 */
#include "fs/confine.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "fs/program.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/folder.h"

#define ABI_OLDEST 2 /* in the first no file could be moved to another folder */

/* Of later ABIs than the headers of Debian 12 have: include/uapi/linux/landlock.h. */
#define TRUNCATE             (1ull << 14) /* from 3 on */
#define IOCTL_DEVICE         (1ull << 15) /* from 5 on */
#define BIND_AND_CONNECT_TCP 3ull         /* from 4 on */
#define ABSTRACT_SOCKETS     1ull         /* from 6 on */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define CHANGE                                                                                     \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                           \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                            \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_REFER)
#define NEVER                                                                                      \
	(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK |                            \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define ON_FILES                                                                                   \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |                               \
	 LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE | IOCTL_DEVICE)

/* ---- rights of root -------------------------------------------------------------------------- */

/*
 * Files of a root's store may be others', or lie below folders that are closed to others. Who
 * publishes for root into the store of another user has only the right to read.
 */
static int drop_capabilities(bool serves, struct vt_error *err)
{
	const uint32_t keep = 1u << CAP_DAC_OVERRIDE | (serves ? 0 : 1u << CAP_DAC_READ_SEARCH);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return vt_fail(err, errno, "capabilities: %m");
	data[0].permitted &= keep;
	data[0].effective &= keep;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &header, data) < 0)
		return vt_fail(err, errno, "capabilities: %m");
	return 0;
}

static int forbid_privileges(struct vt_error *err)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
		       ? vt_fail(err, errno, "no new privileges: %m")
		       : 0;
}

/* ---- files ----------------------------------------------------------------------------------- */

/*
 * The user database and the modules that answer for it, the clock's zone, memory and processors,
 * and the libraries of the next keeper. Whole folders: a file that is replaced is another file.
 */
static const char *const readable[] = {
	"/dev/random", "/dev/urandom", "/etc",         "/gnu/store",          "/lib",
	"/lib64",      "/nix/store",   "/proc",        "/run/systemd/userdb", "/run/userdb",
	"/sys",        "/usr",         "/var/lib/sss",
};

struct ruleset {
	int fd;
	uint64_t handled; /* what this kernel knows of the rights on files */
};

static int open_ruleset(int abi, struct ruleset *out, struct vt_error *err)
{
	/* As in landlock_ruleset_attr of ABI 6; older kernels take what is beyond theirs if it is
	 * 0. */
	struct {
		uint64_t files, network, scopes;
	} handled = {.files = READ | CHANGE | NEVER | LANDLOCK_ACCESS_FS_EXECUTE |
			      (abi >= 3 ? TRUNCATE : 0) | (abi >= 5 ? IOCTL_DEVICE : 0),
		     .network = abi >= 4 ? BIND_AND_CONNECT_TCP : 0,
		     .scopes = abi >= 6 ? ABSTRACT_SOCKETS : 0};

	out->handled = handled.files;
	out->fd = (int) syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
	return out->fd < 0 ? vt_fail(err, errno, "landlock: %m") : 0;
}

/* 0 also when there is no such file, or it is a pipe by a name of /proc, which nothing forbids. */
static int allow(const struct ruleset *rules, const char *path, uint64_t rights,
		 struct vt_error *err)
{
	vt_autoclose int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr rule = {.parent_fd = fd,
						  .allowed_access = rights & rules->handled};
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return vt_fail(err, errno, "landlock: cannot open '%s': %m", path);
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= ON_FILES;
	if (syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 &&
	    errno != EBADFD)
		return vt_fail(err, errno, "landlock: cannot allow '%s': %m", path);
	return 0;
}

/* For dl_iterate_phdr: of the program, which comes first, the loader that it names. */
static int find_loader(struct dl_phdr_info *program, size_t size, void *path)
{
	for (int i = 0; i < program->dlpi_phnum; i++)
		if (program->dlpi_phdr[i].p_type == PT_INTERP)
			*(const char **) path =
				(const char *) program->dlpi_addr + program->dlpi_phdr[i].p_vaddr;
	return 1;
}

/* What a server may write it may not execute. */
static bool are_apart(const char *store, const char *folder)
{
	return strcmp(store, folder) != 0 && !vt_path_is_below(store, folder) &&
	       !vt_path_is_below(folder, store);
}

/*
 * This program, as the next keeper, and what stands beside it, as the one that takes its place: a
 * keeper that a confined server had to start is as confined, and has to start new programs.
 */
static int allow_program(const struct ruleset *rules, const char *store, struct vt_error *err)
{
	const uint64_t run = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE;
	const char *loader = NULL;
	char folder[PATH_MAX];
	int r = allow(rules, "/proc/self/exe", run, err);

	if (r == 0)
		r = vt_program_folder(folder, err);
	if (r == 0 && are_apart(store, folder))
		r = allow(rules, folder, run, err);
	(void) dl_iterate_phdr(find_loader, &loader);
	return r == 0 && loader ? allow(rules, loader, run, err) : r;
}

static int allow_files(const struct ruleset *rules, const struct vt_bounds *bounds,
		       struct vt_error *err)
{
	int r = allow(rules, bounds->store, READ | CHANGE | TRUNCATE, err);

	if (r == 0 && bounds->scratch)
		r = allow(rules, bounds->scratch, READ | CHANGE | TRUNCATE, err);
	if (r == 0 && bounds->serves)
		r = allow_program(rules, bounds->store, err);
	for (size_t i = 0; r == 0 && i < bounds->readable_count; i++)
		r = allow(rules, bounds->readable[i], READ, err);
	if (r == 0)
		r = allow(rules, "/dev/null", READ | LANDLOCK_ACCESS_FS_WRITE_FILE | TRUNCATE, err);
	for (size_t i = 0; r == 0 && i < sizeof readable / sizeof *readable; i++)
		r = allow(rules, readable[i], READ, err);
	return r;
}

/* The ABI that is in force. */
static int confine_files(const struct vt_bounds *bounds, struct vt_error *err)
{
	int abi = (int) syscall(SYS_landlock_create_ruleset, NULL, 0,
				LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset rules = {.fd = -1};
	int r;

	if (abi < 0)
		return vt_fail(err, errno, "landlock: the kernel does not have it, or not enabled");
	if (abi < ABI_OLDEST)
		return vt_fail(err, EOPNOTSUPP, "landlock: ABI %d of the kernel is too old", abi);
	r = open_ruleset(abi, &rules, err);
	if (r == 0)
		r = allow_files(&rules, bounds, err);
	/* E2BIG: what this process inherited is sixteenfold already. */
	if (r == 0 && syscall(SYS_landlock_restrict_self, rules.fd, 0) < 0 && errno != E2BIG)
		r = vt_fail(err, errno, "landlock: %m");
	vt_cleanup_close(&rules.fd);
	return r < 0 ? r : abi;
}

/* ---- system calls ---------------------------------------------------------------------------- */

static const int never[] = {
	/* other processes */
	SCMP_SYS(kcmp),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(process_madvise),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(ptrace),
	SCMP_SYS(move_pages),
	SCMP_SYS(migrate_pages),
	/* the kernel, and ways into it that had many holes */
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(io_uring_setup),
	SCMP_SYS(io_uring_enter),
	SCMP_SYS(io_uring_register),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(keyctl),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(lookup_dcookie),
	SCMP_SYS(uselib),
	SCMP_SYS(_sysctl),
	SCMP_SYS(modify_ldt),
	SCMP_SYS(vm86),
	SCMP_SYS(vm86old),
	SCMP_SYS(iopl),
	SCMP_SYS(ioperm),
	SCMP_SYS(syslog),
	/* the machine */
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(quotactl),
	SCMP_SYS(quotactl_fd),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	SCMP_SYS(settimeofday),
	SCMP_SYS(stime),
	SCMP_SYS(clock_settime),
	SCMP_SYS(clock_adjtime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(vhangup),
	/* mounts, and other views of the machine */
	SCMP_SYS(mount),
	SCMP_SYS(umount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
	SCMP_SYS(fspick),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(mount_setattr),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	/* files by other ways than their names, and files that are none */
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(fanotify_init),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	/* being somebody else, or another program than by its name */
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setreuid),
	SCMP_SYS(setregid),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(setfsuid),
	SCMP_SYS(setfsgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(personality),
	SCMP_SYS(execveat),
};

static const uint64_t namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
				      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

/* clone3 keeps its flags where no filter sees them; without it the C library calls clone. */
static int refuse_namespaces(scmp_filter_ctx filter)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	for (size_t i = 0; r == 0 && i < sizeof namespaces / sizeof *namespaces; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	return r;
}

/* No memory becomes code that was written by this process: what dlopen() maps is a file's. */
static int refuse_new_code(scmp_filter_ctx filter)
{
	const uint64_t both = PROT_WRITE | PROT_EXEC;
	int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, both, both));

	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mprotect), 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	return r;
}

static int fill(scmp_filter_ctx filter)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof never / sizeof *never; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), never[i], 0);
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_NE, AF_UNIX));
	if (r == 0) /* which types on the terminal of a server in the foreground */
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI));
	if (r == 0)
		r = refuse_namespaces(filter);
	return r == 0 ? refuse_new_code(filter) : r;
}

static int confine_calls(struct vt_error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int r = filter ? 0 : -ENOMEM;

	/* Of another architecture's calls, whose numbers differ, a server makes none. */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0) /* else older kernels make the whole process slower; it runs no foreign code */
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r == 0)
		r = fill(filter);
	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? vt_fail(err, -r, "seccomp: %m") : 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void add(char *list, size_t size, const char *words)
{
	size_t used = strlen(list);

	(void) snprintf(list + used, size - used, "%s%s", used ? ", " : "", words);
}

static void note(struct vt_confinement *out, int r, const char *what, const struct vt_error *err)
{
	if (r < 0)
		add(out->lacks, sizeof out->lacks, err->text);
	else
		add(out->holds, sizeof out->holds, what);
}

void vt_confine(const struct vt_bounds *bounds, struct vt_confinement *out)
{
	const char *wish = getenv("VITRINE_CONFINE");
	char landlock[32];
	struct vt_error err;
	int r;

	*out = (struct vt_confinement){0};
	if (wish && strcmp(wish, "no") == 0) {
		add(out->lacks, sizeof out->lacks, "all of it: VITRINE_CONFINE=no");
		return;
	}
	r = forbid_privileges(&err);
	note(out, r, "no new privileges", &err);
	r = drop_capabilities(bounds->serves, &err);
	note(out, r, "capabilities dropped", &err);
	r = confine_files(bounds, &err);
	(void) snprintf(landlock, sizeof landlock, "landlock %d", r);
	note(out, r, landlock, &err);
	r = confine_calls(&err);
	note(out, r, "seccomp", &err);
}
