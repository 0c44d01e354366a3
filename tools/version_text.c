/* SPDX-License-Identifier: Apache-2.0 */
/* See version_text.h. */
#include "tools/version_text.h"

#include "index/base/buf.h"
#include "tools/cli.h"

static void set_buf(json_t *version, const char *key, const struct vt_buf *text)
{
	if (!vt_buf_failed(text) && text->len > 0)
		(void) json_object_set_new(version, key,
					   json_stringn((const char *) text->data, text->len));
}

static void put_split(const json_t *provenance, struct vt_buf *out)
{
	json_t *split = json_object_get(provenance, "split"), *share;
	const char *name, *by = vt_json_text(provenance, "split_by", NULL), *comma = "";

	if (!split)
		return;
	vt_buf_printf(out, "; split ");
	json_object_foreach(split, name, share)
	{
		vt_buf_printf(out, "%s%s=%s", comma, name, json_string_value(share));
		comma = ",";
	}
	if (by)
		vt_buf_printf(out, " by %s", by);
	vt_buf_printf(out, ", seed %lld",
		      (long long) json_integer_value(json_object_get(provenance, "seed")));
}

static void put_made_of(const json_t *provenance, struct vt_buf *out)
{
	const char *where = vt_json_text(provenance, "where", NULL);

	vt_buf_printf(out, "%s", vt_json_text(provenance, "source", "?"));
	if (where)
		vt_buf_printf(out, " where %s", where);
	put_split(provenance, out);
}

static void put_gates(const json_t *checks, struct vt_buf *out)
{
	json_t *gate;
	size_t i, rules = 0;

	json_array_foreach(json_object_get(checks, "gates"), i, gate) rules +=
		json_array_size(json_object_get(gate, "rules"));
	vt_buf_printf(out, "passed, %zu rules", rules);
}

void vt_version_say(json_t *version)
{
	vt_cleanup(vt_buf_done) struct vt_buf gate = VT_BUF_INIT;
	const json_t *checks = json_object_get(version, "checks");
	vt_cleanup(vt_buf_done) struct vt_buf made_of = VT_BUF_INIT;
	const json_t *provenance = json_object_get(version, "provenance");

	if (provenance)
		put_made_of(provenance, &made_of);
	set_buf(version, "made_of", &made_of);
	if (checks)
		put_gates(checks, &gate);
	set_buf(version, "gate", &gate);
}
