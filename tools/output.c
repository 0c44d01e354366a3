/* SPDX-License-Identifier: Apache-2.0 */
/* See output.h. A table keeps its cells in one buffer and measures them when it is printed. */
#include "tools/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "index/base/error.h"
#include "tools/cli.h"

#define COLUMNS_MAX 12

void vt_format_size(uint64_t bytes, char out[16])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double) bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		(void) snprintf(out, 16, "%u B", (unsigned) bytes);
		return;
	}
	/* 1023.95 would be printed as 1024.0 of the smaller unit. */
	for (; value >= 1023.95; value /= 1024)
		unit++;
	(void) snprintf(out, 16, "%.1f %s", value, units[unit]);
}

void vt_format_count(uint64_t count, char out[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long) count);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			*out++ = ',';
		*out++ = digits[i];
	}
	*out = '\0';
}

void vt_format_rate(double rate, char out[32])
{
	if (rate < 99.95)
		(void) snprintf(out, 32, "%.1f", rate);
	else
		vt_format_count((uint64_t) (rate + 0.5), out);
}

void vt_format_time(const char *text, char out[32])
{
	struct tm tm = {0};
	time_t seconds;
	char *end;

	if (strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) {
		seconds = timegm(&tm);
	} else {
		seconds = strtoll(text, &end, 10);
		if (end == text) {
			(void) snprintf(out, 32, "%.31s", text);
			return;
		}
	}
	if (!localtime_r(&seconds, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M", &tm))
		(void) snprintf(out, 32, "%.31s", text);
}

/* Length of the UTF-8 sequence at `s` that a terminal may print, or 0 (RFC 3629, section 4). */
static size_t printable(const unsigned char *s, size_t len)
{
	uint32_t c, least;
	size_t n;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f && s[0] != '\\';
	n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	least = n == 4 ? 0x10000 : n == 3 ? 0x800 : 0xa0; /* U+0080 to U+009F are controls */
	if (s[0] < 0xc2 || s[0] > 0xf4 || n > len)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

void vt_escape(const char *name, size_t len, struct vt_buf *out)
{
	const unsigned char *s = (const unsigned char *) name;

	for (size_t i = 0, n; i < len; i += n) {
		n = printable(s + i, len - i);
		if (n)
			vt_buf_put(out, s + i, n);
		else if (s[i] == '\\')
			vt_buf_printf(out, "\\\\");
		else
			vt_buf_printf(out, "\\x%02x", s[i]);
		n += !n;
	}
}

static void put_name(FILE *out, const char *name, size_t len, struct vt_buf *to)
{
	if (isatty(fileno(out)))
		vt_escape(name, len, to);
	else
		vt_buf_put(to, name, len);
}

void vt_print_name(FILE *out, const char *name, size_t len)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	put_name(out, name, len, &text);
	(void) fwrite(text.data, 1, text.len, out);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

void vt_json_get_bytes(const json_t *object, const char *key, struct vt_buf *out)
{
	char hex_key[64];
	const json_t *plain = json_object_get(object, key);
	const char *hex;

	(void) snprintf(hex_key, sizeof hex_key, "%s_hex", key);
	hex = json_string_value(json_object_get(object, hex_key));
	if (!hex) {
		vt_buf_put(out, json_string_value(plain), json_string_length(plain));
		return;
	}
	for (; hex_digit(hex[0]) >= 0 && hex_digit(hex[1]) >= 0; hex += 2)
		vt_buf_put_u8(out, (uint8_t) (hex_digit(hex[0]) << 4 | hex_digit(hex[1])));
}

const char *vt_colour(enum vt_colour colour)
{
	static const char *const codes[] = {"\033[0m", "\033[31m", "\033[32m", "\033[33m",
					    "\033[34m"};
	const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");

	if (!isatty(STDOUT_FILENO) || (refused && *refused) || !terminal ||
	    strcmp(terminal, "dumb") == 0)
		return "";
	return codes[colour];
}

void vt_say(const struct vt_cli *cli, const char *format, ...)
{
	va_list ap;

	if (cli->quiet || cli->json)
		return;
	va_start(ap, format);
	(void) vprintf(format, ap);
	va_end(ap);
	(void) putchar('\n');
}

void vt_print_json(const json_t *object)
{
	(void) json_dumpf(object, stdout, JSON_COMPACT);
	(void) putchar('\n');
}

/* ---- cells ------------------------------------------------------------------------------------
 */

static void put_mode(const json_t *row, const char *key, struct vt_buf *out)
{
	unsigned long mode = strtoul(vt_json_text(row, key, "0"), NULL, 8);
	const char *type = vt_json_text(row, "type", "file");
	char text[] = "-rwxrwxrwx";

	text[0] = type[0] == 'd' ? 'd' : type[0] == 's' ? 'l' : '-';
	for (int i = 0; i < 9; i++)
		if (!(mode & (0400u >> i)))
			text[1 + i] = '-';
	if (mode & 01000)
		text[9] = text[9] == 'x' ? 't' : 'T';
	vt_buf_printf(out, "%s", text);
}

static void put_entry_name(const json_t *row, const char *key, struct vt_buf *out)
{
	vt_cleanup(vt_buf_done) struct vt_buf name = VT_BUF_INIT, target = VT_BUF_INIT;
	bool directory = strcmp(vt_json_text(row, "type", ""), "directory") == 0;

	vt_json_get_bytes(row, key, &name);
	vt_json_get_bytes(row, "target", &target);
	put_name(stdout, (const char *) name.data, name.len, out);
	if (directory)
		vt_buf_printf(out, "/");
	if (target.len > 0) {
		vt_buf_printf(out, " -> ");
		put_name(stdout, (const char *) target.data, target.len, out);
	}
}

static void put_list(const json_t *list, struct vt_buf *out)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *) list, i, item)
		vt_buf_printf(out, "%s%s", i ? ", " : "", json_string_value(item));
}

