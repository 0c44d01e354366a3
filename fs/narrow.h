/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one way access shrinks: commit durably, refuse and drain older work, have the kernel drop
 * what it cached, and only then return. "Done" means done: open descriptors and mappings fail.
 *
 * Call from a thread that answers no FUSE request and holds no lock.
 */
#include <stdint.h>

struct vt_error;
struct vt_service;

int vt_narrow_withdraw(struct vt_service *service, uint32_t version, const char *reason,
		       struct vt_error *err);
int vt_narrow_remove(struct vt_service *service, uint32_t version, struct vt_error *err);
int vt_narrow_remove_dataset(struct vt_service *service, uint32_t dataset, struct vt_error *err);
