/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine completion` prints a small script for a shell; the script asks the hidden `vitrine
 * complete -- WORD...`, which answers from the same tables that parse the command line, and from
 * the store for names. So the scripts know nothing, and nothing can be forgotten in them.
 */
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static const char bash[] =
#include "vitrine.bash.inc"
	;
static const char zsh[] =
#include "_vitrine.inc"
	;

static int completion(struct vt_cli *cli, struct vt_error *err)
{
	const char *shell = cli->argv[0];

	if (strcmp(shell, "bash") == 0)
		(void) fputs(bash, stdout);
	else if (strcmp(shell, "zsh") == 0)
		(void) fputs(zsh, stdout);
	else
		return vt_misused(cli, err, "there is no completion for '%s', only bash and zsh",
				  shell);
	return 0;
}

const struct vt_command vt_cmd_completion = {
	.name = "completion",
	.synopsis = "bash|zsh",
	.summary = "Print the completion script for a shell",
	.details = "Try it with: source <(vitrine completion bash)",
	.min_args = 1,
	.max_args = 1,
	.run = completion,
};

/* What the last word is completed from. */
struct request {
	struct vt_cli *cli;
	const char *word;
	size_t len;
};

static void offer(const struct request *q, const char *before, const char *name, const char *after)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	vt_buf_printf(&text, "%s%s%s", before, name, after);
	if (!vt_buf_failed(&text) && text.len >= q->len && memcmp(text.data, q->word, q->len) == 0)
		(void) printf("%.*s\n", (int) text.len, (const char *) text.data);
}

static void offer_option(void *request, const struct vt_option *option)
{
	offer(request, "--", option->name, option->argument ? "=" : "");
}

static int offer_dataset(void *request, const json_t *row, const void *blob, size_t blob_len)
{
	offer(request, "", vt_json_text(row, "dataset", ""), "");
	return 0;
}

struct of_dataset {
	const struct request *request;
	char before[VT_DATASET_NAME_MAX + 2]; /* "birds@" */
};

static int offer_version(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	const struct of_dataset *of = context;
	const json_t *tag;
	size_t i;

	offer(of->request, of->before, vt_json_text(row, "version", ""), "");
	json_array_foreach(json_object_get(row, "tags"), i, tag)
		offer(of->request, of->before, json_string_value(tag), "");
	return 0;
}

struct in_folder {
	const struct request *request;
	const char *before; /* "birds@v2:train/" */
};

/* Names with blanks or control bytes would need quoting that each shell does in its own way. */
static int offer_entry(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	const struct in_folder *in = context;
	const char *name = vt_json_text(row, "name", "");

	if (!json_object_get(row, "name_hex") && !strpbrk(name, " \t\n\\'\"$`*?[]&;|<>()!#~"))
		offer(in->request, in->before, name,
		      strcmp(vt_json_text(row, "type", ""), "directory") == 0 ? "/" : "");
	return 0;
}

static void offer_paths(const struct request *q, const char *colon)
{
	const char *slash = strrchr(colon, '/');
	size_t len = (size_t) ((slash ? slash : colon) + 1 - q->word);
	vt_autofree char *before = strndup(q->word, len);
	const struct in_folder in = {q, before};
	struct vt_target target;

	if (before && vt_target_parse(before, &target, NULL) == 0)
		(void) vt_cli_call(q->cli, "list", vt_target_args(&target), offer_entry,
				   (void *) &in, NULL, NULL);
}

static void offer_names(struct request *q)
{
	const char *at = strchr(q->word, '@'), *colon = strchr(q->word, ':');
	struct of_dataset of = {.request = q};
	struct vt_target target;

	if (colon) {
		offer_paths(q, colon);
		return;
	}
	if (!at) {
		(void) vt_cli_call(q->cli, "datasets", NULL, offer_dataset, q, NULL, NULL);
		return;
	}
	if ((size_t) (at - q->word) >= sizeof of.before - 1)
		return;
	memcpy(of.before, q->word, (size_t) (at - q->word) + 1);
	(void) snprintf(target.dataset, sizeof target.dataset, "%.*s", (int) (at - q->word),
			q->word);
	(void) vt_cli_call(q->cli, "versions", json_pack("{s:s}", "dataset", target.dataset),
			   offer_version, &of, NULL, NULL);
}

