/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See audit_verify.h. One pass over the lines: each is parsed, its number compared, its hash added
 * to the tree; wherever a checkpoint stands, the root is compared and the signature checked with
 * the key that was in force there. So an edit is found at the next checkpoint, and known to lie
 * behind the one before.
 */
#include "policy/audit_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/audit_reader.h"
#include "policy/audit_verify_lease.h"
#include "policy/merkle.h"

struct head {
	struct vt_checkpoint note;
	const char *text;
	bool met;
};

struct key {
	uint8_t bytes[VT_AUDIT_PUBLIC];
};

struct pass {
	const struct vt_audit_verify *ask;
	struct vt_audit_verdict *verdict;
	struct vt_merkle tree;
	struct head *heads;
	struct key *keys; /* all so far; the last is in force */
	bool rolling;     /* the last record is a key, which the key before has to sign */
	bool cut;         /* the chain is broken: nothing behind it is looked at */
	uint64_t last_time_ns;
	bool has_start; /* counts below are since a start record */
	uint64_t start_seq, opens, denials;
	struct vt_lease_replay leases;
};

static void find_at(struct pass *p, uint64_t seq, bool warning, const char *format, va_list args)
{
	char text[1200];

	(void) vsnprintf(text, sizeof text, format, args);
	if (warning) {
		p->verdict->warnings++;
	} else {
		p->verdict->problems++;
		if (seq < p->verdict->first_bad)
			p->verdict->first_bad = seq;
	}
	if (p->ask->finding)
		p->ask->finding(p->ask->context, seq, warning, text);
}

__attribute__((format(printf, 3, 4))) static void problem(struct pass *p, uint64_t seq,
							  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find_at(p, seq, false, format, args);
	va_end(args);
}

__attribute__((format(printf, 3, 4))) static void warn(struct pass *p, uint64_t seq,
						       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	find_at(p, seq, true, format, args);
	va_end(args);
}

/* ---- keys and heads ------------------------------------------------------------------------- */

static int add_key(struct pass *p, const struct vt_audit_line *line, struct vt_error *err)
{
	const struct vt_audit_field *field = vt_audit_line_find(line, "public");
	struct key *keys = reallocarray(p->keys, p->verdict->keys + 1, sizeof *keys);
	struct vt_audit_verdict *v = p->verdict;

	if (!keys)
		return vt_fail(err, ENOMEM, "no memory for the keys of the log");
	p->keys = keys;
	if (!field || field->type != VT_AUDIT_TEXT ||
	    vt_base64_decode(field->value, field->len, keys[v->keys].bytes, VT_AUDIT_PUBLIC) !=
		    (ssize_t) VT_AUDIT_PUBLIC ||
	    vt_audit_line_number(line, "key", 0) != (int64_t) v->keys + 1) {
		problem(p, line->seq, "it is no key that could follow key %" PRIu64, v->keys);
		p->cut = true;
		return 0;
	}
	p->rolling = v->keys++ > 0;
	return 0;
}

static int read_heads(struct pass *p, struct vt_error *err)
{
	size_t used;

	p->heads = calloc(p->ask->head_count + 1, sizeof *p->heads);
	if (!p->heads)
		return vt_fail(err, ENOMEM, "no memory for the heads");
	for (size_t i = 0; i < p->ask->head_count; i++) {
		const char *text = p->heads[i].text = p->ask->heads[i];
		int r = vt_checkpoint_parse(text, strlen(text), &p->heads[i].note, &used, err);

		if (r < 0)
			return vt_fail_in(err, -EINVAL, "the head given");
	}
	return 0;
}

static void check_heads(struct pass *p)
{
	for (size_t i = 0; i < p->ask->head_count; i++) {
		struct head *head = &p->heads[i];
		struct vt_digest root;

		if (head->met || head->note.size != p->tree.size)
			continue;
		head->met = true;
		vt_merkle_root(&p->tree, &root);
		if (!vt_digest_equal(&root, &head->note.root))
			problem(p, 0,
				"the first %" PRIu64 " records are not those of the head given: "
				"this log does not continue it",
				p->tree.size);
	}
}

static bool is_signed(const struct pass *p, const struct vt_checkpoint *note, const char *text)
{
	for (uint64_t i = p->verdict->keys; i-- > 0;)
		if (vt_checkpoint_verify(note, text, p->keys[i].bytes))
			return true;
	return false;
}

