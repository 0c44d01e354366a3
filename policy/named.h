/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Whom a policy names: the users and groups about whom a question can have an answer of its own. */
#include "policy/evaluate.h"

struct vt_ids {
	uint32_t *ids; /* ascending, each once, once vt_ids_sort() was called; owned */
	size_t count, cap;
};

void vt_ids_done(struct vt_ids *ids);
int vt_ids_add(struct vt_ids *ids, uint32_t id); /* 0, -ENOMEM */
void vt_ids_sort(struct vt_ids *ids);

/*
 * Adds uids and gids of rules, leases and the members of partners that rules name; sorts. Whatever
 * uid and gid is not among them is decided like any other. -ENOMEM.
 */
int vt_policy_named(const struct vt_policy *policy, struct vt_ids *users, struct vt_ids *groups);

/* A uid that nobody has: what it may, everybody may. */
#define VT_UID_NOBODYS 0xfffffffeu
