/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See request.h. Lock order: one slot's lock at a time, then those of finding a version; a reply is
 * written under no lock. A request
 * that somebody else answers is kept alive by a reference until that reply is out.
 */
#include "fs/request.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/node.h"
#include "fs/session.h"
#include "fs/views.h"
#include "index/base/clock.h"
#include "index/import.h"

/*
 * One goes from PENDING to ANSWERING and is ended, by its handler; or from PENDING to LATE and
 * ANSWERED by who could not wait for that, before or after its handler ends it.
 */
enum { PENDING, ANSWERING, LATE, ANSWERED };

void vt_request_table_init(struct vt_request_table *table)
{
	for (unsigned i = 0; i < VT_REQUEST_SLOTS; i++) {
		(void) pthread_mutex_init(&table->slots[i].lock, NULL);
		table->slots[i].first = NULL;
	}
}

struct vt_request *vt_request_begin(struct vt_request_table *table, struct vt_session *session,
				    fuse_req_t req, uint64_t id, enum vt_op_class op_class,
				    vt_request_run *run)
{
	static atomic_uint turn;
	struct vt_request *request = malloc(sizeof *request);
	const struct fuse_ctx *context;

	if (!request) {
		(void) fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	context = fuse_req_ctx(req);
	request->session = session;
	request->req = req;
	request->id = id;
	request->run = run;
	request->uid = context->uid;
	request->subject = (struct vt_subject){context->uid, context->gid, context->pid};
	if (session->plan->kind == VT_MOUNT_PRIVATE)
		request->subject.uid = session->plan->user;
	request->op_class = op_class;
	request->dataset = 0;
	request->begun_ns = vt_clock_monotonic_ns();
	request->slot =
		atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % VT_REQUEST_SLOTS;
	atomic_init(&request->state, PENDING);
	atomic_init(&request->refs, 1);

	(void) pthread_mutex_lock(&table->slots[request->slot].lock);
	request->prev = NULL;
	request->next = table->slots[request->slot].first;
	if (request->next)
		request->next->prev = request;
	table->slots[request->slot].first = request;
	(void) pthread_mutex_unlock(&table->slots[request->slot].lock);
	return request;
}

static bool claim_as(struct vt_request *request, int state)
{
	int expected = PENDING;

	return atomic_compare_exchange_strong(&request->state, &expected, state);
}

bool vt_request_claim(struct vt_request *request)
{
	return claim_as(request, ANSWERING);
}

bool vt_request_is_pending(const struct vt_request *request)
{
	return request->state == PENDING;
}

static void unref(struct vt_request *request)
{
	if (atomic_fetch_sub(&request->refs, 1) == 1)
		free(request);
}

static void count(const struct vt_request *request)
{
	vt_count_answer(request->session->service->counters, request->op_class,
			request->subject.uid, vt_clock_monotonic_ns() - request->begun_ns);
}

void vt_request_end(struct vt_request_table *table, struct vt_request *request)
{
	if (request->state == ANSWERING)
		count(request);
	(void) pthread_mutex_lock(&table->slots[request->slot].lock);
	if (request->prev)
		request->prev->next = request->next;
	else
		table->slots[request->slot].first = request->next;
	if (request->next)
		request->next->prev = request->prev;
	(void) pthread_mutex_unlock(&table->slots[request->slot].lock);
	unref(request);
}

static bool concerns(const struct vt_request *request, enum vt_request_kind kind)
{
	struct vt_catalog *catalog = request->session->service->index->catalog;
	vt_cleanup(vt_view_unrefp) struct vt_view *view = NULL;
	const struct vt_version *version;
	int r;

	if (kind == VT_REQUEST_ANY)
		return true;
	if (!vt_node_exhibit(request->id))
		return false;
	r = vt_view_has_id(request->id) ? vt_views_resolve(request->session->views, catalog,
							   request->id, &view, &version)
					: vt_exhibits_version(request->session->exhibits, catalog,
							      request->id, &version);
	if (r == 0)
		vt_version_unref(version);
	return r < 0;
}

/* Claims one late request of a slot and returns it with a reference, or NULL. */
static struct vt_request *claim_late(struct vt_request_table *table, unsigned slot,
				     enum vt_request_kind kind, uint64_t now_ns)
{
	struct vt_request *request;

	(void) pthread_mutex_lock(&table->slots[slot].lock);
	for (request = table->slots[slot].first; request; request = request->next)
		if (request->begun_ns + VT_REQUEST_DEADLINE_NS <= now_ns &&
		    concerns(request, kind) && claim_as(request, LATE)) {
			request->refs++;
			break;
		}
	(void) pthread_mutex_unlock(&table->slots[slot].lock);
	return request;
}

size_t vt_request_answer_late(struct vt_request_table *table, enum vt_request_kind kind,
			      uint64_t now_ns, int error)
{
	struct vt_request *request;

	for (unsigned slot = 0; slot < VT_REQUEST_SLOTS; slot++)
		while ((request = claim_late(table, slot, kind, now_ns))) {
			(void) fuse_reply_err(request->req, error);
			count(request);
			request->state = ANSWERED;
			unref(request);
		}
	return vt_request_pending(table, kind);
}

size_t vt_request_pending(struct vt_request_table *table, enum vt_request_kind kind)
{
	size_t pending = 0;

	for (unsigned slot = 0; slot < VT_REQUEST_SLOTS; slot++) {
		(void) pthread_mutex_lock(&table->slots[slot].lock);
		for (struct vt_request *r = table->slots[slot].first; r; r = r->next)
			pending += r->state != ANSWERED && concerns(r, kind);
		(void) pthread_mutex_unlock(&table->slots[slot].lock);
	}
	return pending;
}

bool vt_request_table_is_empty(struct vt_request_table *table)
{
	bool empty = true;

	for (unsigned slot = 0; slot < VT_REQUEST_SLOTS; slot++) {
		(void) pthread_mutex_lock(&table->slots[slot].lock);
		empty = empty && !table->slots[slot].first;
		(void) pthread_mutex_unlock(&table->slots[slot].lock);
	}
	return empty;
}
