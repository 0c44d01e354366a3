/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every instant at which a server can die. An operation runs in a child, one machine instruction at
 * a time; whenever the session's state changed, it is copied. So the copies are what successors may
 * find, in the order of the stores that were compiled, not of those that were written.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/session_model.h"

#define INSTANTS_MAX 256u
#define WATCHED      4096u /* of each table: tests use its beginning */
#define TABLES       6
#define WATCHED_REST (1u << 16) /* of the bitmaps */

struct instants {
	int fds[INSTANTS_MAX]; /* of states; the last one is after the operation */
	size_t count;
};

struct watched {
	struct vt_session_record record;
	char tables[TABLES][WATCHED], bitmaps[WATCHED_REST];
};

/* What must hold after every instruction, whatever changed; NULL: nothing. */
static void (*holds_always)(void);

static inline void watch(struct watched *out)
{
	const void *tables[TABLES] = {state->versions, state->exhibits, state->burns,
				      state->handles,  state->requests, state->views};
	const char *start = state->map;
	off_t end = (const char *) (state->views + VT_SESSION_VIEWS) - start;

	memset(out, 0, sizeof *out);
	memcpy(&out->record, state->record, sizeof out->record);
	for (int i = 0; i < TABLES; i++)
		memcpy(out->tables[i], tables[i], WATCHED);
	ck_assert_int_ge(pread(state_fd, out->bitmaps, sizeof out->bitmaps, end), 0);
}

static inline void copy_stretch(int from, int to, off_t start, off_t end)
{
	static char buffer[1 << 16];

	for (off_t at = start; at < end;) {
		size_t bytes =
			(size_t) (end - at) < sizeof buffer ? (size_t) (end - at) : sizeof buffer;
		ssize_t r = pread(from, buffer, bytes, at);

		ck_assert_int_gt(r, 0);
		ck_assert_int_eq(pwrite(to, buffer, (size_t) r, at), r);
		at += r;
	}
}

static inline int copy_state(void)
{
	int copy = memfd_create("copy", MFD_CLOEXEC);
	struct stat st;

	ck_assert_int_ge(copy, 0);
	ck_assert_int_eq(fstat(state_fd, &st), 0);
	ck_assert_int_eq(ftruncate(copy, st.st_size), 0);
	for (off_t end = 0, start; (start = lseek(state_fd, end, SEEK_DATA)) >= 0;) {
		end = lseek(state_fd, start, SEEK_HOLE);
		copy_stretch(state_fd, copy, start, end);
	}
	return copy;
}

static inline void add_instant(struct instants *instants)
{
	ck_assert_uint_lt(instants->count, INSTANTS_MAX);
	instants->fds[instants->count++] = copy_state();
}

static inline _Noreturn void run_traced(void (*operation)(void))
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	(void) raise(SIGSTOP);
	operation();
	_exit(0);
}

/* One instruction further; false when the operation is over. */
static inline bool step(pid_t child)
{
	int status;

	ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		ck_assert_int_eq(WEXITSTATUS(status), 0);
	else
		ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	return WIFSTOPPED(status);
}

/* The session must have begun; what is in memory of it is as before the operation. */
static inline void instants_of(void (*operation)(void), struct instants *out)
{
	static struct watched last, now;
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0)
		run_traced(operation);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSTOPPED(status));
	out->count = 0;
	add_instant(out);
	watch(&last);
	while (step(child)) {
		if (holds_always)
			holds_always();
		watch(&now);
		if (memcmp(&last, &now, sizeof now) == 0)
			continue;
		add_instant(out);
		last = now;
	}
}

/* Whoever dies in the operation: its successor takes up one of these, and `check` sees to it. */
static inline void dies_at_every_instant(void (*operation)(void), void (*check)(void))
{
	static struct instants instants;

	instants_of(operation, &instants);
	session_end();
	ck_assert_uint_gt(instants.count, 1);
	for (size_t i = 0; i < instants.count; i++) {
		state_fd = instants.fds[i];
		session_begin();
		check();
		session_end();
	}
}
