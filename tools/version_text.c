/* SPDX-License-Identifier: Apache-2.0 */
/* See version_text.h. */
#include "tools/version_text.h"

#include "fs/provenance.h"
#include "index/base/buf.h"
#include "index/base/cleanup.h"

static void set_buf(json_t *version, const char *key, const struct vt_buf *text)
{
	if (!vt_buf_failed(text) && text->len > 0)
		(void) json_object_set_new(version, key,
					   json_stringn((const char *) text->data, text->len));
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
		vt_provenance_say(provenance, &made_of);
	set_buf(version, "made_of", &made_of);
	if (checks)
		put_gates(checks, &gate);
	set_buf(version, "gate", &gate);
}
