/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The programs Vitrine is made of. The libraries of a store take longer to load than most commands
 * take to be answered, so what people call is a client without them; it starts the one that serves,
 * and passes commands on. Archives are read by a third, so that a server has no reader of theirs.
 */
#include <limits.h>

struct vt_error;

enum vt_program {
	VT_PROGRAM_CLIENT,  /* vitrine */
	VT_PROGRAM_STORE,   /* vitrine-store: the server and its keeper */
	VT_PROGRAM_PUBLISH, /* vitrine-publish */
};

/* Said once, before any thread is started, by a program that is not VT_PROGRAM_STORE. */
void vt_program_set(enum vt_program self);

/* The folder of the program that runs. */
int vt_program_folder(char path[PATH_MAX], struct vt_error *err);

/*
 * A program but the client: the one that runs, also when its file was replaced, or else the one
 * that was installed, or built, with it, found by the place of its own file and never by PATH.
 */
int vt_program_find(enum vt_program program, char path[PATH_MAX], struct vt_error *err);
