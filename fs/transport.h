/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What passes between libfuse and the kernel, message by message: INIT and its answer are kept for
 * a later server, and what an earlier one left is taken up.
 */
struct vt_error;
struct vt_session;

/*
 * Gives the session's descriptor to its libfuse session, both made before, and brings that to where
 * a dead server's was if there was one. Once, before the session's threads.
 */
int vt_transport_begin(struct vt_session *session, struct vt_error *err);

/*
 * From now on nothing is answered any more, on any session: before the end of the process, so that
 * what was answered is all that it has to give an account of. Threads that have an answer wait for
 * ever with it; the next server is asked again. Thread-safe.
 */
void vt_transport_fall_silent(void);