/* `vitrine --store X ls --json foo`: the command is the first word that is no option or its value.
 */
static const struct vt_command *find_command(struct vt_cli *cli, int *first)
{
	int i = 0;

	for (; i < cli->argc - 1; i++) {
		const char *word = cli->argv[i];

		if (strcmp(word, "--store") == 0 && i + 1 < cli->argc - 1)
			cli->store = cli->argv[++i];
		else if (strncmp(word, "--store=", 8) == 0)
			cli->store = word + 8;
		else if (word[0] != '-')
			break;
	}
	*first = i;
	return i < cli->argc - 1 ? vt_command_find(cli->argv[i]) : NULL;
}

static const char *const audit_acts[] = {"list", "export", "head", "verify", "who-read", NULL};
static const char *const lease_acts[] = {"acquire", "renew", "release", "break",
					 "list",    "show",  NULL};
static const char *const partner_acts[] = {"add", "remove", "end", "list", NULL};
static const char *const rights[] = {"browse", "read", "lease", "curate", "admin", NULL};
static const char *const shells[] = {"bash", "zsh", NULL};

/* Where a word is one of a few. */
static const struct {
	const struct vt_command *command;
	int position;
	const char *const *words;
} few[] = {
	{&vt_cmd_audit, 0, audit_acts}, {&vt_cmd_completion, 0, shells},
	{&vt_cmd_lease, 0, lease_acts}, {&vt_cmd_partner, 0, partner_acts},
	{&vt_cmd_grant, 1, rights},     {&vt_cmd_deny, 1, rights},
	{&vt_cmd_revoke, 1, rights},    {&vt_cmd_who_can, 0, rights},
	{&vt_cmd_explain, 0, rights},   {&vt_cmd_explain, 1, rights},
};

static void offer_few(const struct request *q, const struct vt_command *command, int position)
{
	for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
		if (few[i].command != command || few[i].position != position)
			continue;
		for (size_t k = 0; few[i].words[k]; k++)
			offer(q, "", few[i].words[k], "");
	}
}

static bool takes_dataset(const struct vt_command *command, int position)
{
	const char *synopsis = command->synopsis;

	if (command == &vt_cmd_audit || command == &vt_cmd_lease || command == &vt_cmd_who_can)
		return position == 1;
	if (command == &vt_cmd_explain)
		return position == 1 || position == 2;
	if (command == &vt_cmd_grant || command == &vt_cmd_deny || command == &vt_cmd_revoke)
		return position == 2;
	return strstr(synopsis, "DATASET") &&
	       (position == 0 || command == &vt_cmd_cat || command == &vt_cmd_diff);
}

static int complete(struct vt_cli *cli, struct vt_error *err)
{
	const char *word = cli->argc > 0 ? cli->argv[cli->argc - 1] : "";
	struct request q = {cli, word, strlen(word)};
	const struct vt_command *command;
	int first, position = 0;

	if (cli->argc == 0)
		return 0;
	command = find_command(cli, &first);
	for (int i = first + 1; i < cli->argc - 1; i++) {
		position += cli->argv[i][0] != '-';
		if (strncmp(cli->argv[i], "--store=", 8) == 0)
			cli->store = cli->argv[i] + 8;
	}
	if (*word == '-') {
		vt_options_each(command, offer_option, &q);
	} else if (!command || command == &vt_cmd_help) {
		for (int i = 0; vt_commands[i]; i++)
			if (!vt_commands[i]->hidden)
				offer(&q, "", vt_commands[i]->name, "");
	} else {
		offer_few(&q, command, position);
		if (takes_dataset(command, position))
			offer_names(&q);
	}
	return 0;
}

const struct vt_command vt_cmd_complete = {
	.name = "complete",
	.synopsis = "-- WORD...",
	.summary = "What may stand in place of the last word",
	.max_args = -1,
	.hidden = true,
	.run = complete,
};
