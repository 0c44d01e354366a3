/* SPDX-License-Identifier: Apache-2.0 */
/* See provenance.h. */
#include "fs/provenance.h"

#include "index/base/buf.h"

static const char *text_of(const json_t *provenance, const char *member)
{
	return json_string_value(json_object_get(provenance, member));
}

void vt_provenance_say_shares(const json_t *split, struct vt_buf *out)
{
	const char *name, *comma = "";
	json_t *share;

	json_object_foreach((json_t *) split, name, share)
	{
		vt_buf_printf(out, "%s%s=%s", comma, name, json_string_value(share));
		comma = ",";
	}
}

static void put_split(const json_t *provenance, struct vt_buf *out)
{
	const json_t *split = json_object_get(provenance, "split");
	const char *by = text_of(provenance, "split_by");

	if (!split)
		return;
	vt_buf_printf(out, "; split ");
	vt_provenance_say_shares(split, out);
	if (by)
		vt_buf_printf(out, " by %s", by);
	vt_buf_printf(out, ", seed %lld",
		      (long long) json_integer_value(json_object_get(provenance, "seed")));
}

void vt_provenance_say(const json_t *provenance, struct vt_buf *out)
{
	const char *source = text_of(provenance, "source"), *where = text_of(provenance, "where");

	vt_buf_printf(out, "%s", source ? source : "?");
	if (where)
		vt_buf_printf(out, " where %s", where);
	put_split(provenance, out);
}
