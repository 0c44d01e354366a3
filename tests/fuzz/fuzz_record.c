/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the value of a row of the catalog, the import or the policy; the first says of
 * which kind. Refused as damaged or as newer, or decoded; and what is decoded is written as the
 * same bytes again, but for a version of an older format, which has one text from then on.
 */
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/record.h"
#include "policy/policy_record.h"
#include "tests/fuzz/fuzz.h"

#define VERSION_FORMAT 3

/* Decodes, and encodes what comes out. */
typedef int recode(const uint8_t *data, size_t size, struct vt_buf *again);

static int recode_dataset(const uint8_t *data, size_t size, struct vt_buf *again)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	int r = vt_dataset_decode(7, data, size, &dataset, NULL);

	if (r == 0)
		must(vt_dataset_encode(dataset, again, NULL) == 0);
	return r;
}

static int recode_version(const uint8_t *data, size_t size, struct vt_buf *again)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	struct vt_digest digest;
	uint64_t removed_ns;
	int r = vt_version_decode(7, 9, data, size, &version, &removed_ns, NULL);

	if (r < 0)
		return r;
	must(vt_version_encode(version, removed_ns, again, NULL) == 0);
	must(vt_tree_digest(&version->tree, &digest, NULL) == 0);
	return 0;
}

static int recode_space(const uint8_t *data, size_t size, struct vt_buf *again)
{
	uint32_t id;
	int r = vt_space_decode(data, size, &id, NULL);

	return r < 0 ? r : vt_space_encode(id, again);
}

static int recode_tag(const uint8_t *data, size_t size, struct vt_buf *again)
{
	uint32_t version, link;
	int r = vt_tag_decode(data, size, &version, &link, NULL);

	return r < 0 ? r : vt_tag_encode(version, link, again);
}

static int recode_exhibit(const uint8_t *data, size_t size, struct vt_buf *again)
{
	enum vt_exhibit_state state;
	uint32_t version;
	int r = vt_exhibit_decode(data, size, &version, &state, NULL);

	return r < 0 ? r : vt_exhibit_encode(version, state, again);
}

static int recode_shard(const uint8_t *data, size_t size, struct vt_buf *again)
{
	struct vt_shard_record shard;
	int r = vt_shard_decode(data, size, &shard, NULL);

	return r < 0 ? r : vt_shard_encode(&shard, again);
}

static int recode_import(const uint8_t *data, size_t size, struct vt_buf *again)
{
	uint32_t dataset;
	uint64_t begun_ns;
	int r = vt_import_decode(data, size, &dataset, &begun_ns, NULL);

	return r < 0 ? r : vt_import_encode(dataset, begun_ns, again);
}

static int recode_head(const uint8_t *data, size_t size, struct vt_buf *again)
{
	struct vt_policy_head head;
	int r = vt_policy_head_decode(data, size, &head, NULL);

	return r < 0 ? r : vt_policy_head_encode(&head, again);
}

static int recode_clock(const uint8_t *data, size_t size, struct vt_buf *again)
{
	struct vt_clock_record clock;
	int r = vt_clock_decode(data, size, &clock, NULL);

	return r < 0 ? r : vt_clock_encode(&clock, again);
}

/* One of a kind to come is read as far as all kinds agree, and never written. */
static int recode_rule(const uint8_t *data, size_t size, struct vt_buf *again)
{
	struct vt_rule rule;
	int r = vt_rule_decode(7, data, size, &rule, NULL);

	if (r == 0 && rule.kind > VT_RULE_DENY) {
		must(vt_rule_encode(&rule, again, NULL) == -EINVAL);
		vt_buf_reset(again);
		vt_buf_put(again, data, size);
		return 0;
	}
	return r < 0 ? r : vt_rule_encode(&rule, again, NULL);
}

static int recode_partner(const uint8_t *data, size_t size, struct vt_buf *again)
{
	struct vt_partner partner;
	int r = vt_partner_decode(7, data, size, &partner, NULL);

	if (r < 0)
		return r;
	must(vt_partner_encode(&partner, again, NULL) == 0);
	free(partner.members);
	return 0;
}

static int recode_pin(const uint8_t *data, size_t size, struct vt_buf *again)
{
	struct vt_member pin;
	int r = vt_pin_decode(7, data, size, &pin, NULL);

	return r < 0 ? r : vt_pin_encode(pin.name, again, NULL);
}

static int recode_lease(const uint8_t *data, size_t size, struct vt_buf *again)
{
	struct vt_lease lease;
	int r = vt_lease_decode(7, data, size, &lease, NULL);

	return r < 0 ? r : vt_lease_encode(&lease, again, NULL);
}

/* The order is that of the corpus: kinds to come stand at the end. */
static recode *const kinds[] = {
	recode_dataset, recode_version, recode_space, recode_tag,   recode_exhibit,
	recode_shard,   recode_import,  recode_head,  recode_clock, recode_rule,
	recode_partner, recode_pin,     recode_lease,
};
#define KINDS (sizeof kinds / sizeof *kinds)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	vt_cleanup(vt_buf_done) struct vt_buf once = VT_BUF_INIT, twice = VT_BUF_INIT;
	recode *kind;
	int r;

	if (size == 0 || data[0] >= KINDS)
		return 0;
	kind = kinds[data[0]];
	r = kind(data + 1, size - 1, &once);
	must(r == 0 || r == -EBADMSG || r == -ENOTSUP);
	if (r < 0)
		return 0;
	must(kind(once.data, once.len, &twice) == 0);
	must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
	if (kind != recode_version || data[1] == VERSION_FORMAT)
		must(once.len == size - 1 && memcmp(once.data, data + 1, once.len) == 0);
	return 0;
}
