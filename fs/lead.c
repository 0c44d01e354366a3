/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See lead.h. Each noted file has the sum of the bytes up to its end, so that how far readers have
 * come is one number. One lock for all: it is taken when somebody is ahead, and then by reads that
 * begin a file.
 */
#include "fs/lead.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "fs/deadline.h"
#include "fs/hash.h"
#include "index/base/error.h"
#include "index/digest.h"

struct noted {
	struct vt_digest content;
	uint64_t end; /* bytes of the files up to it, and its own */
	UT_hash_handle hh;
};

struct vt_lead {
	struct vt_leads *leads;
	uint32_t uid;
	struct vt_lead *next;
	/* guarded by leads->lock: */
	struct noted *files;    /* in the order they were noted */
	uint64_t noted, passed; /* bytes */
	unsigned strangers;     /* reads since the last that was of a noted file */
};

struct vt_leads {
	pthread_mutex_t lock;
	pthread_cond_t passed;
	atomic_uint count;     /* written under the lock */
	struct vt_lead *first; /* guarded by lock */
};

struct vt_leads *vt_leads_new(void)
{
	struct vt_leads *leads = calloc(1, sizeof *leads);

	if (!leads)
		return NULL;
	(void) pthread_mutex_init(&leads->lock, NULL);
	vt_cond_init(&leads->passed);
	return leads;
}

void vt_leads_free(struct vt_leads *leads)
{
	if (!leads)
		return;
	(void) pthread_cond_destroy(&leads->passed);
	(void) pthread_mutex_destroy(&leads->lock);
	free(leads);
}

/* ---- who is ahead ---------------------------------------------------------------------------- */

static unsigned count_of(const struct vt_leads *leads, uint32_t uid)
{
	unsigned count = 0;

	for (const struct vt_lead *lead = leads->first; lead; lead = lead->next)
		count += lead->uid == uid;
	return count;
}

int vt_lead_begin(struct vt_leads *leads, uint32_t uid, struct vt_lead **out, struct vt_error *err)
{
	struct vt_lead *lead = calloc(1, sizeof *lead);
	bool room;

	if (!lead)
		return vt_fail(err, ENOMEM, "no memory to go ahead of readers");
	*lead = (struct vt_lead){.leads = leads, .uid = uid};
	(void) pthread_mutex_lock(&leads->lock);
	room = leads->count < VT_LEADS_MAX && count_of(leads, uid) < VT_LEADS_USER_MAX;
	if (room) {
		lead->next = leads->first;
		leads->first = lead;
		leads->count++;
	}
	(void) pthread_mutex_unlock(&leads->lock);
	if (room) {
		*out = lead;
		return 0;
	}
	free(lead);
	return vt_fail(
		err, EAGAIN,
		"files are brought ahead of readers in %u orders at once at most, in %u of one "
		"user; end another or try again later",
		VT_LEADS_MAX, VT_LEADS_USER_MAX);
}

/* Forgets the files up to so many bytes. */
static void forget(struct vt_lead *lead, uint64_t end)
{
	struct noted *file, *next;

	HASH_ITER (hh, lead->files, file, next) {
		if (file->end > end)
			return;
		HASH_DEL(lead->files, file);
		free(file);
	}
}

void vt_lead_end(struct vt_lead *lead)
{
	if (!lead)
		return;
	(void) pthread_mutex_lock(&lead->leads->lock);
	for (struct vt_lead **at = &lead->leads->first; *at; at = &(*at)->next)
		if (*at == lead) {
			*at = lead->next;
			break;
		}
	lead->leads->count--;
	forget(lead, UINT64_MAX);
	(void) pthread_mutex_unlock(&lead->leads->lock);
	free(lead);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Content that is noted already stays where it comes first. */
static int note_file(struct vt_lead *lead, const struct vt_digest *content)
{
	struct noted *file;

	HASH_FIND(hh, lead->files, content, sizeof *content, file);
	if (file)
		return 0;
	file = malloc(sizeof *file);
	if (!file)
		return -ENOMEM;
	file->content = *content;
	file->end = lead->noted;
	HASH_ADD(hh, lead->files, content, sizeof file->content, file);
	if (file->hh.tbl)
		return 0;
	free(file);
	return -ENOMEM;
}

int vt_lead_add(struct vt_lead *lead, const struct vt_digest *content, uint64_t bytes,
		struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&lead->leads->lock);
	lead->noted += bytes;
	forget(lead, lead->passed);
	r = note_file(lead, content);
	(void) pthread_mutex_unlock(&lead->leads->lock);
	return r < 0 ? vt_fail(err, ENOMEM, "no memory to go ahead of readers") : 0;
}

static bool has_room(struct vt_lead *lead, uint64_t most)
{
	forget(lead, lead->passed);
	return lead->noted - lead->passed <= most && HASH_COUNT(lead->files) < VT_LEAD_FILES_MAX;
}

bool vt_lead_wait(struct vt_lead *lead, uint64_t most, unsigned timeout_ms)
{
	const struct timespec until = vt_deadline_in(timeout_ms);
	bool room;
	int r = 0;

	(void) pthread_mutex_lock(&lead->leads->lock);
	while (!(room = has_room(lead, most)) && r == 0)
		r = pthread_cond_timedwait(&lead->leads->passed, &lead->leads->lock, &until);
	(void) pthread_mutex_unlock(&lead->leads->lock);
	return room;
}

/* ---- readers --------------------------------------------------------------------------------- */

/* Did it pass files? */
static bool note_read(struct vt_lead *lead, const struct vt_digest *content)
{
	struct noted *file;
	uint64_t before = lead->passed;

	HASH_FIND(hh, lead->files, content, sizeof *content, file);
	if (file) {
		lead->strangers = 0;
		if (file->end > lead->passed)
			lead->passed = file->end;
	} else if (++lead->strangers == VT_LEAD_STRANGERS) {
		lead->strangers = 0;
		lead->passed = lead->noted;
	}
	return lead->passed != before;
}

void vt_leads_note(struct vt_leads *leads, const struct vt_digest *content)
{
	bool passed = false;

	/* One that is only just beginning may miss a read. */
	if (atomic_load_explicit(&leads->count, memory_order_relaxed) == 0)
		return;
	(void) pthread_mutex_lock(&leads->lock);
	for (struct vt_lead *lead = leads->first; lead; lead = lead->next)
		passed |= note_read(lead, content);
	if (passed)
		(void) pthread_cond_broadcast(&leads->passed);
	(void) pthread_mutex_unlock(&leads->lock);
}