static void put_cell(const json_t *row, const struct vt_column *column, struct vt_buf *out)
{
	const json_t *value = json_object_get(row, column->key);
	char text[32] = "";

	if (column->kind == VT_COLUMN_NAME) {
		put_entry_name(row, column->key, out);
		return;
	}
	if (!value || json_is_null(value)) {
		vt_buf_printf(out, "-");
		return;
	}
	switch (column->kind) {
	case VT_COLUMN_COUNT:
		vt_format_count((uint64_t) json_integer_value(value), text);
		break;
	case VT_COLUMN_SIZE:
		vt_format_size(json_is_real(value) ? (uint64_t) json_real_value(value)
						   : (uint64_t) json_integer_value(value),
			       text);
		break;
	case VT_COLUMN_RATE:
		vt_format_rate(json_number_value(value), text);
		break;
	case VT_COLUMN_TIME:
		vt_format_time(vt_json_text(row, column->key, ""), text);
		break;
	case VT_COLUMN_LIST:
		put_list(value, out);
		break;
	case VT_COLUMN_MODE:
		put_mode(row, column->key, out);
		break;
	default:
		if (json_is_integer(value))
			vt_buf_printf(out, "%lld", (long long) json_integer_value(value));
		put_name(stdout, json_string_value(value), json_string_length(value), out);
		break;
	}
	vt_buf_printf(out, "%s", text);
}

/* ---- tables -----------------------------------------------------------------------------------
 */

struct vt_grid {
	const struct vt_column *columns; /* borrowed */
	size_t column_count;
	bool json;
	size_t rows;
	struct vt_buf cells; /* texts, each with its NUL, row by row */
};

int vt_grid_new(const struct vt_cli *cli, const struct vt_column *columns, struct vt_grid **out,
		struct vt_error *err)
{
	struct vt_grid *table = calloc(1, sizeof *table);

	if (!table)
		return vt_fail(err, ENOMEM, "no memory for a table");
	table->columns = columns;
	table->json = cli->json;
	while (columns[table->column_count].key)
		table->column_count++;
	if (table->column_count > COLUMNS_MAX)
		abort(); /* our own table outgrew our own constant */
	*out = table;
	return 0;
}

void vt_grid_free(struct vt_grid *table)
{
	if (!table)
		return;
	vt_buf_done(&table->cells);
	free(table);
}

