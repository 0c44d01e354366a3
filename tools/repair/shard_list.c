/* SPDX-License-Identifier: Apache-2.0 */
/* See shard_list.h. */
#include "tools/repair/shard_list.h"

#include <errno.h>
#include <stdlib.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/table.h"
#include "tools/cli.h"

struct vt_shard_list {
	struct vt_cli *cli;
	json_t *rows;
	struct vt_table by_serial; /* value: the row */
	struct vt_dictionary **dictionaries;
	size_t dictionary_count, dictionary_room;
};

void vt_shard_list_free(struct vt_shard_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->dictionary_count; i++)
		vt_dictionary_free(list->dictionaries[i]);
	free(list->dictionaries);
	vt_table_done(&list->by_serial);
	json_decref(list->rows);
	free(list);
}

static int keep_row(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	struct vt_shard_list *list = context;

	(void) blob;
	(void) blob_len;
	if (json_array_append(list->rows, (json_t *) row) < 0 ||
	    vt_table_reserve(&list->by_serial, 1) < 0)
		return -ENOMEM;
	vt_table_put(&list->by_serial,
		     (struct vt_row){.id = (uint32_t) vt_json_count(row, "serial"), .value = row});
	return 0;
}

int vt_shard_list_ask(struct vt_cli *cli, struct vt_shard_list **out, struct vt_error *err)
{
	vt_cleanup(vt_shard_list_freep) struct vt_shard_list *list = calloc(1, sizeof *list);
	struct vt_call call = {.op = "verify.shards", .row = keep_row, .context = list};
	int r;

	if (!list)
		return vt_fail(err, ENOMEM, "no memory for the list of shards");
	list->cli = cli;
	list->rows = json_array();
	r = vt_cli_call_anew(cli, &call, NULL, err);
	if (r < 0)
		return r;
	*out = vt_steal(&list);
	return 0;
}

size_t vt_shard_list_count(const struct vt_shard_list *list)
{
	return json_array_size(list->rows);
}

uint64_t vt_shard_list_bytes(const struct vt_shard_list *list)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < vt_shard_list_count(list); i++)
		bytes += vt_shard_list_at(list, i).size;
	return bytes;
}

static struct vt_listed_shard read_row(const json_t *row)
{
	return (struct vt_listed_shard){
		.serial = (uint32_t) vt_json_count(row, "serial"),
		.dictionary = (uint32_t) vt_json_count(row, "dictionary"),
		.size = (uint64_t) vt_json_count(row, "size"),
		.uuid = vt_json_text(row, "uuid", ""),
		.path = vt_json_text(row, "path", ""),
		.digest = vt_json_text(row, "digest", ""),
	};
}

struct vt_listed_shard vt_shard_list_at(const struct vt_shard_list *list, size_t i)
{
	return read_row(json_array_get(list->rows, i));
}

int vt_shard_list_find(const struct vt_shard_list *list, uint32_t serial,
		       struct vt_listed_shard *out)
{
	const struct vt_row *row = vt_table_find(&list->by_serial, serial);

	if (!row)
		return -ENOENT;
	*out = read_row(row->value);
	return 0;
}

static int count_row(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	size_t *count = context;

	(void) row;
	(void) blob;
	(void) blob_len;
	++*count;
	return 0;
}

int vt_shard_list_has_still(struct vt_shard_list *list, uint32_t serial, struct vt_error *err)
{
	size_t count = 0;
	struct vt_call call = {
		.op = "verify.shards",
		.args = json_pack("{s:I}", "serial", (json_int_t) serial),
		.row = count_row,
		.context = &count,
	};
	int r = vt_cli_call_anew(list->cli, &call, NULL, err);

	return r < 0 ? r : count > 0;
}

static int keep_blob(void *buf, const json_t *row, const void *blob, size_t blob_len)
{
	(void) row;
	vt_buf_put(buf, blob, blob_len);
	return vt_buf_failed(buf) ? -ENOMEM : 0;
}

static int fetch(struct vt_shard_list *list, uint32_t serial, uint32_t id,
		 struct vt_dictionary **out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct vt_call call = {
		.op = "verify.dictionary",
		.args = json_pack("{s:I, s:I}", "serial", (json_int_t) serial, "id",
				  (json_int_t) id),
		.row = keep_blob,
		.context = &bytes,
	};
	int r = vt_cli_call_anew(list->cli, &call, NULL, err);

	return r < 0 ? r : vt_dictionary_new(bytes.data, bytes.len, &(struct vt_compression){0}, out, err);
}

int vt_shard_list_dictionary(struct vt_shard_list *list, uint32_t serial, uint32_t id,
			     const struct vt_dictionary **out, struct vt_error *err)
{
	int r;

	for (size_t i = 0; i < list->dictionary_count; i++)
		if (vt_dictionary_id(list->dictionaries[i]) == id) {
			*out = list->dictionaries[i];
			return 0;
		}
	if (vt_array_reserve(list->dictionaries, list->dictionary_room,
			     list->dictionary_count + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory for a dictionary");
	r = fetch(list, serial, id, &list->dictionaries[list->dictionary_count], err);
	if (r == 0)
		*out = list->dictionaries[list->dictionary_count++];
	return r;
}
