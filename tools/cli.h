/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the commands have in common: how one is described, what it is handed when it runs, and how
 * it asks the server of the store.
 *
 * A command is a thin thing: it reads its arguments, makes a call or two, prints. It returns 0 or
 * -errno with a sentence; tools/vitrine.c prints the sentence and turns the number into an exit
 * status. One thread, unless a command says otherwise.
 */
#include <stdbool.h>

#include "fs/control_client.h"
#include "fs/program.h"

struct vt_error;
struct vt_option;
struct vt_cli;

struct vt_command {
	const char *name;
	const char *synopsis; /* what follows the options: "DATASET[@VERSION] TAG" */
	const char *summary;  /* one line of `vitrine help` */
	const char *details;  /* more for --help, lines of at most 80 columns; may be NULL */
	const struct vt_option *options; /* its own, ended by a zeroed one; may be NULL */
	int min_args, max_args;          /* what may follow the options; max -1: any number */
	bool hidden;                     /* not for people: in no listing */
	bool raw;                        /* parses its own arguments: argv is passed as it is */
	enum vt_program program;         /* that runs it; any for what the client runs */
	int (*run)(struct vt_cli *cli, struct vt_error *err);
};

/* All of them, in the order of `vitrine help`; ends with NULL. */
extern const struct vt_command *const vt_commands[];
const struct vt_command *vt_command_find(const char *name); /* NULL: there is none */

struct vt_cli {
	const struct vt_command *command;
	const char *store; /* the folder */
	bool json, quiet, help;
	int argc; /* what follows the options */
	char **argv;
	struct vt_client *client; /* connected on first use; vt_cli_done() closes it */
};

#define VT_STORE_DEFAULT "/var/lib/vitrine"

void vt_cli_done(struct vt_cli *cli);

/* Connects to the server, starting one if there is none. Once connected it does nothing. */
int vt_cli_connect(struct vt_cli *cli, struct vt_error *err);

/*
 * The same, but starts none: 1, or 0 when none runs, which is then said on standard output (with
 * --json as `{"store": .., "running": false}`).
 */
int vt_cli_connect_running(struct vt_cli *cli, struct vt_error *err);

/*
 * Connects and asks. `args` is stolen and may be NULL; `row` may be NULL. `*result` (may be NULL)
 * is the caller's.
 */
int vt_cli_call(struct vt_cli *cli, const char *op, json_t *args, vt_client_row *row, void *context,
		json_t **result, struct vt_error *err);

/*
 * The same over a new connection, for who worked for long since the last one: the server closes a
 * connection that is silent for a minute. An import on the old one ends with it.
 */
int vt_cli_call_anew(struct vt_cli *cli, const struct vt_call *call, json_t **result,
		     struct vt_error *err);

/* The name of the user who runs the program, "" if there is none. Until the next call. */
const char *vt_cli_user_name(void);

/* A wrong command line: -EINVAL, and the sentence ends with the command's --help. */
int vt_misused(const struct vt_cli *cli, struct vt_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

enum vt_exit {
	VT_EXIT_DONE = 0,
	VT_EXIT_FAILED = 1,
	VT_EXIT_MISUSED = 2,   /* EINVAL */
	VT_EXIT_DENIED = 3,    /* EACCES, EPERM */
	VT_EXIT_NOT_FOUND = 4, /* ENOENT */
	VT_EXIT_DAMAGED = 5,   /* EBADMSG */
	VT_EXIT_HELD = 6,      /* EBUSY: leased to, or held by, another */
};
enum vt_exit vt_exit_status(int r);

static inline void vt_json_freep(json_t **json)
{
	json_decref(*json);
}
/* A member as text, or `otherwise`: what a row lacks is shown as nothing. Borrowed. */
static inline const char *vt_json_text(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}
/* A member as a number, whole or not; 0 when it is missing. */
static inline double vt_json_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}
/* A member as a count; 0 when it is missing. */
static inline json_int_t vt_json_count(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}
