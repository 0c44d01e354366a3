/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See requests.h. A refusal comes before "no such thing": whoever may not do something learns
 * nothing of what exists from trying.
 */
#include "fs/requests.h"

#include "fs/label_index.h"
#include "fs/narrow.h"
#include "fs/node.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "policy/book.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define IDLE_MS           60000       /* between two requests, unless an import is open */
#define STRANGER_JSON_MAX (64u << 10) /* of those who may not change the store */

#define FUNCTION(name) vt_serve_##name

static const struct vt_control_op table[] = {
	/* name, right, object, logged, function */
	{"hello", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(hello)},
	{"datasets", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(datasets)},
	{"versions", VT_RIGHT_SEE, VT_OBJECT_DATASET, false, FUNCTION(versions)},
	{"show", VT_RIGHT_SEE, VT_OBJECT_VERSION, false, FUNCTION(show)},
	{"list", VT_RIGHT_BROWSE, VT_OBJECT_SHOWN, false, FUNCTION(list)},
	{"cat", VT_RIGHT_READ, VT_OBJECT_SHOWN, true, FUNCTION(cat)},
	{"diff", VT_RIGHT_BROWSE, VT_OBJECT_SHOWN, false, FUNCTION(diff)},
	{"tag", VT_RIGHT_CURATE, VT_OBJECT_VERSION, true, FUNCTION(tag)},
	{"untag", VT_RIGHT_CURATE, VT_OBJECT_DATASET, true, FUNCTION(untag)},
	{"rollback", VT_RIGHT_ADMIN, VT_OBJECT_VERSION, true, FUNCTION(rollback)},
	{"withdraw", VT_RIGHT_ADMIN, VT_OBJECT_VERSION, true, FUNCTION(withdraw)},
	{"remove", VT_RIGHT_ADMIN, VT_OBJECT_DATASET, true, FUNCTION(remove)},
	{"gc", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(gc)},
	{"verify.index", VT_RIGHT_ADMIN, VT_OBJECT_STORE, false, FUNCTION(verify_index)},
	{"verify.shards", VT_RIGHT_ADMIN, VT_OBJECT_STORE, false, FUNCTION(verify_shards)},
	{"verify.dictionary", VT_RIGHT_ADMIN, VT_OBJECT_STORE, false, FUNCTION(verify_dictionary)},
	{"verify.quarantine", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(verify_quarantine)},
	{"repair.contents", VT_RIGHT_ADMIN, VT_OBJECT_STORE, false, FUNCTION(repair_contents)},
	{"repair.names", VT_RIGHT_ADMIN, VT_OBJECT_STORE, false, FUNCTION(repair_names)},
	{"repair.begin", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(repair_begin)},
	{"repair.shard", VT_RIGHT_ADMIN, VT_OBJECT_STORE, false, FUNCTION(repair_shard)},
	{"repair.move", VT_RIGHT_ADMIN, VT_OBJECT_STORE, false, FUNCTION(repair_move)},
	{"repair.commit", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(repair_commit)},
	{"import.begin", VT_RIGHT_CURATE, VT_OBJECT_NEW, true, FUNCTION(import_begin)},
	{"import.shard", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false, FUNCTION(import_shard)},
	{"import.known", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false, FUNCTION(import_known)},
	{"import.pages", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false, FUNCTION(import_pages)},
	{"import.take", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false, FUNCTION(import_take)},
	{"import.ingest", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false, FUNCTION(import_ingest)},
	{"import.diff", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false, FUNCTION(import_diff)},
	{"import.dictionary", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false,
	 FUNCTION(import_dictionary)},
	{"import.commit", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, true, FUNCTION(import_commit)},
	{"import.tree", VT_RIGHT_CURATE, VT_OBJECT_IMPORT, false, FUNCTION(import_tree)},
	{"label.begin", VT_RIGHT_CURATE, VT_OBJECT_SHOWN, false, FUNCTION(label_begin)},
	{"label.rows", VT_RIGHT_CURATE, VT_OBJECT_RELABEL, false, FUNCTION(label_rows)},
	{"label.commit", VT_RIGHT_CURATE, VT_OBJECT_RELABEL, true, FUNCTION(label_commit)},
	{"labels", VT_RIGHT_READ, VT_OBJECT_SHOWN, true, FUNCTION(labels)},
	{"select", VT_RIGHT_READ, VT_OBJECT_SHOWN, true, FUNCTION(select)},
	{"stats", VT_RIGHT_READ, VT_OBJECT_SHOWN, true, FUNCTION(stats)},
	{"warm", VT_RIGHT_READ, VT_OBJECT_SHOWN, true, FUNCTION(warm)},
	{"ahead.begin", VT_RIGHT_READ, VT_OBJECT_SHOWN, true, FUNCTION(ahead_begin)},
	{"ahead.files", VT_RIGHT_READ, VT_OBJECT_SHOWN, false, FUNCTION(ahead_files)},
	{"curate", VT_RIGHT_CURATE, VT_OBJECT_NEW, true, FUNCTION(curate)},
	{"gate.set", VT_RIGHT_ADMIN, VT_OBJECT_DATASET, true, FUNCTION(gate_set)},
	{"gate.show", VT_RIGHT_BROWSE, VT_OBJECT_DATASET, false, FUNCTION(gate_show)},
	{"gate.check", VT_RIGHT_READ, VT_OBJECT_SHOWN, true, FUNCTION(gate_check)},
	{"gate.remove", VT_RIGHT_ADMIN, VT_OBJECT_DATASET, true, FUNCTION(gate_remove)},
	{"grant", VT_RIGHT_ADMIN, VT_OBJECT_PATTERN, true, FUNCTION(grant)},
	{"deny", VT_RIGHT_ADMIN, VT_OBJECT_PATTERN, true, FUNCTION(deny)},
	{"revoke", VT_RIGHT_ADMIN, VT_OBJECT_PATTERN, true, FUNCTION(revoke)},
	{"rules", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(rules)},
	{"partner.add", VT_RIGHT_SEE, VT_OBJECT_NOTHING, true, FUNCTION(partner_add)},
	{"partner.remove", VT_RIGHT_SEE, VT_OBJECT_NOTHING, true, FUNCTION(partner_remove)},
	{"partner.end", VT_RIGHT_SEE, VT_OBJECT_NOTHING, true, FUNCTION(partner_end)},
	{"partners", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(partners)},
	{"repin", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(repin)},
	{"clock", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(clock)},
	{"clock.accept", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(clock_accept)},
	{"lease.acquire", VT_RIGHT_SEE, VT_OBJECT_PATTERN, true, FUNCTION(lease_acquire)},
	{"lease.renew", VT_RIGHT_SEE, VT_OBJECT_PATTERN, true, FUNCTION(lease_renew)},
	{"lease.release", VT_RIGHT_SEE, VT_OBJECT_HELD, true, FUNCTION(lease_release)},
	{"lease.break", VT_RIGHT_ADMIN, VT_OBJECT_PATTERN, true, FUNCTION(lease_break)},
	{"leases", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(leases)},
	{"explain", VT_RIGHT_SEE, VT_OBJECT_PATTERN, false, FUNCTION(explain)},
	{"who_can", VT_RIGHT_ADMIN, VT_OBJECT_PATTERN, false, FUNCTION(who_can)},
	{"whoami", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(whoami)},
	{"mount", VT_RIGHT_SEE, VT_OBJECT_NOTHING, true, FUNCTION(mount)},
	{"mount.adopt", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(mount_adopt)},
	{"mounts", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(mounts)},
	{"leftovers", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(leftovers)},
	{"leftovers.accept", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(leftovers_accept)},
	{"umount", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(umount)},
	{"status", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(status)},
	{"io", VT_RIGHT_SEE, VT_OBJECT_NOTHING, false, FUNCTION(io)},
	{"stop", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(stop)},
	{"upgrade", VT_RIGHT_ADMIN, VT_OBJECT_STORE, true, FUNCTION(upgrade)},
};

