/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a process takes from itself before it reads anything that others wrote: a server, and who
 * publishes. From then on neither it nor what it executes can change a file outside of its bounds,
 * look into another process, open a socket of a network, mount, or gain a right by executing a
 * program; whoever takes over the process has no more than that. It cannot be taken back, and every
 * process it starts inherits it: what needs more, the keeper of a server, is started before
 * (keeper_link.h).
 */
#include <stdbool.h>
#include <stddef.h>

/* Paths are followed to what they name now; one of nothing is passed over. */
struct vt_bounds {
	const char *store;           /* may be changed; of a server: absolute */
	const char *scratch;         /* files may be made in it and changed; NULL: in none */
	const char *const *readable; /* besides the system's own files (confine.c) */
	size_t readable_count;
	bool serves; /* executes its own program, and those beside it, and no other */
};

struct vt_confinement {
	char holds[128];  /* for people: "no new privileges, landlock 7, ..."; empty: nothing */
	char lacks[1024]; /* what could not be had, and why; empty: nothing */
};

/*
 * Confines this process. What the kernel does not have is gone without. With VITRINE_CONFINE=no in
 * the environment nothing is done. Before any thread is started: Landlock and capabilities are a
 * thread's.
 */
void vt_confine(const struct vt_bounds *bounds, struct vt_confinement *out);
