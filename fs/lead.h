/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How far somebody who brings files into memory is ahead of those who read them. The files are
 * noted in the order in which they will be read; a read of one says that it and all before it are
 * passed. So readers may take them a little out of order, and leave some out. Files that the kernel
 * has are read without our seeing it: when many reads in a row are of none that is noted, the
 * readers are taken to be beyond all of them.
 *
 * A file is known by its content, whatever mount, version or view it is read through.
 *
 * Thread-safe; a lead is one thread's.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_digest;
struct vt_error;
struct vt_lead;
struct vt_leads;

struct vt_leads *vt_leads_new(void); /* NULL: no memory */
void vt_leads_free(struct vt_leads *leads);

#define VT_LEADS_MAX      8u     /* at once; */
#define VT_LEADS_USER_MAX 2u     /* of one user */
#define VT_LEAD_FILES_MAX 65536u /* noted at once */
#define VT_LEAD_STRANGERS 256u   /* reads in a row of files that are not noted */

/* -EAGAIN: there are too many. */
int vt_lead_begin(struct vt_leads *leads, uint32_t uid, struct vt_lead **out, struct vt_error *err);
void vt_lead_end(struct vt_lead *lead); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_lead, vt_lead_end);

/* The next file, of so many bytes. */
int vt_lead_add(struct vt_lead *lead, const struct vt_digest *content, uint64_t bytes,
		struct vt_error *err);

/*
 * Waits, at most so long, until no more than `most` bytes are not passed, and there is room for
 * more files. Is it so?
 */
bool vt_lead_wait(struct vt_lead *lead, uint64_t most, unsigned timeout_ms);

/* A file is opened, or its first bytes are read. Costs nothing while nobody is ahead. */
void vt_leads_note(struct vt_leads *leads, const struct vt_digest *content);
