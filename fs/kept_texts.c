/* SPDX-License-Identifier: Apache-2.0 */
/* See kept_texts.h. A list, the one asked for last first. */
#include "fs/kept_texts.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct kept {
	uint64_t of; /* 0: none */
	enum vt_kept_kind kind;
	struct vt_buf text;
};

struct vt_kept_texts {
	pthread_mutex_t lock;
	struct kept list[VT_KEPT_TEXTS]; /* guarded by lock */
};

struct vt_kept_texts *vt_kept_texts_new(void)
{
	struct vt_kept_texts *texts = calloc(1, sizeof *texts);

	if (texts)
		(void) pthread_mutex_init(&texts->lock, NULL);
	return texts;
}

void vt_kept_texts_free(struct vt_kept_texts *texts)
{
	if (!texts)
		return;
	for (size_t i = 0; i < VT_KEPT_TEXTS; i++)
		vt_buf_done(&texts->list[i].text);
	(void) pthread_mutex_destroy(&texts->lock);
	free(texts);
}

/* Puts it in front of those before `at`, in place of what was there. */
static void put_first(struct vt_kept_texts *texts, size_t at, struct kept kept)
{
	memmove(&texts->list[1], &texts->list[0], at * sizeof kept);
	texts->list[0] = kept;
}

bool vt_kept_texts_find(struct vt_kept_texts *texts, uint64_t of, enum vt_kept_kind kind,
			struct vt_buf *out)
{
	bool found = false;

	(void) pthread_mutex_lock(&texts->lock);
	for (size_t i = 0; i < VT_KEPT_TEXTS && !found; i++)
		if (texts->list[i].of == of && texts->list[i].kind == kind) {
			put_first(texts, i, texts->list[i]);
			vt_buf_put(out, texts->list[0].text.data, texts->list[0].text.len);
			found = true;
		}
	(void) pthread_mutex_unlock(&texts->lock);
	return found;
}

void vt_kept_texts_keep(struct vt_kept_texts *texts, uint64_t of, enum vt_kept_kind kind,
			struct vt_buf text)
{
	(void) pthread_mutex_lock(&texts->lock);
	vt_buf_done(&texts->list[VT_KEPT_TEXTS - 1].text);
	put_first(texts, VT_KEPT_TEXTS - 1, (struct kept){of, kind, text});
	(void) pthread_mutex_unlock(&texts->lock);
}
