/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Root working on somebody's store becomes that user first, for good, and keeps only the capability
 * to read: every file it makes then belongs to the store's owner without any chown. Nothing happens
 * to anybody else. Before any thread starts: capabilities are per thread.
 */
struct vt_error;

int vt_act_as_owner(const char *store, struct vt_error *err);
