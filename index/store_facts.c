/* SPDX-License-Identifier: Apache-2.0 */
/* See store_facts.h. */
#include "index/store_facts.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "index/base/cleanup.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/folder.h"
#include "index/uuid.h"

#define FILE_NAME "vitrine.json"
#define FILE_MAX  65536

static json_t *make_facts(struct vt_error *err)
{
	time_t now = (time_t) (vt_clock_realtime_ns() / VT_NS_PER_SEC);
	char uuid_text[VT_UUID_TEXT], created[32];
	uint8_t uuid[16];
	struct tm utc;
	json_t *facts;

	if (vt_uuid_make(uuid, err) < 0)
		return NULL;
	vt_uuid_format(uuid, uuid_text);
	(void) gmtime_r(&now, &utc);
	(void) strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc);
	facts = json_pack("{s:i, s:s, s:s}", "format", VT_STORE_FORMAT, "uuid", uuid_text,
			  "created", created);
	if (!facts)
		(void) vt_fail(err, ENOMEM, "no memory for the facts of a store");
	return facts;
}

static int write_all(const char *path, const char *text, struct vt_error *err)
{
	vt_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t) len || fchmod(fd, 0444) < 0 ||
	    fsync(fd) < 0)
		return vt_fail(err, errno ? errno : EIO, "cannot write '%s': %m", path);
	return 0;
}

int vt_store_facts_write(const char *dir, struct vt_error *err)
{
	char temporary[VT_PATH], path[VT_PATH];
	json_t *facts = make_facts(err);
	vt_autofree char *text = facts ? json_dumps(facts, JSON_INDENT(2)) : NULL;
	int r;

	json_decref(facts);
	if (!text)
		return facts ? vt_fail(err, ENOMEM, "no memory for the facts of a store") : -EIO;
	r = vt_path(temporary, err, "%s/tmp/" FILE_NAME, dir);
	if (r == 0)
		r = vt_path(path, err, "%s/" FILE_NAME, dir);
	if (r == 0)
		r = write_all(temporary, text, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("create-facts-written");
	if (rename(temporary, path) < 0)
		return vt_fail(err, errno, "cannot make '%s': %m", path);
	VT_CRASHPOINT("create-facts-named");
	return vt_folder_sync(dir, err);
}

static int read_facts(const json_t *facts, const char *path, struct vt_store_facts *out,
		      struct vt_error *err)
{
	json_int_t format = json_integer_value(json_object_get(facts, "format"));
	const char *uuid = json_string_value(json_object_get(facts, "uuid"));
	uint8_t bytes[16];

	if (format < 1 || format > INT32_MAX)
		return vt_fail(err, EBADMSG, "'%s' names no format", path);
	if (format > VT_STORE_FORMAT)
		return vt_fail(err, ENOTSUP,
			       "the store has format %lld and was made by a newer vitrine; this "
			       "one knows format %d",
			       (long long) format, VT_STORE_FORMAT);
	if (!uuid || vt_uuid_parse(uuid, bytes) < 0)
		return vt_fail(err, EBADMSG, "'%s' names no uuid", path);
	out->format = (int) format;
	strcpy(out->uuid, uuid);
	return 0;
}

int vt_store_facts_read(const char *dir, struct vt_store_facts *out, struct vt_error *err)
{
	struct vt_store_facts found = {0};
	char path[VT_PATH], text[FILE_MAX];
	vt_autoclose int fd = -1;
	struct stat st, file;
	json_t *facts;
	ssize_t len;
	int r = vt_path(path, err, "%s/" FILE_NAME, dir);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return vt_fail(err, ENOENT, "'%s' is no store (see 'vitrine init')", dir);
	len = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (len < 0 || fstat(fd, &file) < 0 || stat(dir, &st) < 0)
		return vt_fail(err, errno, "cannot read '%s': %m", path);
	facts = json_loadb(text, (size_t) len, 0, NULL);
	r = facts ? read_facts(facts, path, &found, err)
		  : vt_fail(err, EBADMSG, "'%s' is damaged: it is no JSON", path);
	json_decref(facts);
	if (r < 0)
		return r;
	found.owner_uid = st.st_uid;
	found.created_ns =
		(uint64_t) file.st_mtim.tv_sec * VT_NS_PER_SEC + (uint64_t) file.st_mtim.tv_nsec;
	*out = found;
	return 0;
}
