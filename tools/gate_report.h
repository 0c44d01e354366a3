/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Quality gates on the command line: the file, and the report of one that was not passed. */
#include <jansson.h>
#include <stdint.h>

#include "tools/cli.h"

/* The text of a file of gates ('-': standard input), as the member "gate". -EINVAL: too long. */
int vt_gate_read(const char *file, json_t *args, struct vt_error *err);

/*
 * For people on standard error, a line for each rule and for the first VT_GATE_SHOWN offenders of
 * it; with --json on standard output, all rows as they are. All zeros but `cli` at first.
 */
#define VT_GATE_SHOWN 20u
struct vt_gate_report {
	const struct vt_cli *cli;
	uint64_t offenders; /* of the rule at hand */
};
/* A vt_client_row with a report as context: rows of fs/requests.md, "Gates". */
int vt_gate_report_row(void *report, const json_t *row, const void *blob, size_t blob_len);
void vt_gate_report_end(struct vt_gate_report *report); /* after the last row */
