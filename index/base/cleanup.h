/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Freeing at the end of a scope (GCC's and clang's cleanup attribute), as in systemd and composefs.
 *
 *     vt_cleanup(vt_shard_closep) struct vt_shard *shard = NULL;
 *     vt_autofree char *path = NULL;
 *     vt_autoclose int fd = -1;
 *     *out = vt_steal(&shard);        hands over: `shard` is NULL afterwards
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define vt_cleanup(fn) __attribute__((cleanup(fn)))

static inline void vt_cleanup_free(void *p)
{
	free(*(void **) p);
}

/* Keeps errno: it often runs between a failing call and the code that looks at it. */
static inline void vt_cleanup_close(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void) close(*fd);
	errno = saved;
}

static inline void vt_cleanup_fclose(FILE **file)
{
	if (*file)
		(void) fclose(*file);
}

#define vt_autofree   vt_cleanup(vt_cleanup_free)
#define vt_autoclose  vt_cleanup(vt_cleanup_close)
#define vt_autofclose vt_cleanup(vt_cleanup_fclose)

#define vt_steal(pointer)                                                                          \
	__extension__({                                                                            \
		__typeof__(pointer) vt_place_ = (pointer);                                         \
		__typeof__(*vt_place_) vt_value_ = *vt_place_;                                     \
		*vt_place_ = NULL;                                                                 \
		vt_value_;                                                                         \
	})

static inline int vt_steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

/* Defines `name`p, the cleanup function for a pointer freed by `name`. */
#define VT_DEFINE_CLEANUP(type, name)                                                              \
	static inline void name##p(type **p)                                                       \
	{                                                                                          \
		name(*p);                                                                          \
	}                                                                                          \
	struct vt_require_semicolon