static void finish_heads(struct pass *p)
{
	for (size_t i = 0; i < p->ask->head_count; i++) {
		const struct head *head = &p->heads[i];

		if (!head->met && !p->cut)
			problem(p, p->tree.size,
				"the head given speaks of %" PRIu64 " records, here are %" PRIu64
				": the end is missing",
				head->note.size, p->tree.size);
		if (strcmp(head->note.origin, p->verdict->origin) != 0)
			problem(p, 0, "the head given is of '%s', this log is '%s'",
				head->note.origin, p->verdict->origin);
		else if (!p->cut && !is_signed(p, &head->note, head->text))
			problem(p, 0, "no key of this log has signed the head given");
	}
}

/* ---- records -------------------------------------------------------------------------------- */

static int take_segment(struct pass *p, const struct vt_audit_segment *segment,
			const struct vt_audit_line *line, struct vt_error *err)
{
	struct vt_digest edge[VT_MERKLE_EDGE];
	char text[VT_BASE64_LEN(sizeof edge) + 1], given[sizeof text];
	char origin[VT_ORIGIN_MAX + 2];
	int r;

	vt_audit_line_text(line, "origin", origin, sizeof origin);
	if (line->seq == 0) {
		r = add_key(p, line, err);
		if (r < 0 || p->cut)
			return r;
		(void) snprintf(p->verdict->origin, sizeof p->verdict->origin, "%.*s",
				(int) VT_ORIGIN_MAX, origin);
		vt_base64_encode(p->keys[0].bytes, VT_AUDIT_PUBLIC, p->verdict->first_key);
		if (p->ask->key && strcmp(p->ask->key, p->verdict->first_key) != 0)
			problem(p, 0, "its first key is %s, not the one given",
				p->verdict->first_key);
	}
	vt_base64_encode(edge, vt_merkle_save(&p->tree, edge) * sizeof *edge, text);
	vt_audit_line_text(line, "edge", given, sizeof given);
	if (strcmp(text, given) != 0)
		problem(p, line->seq, "it does not continue the records before it");
	if (strcmp(origin, p->verdict->origin) != 0)
		problem(p, line->seq, "it is of the log '%s'", origin);
	if (vt_audit_line_number(line, "key", 0) != (int64_t) p->verdict->keys)
		problem(p, line->seq, "it names another key than the one in force");
	return 0;
}

static void take_heartbeat(struct pass *p, const struct vt_audit_line *line)
{
	static const char *const names[] = {"records", "opens", "denials"};
	const uint64_t counted[] = {line->seq - p->start_seq, p->opens, p->denials};

	for (size_t i = 0; p->has_start && i < 3; i++)
		if (vt_audit_line_number(line, names[i], -1) != (int64_t) counted[i])
			problem(p, line->seq,
				"it counts %" PRId64 " %s since the start, here are %" PRIu64,
				vt_audit_line_number(line, names[i], -1), names[i], counted[i]);
}

static void take_gap(struct pass *p, const struct vt_audit_line *line)
{
	int64_t lost = vt_audit_line_number(line, "lost", 0);
	char state[16];

	vt_audit_line_text(line, "state", state, sizeof state);
	p->verdict->gaps++;
	if (strcmp(state, "leftover") == 0) {
		warn(p, line->seq,
		     "a gap (leftover): what was read on a mount without a server is not recorded");
		return; /* of the log itself nothing is missing */
	}
	vt_lease_replay_gap(&p->leases);
	if (strcmp(state, "closed") == 0)
		return; /* the one that opens again has the sum */
	p->verdict->lost += lost > 0 ? (uint64_t) lost : 0;
	warn(p, line->seq, "a gap (%s): %" PRId64 " records could not be written", state, lost);
}

static int take_lease(struct pass *p, const struct vt_audit_line *line, struct vt_error *err)
{
	struct vt_error why = {""};
	bool unsure = false;
	int r = vt_lease_replay_take(&p->leases, line, &unsure, &why);

	if (r == -ENOMEM)
		return vt_fail(err, ENOMEM, "%s", why.text);
	if (r < 0 && unsure)
		warn(p, line->seq, "%s (a gap may explain it)", why.text);
	else if (r < 0)
		problem(p, line->seq, "%s", why.text);
	return 0;
}

