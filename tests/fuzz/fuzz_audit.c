/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a line of the audit log, as a checkpoint, and as positions: refused, or read within
 * the bounds. A line that is taken is the one text of its record: written anew it is the same.
 */
#include <string.h>

#include "policy/audit_record.h"
#include "policy/checkpoint.h"
#include "policy/positions.h"
#include "tests/fuzz/fuzz.h"

static void try_line(const char *text, size_t size)
{
	struct vt_buf again = VT_BUF_INIT;
	struct vt_audit_line line;
	json_t *fields;
	char out[64];

	if (vt_audit_line_parse(text, size, &line, NULL) < 0)
		return;
	for (size_t i = 0; i < line.count; i++)
		must(line.fields[i].value >= text &&
		     line.fields[i].value + line.fields[i].len <= text + size);
	vt_audit_line_text(&line, "kind", out, sizeof out);
	fields = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
	must(fields != NULL);
	must(vt_audit_line_encode(fields, &again, NULL) == 0);
	must(again.len == size && memcmp(again.data, text, size) == 0);
	json_decref(fields);
	vt_buf_done(&again);
}

static void try_checkpoint(const char *text, size_t size)
{
	static const uint8_t public[VT_AUDIT_PUBLIC];
	struct vt_checkpoint checkpoint;
	size_t used;

	if (vt_checkpoint_parse(text, size, &checkpoint, &used, NULL) < 0)
		return;
	must(used <= size && checkpoint.signed_len < used && checkpoint.sign_count > 0);
	(void) vt_checkpoint_verify(&checkpoint, text, public);
}

struct sum {
	uint64_t next;
};

static int take_run(void *context, uint32_t first, uint32_t last)
{
	struct sum *sum = context;

	must(first >= sum->next && last >= first);
	sum->next = (uint64_t) last + 1;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum sum = {0};

	try_line((const char *) data, size);
	try_checkpoint((const char *) data, size);
	(void) vt_positions_decode(data, size, take_run, &sum);
	return 0;
}
