/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The server process of a store, `vitrine server`: it alone has the index open, answers the control
 * socket and serves the mounts. Who gets the index's lock is the server; any other gives way.
 */
#include <stdbool.h>

struct vt_error;

/*
 * Starts a server for the store in `dir` and waits until it listens. With `may` false, and for
 * those who are neither its owner nor root, only says why none is there: -ECONNREFUSED, -EACCES.
 * -ENOENT no store there, -EBUSY another process holds the store (it may be starting or ending).
 */
int vt_server_start(const char *dir, bool may, struct vt_error *err);

/*
 * server --store DIR [--foreground] [--keeper FD], the words before `server` taken off; the exit
 * status. Goes into the background when it listens, unless --foreground or a keeper started it.
 * VITRINE_CACHE: bytes of cache (K, M, G). VITRINE_IDLE_SECONDS: how long it stays without a
 * connection or a mount (60; for ever in the foreground). VITRINE_CONFINE: confine.h.
 */
int vt_server_main(int argc, char **argv);