const struct vt_control_op *vt_control_table(size_t *count)
{
	*count = sizeof table / sizeof *table;
	return table;
}

static const struct vt_control_op *find_row(const char *name)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* ---- arguments ------------------------------------------------------------------------------- */

int vt_arg_text_or(const json_t *args, const char *key, const char **out, struct vt_error *err)
{
	const json_t *value = json_object_get(args, key);

	if (value && !json_is_string(value))
		return vt_fail(err, EINVAL, "'%s' must be text", key);
	if (value)
		*out = json_string_value(value);
	return 0;
}

int vt_arg_text(const json_t *args, const char *key, const char **out, struct vt_error *err)
{
	if (!json_object_get(args, key))
		return vt_fail(err, EINVAL, "'%s' is missing", key);
	return vt_arg_text_or(args, key, out, err);
}

int vt_arg_number(const json_t *args, const char *key, uint64_t max, uint64_t *out,
		  struct vt_error *err)
{
	const json_t *value = json_object_get(args, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    (uint64_t) json_integer_value(value) > max)
		return vt_fail(err, EINVAL, "'%s' must be a number from 0 to %llu", key,
			       (unsigned long long) max);
	*out = (uint64_t) json_integer_value(value);
	return 0;
}

int vt_arg_flag(const json_t *args, const char *key, bool *out, struct vt_error *err)
{
	const json_t *value = json_object_get(args, key);

	if (value && !json_is_boolean(value))
		return vt_fail(err, EINVAL, "'%s' must be true or false", key);
	*out = json_is_true(value);
	return 0;
}