static void take_time(struct pass *p, const struct vt_audit_line *line)
{
	if (line->time_ns < p->last_time_ns)
		warn(p, line->seq, "the clock went back by %" PRIu64 " ms",
		     (p->last_time_ns - line->time_ns) / 1000000);
	p->last_time_ns = line->time_ns;
}

static int take_record(struct pass *p, const struct vt_audit_segment *segment,
		       const struct vt_audit_line *line, struct vt_error *err)
{
	const struct vt_audit_field *kind = vt_audit_line_find(line, "kind");
	bool first = line->seq == segment->first;

#define VT_IS(name) (kind->len == sizeof(name) - 1 && memcmp(kind->value, name, kind->len) == 0)
	take_time(p, line);
	if (first != VT_IS("segment")) {
		problem(p, line->seq, "it %s the first record of a segment",
			first ? "is not" : "claims to be");
		p->cut = true;
		return 0;
	}
	if (first)
		return take_segment(p, segment, line, err);
	if (VT_IS("access")) {
		p->opens += (uint64_t) vt_audit_line_number(line, "opens", 0);
	} else if (VT_IS("deny")) {
		p->denials += (uint64_t) vt_audit_line_number(line, "count", 0);
	} else if (VT_IS("heartbeat")) {
		take_heartbeat(p, line);
	} else if (VT_IS("key")) {
		return add_key(p, line, err);
	} else if (VT_IS("gap")) {
		take_gap(p, line);
	} else if (VT_IS("start")) {
		p->has_start = true;
		p->start_seq = line->seq;
		p->opens = p->denials = 0;
	} else if (kind->len > 6 && memcmp(kind->value, "lease.", 6) == 0) {
		return take_lease(p, line, err);
	}
#undef VT_IS
	return 0;
}

/* ---- segments ------------------------------------------------------------------------------- */

/* Where a segment's checkpoints are read. */
struct notes {
	const char *text;
	size_t at, len, used;
	struct vt_checkpoint note;
	bool has;
};

static void next_note(struct pass *p, struct notes *n, bool last)
{
	struct vt_error why = {""};
	int r;

	n->at += n->used;
	n->used = 0;
	n->has = false;
	if (n->at == n->len)
		return;
	r = vt_checkpoint_parse(n->text + n->at, n->len - n->at, &n->note, &n->used, &why);
	n->has = r == 0;
	if (r == -EAGAIN && last)
		warn(p, p->verdict->signed_records, "the last checkpoint is cut");
	else if (r < 0)
		problem(p, p->verdict->signed_records,
			"the checkpoint that follows %" PRIu64 " records: %s",
			p->verdict->signed_records, why.text);
}

/* All checkpoints of the present size. */
static void check_notes(struct pass *p, struct notes *n, bool last)
{
	struct vt_audit_verdict *v = p->verdict;

	while (n->has && n->note.size == p->tree.size && !p->cut) {
		const char *text = n->text + n->at;
		const uint8_t *key = p->keys[v->keys - 1 - (p->rolling ? 1 : 0)].bytes;
		struct vt_digest root;

		vt_merkle_root(&p->tree, &root);
		if (!vt_digest_equal(&root, &n->note.root) ||
		    strcmp(n->note.origin, v->origin) != 0) {
			problem(p, v->signed_records,
				"records %" PRIu64 " to %" PRIu64 " are not those that were signed",
				v->signed_records, p->tree.size - 1);
			p->cut = true;
		} else if (!vt_checkpoint_verify(&n->note, text, key)) {
			problem(p, v->signed_records,
				"the checkpoint of %" PRIu64
				" records is not signed by key %" PRIu64,
				p->tree.size, v->keys - p->rolling);
			p->cut = true;
		}
		p->rolling = false;
		v->signed_records = p->cut ? v->signed_records : p->tree.size;
		v->checkpoints++;
		next_note(p, n, last);
	}
	if (n->has && n->note.size < p->tree.size && !p->cut) {
		problem(p, v->signed_records,
			"the checkpoint of %" PRIu64 " records is out of turn", n->note.size);
		p->cut = true;
	}
}

