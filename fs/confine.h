/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a server takes from itself before it reads anything that others wrote. From then on neither
 * it nor what it executes can change a file outside of its store, look into another process, open a
 * socket of a network, mount, or gain a right by executing a program; whoever takes over the
 * process has no more than that. It cannot be taken back, and every process it starts inherits it:
 * what needs more, the keeper, is started before (keeper_link.h).
 */

struct vt_confinement {
	char holds[128];  /* for people: "no new privileges, landlock 7, ..."; empty: nothing */
	char lacks[1024]; /* what could not be had, and why; empty: nothing */
};

/*
 * Confines this process to the store in `store`, an absolute path. What the kernel does not have is
 * gone without. With VITRINE_CONFINE=no in the environment nothing is done. Before any thread is
 * started: Landlock and capabilities are a thread's.
 */
void vt_confine(const char *store, struct vt_confinement *out);
