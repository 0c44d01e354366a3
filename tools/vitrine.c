/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `vitrine` program: the table of commands, and vt_main(), which finds one, runs it, prints why
 * it failed and turns that into an exit status (cli.h). Each command is a file, cmd_NAME.c. The
 * programs made of it are client.c, store.c and publisher.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/program.h"
#include "index/base/error.h"
#include "index/base/processors.h"
#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"

/*
 * What a thread frees stays in the pool it came from, and by default there are eight pools a core:
 * a server whose cache goes from pages to frames then holds on to twice the cache. So there are
 * two, or one for each four of many processors.
 */
#define MALLOC_POOLS (vt_processors_within(8, 64) / 4)
/* Frames come and go by the thousand: their memory is not given back and asked for each time. */
#define MALLOC_MAPPED (1 << 20) /* bytes; larger ones are mapped one by one */
#define MALLOC_SPARE  (8 << 20) /* bytes that a pool keeps */

const struct vt_command *const vt_commands[] = {
	&vt_cmd_init,
	&vt_cmd_publish,
	&vt_cmd_import_labels,
	&vt_cmd_export_labels,
	&vt_cmd_label,
	&vt_cmd_select,
	&vt_cmd_view,
	&vt_cmd_stats,
	&vt_cmd_curate,
	&vt_cmd_gate,
	&vt_cmd_lock,
	&vt_cmd_ls,
	&vt_cmd_log,
	&vt_cmd_show,
	&vt_cmd_diff,
	&vt_cmd_cat,
	&vt_cmd_tag,
	&vt_cmd_untag,
	&vt_cmd_rollback,
	&vt_cmd_withdraw,
	&vt_cmd_rm,
	&vt_cmd_gc,
	&vt_cmd_verify,
	&vt_cmd_repair,
	&vt_cmd_mount,
	&vt_cmd_umount,
	&vt_cmd_warm,
	&vt_cmd_status,
	&vt_cmd_top,
	&vt_cmd_stop,
	&vt_cmd_upgrade,
	&vt_cmd_doctor,
	&vt_cmd_grant,
	&vt_cmd_deny,
	&vt_cmd_revoke,
	&vt_cmd_rules,
	&vt_cmd_lease,
	&vt_cmd_partner,
	&vt_cmd_explain,
	&vt_cmd_who_can,
	&vt_cmd_whoami,
	&vt_cmd_repin,
	&vt_cmd_clock,
	&vt_cmd_audit,
	&vt_cmd_completion,
	&vt_cmd_help,
	&vt_cmd_version,
	&vt_cmd_complete,
	&vt_cmd_server,
	&vt_cmd_keeper,
	NULL,
};

/* What vitrine itself says goes to standard error; foreign bytes in it do not reach a terminal. */
static int complain(const struct vt_error *err, int r)
{
	(void) fflush(stdout);
	(void) fputs("vitrine: ", stderr);
	vt_print_name(stderr, err->text, strlen(err->text));
	(void) fputc('\n', stderr);
	return vt_exit_status(r);
}

/* A full disk or a closed pipe shows only when the last bytes leave. */
static int flush_results(struct vt_error *err)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return vt_fail(err, errno ? errno : EIO, "cannot write the results: %m");
	return 0;
}

/* Why a command failed that had begun something with a server which is no more. */
static int name_lost_server(const struct vt_cli *cli, int r, struct vt_error *err)
{
	struct vt_error shown = *err;

	if (r == -ECONNRESET || r == -EINTR || !cli->client || !vt_client_has_lost(cli->client))
		return r;
	return vt_fail(
		err, ECONNRESET,
		"the server of store '%s' ended meanwhile, so nothing was kept: try again (%s)",
		cli->store, shown.text);
}

static int run(struct vt_cli *cli, int argc, char **argv, struct vt_error *err)
{
	int r;

	if (cli->command->raw) {
		cli->argc = argc - 1;
		cli->argv = argv + 1;
	} else {
		r = vt_options_parse(cli, argc, argv, err);
		if (r < 0)
			return r;
	}
	if (cli->help) {
		vt_options_help(cli->command, stdout);
		return flush_results(err);
	}
	r = cli->command->run(cli, err);
	return r < 0 ? name_lost_server(cli, r, err) : flush_results(err);
}

/* `vitrine [OPTIONS] COMMAND …`; --help and --version are commands as well. */
static int find_command(struct vt_cli *cli, struct vt_error *err)
{
	const char *name = cli->help ? "help" : cli->argc > 0 ? cli->argv[0] : NULL;

	if (!name)
		return vt_misused(cli, err, "no command was given");
	cli->command = vt_command_find(name);
	if (!cli->command)
		return vt_misused(cli, err, "there is no command '%s'", name);
	return 0;
}

/* Started with one of them closed, /dev/fuse or the index would become our standard output. */
static void open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void) close(fd);
}

/* Returns only with a failure: the other program begins with the command line as it was. */
static int pass_on(enum vt_program program, char **argv, struct vt_error *err)
{
	char path[PATH_MAX];
	int r = vt_program_find(program, path, err);

	if (r < 0)
		return r;
	(void) execv(path, argv);
	return vt_fail(err, errno, "cannot run '%s': %m", path);
}

int vt_main(int argc, char **argv, enum vt_program self)
{
	struct vt_cli cli = {.store = getenv("VITRINE_STORE")};
	static char *help[] = {(char *) "help", NULL}, *version[] = {(char *) "version", NULL};
	struct vt_error err = {""};
	int r;

	vt_program_set(self);
	open_standard_descriptors();
	(void) mallopt(M_ARENA_MAX, (int) MALLOC_POOLS);
	(void) mallopt(M_MMAP_THRESHOLD, MALLOC_MAPPED);
	(void) mallopt(M_TRIM_THRESHOLD, MALLOC_SPARE);
	(void) setlocale(LC_TIME, "");
	(void) umask(077); /* whatever is made is a store's; what all may see says so itself */
	if (!cli.store || !*cli.store)
		cli.store = VT_STORE_DEFAULT;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		argv[1] = version[0];
	r = vt_options_parse(&cli, argc, argv, &err);
	if (r == 0)
		r = find_command(&cli, &err);
	if (r == 0 && cli.command->program != VT_PROGRAM_CLIENT && cli.command->program != self) {
		r = pass_on(cli.command->program, argv, &err);
	} else if (r == 0 && cli.help) {
		cli.help = false;
		r = run(&cli, 1, help, &err);
	} else if (r == 0) {
		r = run(&cli, cli.argc, cli.argv, &err);
	}
	vt_cli_done(&cli);
	return r < 0 ? complain(&err, r) : EXIT_SUCCESS;
}
