/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a lock file: refused in words that name the file, or read; and what is read has its
 * digests, names a version, or is refused for the name alone, and is the same when it is written
 * and read again.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "index/base/error.h"
#include "index/digest.h"
#include "tests/fuzz/fuzz.h"
#include "tools/lock_file.h"

const struct vt_command *const vt_commands[] = {NULL};

static int read_lock(const void *data, size_t size, json_t **out, struct vt_error *err)
{
	vt_autoclose int fd = memfd_create("lock", MFD_CLOEXEC);
	char name[32];

	must(fd >= 0 && write(fd, data, size) == (ssize_t) size);
	(void) snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	return vt_lock_read(name, out, err);
}

static void check_digest(const json_t *lock, const char *member)
{
	const char *text = json_string_value(json_object_get(lock, member));
	struct vt_digest digest;

	must(text && vt_digest_parse(text, &digest) == 0);
}

static void check_again(const json_t *lock)
{
	vt_cleanup(vt_json_freep) json_t *again = NULL;
	vt_autofree char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	must(out && vt_lock_write(lock, out, NULL) == 0 && fclose(out) == 0);
	must(read_lock(text, len, &again, NULL) == 0);
	must(json_equal(json_object_get(lock, "dataset"), json_object_get(again, "dataset")));
	must(json_equal(json_object_get(lock, "version"), json_object_get(again, "version")));
	must(json_equal(json_object_get(lock, "digest"), json_object_get(again, "digest")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vt_cleanup(vt_json_freep) json_t *lock = NULL;
	struct vt_error err = {""};
	struct vt_target target;
	int r = read_lock(data, size, &lock, &err);

	if (r < 0) {
		must(r == -EINVAL && strstr(err.text, "is no lock file"));
		return 0;
	}
	check_digest(lock, "digest");
	check_digest(lock, "tree");
	r = vt_lock_target(lock, &target, NULL);
	must(r == 0 || r == -EINVAL);
	check_again(lock);
	return 0;
}
