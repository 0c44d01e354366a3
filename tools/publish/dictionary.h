/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A dataset's first publish makes a dictionary from a sample of its small files, before any of them
 * is stored. From an archive the sample is what comes first, held back until it is enough; from
 * directories it is spread evenly over all small files.
 *
 * One thread at a time.
 */
#include "tools/publish/bundle.h"

#define VT_SAMPLE_MAX   (4u << 20) /* bytes */
#define VT_SAMPLE_FILES 256u       /* less is not worth a dictionary */
#define VT_SAMPLE_BYTES (256u << 10)

struct vt_dictionary_sample;

int vt_dictionary_sample_new(struct vt_publish_context *context, struct vt_dictionary_sample **out,
			     struct vt_error *err);
void vt_dictionary_sample_free(struct vt_dictionary_sample *sample); /* frees held bundles */
VT_DEFINE_CLEANUP(struct vt_dictionary_sample, vt_dictionary_sample_free);

/* Takes the bundle. 1: it was the last, all have been released; 0: it wants more. */
int vt_dictionary_sample_hold(struct vt_dictionary_sample *sample, struct vt_bundle *bundle,
			      struct vt_error *err);
/* Makes the dictionary if there is enough for one, then submits what was held. */
int vt_dictionary_sample_release(struct vt_dictionary_sample *sample, struct vt_error *err);
/* A file's bytes as part of the sample. */
int vt_dictionary_sample_add(struct vt_dictionary_sample *sample, const void *data, size_t len,
			     struct vt_error *err);
