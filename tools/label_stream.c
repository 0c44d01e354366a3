/* SPDX-License-Identifier: Apache-2.0 */
/* See label_stream.h. */
#include "tools/label_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/label_block.h"
#include "tools/cli.h"
#include "tools/target.h"

#define SEND_BYTES     (1u << 20)
#define FILE_BYTES_MAX (3u << 20) /* a message holds 4 MiB */

/* ---- receiving ------------------------------------------------------------------------------- */

struct receiver {
	vt_label_each *each;
	void *context;
	struct vt_error *err;
	int failed; /* what ended it */
};

static int too_little_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for labels");
}

static int damaged(struct vt_error *err)
{
	return vt_fail(err, EPROTO, "the server sent what are no labels");
}

static int take_row(struct receiver *receiver, struct vt_reader *reader)
{
	struct vt_label_row row;
	struct vt_label_block_reader label;
	struct vt_reader ahead;
	const void *bytes;
	size_t len;

	row.path.len = vt_reader_le16(reader);
	row.path.bytes = vt_reader_get(reader, row.path.len);
	ahead = *reader;
	len = sizeof(uint32_t) + vt_reader_le32(&ahead);
	bytes = vt_reader_get(reader, len);
	if (reader->failed || vt_label_block_problem(bytes, len, 1))
		return damaged(receiver->err);
	label = vt_label_block_reader_over(bytes, len);
	(void) vt_label_block_next(&label, &row.label);
	return receiver->each(receiver->context, &row, receiver->err);
}

static int take_blob(void *context, const json_t *row, const void *blob, size_t len)
{
	struct receiver *receiver = context;
	struct vt_reader reader = vt_reader_over(blob, len);

	(void) row;
	while (vt_reader_left(&reader) > 0 && receiver->failed == 0)
		receiver->failed = take_row(receiver, &reader);
	return receiver->failed;
}

int vt_labels_receive(struct vt_cli *cli, const struct vt_target *target, vt_label_each *each,
		      void *context, struct vt_error *err)
{
	struct vt_error why = {0};
	struct receiver receiver = {.each = each, .context = context, .err = &why};
	int r = vt_cli_call(cli, "labels", vt_target_args(target), take_blob, &receiver, NULL, err);

	if (receiver.failed == 0)
		return r;
	if (err)
		*err = why;
	return receiver.failed;
}

/* ---- sending --------------------------------------------------------------------------------- */

int vt_label_sender_begin(struct vt_label_sender *sender, struct vt_target *target,
			  struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_target version = *target;
	int r;

	version.path = NULL;
	r = vt_cli_call(sender->cli, "label.begin", vt_target_args(&version), NULL, NULL, &result,
			err);
	if (r == 0)
		(void) snprintf(target->version, sizeof target->version, "%s",
				vt_json_text(result, "parent", ""));
	return r;
}

void vt_label_sender_done(struct vt_label_sender *sender)
{
	vt_buf_done(&sender->blob);
	vt_buf_done(&sender->rows);
	vt_buf_done(&sender->origins);
	vt_buf_done(&sender->files);
	free(sender->placed);
}

/* The integer at a place in a list of them; false: the list is shorter. */
static bool list_at(const struct vt_buf *list, uint64_t place, size_t width, uint64_t *out)
{
	struct vt_reader reader = vt_reader_over(list->data, list->len);

	if (place >= list->len / width)
		return false;
	(void) vt_reader_get(&reader, (size_t) place * width);
	*out = width == sizeof(uint64_t) ? vt_reader_le64(&reader) : vt_reader_le32(&reader);
	return true;
}

/* Of a file, that of its first row; without rows it came from nowhere. */
static bool find_origin(const struct vt_label_sender *sender, const json_t *refusal, uint64_t *out)
{
	uint64_t first, row = (uint64_t) vt_json_count(refusal, "row");

	if (!list_at(&sender->files, (uint64_t) vt_json_count(refusal, "file"), sizeof(uint32_t),
		     &first))
		return false;
	*out = 0;
	return list_at(&sender->origins, first + row, sizeof(uint64_t), out) ||
	       !json_object_get(refusal, "row");
}

static int note_refusal(void *context, const json_t *row, const void *blob, size_t len)
{
	struct vt_label_sender *sender = context;
	uint64_t origin;

	(void) blob;
	(void) len;
	if (!find_origin(sender, row, &origin))
		return sender->failed = vt_fail(sender->err, EPROTO,
						"the server speaks of a label it was not sent");
	sender->failed = sender->refused(
		sender->context, json_object_get(row, "row") ? VT_LABELS_OUTSIDE : VT_LABELS_ABSENT,
		origin, vt_json_text(row, "text", ""), sender->err);
	return sender->failed;
}