int vt_grid_row(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	struct vt_grid *table = context;

	table->rows++;
	if (table->json) {
		vt_print_json(row);
		return ferror(stdout) ? -EIO : 0;
	}
	for (size_t i = 0; i < table->column_count; i++) {
		put_cell(row, &table->columns[i], &table->cells);
		vt_buf_put_u8(&table->cells, '\0');
	}
	return vt_buf_failed(&table->cells) ? -ENOMEM : 0;
}

/* Code points: near enough to what a terminal shows, and exact for what our names may hold. */
static int width(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

static bool right_aligned(enum vt_column_kind kind)
{
	return kind == VT_COLUMN_COUNT || kind == VT_COLUMN_SIZE || kind == VT_COLUMN_RATE;
}

static void print_cell(const struct vt_grid *table, size_t i, const char *text, int room)
{
	bool last = i + 1 == table->column_count;
	int pad = room - width(text);

	if (right_aligned(table->columns[i].kind))
		(void) printf("%*s%s", pad, "", text);
	else
		(void) printf("%s%*s", text, last ? 0 : pad, "");
	(void) fputs(last ? "\n" : "  ", stdout);
}

void vt_grid_print(const struct vt_grid *table)
{
	int room[COLUMNS_MAX];
	const char *text = (const char *) table->cells.data;

	if (table->json || table->rows == 0)
		return;
	for (size_t i = 0; i < table->column_count; i++)
		room[i] = width(table->columns[i].title);
	for (size_t row = 0; row < table->rows; row++)
		for (size_t i = 0; i < table->column_count; i++, text += strlen(text) + 1)
			if (room[i] < width(text))
				room[i] = width(text);
	for (size_t i = 0; i < table->column_count; i++)
		print_cell(table, i, table->columns[i].title, room[i]);
	text = (const char *) table->cells.data;
	for (size_t row = 0; row < table->rows; row++)
		for (size_t i = 0; i < table->column_count; i++, text += strlen(text) + 1)
			print_cell(table, i, text, room[i]);
}

int vt_print_table(const struct vt_cli *cli, const struct vt_column *columns, const json_t *rows,
		   size_t most, struct vt_error *err)
{
	vt_cleanup(vt_grid_freep) struct vt_grid *table = NULL;
	int r = vt_grid_new(cli, columns, &table, err);

	for (size_t i = 0; i < json_array_size(rows) && i < most && r == 0; i++)
		r = vt_grid_row(table, json_array_get(rows, i), NULL, 0);
	if (r < 0 || json_array_size(rows) == 0)
		return r;
	(void) putchar('\n');
	vt_grid_print(table);
	return 0;
}

int vt_print_rows(struct vt_cli *cli, const char *op, json_t *args, const struct vt_column *columns,
		  struct vt_error *err)
{
	vt_cleanup(vt_grid_freep) struct vt_grid *table = NULL;
	int r = vt_grid_new(cli, columns, &table, err);

	if (r < 0) {
		json_decref(args);
		return r;
	}
	r = vt_cli_call(cli, op, args, vt_grid_row, table, NULL, err);
	if (r < 0)
		return r;
	vt_grid_print(table);
	return table->rows < INT32_MAX ? (int) table->rows : INT32_MAX;
}

int vt_print_result(struct vt_cli *cli, const char *op, json_t *args, json_t **result,
		    struct vt_error *err)
{
	int r = vt_cli_call(cli, op, args, NULL, NULL, result, err);

	if (r >= 0 && cli->json)
		vt_print_json(*result);
	return r;
}

void vt_print_record(const json_t *object, const struct vt_column *columns)
{
	int room = 0;

	for (const struct vt_column *c = columns; c->key; c++)
		if (room < width(c->title))
			room = width(c->title);
	for (const struct vt_column *c = columns; c->key; c++) {
		vt_cleanup(vt_buf_done) struct vt_buf cell = VT_BUF_INIT;

		put_cell(object, c, &cell);
		if (!json_object_get(object, c->key) || cell.len == 0)
			continue;
		(void) printf("%-*s  %.*s\n", room, c->title, (int) cell.len, (char *) cell.data);
	}
}
