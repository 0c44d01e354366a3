/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A session's state in a memfd, and versions that are shown in it. */
#include <string.h>
#include <unistd.h>

#include "fs/exhibits.h"
#include "fs/mount.h"
#include "fs/node.h"
#include "fs/session_state.h"
#include "fs/views.h"
#include "index/catalog.h"
#include "tests/unit/suite.h"

static int state_fd = -1;
static struct vt_session_state *state;
static struct vt_exhibits *exhibits;
static struct vt_views *views;

static inline struct vt_version shown_version(uint32_t serial, uint32_t nodes)
{
	struct vt_version version = {.serial = serial, .exhibit = 1000 + serial};

	version.tree.root.nodes = nodes;
	return version;
}

/* A server takes the state up: the first one, or a successor. */
static inline void session_begin(void)
{
	const struct vt_mount_plan plan = {.kind = VT_MOUNT_SHARED};

	if (state_fd < 0)
		state_fd = vt_session_state_new(&plan, NULL);
	ck_assert_int_ge(state_fd, 0);
	ck_assert_int_eq(vt_session_state_open(state_fd, &state, NULL), 0);
	ck_assert_int_eq(vt_exhibits_open(state, &exhibits, NULL), 0);
	ck_assert_int_eq(vt_views_open(state, exhibits, &views, NULL), 0);
}

static inline void session_dies(void)
{
	vt_views_close(views);
	vt_exhibits_close(exhibits);
	vt_session_state_close(state);
}

static inline void session_end(void)
{
	session_dies();
	(void) close(state_fd);
	state_fd = -1;
}

static inline uint64_t note(const struct vt_version *version, uint32_t position)
{
	uint64_t id = vt_exhibits_id(exhibits, version, position);

	ck_assert_int_eq(vt_exhibits_note(exhibits, version, id), 0);
	return id;
}

/* The ids that the kernel must drop. */
struct dead {
	size_t count;
	uint64_t ids[4096];
};

static inline void collect_dead(void *context, uint64_t id)
{
	struct dead *dead = context;

	ck_assert_uint_lt(dead->count, 4096);
	dead->ids[dead->count++] = id;
}

static inline bool is_dead(uint64_t id)
{
	static struct dead dead;

	dead.count = 0;
	vt_exhibits_each_dead(exhibits, collect_dead, &dead);
	for (size_t i = 0; i < dead.count; i++)
		if (dead.ids[i] == id)
			return true;
	return false;
}
