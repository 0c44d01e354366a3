/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which program serves stores. The libraries of a store take longer to load than most commands take
 * to be answered, so what people call is a client without them; it starts, and passes on to,
 * another program (tools/client.c).
 */
#include <limits.h>

struct vt_error;

#define VT_PROGRAM_NAME "vitrine-store"

/* Said once by a client, before any thread is started: this program does not serve. */
void vt_program_set_client(void);

/* The folder of the program that runs. */
int vt_program_folder(char path[PATH_MAX], struct vt_error *err);

/*
 * The program that serves: the one that runs, also when its file was replaced; of a client the one
 * that was installed, or built, with it, found by the place of its own file and never by PATH.
 */
int vt_program_find(char path[PATH_MAX], struct vt_error *err);
