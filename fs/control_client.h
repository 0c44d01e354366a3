/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The other end of the control socket: how a command asks the server of a store. Starts the server
 * when none runs. Requests, their arguments and answers: fs/requests.md.
 *
 * A client belongs to one thread at a time.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_client;

/*
 * Connects to the server of the store in `dir`. With `start`, starts one if there is none (as the
 * store's owner; root may start anybody's). -ENOENT no store there, -ECONNREFUSED none runs,
 * -ENOTSUP a server of another protocol version.
 */
int vt_client_connect(const char *dir, bool start, struct vt_client **out, struct vt_error *err);
void vt_client_close(struct vt_client *client);
VT_DEFINE_CLEANUP(struct vt_client, vt_client_close);

/*
 * An answer comes in rows and ends with a result. A row is an object, or bytes, or both. Borrowed
 * until return. Returning non-zero cancels: the connection is then closed.
 */
typedef int vt_client_row(void *context, const json_t *row, const void *blob, size_t blob_len);

/* What goes along with a request. Zeroed members are left out. */
struct vt_call {
	const char *op;
	json_t *args; /* stolen, like jansson's "o": an object; NULL for none */
	const void *blob;
	size_t blob_len;
	int fd;             /* > 0: a descriptor to send */
	vt_client_row *row; /* NULL: rows are dropped */
	void *context;
};

/*
 * Asks and waits for the end. `*result` (may be NULL) is the caller's (json_decref). The server's
 * refusal comes back with its errno and its sentence.
 */
int vt_client_call(struct vt_client *client, const struct vt_call *call, json_t **result,
		   struct vt_error *err);

/*
 * Did the server end, or is it ending, that a publish, labels or a repair was begun with? Then
 * nothing of it is kept, its folder in the store goes, and a failure to use that says little. Asks
 * the server, which removes the folder before it closes the connection.
 */
bool vt_client_has_lost(struct vt_client *client);