int vt_label_sender_flush(struct vt_label_sender *sender, struct vt_error *err)
{
	const struct vt_call call = {.op = "label.rows",
				     .args = json_object(),
				     .blob = sender->blob.data,
				     .blob_len = sender->blob.len,
				     .row = note_refusal,
				     .context = sender};
	struct vt_error why = {0};
	int r;

	if (vt_buf_failed(&sender->blob) || vt_buf_failed(&sender->origins) ||
	    vt_buf_failed(&sender->files) || !call.args) {
		json_decref(call.args);
		return too_little_memory(err);
	}
	if (sender->blob.len == 0) {
		json_decref(call.args);
		return 0;
	}
	sender->err = &why;
	r = vt_client_call(sender->cli->client, &call, NULL, err);
	vt_buf_reset(&sender->blob);
	vt_buf_reset(&sender->origins);
	vt_buf_reset(&sender->files);
	if (sender->failed == 0)
		return r;
	if (err)
		*err = why;
	return sender->failed;
}

struct vt_label_placed {
	struct vt_label label;
	uint64_t origin;
};

static int by_order(const void *a, const void *b)
{
	const struct vt_label_placed *x = a, *y = b;

	return vt_label_compare(&x->label, &y->label);
}

static int place(struct vt_label_sender *sender, const struct vt_label *labels,
		 const uint64_t *origins, size_t count, struct vt_error *err)
{
	const char *problem = NULL;

	if (vt_array_reserve(sender->placed, sender->room, count) < 0)
		return too_little_memory(err);
	for (size_t i = 0; i < count && !problem; i++) {
		problem = vt_label_problem(&labels[i]); /* else it cannot be compared */
		sender->placed[i] = (struct vt_label_placed){labels[i], origins[i]};
	}
	return problem ? vt_fail(err, EINVAL, "%s", problem) : 0;
}

/* Brings labels into the order of rows, each once, and their origins into `placed`. */
static int order(struct vt_label_sender *sender, struct vt_label *labels, const uint64_t *origins,
		 size_t *count, struct vt_error *err)
{
	size_t kept = 0;
	int r = place(sender, labels, origins, *count, err);

	if (r < 0)
		return r;
	if (*count > 1)
		qsort(sender->placed, *count, sizeof *sender->placed, by_order);
	for (size_t i = 0; i < *count; i++) {
		struct vt_label_placed placed = sender->placed[i];

		if (kept > 0 && vt_label_compare(&labels[kept - 1], &placed.label) == 0)
			continue;
		labels[kept] = placed.label;
		sender->placed[kept++] = placed;
	}
	*count = kept;
	return 0;
}

static void note_origins(struct vt_label_sender *sender, bool known, size_t count)
{
	vt_buf_put_le32(&sender->files, (uint32_t) (sender->origins.len / sizeof(uint64_t)));
	for (size_t i = 0; i < count; i++)
		vt_buf_put_le64(&sender->origins, known ? sender->placed[i].origin : 0);
}

int vt_label_sender_put(struct vt_label_sender *sender, struct vt_label_text path, bool set,
			struct vt_label *labels, const uint64_t *origins, size_t count,
			struct vt_error *err)
{
	struct vt_buf *blob = &sender->blob;
	int r = origins ? order(sender, labels, origins, &count, err) : 0;

	vt_buf_reset(&sender->rows);
	if (r == 0 && count > 0)
		r = vt_label_block_encode(labels, &count, &sender->rows, err);
	if (r == 0 && sender->rows.len > FILE_BYTES_MAX)
		r = vt_fail(err, E2BIG, "more than %u MiB of labels cannot be sent for one file",
			    FILE_BYTES_MAX >> 20);
	if (r == 0 && blob->len + sender->rows.len > FILE_BYTES_MAX)
		r = vt_label_sender_flush(sender, err);
	if (r < 0)
		return vt_fail_in(err, r, "'%.*s'", (int) path.len, path.bytes);
	note_origins(sender, origins != NULL, count);
	vt_buf_put_le16(blob, (uint16_t) path.len);
	vt_buf_put(blob, path.bytes, path.len);
	vt_buf_put_u8(blob, set ? 2 : 1);
	vt_buf_put_le32(blob, (uint32_t) count);
	vt_buf_put_le32(blob, (uint32_t) sender->rows.len);
	vt_buf_put(blob, sender->rows.data, sender->rows.len);
	return blob->len < SEND_BYTES ? 0 : vt_label_sender_flush(sender, err);
}

int vt_label_sender_commit(struct vt_label_sender *sender, const char *message, const char *author,
			   json_t **result, struct vt_error *err)
{
	int r = vt_label_sender_flush(sender, err);

	return r < 0 ? r
		     : vt_cli_call(sender->cli, "label.commit",
				   json_pack("{s:s, s:s*}", "message", message, "author", author),
				   NULL, NULL, result, err);
}
