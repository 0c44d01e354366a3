/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Is a file the shard it should be? Shards that changed places, by a restore gone wrong, may have
 * frames of the same size at the same offset: their checksums are right, and their bytes are those
 * of another file.
 *
 * Thread-safe.
 */
#include <stdint.h>

/*
 * 0 when the header of the open file at `path`, UUID.vsh, has that serial or that uuid: one of the
 * two may be damaged, and the frames be sound. -EBADMSG when it has neither; -EIO.
 */
int vt_shard_identify(int fd, const char *path, uint32_t serial);
