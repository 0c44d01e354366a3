/* SPDX-License-Identifier: Apache-2.0 */
/* See shard_identity.h. */
#include "fs/shard_identity.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "fs/shard_format.h"
#include "index/base/file.h"
#include "index/uuid.h"

int vt_shard_identify(int fd, const char *path, uint32_t serial)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct vt_shard_header header;
	char uuid[VT_UUID_TEXT];
	size_t len = offsetof(struct vt_shard_header, domain);
	ssize_t n = vt_file_read_at(fd, &header, len, 0);

	if (n < 0)
		return -EIO;
	if ((size_t) n < len)
		return -EBADMSG;
	vt_uuid_format(header.uuid, uuid);
	if (le32toh(header.serial) == serial || strncmp(name, uuid, strlen(uuid)) == 0)
		return 0;
	return -EBADMSG;
}
