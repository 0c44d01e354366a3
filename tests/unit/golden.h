/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of golden folders share: their files, written once and compared for ever. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/digest.h"
#include "tests/unit/tree_model.h"

static inline void put_digest(struct vt_buf *out, const char *what, const struct vt_digest *digest)
{
	char hex[VT_DIGEST_HEX];

	vt_digest_format(digest, hex);
	vt_buf_printf(out, "%s %s\n", what, hex);
}

static inline FILE *open_golden(const char *dir, const char *name, const char *mode)
{
	char path[4096 + 256];
	FILE *file;

	(void) snprintf(path, sizeof path, "%s/%s", dir, name);
	file = fopen(path, mode);
	ck_assert_msg(file, "cannot open %s", path);
	return file;
}

static inline void write_file(const char *dir, const char *name, const void *data, size_t len)
{
	FILE *file = open_golden(dir, name, "wb");

	must(fwrite(data, 1, len, file) == len);
	must(fclose(file) == 0);
}

static inline void check_file(const char *dir, const char *name, const void *data, size_t len)
{
	FILE *file = open_golden(dir, name, "rb");
	uint8_t *there = malloc(len + 1);

	ck_assert_msg(fread(there, 1, len + 1, file) == len, "%s has another length", name);
	ck_assert_msg(memcmp(there, data, len) == 0, "%s has other bytes", name);
	free(there);
	must(fclose(file) == 0);
}
