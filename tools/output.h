/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Results on standard output, for people or as JSON. A command says once which members of a row it
 * shows and how (struct vt_column); with --json the rows go out as they are, one object per line.
 *
 * Names are foreign bytes: on a terminal control bytes and what is not UTF-8 are escaped (\x1b), so
 * that listing a dataset cannot reprogram the terminal; into a pipe they go as they are. In JSON a
 * name that is not UTF-8 is lossy, and stands unharmed beside it as NAME_hex.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"

struct vt_cli;
struct vt_error;

enum vt_column_kind {
	VT_COLUMN_TEXT,  /* or a number that is no count: a pid */
	VT_COLUMN_NAME,  /* bytes: KEY or KEY_hex; directories and symlinks are marked */
	VT_COLUMN_COUNT, /* 1,797 */
	VT_COLUMN_SIZE,  /* 1.2 MiB; also of a rate, which may be no whole number */
	VT_COLUMN_RATE,  /* 0.4, 1,797 */
	VT_COLUMN_TIME,  /* RFC 3339, or "SEC.NSEC"; shown in local time */
	VT_COLUMN_LIST,  /* an array of texts */
	VT_COLUMN_MODE,  /* "0644" and the member "type": -rw-r--r-- */
};
struct vt_column {
	const char *title, *key;
	enum vt_column_kind kind;
};

/* Rows become lines of a table; columns end with a zeroed one. */
struct vt_grid;
int vt_grid_new(const struct vt_cli *cli, const struct vt_column *columns, struct vt_grid **out,
		struct vt_error *err);
void vt_grid_free(struct vt_grid *table);
VT_DEFINE_CLEANUP(struct vt_grid, vt_grid_free);
/* A vt_client_row with the table as context. With --json the row is printed at once. */
int vt_grid_row(void *table, const json_t *row, const void *blob, size_t blob_len);
void vt_grid_print(const struct vt_grid *table); /* with --json: nothing is left to print */

/* At most `most` rows of an array as a table with an empty line before it; of none nothing. */
int vt_print_table(const struct vt_cli *cli, const struct vt_column *columns, const json_t *rows,
		   size_t most, struct vt_error *err);

/* Asks `op` and prints the rows. `args` is stolen. The number of rows, or an error. */
int vt_print_rows(struct vt_cli *cli, const char *op, json_t *args, const struct vt_column *columns,
		  struct vt_error *err);

/* Asks `op`; with --json its result is printed. `args` is stolen, `*result` is the caller's. */
int vt_print_result(struct vt_cli *cli, const char *op, json_t *args, json_t **result,
		    struct vt_error *err);

void vt_print_json(const json_t *object); /* one line */
/* The members that are there, one "Title  value" a line. */
void vt_print_record(const json_t *object, const struct vt_column *columns);
/* Bytes that came from elsewhere: escaped if `out` is a terminal. */
void vt_print_name(FILE *out, const char *name, size_t len);

/* A sentence on standard output, unless --quiet or --json. */
void vt_say(const struct vt_cli *cli, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The escape sequence that begins a colour, or "" where colour has no place. */
enum vt_colour { VT_PLAIN, VT_RED, VT_GREEN, VT_YELLOW, VT_BLUE };
const char *vt_colour(enum vt_colour colour);

void vt_format_size(uint64_t bytes, char out[16]);                /* "812 B", "1.2 MiB" */
void vt_format_count(uint64_t count, char out[32]);               /* "1,797" */
void vt_format_rate(double rate, char out[32]);                   /* "0.4", "1,797" */
void vt_format_time(const char *time, char out[32]);              /* "2026-11-22 14:05", local */
void vt_escape(const char *name, size_t len, struct vt_buf *out); /* what a terminal may see */

/*
 * A member that may be any bytes: KEY_hex where there is one, else KEY, appended to `out`. The
 * other way is vt_json_set_text() of index/json_text.h.
 */
void vt_json_get_bytes(const json_t *object, const char *key, struct vt_buf *out);