int vt_arg_digest_or(const json_t *args, const char *key, struct vt_digest *out,
		     struct vt_error *err)
{
	const char *text = NULL;
	int r = vt_arg_text_or(args, key, &text, err);

	if (r < 0 || !text)
		return r;
	r = vt_digest_parse(text, out);
	return r < 0 ? vt_fail(err, EINVAL, "'%s' is no digest of 64 hex digits", key) : 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char) tolower((unsigned char) c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int put_hex(const char *digits, struct vt_buf *out, struct vt_error *err)
{
	for (; *digits; digits += 2) {
		int high = hex_digit(digits[0]);
		int low = high < 0 ? -1 : hex_digit(digits[1]);

		if (low < 0 || (high | low) == 0)
			return vt_fail(err, EINVAL, "'path_hex' is not hex digits of a path");
		vt_buf_put_u8(out, (uint8_t) (high << 4 | low));
	}
	return 0;
}

static void drop_extra_slashes(struct vt_buf *path)
{
	size_t kept = 0;

	for (size_t i = 0; i < path->len; i++)
		if (path->data[i] != '/' || (kept > 0 && path->data[kept - 1] != '/'))
			path->data[kept++] = path->data[i];
	if (kept > 0 && path->data[kept - 1] == '/')
		kept--;
	path->len = kept;
}

int vt_arg_path(const json_t *args, struct vt_buf *out, struct vt_error *err)
{
	const char *path = "", *digits = NULL;
	int r = vt_arg_text_or(args, "path", &path, err);

	if (r >= 0)
		r = vt_arg_text_or(args, "path_hex", &digits, err);
	if (r < 0)
		return r;
	vt_buf_reset(out);
	if (digits)
		r = put_hex(digits, out, err);
	else
		vt_buf_put(out, path, strlen(path));
	if (r < 0)
		return r;
	if (vt_buf_failed(out))
		return vt_fail(err, ENOMEM, "no memory for a path");
	drop_extra_slashes(out);
	return 0;
}

/* ---- who may --------------------------------------------------------------------------------- */

static int not_withdrawn(const struct vt_dataset *dataset, const struct vt_version *version,
			 struct vt_error *err)
{
	if (version->state == VT_VERSION_LIVE)
		return 0;
	return vt_fail(err, EACCES, "'%s@%s' was withdrawn%s%s", dataset->name, version->name,
		       version->reason[0] ? ": " : "", version->reason);
}

static int find_version(struct vt_control_request *request, struct vt_error *err)
{
	const char *name = NULL;
	int r = vt_arg_text_or(request->args, "version", &name, err);

	if (r < 0)
		return r;
	r = vt_catalog_resolve(request->service->index->catalog, request->dataset->id, name,
			       &request->version, err);
	if (r >= 0 && request->op->object == VT_OBJECT_SHOWN)
		r = not_withdrawn(request->dataset, request->version, err);
	return r;
}

static bool is_about_pattern(const struct vt_control_request *request)
{
	return request->op->object == VT_OBJECT_PATTERN || request->op->object == VT_OBJECT_HELD;
}

/* What a pattern names, with references where it is a dataset or a version. */
static int find_pattern(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_catalog *catalog = request->service->index->catalog;
	struct vt_pattern *pattern = &request->pattern;
	const char *text;
	int r = vt_arg_text(request->args, "object", &text, err);

	if (r >= 0)
		r = vt_pattern_parse(catalog, text, pattern, err);
	if (r >= 0 && pattern->dataset)
		r = vt_catalog_dataset_by_id(catalog, pattern->dataset, &request->dataset, err);
	if (r >= 0 && pattern->version)
		r = vt_catalog_version(catalog, pattern->version, &request->version, err);
	return r;
}

/* Those who may label one version may not do what a publisher may. */
static int find_import(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_connection *connection = request->connection;
	struct vt_catalog *catalog = request->service->index->catalog;
	uint32_t base = connection->import ? connection->import_info.base : 0;
	int r;

	if (!connection->import || (request->op->object == VT_OBJECT_IMPORT && base))
		return vt_fail(err, EINVAL, "no import is open on this connection");
	if (request->op->object == VT_OBJECT_RELABEL && !connection->relabel)
		return vt_fail(err, EINVAL, "no labels are being changed on this connection");
	r = vt_catalog_dataset_by_id(catalog, connection->import_info.dataset, &request->dataset,
				     err);
	return r < 0 || !base ? r : vt_catalog_version(catalog, base, &request->version, err);
}

static int find_object(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_catalog *catalog = request->service->index->catalog;
	enum vt_control_object kind = request->op->object;
	const char *name;
	int r;

	if (kind == VT_OBJECT_NOTHING || kind == VT_OBJECT_STORE)
		return 0;
	if (is_about_pattern(request))
		return find_pattern(request, err);
	if (kind == VT_OBJECT_IMPORT || kind == VT_OBJECT_RELABEL)
		return find_import(request, err);
	r = vt_arg_text(request->args, "dataset", &name, err);
	if (r >= 0)
		r = vt_catalog_dataset(catalog, name, &request->dataset, err);
	if (r == -ENOENT && kind == VT_OBJECT_NEW)
		return 0;
	if (r >= 0 && (kind == VT_OBJECT_VERSION || kind == VT_OBJECT_SHOWN))
		r = find_version(request, err);
	return r;
}

static struct vt_place place_of(const struct vt_dataset *dataset, const struct vt_version *version)
{
	return (struct vt_place){
		.dataset = dataset ? dataset->id : 0,
		.version = version ? version->serial : 0,
	};
}

/* As for a name in a mount. */
static void record_refusal(const struct vt_control_request *request, struct vt_place place)
{
	struct vt_decision decision;

	if (is_about_pattern(request) || !request->dataset ||
	    vt_gate_decide(request->service->gate, &request->connection->subject,
			   request->op->right, place, false, &decision) < 0 ||
	    decision.allowed)
		return;
	vt_trail_refusal(request->service, vt_control_caller(request), request->op->right, place,
			 &decision);
}

static int ask_gate(const struct vt_control_request *request, enum vt_right right,
		    const struct vt_dataset *dataset, const struct vt_version *version,
		    struct vt_error *err)
{
	if (request->op->object == VT_OBJECT_NOTHING)
		return 0;
	return vt_gate_check(request->service->gate, &request->connection->subject, right,
			     place_of(dataset, version), false, NULL, err);
}

static int ask_gate_for_new(const struct vt_control_request *request, struct vt_error *err)
{
	char space[VT_NAME_PART_MAX + 1];
	const char *name;
	int r = vt_arg_text(request->args, "dataset", &name, err);

	if (r >= 0)
		r = vt_dataset_name_check(name, err);
	return r < 0 ? r
		     : vt_gate_check_space(request->service->gate, &request->connection->subject,
					   VT_RIGHT_CURATE, vt_dataset_space(name, space), false,
					   err);
}

static bool sees(const struct vt_control_request *request, struct vt_place place)
{
	return vt_gate_check(request->service->gate, &request->connection->subject, VT_RIGHT_SEE,
			     place, false, NULL, NULL) == 0;
}

/* Who would see it but for a lease may be told of that. A holder may see it by the lease alone. */
static int check_sees_or_would(const struct vt_control_request *request, struct vt_place place,
			       struct vt_error *err)
{
	if (sees(request, place))
		return 0;
	return vt_gate_check_unleased(request->service->gate, &request->connection->subject,
				      VT_RIGHT_SEE, place, NULL, err);
}

/* One sentence for what is not there and for what is hidden: nobody learns names by trying them. */
static int refuse_unseen(const char *dataset, const char *version, struct vt_error *err)
{
	return vt_fail(err, EACCES, "there is no '%s%s%s' here, or it is not open to you", dataset,
		       version ? "@" : "", version ? version : "");
}

/* Of a name that leads nowhere. Who administers the store sees all there is, and hears so. */
static bool hears_of_absence(const struct vt_control_request *request,
			     const struct vt_dataset *dataset)
{
	return vt_control_administers(request) ||
	       (dataset && sees(request, (struct vt_place){dataset->id, 0}));
}

static int refuse_named(const struct vt_control_request *request, struct vt_error *err)
{
	const char *dataset = "", *version = NULL;

	if (is_about_pattern(request))
		(void) vt_arg_text_or(request->args, "object", &dataset, NULL);
	(void) vt_arg_text_or(request->args, "dataset", &dataset, NULL);
	(void) vt_arg_text_or(request->args, "version", &version, NULL);
	return refuse_unseen(dataset, version, err);
}

int vt_control_check_pattern(const struct vt_control_request *request, enum vt_right right,
			     const struct vt_pattern *pattern, struct vt_error *err)
{
	const struct vt_subject *subject = &request->connection->subject;
	struct vt_gate *gate = request->service->gate;
	struct vt_place place = {pattern->dataset, pattern->version};

	/* Any space may be named, there or not; what is in it is filtered. */
	if (right == VT_RIGHT_SEE)
		return pattern->dataset ? check_sees_or_would(request, place, err) : 0;
	if (pattern->scope == VT_SCOPE_SPACE)
		return vt_gate_check_space(gate, subject, right, pattern->space, false, err);
	return vt_gate_check(gate, subject, right, place, false, NULL, err);
}

static int admit(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_place place;
	struct vt_error why;
	int found = find_object(request, &why), r;

	if (request->op->object == VT_OBJECT_NEW && found >= 0 && !request->dataset) {
		r = ask_gate_for_new(request, err);
		return r == -EACCES ? refuse_named(request, err) : r;
	}
	if (found == -ENOENT && !hears_of_absence(request, request->dataset))
		return refuse_named(request, err);
	if (found < 0 && (found != -EACCES || !request->version)) /* else: withdrawn */
		return vt_fail(err, -found, "%s", why.text);
	if (request->op->object == VT_OBJECT_HELD && found >= 0 && vt_control_holds(request))
		return 0;
	if (is_about_pattern(request))
		r = vt_control_check_pattern(request, request->op->right, &request->pattern, err);
	else
		r = ask_gate(request, request->op->right, request->dataset, request->version, err);
	if (r >= 0 && found < 0)
		return vt_fail(err, -found, "%s", why.text);
	place = place_of(request->dataset, request->version);
	if (r == -EACCES)
		record_refusal(request, place);
	if (r == -EACCES && request->dataset && check_sees_or_would(request, place, NULL) < 0)
		return refuse_named(request, err);
	return r;
}

/* Versions are immutable: the one that was found says nothing of what became of it. */
static int recheck(const struct vt_control_request *request, enum vt_right right,
		   const struct vt_dataset *dataset, const struct vt_version *version,
		   struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *now = NULL;
	int r = ask_gate(request, right, dataset, version, err);

	if (r < 0 || !version)
		return r;
	r = vt_catalog_version(request->service->index->catalog, version->serial, &now, err);
	if (r == -ENOENT)
		return vt_fail(err, ENOENT, "'%s@%s' was removed meanwhile", dataset->name,
			       version->name);
	return r < 0 ? r : not_withdrawn(dataset, now, err);
}

void vt_control_version_made(struct vt_control_request *request)
{
	struct vt_service *service = request->service;

	vt_narrow_names_changed(service, request->dataset->id);
	vt_trail_deliver(service);
	if (request->version->labels.labels >= VT_LABEL_INDEX_MANY)
		vt_label_index_prepare(service->labels, request->version);
}

int vt_control_recheck(const struct vt_control_request *request, struct vt_error *err)
{
	int r = recheck(request, request->op->right, request->dataset, request->version, err);

	return r < 0 || !request->other ? r
					: recheck(request, request->other_right,
						  request->other_dataset, request->other, err);
}

int vt_control_record_read(const struct vt_control_request *request, uint32_t position,
			   struct vt_error *err)
{
	struct vt_place place = place_of(request->dataset, request->version);
	struct vt_audit_access access = {
		.uid = vt_control_caller(request),
		.dataset = place.dataset,
		.version = place.version,
	};
	struct vt_decision decision;
	int r = vt_gate_decide(request->service->gate, &request->connection->subject, VT_RIGHT_READ,
			       place, false, &decision);

	if (r < 0)
		return vt_fail(err, -r, "the policy cannot be asked: %m");
	if (!decision.allowed)
		return vt_fail(err, EACCES, "'%s@%s' is not yours to read any more",
			       request->dataset->name, request->version->name);
	access.reason = decision.reason;
	access.rule = decision.rule;
	if (vt_trail_read(request->service, &access, position) == 0)
		return 0;
	return vt_fail(err, EIO, "the audit log cannot be written, so nobody is let in");
}

/* POLLHUP: nobody takes an answer. POLLRDHUP alone: no request follows (control.c, "ending"). */
static bool is_closed(const struct vt_control_request *request, short how)
{
	struct pollfd other_end = {.fd = request->connection->channel.fd, .events = how};

	return poll(&other_end, 1, 0) > 0 && (other_end.revents & how) != 0;
}

static bool has_gone(const struct vt_control_request *request)
{
	return is_closed(request, POLLHUP);
}

bool vt_control_is_last(const struct vt_control_request *request)
{
	return is_closed(request, POLLRDHUP);
}

bool vt_control_is_over(void *request)
{
	return has_gone(request) || vt_control_recheck(request, NULL) < 0;
}

int vt_control_ended(const struct vt_control_request *request, struct vt_error *err)
{
	return has_gone(request) ? vt_fail(err, EPIPE, "the other end has gone")
				 : vt_fail(err, ECONNRESET, "the server ended meanwhile");
}

int vt_control_stopped(const struct vt_control_request *request, struct vt_error *err)
{
	int r = vt_control_recheck(request, err);

	return r < 0 ? r : vt_control_ended(request, err);
}

uint32_t vt_control_caller(const struct vt_control_request *request)
{
	return request->connection->subject.uid;
}

bool vt_control_administers(const struct vt_control_request *request)
{
	return vt_gate_administers(request->service->gate, &request->connection->subject, false);
}

bool vt_control_is_owner(const struct vt_control_request *request)
{
	uint32_t uid = vt_control_caller(request);

	return uid == 0 || uid == request->service->owner_uid;
}

int vt_control_check_owner(const struct vt_control_request *request, const char *what,
			   struct vt_error *err)
{
	if (vt_control_is_owner(request))
		return 0;
	return vt_fail(err, EACCES, "only the store's owner and root may %s", what);
}

struct vt_viewer vt_control_viewer(const struct vt_control_request *request)
{
	return (struct vt_viewer){.service = request->service,
				  .subject = &request->connection->subject};
}

bool vt_control_sees(const struct vt_control_request *request, const struct vt_version *version)
{
	return sees(request, (struct vt_place){version->dataset, version->serial});
}

int vt_control_find_other(struct vt_control_request *request, enum vt_right right,
			  const char *dataset_name, const char *version_name, struct vt_error *err)
{
	struct vt_catalog *catalog = request->service->index->catalog;
	const struct vt_dataset **dataset = &request->other_dataset;
	const struct vt_version **version = &request->other;
	int r = vt_catalog_dataset(catalog, dataset_name, dataset, err);

	if (r >= 0)
		r = vt_catalog_resolve(catalog, (*dataset)->id, version_name, version, err);
	if (r == -ENOENT && !hears_of_absence(request, *dataset))
		return refuse_unseen(dataset_name, version_name, err);
	if (r < 0)
		return r;
	request->other_right = right;
	r = ask_gate(request, right, *dataset, *version, err);
	if (r == -EACCES &&
	    check_sees_or_would(request, (struct vt_place){(*dataset)->id, (*version)->serial},
				NULL) < 0)
		return refuse_unseen(dataset_name, version_name, err);
	return r < 0 ? r : not_withdrawn(*dataset, *version, err);
}

/* ---- serving --------------------------------------------------------------------------------- */

static int send_member(struct vt_channel *channel, const char *key, json_t *value, const void *blob,
		       size_t blob_len, struct vt_error *err)
{
	json_t *answer = json_pack("{s:o}", key, value); /* takes `value`, frees it on failure */
	int r;

	if (!answer)
		return vt_fail(err, ENOMEM, "no memory for an answer");
	r = vt_channel_send(channel, answer, blob, blob_len, -1, err);
	json_decref(answer);
	return r;
}

int vt_control_send(struct vt_control_request *request, json_t *row, const void *blob,
		    size_t blob_len, struct vt_error *err)
{
	return send_member(&request->connection->channel, "row", row, blob, blob_len, err);
}

int vt_control_send_rows(struct vt_control_request *request, json_t *rows, struct vt_error *err)
{
	int r = rows ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");

	for (size_t i = 0; i < json_array_size(rows) && r >= 0; i++)
		r = vt_control_send(request, json_incref(json_array_get(rows, i)), NULL, 0, err);
	json_decref(rows);
	return r;
}

static int send_error(struct vt_channel *channel, int code, const struct vt_error *why)
{
	json_t *error = json_pack("{s:s}", "code", vt_errno_name(code));

	if (!error || vt_json_set_text(error, "text", why->text, strlen(why->text)) < 0 ||
	    send_member(channel, "error", error, NULL, 0, NULL) < 0)
		return -EPIPE;
	return vt_channel_flush(channel, NULL);
}

static int send_result(struct vt_control_request *request)
{
	struct vt_channel *channel = &request->connection->channel;
	json_t *result = request->result ? vt_steal(&request->result) : json_object();

	if (send_member(channel, "result", result, NULL, 0, NULL) < 0)
		return -EPIPE;
	return vt_channel_flush(channel, NULL);
}

/*
 * Changes, and why one failed, are worth a line. Reads, refusals and misuse are not: anybody could
 * fill the disk with them.
 */
static void note(const struct vt_control_request *request, int r, const struct vt_error *err)
{
	bool quiet = request->op->right < VT_RIGHT_CURATE || r == -EACCES || r == -EINVAL;

	if (!request->op->logged)
		return;
	vt_log(quiet   ? VT_LOG_DEBUG
	       : r < 0 ? VT_LOG_WARNING
		       : VT_LOG_INFO,
	       "request op=%s uid=%u dataset='%s' version='%s' %s%s", request->op->name,
	       (unsigned) vt_control_caller(request),
	       request->dataset ? request->dataset->name : "",
	       request->version ? request->version->name : "", r < 0 ? "failed: " : "done",
	       r < 0 ? err->text : "");
}

static int run(struct vt_control_request *request, struct vt_error *err)
{
	const char *op;
	int r = vt_arg_text(request->message->json, "op", &op, err);

	if (r < 0)
		return r;
	request->op = find_row(op);
	if (!request->op)
		return vt_fail(err, ENOSYS, "this server knows no request '%.64s'", op);
	request->args = json_object_get(request->message->json, "args");
	if (request->args && !json_is_object(request->args))
		return vt_fail(err, EINVAL, "'args' must be an object");
	r = admit(request, err);
	if (r >= 0)
		r = request->op->run(request, err);
	note(request, r, err);
	return r;
}

/* Negative only when the connection is of no more use. */
static int serve_one(struct vt_connection *connection, struct vt_message *message)
{
	struct vt_control_request request = {
		.connection = connection,
		.service = connection->host->service,
		.message = message,
	};
	struct vt_error err = {0};
	int r;

	atomic_fetch_add(&connection->host->requests, 1);
	r = run(&request, &err);
	r = r < 0 ? send_error(&connection->channel, -r, &err) : send_result(&request);
	json_decref(request.result);
	vt_version_unref(request.version);
	vt_dataset_unref(request.dataset);
	vt_version_unref(request.other);
	vt_dataset_unref(request.other_dataset);
	return r;
}

void vt_connection_refuse(struct vt_connection *connection, int code, const struct vt_error *why)
{
	struct vt_error plain;

	if (!why)
		(void) vt_fail(&plain, code, "the server cannot serve this connection: %m");
	(void) send_error(&connection->channel, code, why ? why : &plain);
}

/* Sizes are bounded before anything is parsed, and tighter for those who only read. */
static void bound_messages(struct vt_connection *connection)
{
	struct vt_place store = {0};

	if (vt_gate_check(connection->host->service->gate, &connection->subject, VT_RIGHT_CURATE,
			  store, false, NULL, NULL) < 0)
		connection->channel.max = (struct vt_message_head){.json_len = STRANGER_JSON_MAX};
}

void vt_connection_serve(struct vt_connection *connection)
{
	struct vt_error err = {0};
	int r;

	bound_messages(connection);
	do {
		vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;

		connection->channel.idle_ms =
			connection->import || connection->ahead ? -1 : IDLE_MS;
		r = vt_channel_receive(&connection->channel, &message, &err);
		if (r > 0)
			r = serve_one(connection, &message) < 0 ? 0 : 1;
	} while (r > 0);
	/* Silence is met with silence: a sentence could be taken for the answer to a late request.
	 */
	if (r < 0 && r != -ETIMEDOUT)
		vt_connection_refuse(connection, -r, &err);
	vt_control_end_ahead(connection);
	vt_control_abort_import(connection);
}
