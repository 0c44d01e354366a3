/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels between a command and the server (fs/requests.md, "Labels"): those of a version come as
 * rows; changes go file by file and become a revision together, or not at all. One thread.
 */
#include <jansson.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/label_line.h"

struct vt_cli;
struct vt_error;
struct vt_target;

/* All labels of a version, or of the file that the target names, in walk order. */
typedef int vt_label_each(void *context, const struct vt_label_row *row, struct vt_error *err);
int vt_labels_receive(struct vt_cli *cli, const struct vt_target *target, vt_label_each *each,
		      void *context, struct vt_error *err);

/*
 * What is not taken: a file that is not there, or a label that the dataset's schema does not allow.
 * `origin` is what was given with it. A negative result ends the sending; else the rest is taken.
 */
enum vt_labels_refusal { VT_LABELS_ABSENT, VT_LABELS_OUTSIDE };
typedef int vt_labels_refused(void *context, enum vt_labels_refusal why, uint64_t origin,
			      const char *sentence, struct vt_error *err);

struct vt_label_sender {
	struct vt_cli *cli; /* borrowed */
	vt_labels_refused *refused;
	void *context;
	/* private */
	struct vt_buf blob, rows;
	struct vt_buf origins, files; /* of what is in the blob: u64 a row; u32 a file, its first */
	struct vt_label_placed *placed; /* to sort the rows of a file with their origins */
	size_t room;
	struct vt_error *err;
	int failed;
};

/*
 * Begins a revision of the target's version. It lives on the connection: without commit() it comes
 * to nothing. `sender` has `cli`, `refused` and `context` set, and zeros. The target's version
 * becomes the one that is revised, which is not always the one that was named: its newest revision.
 */
int vt_label_sender_begin(struct vt_label_sender *sender, struct vt_target *target,
			  struct vt_error *err);
void vt_label_sender_done(struct vt_label_sender *sender);

/*
 * The labels of one file, in any order; files come in walk order (vt_label_path_compare()). `set`:
 * in place of those it has. `origins`, one a label: where they came from; NULL is 0 for all.
 * Borrowed until the call returns, and in another order then.
 */
int vt_label_sender_put(struct vt_label_sender *sender, struct vt_label_text path, bool set,
			struct vt_label *labels, const uint64_t *origins, size_t count,
			struct vt_error *err);
/* What was not sent yet. */
int vt_label_sender_flush(struct vt_label_sender *sender, struct vt_error *err);
/* `*result`: the row of the new version, or {same: true, version} if nothing differs. */
int vt_label_sender_commit(struct vt_label_sender *sender, const char *message, const char *author,
			   json_t **result, struct vt_error *err);
