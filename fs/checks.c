/* SPDX-License-Identifier: Apache-2.0 */
/* See checks.h. */
#include "fs/checks.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/requests.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/dataset_gate.h"
#include "index/file_labels.h"
#include "index/index.h"
#include "index/label_stats.h"
#include "index/quality.h"
#include "index/record.h"

struct checks {
	struct vt_control_request *request;
	const struct vt_version *version;
	bool (*is_cancelled)(void *context);
	void *context;
	json_t *gates;       /* what goes into the record */
	struct vt_buf wrong; /* rules that do not hold, for a sentence */
	unsigned failed;
};

static int too_little_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for a quality gate");
}

/* ---- rules that do not hold ------------------------------------------------------------------ */

/* What a row about a rule begins with. */
static json_t *row_of(const char *of, const json_t *rule)
{
	return json_pack("{s:s, s:O, s:O*}", "gate", of, "rule", json_object_get(rule, "rule"),
			 "key", json_object_get(rule, "key"));
}

/* A row for the rule, and one for each offender: together they could be longer than a message. */
static int send_rule(struct checks *c, const char *of, const json_t *rule, struct vt_error *err)
{
	json_t *row = row_of(of, rule), *offender;
	size_t i;
	int r;

	(void) json_object_set(row, "limit", json_object_get(rule, "limit"));
	(void) json_object_set(row, "measured", json_object_get(rule, "measured"));
	r = vt_control_recheck(c->request, err);
	if (r < 0)
		json_decref(row);
	else
		r = vt_control_send(c->request, row, NULL, 0, err);
	json_array_foreach(json_object_get(rule, "offenders"), i, offender)
	{
		if (r < 0)
			break;
		row = row_of(of, rule);
		(void) json_object_set(row, "offender", offender);
		r = vt_control_send(c->request, row, NULL, 0, err);
	}
	return r;
}

static void name_rule(struct checks *c, const json_t *rule)
{
	const char *key = json_string_value(json_object_get(rule, "key"));

	vt_buf_printf(&c->wrong, "%s%s%s%s", c->failed++ > 0 ? ", " : "", key ? key : "",
		      key ? "." : "", json_string_value(json_object_get(rule, "rule")));
}

/* ---- a gate ---------------------------------------------------------------------------------- */

static int measure(struct checks *c, struct vt_quality *quality, json_t **out, struct vt_error *err)
{
	const struct vt_service *service = c->request->service;
	vt_cleanup(vt_label_stats_freep) struct vt_label_stats *stats = NULL;
	const struct vt_labelled_files tree = vt_labelled_files_of(service->index, c->version);
	char scratch[PATH_MAX];
	const struct vt_stats_options options = {
		.scratch = scratch,
		.leak_key = vt_quality_leak_key(quality),
		.is_cancelled = c->is_cancelled,
		.context = c->context,
		.watch = vt_quality_watch(quality),
	};
	int r;

	(void) snprintf(scratch, sizeof scratch, "%s/tmp", service->dir);
	r = vt_label_stats_take(&tree, &options, &stats, err);
	return r < 0 ? r : vt_quality_result(quality, stats, out, err);
}

static int keep_rules(struct checks *c, const char *of, const char *text, size_t len,
		      const json_t *rules, struct vt_error *err)
{
	char hex[VT_DIGEST_HEX];
	struct vt_digest digest;
	json_t *kept = json_array(), *rule;
	size_t i;
	int failures = 0;

	vt_digest_of(text, len, &digest);
	vt_digest_format(&digest, hex);
	json_array_foreach(rules, i, rule)
	{
		failures |= json_array_append_new(
			kept,
			json_pack("{s:O, s:O*, s:O, s:O}", "rule", json_object_get(rule, "rule"),
				  "key", json_object_get(rule, "key"), "limit",
				  json_object_get(rule, "limit"), "measured",
				  json_object_get(rule, "measured")));
	}
	failures |= json_array_append_new(
		c->gates, json_pack("{s:s, s:s, s:o}", "of", of, "digest", hex, "rules", kept));
	return failures ? too_little_memory(err) : 0;
}

static int run_gate(struct checks *c, const char *of, const char *text, size_t len,
		    struct vt_error *err)
{
	vt_cleanup(vt_quality_freep) struct vt_quality *quality = NULL;
	json_t *result = NULL, *rules, *rule;
	size_t i;
	int r = vt_quality_parse(text, len, &quality, err);

	if (r == 0)
		r = measure(c, quality, &result, err);
	if (r < 0)
		return vt_fail_in(err, r, "the gate of the %s", of);
	rules = json_object_get(result, "rules");
	r = keep_rules(c, of, text, len, rules, err);
	json_array_foreach(rules, i, rule)
	{
		if (r < 0 || json_is_true(json_object_get(rule, "passed")))
			continue;
		name_rule(c, rule);
		r = send_rule(c, of, rule, err);
	}
	json_decref(result);
	return r;
}

/* ---- both ------------------------------------------------------------------------------------ */

static int run_all(struct checks *c, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf own = VT_BUF_INIT;
	const char *text = NULL;
	int r = vt_arg_text_or(c->request->args, "gate", &text, err);

	if (r == 0 && text)
		r = run_gate(c, "request", text, strlen(text), err);
	if (r < 0)
		return r;
	r = vt_dataset_gate(c->request->service->index->store, c->request->dataset->id, &own, err);
	if (r == 0)
		r = run_gate(c, "dataset", (const char *) own.data, own.len, err);
	return r == -ENOENT ? 0 : r;
}

static void drop_limits(json_t *gates)
{
	json_t *gate, *rule;
	size_t i, k;

	json_array_foreach(gates, i, gate)
		json_array_foreach(json_object_get(gate, "rules"), k, rule)(void)
			json_object_del(rule, "limit");
}

static int make_record(const struct checks *c, char **out, struct vt_error *err)
{
	json_t *record;

	if (json_array_size(c->gates) == 0)
		return 0;
	record = json_pack("{s:b, s:O}", "passed", 1, "gates", c->gates);
	*out = json_dumps(record, JSON_COMPACT);
	if (*out && strlen(*out) > VT_CHECKS_MAX) {
		free(*out);
		drop_limits(c->gates);
		*out = json_dumps(record, JSON_COMPACT);
	}
	json_decref(record);
	return *out ? 0 : too_little_memory(err);
}

int vt_checks_run(struct vt_control_request *request, const struct vt_version *version,
		  bool (*is_cancelled)(void *context), void *context, char **checks,
		  struct vt_error *err)
{
	struct checks c = {
		.request = request,
		.version = version,
		.is_cancelled = is_cancelled,
		.context = context,
		.gates = json_array(),
		.wrong = VT_BUF_INIT,
	};
	int r = c.gates ? run_all(&c, err) : too_little_memory(err);

	*checks = NULL;
	if (r >= 0 && c.failed > 0)
		r = vt_fail(err, EDOM, "these rules do not hold: %.*s", (int) c.wrong.len,
			    (const char *) c.wrong.data);
	if (r >= 0)
		r = make_record(&c, checks, err);
	json_decref(c.gates);
	vt_buf_done(&c.wrong);
	return r;
}
