/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A FUSE request under way. It may be answered by its handler, by the deadline, or by a narrowing
 * that cannot wait for it; the reply token sees to it that this happens once. The table of requests
 * is what a narrowing drains: a request is entered before its exhibit is checked and leaves after
 * its reply, so a request that is not in the table after the flip has either been answered or will
 * see the flip.
 *
 * Thread-safe.
 */
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/counters.h"
#include "fs/io_pool.h"
#include "index/entry.h"
#include "policy/subject.h"

struct vt_session;
struct vt_request;

#define VT_REQUEST_DEADLINE_NS (30ull * 1000 * 1000 * 1000) /* then EIO */

/* 0: answered, or a reply will come from elsewhere; -EAGAIN: would wait; else the errno to reply.
 */
typedef int vt_request_run(struct vt_request *request, bool nowait);

struct vt_request {
	struct vt_io_task task; /* first */
	struct vt_session *session;
	fuse_req_t req;
	uint64_t id;               /* of the node asked about */
	struct vt_subject subject; /* as whom it is judged: a private mount's user */
	uid_t uid;                 /* of the process that asks */
	vt_request_run *run;
	enum vt_op_class op_class;
	uint64_t begun_ns; /* CLOCK_MONOTONIC */
	uint32_t dataset;  /* of the file that is read; 0: not known, or none */

	/* arguments, as the operation has them */
	char name[VT_NAME_LEN_MAX + 1]; /* lookup, xattr */
	size_t size;
	off_t offset;
	uint64_t handle; /* read, where OPEN is asked */
	int whence;
	bool plus;

	/* private */
	atomic_int state;
	atomic_uint refs;
	struct vt_request *prev, *next; /* guarded by the table's lock */
	unsigned slot;
};

enum vt_request_kind {
	VT_REQUEST_ANY,
	VT_REQUEST_DEAD, /* on an id that is not live any more */
};

#define VT_REQUEST_SLOTS 8u
struct vt_request_table {
	struct {
		pthread_mutex_t lock;
		struct vt_request *first;
	} slots[VT_REQUEST_SLOTS];
};
void vt_request_table_init(struct vt_request_table *table);

/* Makes and enters a request. NULL when memory is short: answered with ENOMEM already. */
struct vt_request *vt_request_begin(struct vt_request_table *table, struct vt_session *session,
				    fuse_req_t req, uint64_t id, enum vt_op_class op_class,
				    vt_request_run *run);

/* True for the one caller that may reply. Follow with the fuse_reply_*(), then vt_request_end(). */
bool vt_request_claim(struct vt_request *request);
/* False when somebody replied: what it asks for is not needed any more. */
bool vt_request_is_pending(const struct vt_request *request);
/* The handler is done with it, whoever replied. */
void vt_request_end(struct vt_request_table *table, struct vt_request *request);

/*
 * Answers with `error` what is still pending, of the kind asked for, and has its deadline before
 * `now_ns`. The number that remain in the table and are not answered yet (some other thread is
 * replying at this moment).
 */
size_t vt_request_answer_late(struct vt_request_table *table, enum vt_request_kind kind,
			      uint64_t now_ns, int error);
bool vt_request_table_is_empty(struct vt_request_table *table);
/* Requests of the kind that are not answered yet. */
size_t vt_request_pending(struct vt_request_table *table, enum vt_request_kind kind);
