/* SPDX-License-Identifier: Apache-2.0 */
/* See lock_file.h. */
#include "tools/lock_file.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/digest.h"

#define FORMAT 1

static void copy(json_t *lock, const json_t *version, const char *key)
{
	(void) json_object_set(lock, key, json_object_get(version, key));
}

int vt_lock_write(const json_t *version, FILE *out, struct vt_error *err)
{
	static const char *const members[] = {"dataset",      "version", "digest", "tree",
					      "label_digest", "files",   "bytes",  "created"};
	vt_cleanup(vt_json_freep) json_t *lock = json_pack("{s:i}", "format", FORMAT);

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		copy(lock, version, members[i]);
	if (!json_object_get(lock, "label_digest"))
		(void) json_object_set_new(lock, "label_digest", json_null());
	if (json_dumpf(lock, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF)
		return vt_fail(err, EIO, "cannot write the lock");
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int check_digest(const json_t *lock, const char *key, const char *path, struct vt_error *err)
{
	const char *text = vt_json_text(lock, key, "");
	struct vt_digest digest;

	if (vt_digest_parse(text, &digest) < 0)
		return vt_fail(err, EINVAL, "'%s' is no lock file: '%s' is no digest", path, key);
	return 0;
}

static int check_members(const json_t *lock, const char *path, struct vt_error *err)
{
	const json_t *labels = json_object_get(lock, "label_digest");
	int r;

	if (json_integer_value(json_object_get(lock, "format")) != FORMAT)
		return vt_fail(err, EINVAL, "'%s' is no lock file of format %d", path, FORMAT);
	if (!vt_json_text(lock, "dataset", NULL) || !vt_json_text(lock, "version", NULL))
		return vt_fail(err, EINVAL, "'%s' is no lock file: it names no version", path);
	r = check_digest(lock, "digest", path, err);
	if (r == 0)
		r = check_digest(lock, "tree", path, err);
	if (r == 0 && !json_is_null(labels))
		r = check_digest(lock, "label_digest", path, err);
	return r;
}

int vt_lock_read(const char *path, json_t **out, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *lock = NULL;
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	json_error_t why;
	int r;

	if (!in)
		return vt_fail(err, errno, "cannot open '%s': %m", path);
	lock = json_loadf(in, JSON_REJECT_DUPLICATES, &why);
	if (in != stdin)
		(void) fclose(in);
	if (!json_is_object(lock))
		return vt_fail(err, EINVAL, "'%s' is no lock file: line %d: %s", path,
			       lock ? 1 : why.line, lock ? "it is no object" : why.text);
	r = check_members(lock, path, err);
	if (r == 0)
		*out = json_incref(lock);
	return r;
}

int vt_lock_target(const json_t *lock, struct vt_target *out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	vt_buf_printf(&text, "%s@%s", vt_json_text(lock, "dataset", ""),
		      vt_json_text(lock, "version", ""));
	vt_buf_put_u8(&text, '\0');
	if (vt_buf_failed(&text))
		return vt_fail(err, ENOMEM, "no memory for a name");
	return vt_target_parse((const char *) text.data, out, err);
}

/* ---- checking -------------------------------------------------------------------------------- */

static int compare(const json_t *lock, const json_t *version, const char *key, const char *name,
		   struct vt_error *err)
{
	const char *locked = vt_json_text(lock, key, "none");
	const char *is = vt_json_text(version, key, "none");

	if (strcmp(locked, is) == 0)
		return 0;
	return vt_fail(err, ESTALE, "%s@%s is not what is locked: its %s is %s, not %s",
		       vt_json_text(version, "dataset", ""), vt_json_text(version, "version", ""),
		       name, is, locked);
}

/* What is in it first: that the record differs says least. */
int vt_lock_check(struct vt_cli *cli, const json_t *lock, const struct vt_target *target,
		  struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	int r = vt_cli_call(cli, "show", vt_target_args(target), NULL, NULL, &version, err);

	if (r < 0)
		return r;
	if (strcmp(vt_json_text(version, "state", ""), "live") != 0)
		return vt_fail(err, ESTALE, "%s@%s was withdrawn", target->dataset,
			       vt_json_text(version, "version", ""));
	r = compare(lock, version, "tree", "tree digest", err);
	if (r == 0)
		r = compare(lock, version, "label_digest", "label digest", err);
	if (r == 0)
		r = compare(lock, version, "digest", "version digest", err);
	return r;
}
