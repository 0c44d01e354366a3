/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See session_state.h. The file: the record, the six tables, then the bitmaps of exhibits.c, each
 * part beginning on a page.
 */
#include "fs/session_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/error.h"

/* "VTSTATE6", little-endian */
#define MAGIC (0x0045544154535456ull | (uint64_t) ('0' + VT_SESSION_STATE_FORMAT) << 56)
#define PAGE  4096u

#define WHOLE_PAGES(bytes) (((bytes) + PAGE - 1) / PAGE * PAGE)
#define VERSIONS_AT        WHOLE_PAGES(sizeof(struct vt_session_record))
#define EXHIBITS_AT        (VERSIONS_AT + WHOLE_PAGES(VT_SESSION_VERSIONS * sizeof(struct vt_shown_slot)))
#define BURNS_AT           (EXHIBITS_AT + WHOLE_PAGES(VT_SESSION_EXHIBITS * sizeof(uint32_t)))
#define HANDLES_AT         (BURNS_AT + WHOLE_PAGES(VT_SESSION_BURNS * sizeof(struct vt_burn)))
#define REQUESTS_AT        (HANDLES_AT + WHOLE_PAGES(VT_SESSION_HANDLES * sizeof(struct vt_handle)))
#define VIEWS_AT           (REQUESTS_AT + WHOLE_PAGES(VT_SESSION_REQUESTS * sizeof(struct vt_kept_request)))
#define TABLES_END         (VIEWS_AT + WHOLE_PAGES(VT_SESSION_VIEWS * sizeof(struct vt_view_slot)))

/*
 * Addresses for all that the file can grow to, in one mapping: the kernel lets a process have
 * 65,530 of them, which one for each bitmap would use up.
 */
#define MAP_BYTES (1ull << 36) /* of 2^47 */

int vt_session_state_new(const struct vt_mount_plan *plan, struct vt_error *err)
{
	const struct vt_session_record record = {.magic = MAGIC,
						 .plan = plan ? *plan : (struct vt_mount_plan){0},
						 .end = TABLES_END};
	int fd = memfd_create("vitrine-session", MFD_CLOEXEC);

	if (fd < 0)
		return vt_fail(err, errno, "cannot make a session's state: %m");
	if (ftruncate(fd, (off_t) TABLES_END) < 0 ||
	    pwrite(fd, &record, sizeof record, 0) != sizeof record) {
		int code = errno;

		(void) close(fd);
		return vt_fail(err, code, "cannot make a session's state: %m");
	}
	return fd;
}

int vt_session_state_decide(int fd, const struct vt_mount_plan *plan, struct vt_error *err)
{
	const off_t at = offsetof(struct vt_session_record, plan);
	struct vt_mount_plan there;

	if (pread(fd, &there, sizeof there, at) != sizeof there)
		return vt_fail(err, EINVAL, "not the state of a session");
	if (!there.kind && pwrite(fd, plan, sizeof *plan, at) != sizeof *plan)
		return vt_fail(err, errno, "cannot note what a mount is to show: %m");
	return 0;
}

int vt_session_state_open(int fd, struct vt_session_state **out, struct vt_error *err)
{
	struct vt_session_state *state;
	struct stat st;
	char *map;

	if (fstat(fd, &st) < 0 || (size_t) st.st_size < TABLES_END)
		return vt_fail(err, EINVAL, "not the state of a session");
	state = calloc(1, sizeof *state);
	if (!state)
		return vt_fail(err, ENOMEM, "no memory for a session");
	map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (map == MAP_FAILED || ((struct vt_session_record *) map)->magic != MAGIC) {
		int code = map == MAP_FAILED ? errno : EINVAL;

		if (map != MAP_FAILED)
			(void) munmap(map, MAP_BYTES);
		free(state);
		return vt_fail(err, code, "cannot use the state of a session: %m");
	}
	*state = (struct vt_session_state){
		.fd = fd,
		.map = map,
		.record = (void *) map,
		.versions = (void *) (map + VERSIONS_AT),
		.exhibits = (void *) (map + EXHIBITS_AT),
		.burns = (void *) (map + BURNS_AT),
		.handles = (void *) (map + HANDLES_AT),
		.requests = (void *) (map + REQUESTS_AT),
		.views = (void *) (map + VIEWS_AT),
	};
	(void) pthread_mutex_init(&state->growth, NULL);
	*out = state;
	return 0;
}

void vt_session_state_close(struct vt_session_state *state)
{
	if (!state)
		return;
	(void) munmap(state->map, MAP_BYTES);
	(void) pthread_mutex_destroy(&state->growth);
	free(state);
}

uint64_t vt_session_state_extend(struct vt_session_state *state, size_t bytes)
{
	uint64_t offset;

	(void) pthread_mutex_lock(&state->growth);
	offset = state->record->end;
	if (offset + WHOLE_PAGES(bytes) > MAP_BYTES ||
	    ftruncate(state->fd, (off_t) (offset + WHOLE_PAGES(bytes))) < 0)
		offset = 0;
	else
		state->record->end = offset + WHOLE_PAGES(bytes);
	(void) pthread_mutex_unlock(&state->growth);
	return offset;
}

void *vt_session_state_at(const struct vt_session_state *state, uint64_t offset, size_t bytes)
{
	return offset > MAP_BYTES - bytes ? NULL : (char *) state->map + offset;
}

void vt_session_state_punch(struct vt_session_state *state, uint64_t offset, size_t bytes)
{
	(void) fallocate(state->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t) offset,
			 (off_t) WHOLE_PAGES(bytes));
}
