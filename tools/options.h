/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Options: one table per command, from which both the parser (getopt_long) and --help are made, and
 * which completion reads. Values go to the variables the table points at.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct vt_cli;
struct vt_command;
struct vt_error;

enum vt_option_kind {
	VT_OPTION_FLAG,
	VT_OPTION_TEXT,
	VT_OPTION_LIST,
	VT_OPTION_NUMBER,
	VT_OPTION_SIZE
};

#define VT_OPTION_LIST_MAX 256u

/* The values of an option that may be given several times, in their order. */
struct vt_option_list {
	const char *items[VT_OPTION_LIST_MAX];
	size_t count;
};

struct vt_option {
	char letter; /* 0: long only */
	const char *name;
	const char *argument; /* what --help calls the value; NULL for a flag */
	const char *help;     /* fits one line behind the longest option */
	enum vt_option_kind kind;
	union {
		bool *flag;
		const char **text;
		struct vt_option_list *list;
		uint64_t *number; /* of a size too: bytes */
	} value;
};

/* Lines of a table: the letter (or 0), the name, what the value is called, where it goes, the help.
 */
/* clang-format off */
#define VT_FLAG(letter, name, to, help) \
	{letter, name, NULL, help, VT_OPTION_FLAG, {.flag = to}}
#define VT_TEXT(letter, name, argument, to, help) \
	{letter, name, argument, help, VT_OPTION_TEXT, {.text = to}}
#define VT_LIST(letter, name, argument, to, help) \
	{letter, name, argument, help, VT_OPTION_LIST, {.list = to}}
#define VT_NUMBER(letter, name, argument, to, help) \
	{letter, name, argument, help, VT_OPTION_NUMBER, {.number = to}}
#define VT_SIZE(letter, name, argument, to, help) \
	{letter, name, argument, help, VT_OPTION_SIZE, {.number = to}}
/* clang-format on */

/*
 * Takes the options out of argv and leaves the rest in cli->argc, cli->argv. With cli->command
 * NULL: only those every command has, up to the first word that is none. -EINVAL names the option.
 */
int vt_options_parse(struct vt_cli *cli, int argc, char **argv, struct vt_error *err);

/* The page of `vitrine COMMAND --help`. */
void vt_options_help(const struct vt_command *command, FILE *out);

/* Calls `each` for the command's options and then for those every command has. */
void vt_options_each(const struct vt_command *command,
		     void (*each)(void *context, const struct vt_option *option), void *context);