static int take_line(struct pass *p, const struct vt_audit_segment *segment, const char *text,
		     size_t len, struct vt_error *err)
{
	struct vt_audit_line line;
	struct vt_error why = {""};
	struct vt_digest leaf;
	int r;

	if (vt_audit_line_parse(text, len, &line, &why) < 0) {
		problem(p, p->tree.size, "%s", why.text);
		p->cut = true;
		return 0;
	}
	if (line.seq != p->tree.size) {
		problem(p, p->tree.size, "record %" PRIu64 " stands in its place", line.seq);
		p->cut = true;
		return 0;
	}
	if (p->rolling) {
		problem(p, line.seq - 1, "the key before has not signed this new key");
		p->cut = true;
		return 0;
	}
	r = take_record(p, segment, &line, err);
	if (r < 0 || p->cut)
		return r;
	vt_merkle_leaf(text, len, &leaf);
	vt_merkle_append(&p->tree, &leaf);
	return 0;
}

/* What is left when the lines of a segment are through. */
static void end_segment(struct pass *p, const struct vt_audit_segment *segment,
			const struct notes *n, size_t left)
{
	uint64_t signed_records = p->verdict->signed_records;

	if (n->has)
		problem(p, signed_records,
			"%" PRIu64 " records were signed, here are %" PRIu64 ": some are missing",
			n->note.size, p->tree.size);
	else if (left > 0 && segment->last)
		warn(p, p->tree.size, "the last line is not whole (%zu bytes)", left);
	else if (left > 0)
		problem(p, p->tree.size, "'%s' does not end with a whole line", segment->name);
	if (!segment->last && signed_records != p->tree.size)
		problem(p, signed_records, "the end of '%s' was never signed", segment->name);
}

static int take_segment_file(struct pass *p, const struct vt_audit_segment *segment,
			     struct vt_error *err)
{
	const char *text = (const char *) segment->lines.data;
	const char *end = text ? text + segment->lines.len : NULL;
	struct notes n = {.text = (const char *) segment->notes.data, .len = segment->notes.len};
	int r = 0;

	p->verdict->segments++;
	if (segment->first != p->tree.size) {
		problem(p, p->tree.size, "the records before %" PRIu64 " are missing",
			segment->first);
		p->cut = true;
		return 0;
	}
	next_note(p, &n, segment->last);
	while (r == 0 && !p->cut && text < end) {
		const char *newline = memchr(text, '\n', (size_t) (end - text));

		if (!newline)
			break;
		r = take_line(p, segment, text, (size_t) (newline - text), err);
		if (r < 0 || p->cut)
			break;
		check_notes(p, &n, segment->last);
		check_heads(p);
		text = newline + 1;
	}
	if (r == 0 && !p->cut)
		end_segment(p, segment, &n, (size_t) (end - text));
	return r;
}

static void finish(struct pass *p)
{
	struct vt_audit_verdict *v = p->verdict;

	finish_heads(p);
	v->records = p->tree.size;
	vt_merkle_root(&p->tree, &v->root);
	if (p->cut)
		return;
	if (p->tree.size == 0 || v->signed_records == 0)
		problem(p, 0, "nothing of it is signed");
	else if (v->signed_records < p->tree.size)
		warn(p, v->signed_records, "%" PRIu64 " records at the end are not signed yet",
		     p->tree.size - v->signed_records);
}

int vt_audit_verify(const struct vt_audit_verify *ask, struct vt_audit_verdict *out,
		    struct vt_error *err)
{
	vt_cleanup(vt_audit_reader_closep) struct vt_audit_reader *reader = NULL;
	struct pass p = {.ask = ask, .verdict = out};
	const struct vt_audit_segment *segment;
	int r;

	memset(out, 0, sizeof *out);
	out->first_bad = UINT64_MAX;
	r = read_heads(&p, err);
	if (r == 0)
		r = vt_audit_reader_open(ask->dir, &reader, err);
	if (r == 0)
		check_heads(&p); /* of an empty log */
	while (r == 0 && !p.cut && (r = vt_audit_reader_segment(reader, &segment, err)) == 1)
		r = take_segment_file(&p, segment, err);
	if (r == 0)
		finish(&p);
	vt_lease_replay_done(&p.leases);
	free(p.heads);
	free(p.keys);
	return r;
}
