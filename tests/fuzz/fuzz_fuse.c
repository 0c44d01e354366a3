/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what the kernel says on /dev/fuse, to a real server: the other end of a socket pair,
 * which keeps messages whole as the device does, stands in for the kernel. The first byte says what
 * is mounted and whether this kernel can send requests again; then messages follow, each after its
 * length in two bytes, and by one of no bytes the kernel first hears the answers to those before.
 * INIT goes before them. Whatever was said, a question after it is answered, and when the kernel is
 * gone the session ends.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fs/mount.h"
#include "fs/ops.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/small_service.h"

#define HAS_RESEND  (1u << 7) /* of flags2 */
#define PROBE       0x70726f6265u
#define PATIENCE_S  10
#define SILENCE_MS  20
#define PAUSES_MAX  3 /* of an input: they take their time */
#define MESSAGE_MAX (4u << 20)

enum { KINDS = 3, LISTS = 4, OLD_KERNEL = 8 }; /* of the first byte; below LISTS: the kind */

static sem_t ended;

/* libfuse does not free INTERRUPTs that no request has met by the end of its session. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfuse3\n";
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static void note_end(void *context, uint64_t id)
{
	(void) sem_post(&ended);
}

/* Reads what is said within `timeout_ms`: true and its unique; false: nothing, or nobody is there.
 */
static bool hear(int kernel, int timeout_ms, uint64_t *unique)
{
	static uint8_t message[MESSAGE_MAX];
	const struct fuse_out_header *header = (const void *) message;
	struct pollfd ready = {.fd = kernel, .events = POLLIN};
	ssize_t n;

	if (TEMP_FAILURE_RETRY(poll(&ready, 1, timeout_ms)) <= 0) /* a fuzzer has its alarms */
		return false;
	n = recv(kernel, message, sizeof message, 0);
	if (n <= 0)
		return false;
	must(n >= (ssize_t) sizeof *header && header->len == n);
	must(header->len <= VT_OP_SIZE_MAX + sizeof *header);
	must(header->unique == 0 || (header->error <= 0 && header->error > -4096));
	*unique = header->unique;
	return true;
}

/* False: nobody is there any more. */
static bool say(int kernel, const void *message, size_t len)
{
	uint64_t unique;

	while (send(kernel, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno != EAGAIN)
			return false;
		(void) hear(kernel, 10, &unique); /* it waits for us */
	}
	return true;
}

static bool is_answered(int kernel, uint64_t wanted)
{
	uint64_t unique;

	while (hear(kernel, PATIENCE_S * 1000, &unique))
		if (unique == wanted)
			return true;
	return false;
}

/* Until nothing more is said. */
static void hear_all(int kernel)
{
	uint64_t unique;

	while (hear(kernel, SILENCE_MS, &unique))
		;
}

static bool say_init(int kernel, bool is_old)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_init_in in;
	} init = {.header = {.len = sizeof init, .opcode = FUSE_INIT, .unique = 2},
		  .in = {.major = 7,
			 .minor = 38,
			 .flags = FUSE_INIT_EXT | FUSE_DO_READDIRPLUS | FUSE_POSIX_ACL,
			 .flags2 = is_old ? 0 : HAS_RESEND}};

	return say(kernel, &init, sizeof init) && is_answered(kernel, init.header.unique);
}

static bool probe(int kernel)
{
	const struct {
		struct fuse_in_header header;
		struct fuse_getattr_in in;
	} ask = {.header = {.len = sizeof ask,
			    .opcode = FUSE_GETATTR,
			    .unique = PROBE,
			    .nodeid = FUSE_ROOT_ID}};

	return say(kernel, &ask, sizeof ask) && is_answered(kernel, PROBE);
}

/* No kernel sends less than a header; libfuse would end the session by it. */
static void say_all(int kernel, const uint8_t *data, size_t size)
{
	unsigned pauses = 0;

	while (size > 2) {
		size_t len = data[0] | (size_t) data[1] << 8;

		data += 2;
		size -= 2;
		len = len < size ? len : size;
		if (len >= sizeof(struct fuse_in_header))
			(void) say(kernel, data, len);
		else if (len == 0 && pauses++ < PAUSES_MAX)
			hear_all(kernel);
		data += len;
		size -= len;
	}
}

static void wait_for_end(void)
{
	struct timespec late;

	(void) clock_gettime(CLOCK_REALTIME, &late);
	late.tv_sec += PATIENCE_S;
	must(TEMP_FAILURE_RETRY(sem_timedwait(&ended, &late)) == 0);
}

/* Gives the kernel's end. */
static int mount(uint8_t how)
{
	const struct vt_mount_plan plan = {.kind = (enum vt_mount_kind)(how % LISTS % KINDS + 1),
					   .lists = how & LISTS,
					   .user = service->owner_uid};
	const int room = MESSAGE_MAX;
	uint64_t id;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	(void) setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	must(vt_sessions_add(service->sessions, ends[1], vt_session_state_new(&plan, NULL), "/fuzz",
			     service->owner_uid, note_end, NULL, &id, NULL) == 0);
	return ends[0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int kernel;

	if (!service) {
		small_service_open();
		must(sem_init(&ended, 0, 0) == 0);
	}
	if (size == 0)
		return 0;
	kernel = mount(data[0]);
	must(say_init(kernel, data[0] & OLD_KERNEL));
	say_all(kernel, data + 1, size - 1);
	must(probe(kernel));
	(void) close(kernel);
	wait_for_end();
	return 0;
}
