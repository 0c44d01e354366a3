/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store whose writes fail with `write_fails` (an errno; 0: they do not) before anything is
 * written. For programs linked with the dependency `failing_write` of tests/unit/meson.build.
 */
#include "index/base/error.h"
#include "index/store.h"

static int write_fails;

int __real_vt_store_write(struct vt_store *into, struct vt_batch *batch, bool sync,
			  struct vt_error *e);
int __wrap_vt_store_write(struct vt_store *into, struct vt_batch *batch, bool sync,
			  struct vt_error *e);

int __wrap_vt_store_write(struct vt_store *into, struct vt_batch *batch, bool sync,
			  struct vt_error *e)
{
	if (write_fails)
		return vt_fail(e, write_fails, "a test's disk refuses: %m");
	return __real_vt_store_write(into, batch, sync, e);
}
