/* SPDX-License-Identifier: Apache-2.0 */
/* See options.h. */
#include "tools/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon.h"
#include "index/base/error.h"
#include "tools/cli.h"

#define OPTIONS_MAX 40 /* of one command, the common ones included */
#define HELP_COLUMN 26 /* where the explanations begin */

/* The table points at `parsed`, which is copied to the caller's struct when all went well. */
static struct vt_cli parsed;
static const struct vt_option common[] = {
	VT_TEXT(0, "store", "DIR", &parsed.store,
		"the store ($VITRINE_STORE, " VT_STORE_DEFAULT ")"),
	VT_FLAG(0, "json", &parsed.json, "one JSON object per line, for programs"),
	VT_FLAG('q', "quiet", &parsed.quiet, "print nothing but results and errors"),
	VT_FLAG('h', "help", &parsed.help, "print this page"),
	{0},
};

/* What getopt_long wants, and the way back from what it returns. */
struct parser {
	const struct vt_option *options[OPTIONS_MAX];
	struct option longs[OPTIONS_MAX + 1];
	char letters[3 + 2 * OPTIONS_MAX];
	int count;
};

static void add_option(void *context, const struct vt_option *option)
{
	struct parser *p = context;
	int has_value = option->argument ? required_argument : no_argument;
	char *end = p->letters + strlen(p->letters);

	if (p->count == OPTIONS_MAX)
		abort(); /* our own table outgrew our own constant */
	if (option->letter) {
		*end++ = option->letter;
		if (has_value)
			*end++ = ':';
		*end = '\0';
	}
	/* Values from 256 on, so that they are no letter. */
	p->longs[p->count] = (struct option){option->name, has_value, NULL, 256 + p->count};
	p->options[p->count++] = option;
}

void vt_options_each(const struct vt_command *command,
		     void (*each)(void *context, const struct vt_option *option), void *context)
{
	if (command && command->options)
		for (const struct vt_option *o = command->options; o->name; o++)
			each(context, o);
	for (const struct vt_option *o = common; o->name; o++)
		each(context, o);
}

static const struct vt_option *find_option(const struct parser *p, int c)
{
	if (c >= 256)
		return p->options[c - 256];
	for (int i = 0; i < p->count; i++)
		if (p->options[i]->letter == c)
			return p->options[i];
	return NULL;
}

static int parse_size(const char *text, uint64_t *out, struct vt_error *err)
{
	if (vt_size_parse(text, out) < 0)
		return vt_fail(err, EINVAL, "'%s' is no size: write 4096, 256M or 2G", text);
	return 0;
}

static int parse_number(const char *text, uint64_t *out, struct vt_error *err)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (errno || *end || !isdigit((unsigned char) text[0]))
		return vt_fail(err, EINVAL, "'%s' is no number", text);
	return 0;
}

static int add_item(struct vt_option_list *list, const char *text, struct vt_error *err)
{
	if (list->count == VT_OPTION_LIST_MAX)
		return vt_fail(err, EINVAL, "given more than %u times", VT_OPTION_LIST_MAX);
	list->items[list->count++] = text;
	return 0;
}

static int set_value(const struct vt_option *option, const char *text, struct vt_error *err)
{
	int r = 0;

	switch (option->kind) {
	case VT_OPTION_FLAG:
		*option->value.flag = true;
		break;
	case VT_OPTION_TEXT:
		*option->value.text = text;
		break;
	case VT_OPTION_LIST:
		r = add_item(option->value.list, text, err);
		break;
	case VT_OPTION_NUMBER:
		r = parse_number(text, option->value.number, err);
		break;
	case VT_OPTION_SIZE:
		r = parse_size(text, option->value.number, err);
		break;
	}
	return r < 0 ? vt_fail_in(err, r, "--%s", option->name) : 0;
}

/* getopt leaves the culprit in different places: a letter in optopt, a long one in argv. */
static int refuse(const struct vt_cli *cli, const struct parser *p, int c, char **argv,
		  struct vt_error *err)
{
	const struct vt_option *known = optopt ? find_option(p, optopt) : NULL;

	if (c == ':')
		return vt_misused(cli, err, "option '%s' needs a value: %s", argv[optind - 1],
				  known ? known->argument : "VALUE");
	if (known)
		return vt_misused(cli, err, "option '--%s' takes no value", known->name);
	if (optopt)
		return vt_misused(cli, err, "unknown option '-%c'", optopt);
	return vt_misused(cli, err, "unknown option '%s'", argv[optind - 1]);
}

static int check_count(const struct vt_cli *cli, struct vt_error *err)
{
	const struct vt_command *command = cli->command;

	if (cli->argc < command->min_args)
		return vt_misused(cli, err, "'%s' needs %s", command->name, command->synopsis);
	if (command->max_args >= 0 && cli->argc > command->max_args)
		return vt_misused(cli, err, "'%s' is one argument too many",
				  cli->argv[command->max_args]);
	return 0;
}

int vt_options_parse(struct vt_cli *cli, int argc, char **argv, struct vt_error *err)
{
	struct parser p = {.letters = "+:"}; /* stop at the first word; tell a missing value */
	int c, r;

	if (cli->command)
		(void) strcpy(p.letters, ":"); /* a command's options may stand anywhere */
	vt_options_each(cli->command, add_option, &p);
	parsed = *cli;
	opterr = 0;
	optind = 0; /* glibc: start anew */
	while ((c = getopt_long(argc, argv, p.letters, p.longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return refuse(cli, &p, c, argv, err);
		r = set_value(find_option(&p, c), optarg, err);
		if (r < 0)
			return r;
	}
	*cli = parsed;
	cli->argc = argc - optind;
	cli->argv = argv + optind;
	return cli->command && !cli->help ? check_count(cli, err) : 0;
}

static void print_option(void *context, const struct vt_option *option)
{
	FILE *out = context;
	int used = fprintf(out, "  %c%c%c --%s%s%s", option->letter ? '-' : ' ',
			   option->letter ? option->letter : ' ', option->letter ? ',' : ' ',
			   option->name, option->argument ? "=" : "",
			   option->argument ? option->argument : "");

	(void) fprintf(out, "%*s%s\n", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "",
		       option->help);
}

void vt_options_help(const struct vt_command *command, FILE *out)
{
	(void) fprintf(out, "vitrine %s [OPTIONS]%s%s\n\n%s.\n", command->name,
		       *command->synopsis ? " " : "", command->synopsis, command->summary);
	if (command->details)
		(void) fprintf(out, "\n%s\n", command->details);
	(void) fputs("\nOptions:\n", out);
	vt_options_each(command, print_option, out);
	(void) fprintf(out, "\nManual: man vitrine-%s\n", command->name);
}
