/* SPDX-License-Identifier: Apache-2.0 */
/* The policy's records decode to what was encoded, or not at all; one value has one encoding. */
#include "policy/policy_record.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"

static struct vt_error err;

/* Decodes by kind; what comes out is encoded again into `again`. */
typedef int recode(const uint8_t *data, size_t len, struct vt_buf *again);

static int recode_rule(const uint8_t *data, size_t len, struct vt_buf *again)
{
	struct vt_rule rule;
	int r = vt_rule_decode(5, data, len, &rule, &err);

	return r < 0 || rule.kind > VT_RULE_DENY ? r : vt_rule_encode(&rule, again, &err);
}

static int recode_partner(const uint8_t *data, size_t len, struct vt_buf *again)
{
	struct vt_partner partner;
	int r = vt_partner_decode(5, data, len, &partner, &err);

	if (r < 0)
		return r;
	r = vt_partner_encode(&partner, again, &err);
	free(partner.members);
	return r;
}

static int recode_pin(const uint8_t *data, size_t len, struct vt_buf *again)
{
	struct vt_member pin;
	int r = vt_pin_decode(5, data, len, &pin, &err);

	return r < 0 ? r : vt_pin_encode(pin.name, again, &err);
}

static int recode_lease(const uint8_t *data, size_t len, struct vt_buf *again)
{
	struct vt_lease lease;
	int r = vt_lease_decode(5, data, len, &lease, &err);

	return r < 0 ? r : vt_lease_encode(&lease, again, &err);
}

static int recode_head(const uint8_t *data, size_t len, struct vt_buf *again)
{
	struct vt_policy_head head;
	int r = vt_policy_head_decode(data, len, &head, &err);

	return r < 0 ? r : vt_policy_head_encode(&head, again);
}

static int recode_clock(const uint8_t *data, size_t len, struct vt_buf *again)
{
	struct vt_clock_record clock;
	int r = vt_clock_decode(data, len, &clock, &err);

	return r < 0 ? r : vt_clock_encode(&clock, again);
}

static struct vt_rule rule_model(void)
{
	return (struct vt_rule){.id = 5,
				.kind = VT_RULE_DENY,
				.right = VT_RIGHT_CURATE,
				.who = {VT_PRINCIPAL_OSGROUP, 77, "lab"},
				.object = {.scope = VT_SCOPE_SPACE, .space = "lab"},
				.from_ns = 3,
				.until_ns = 4,
				.by_uid = 1000,
				.made_ns = 9};
}

static struct vt_lease lease_model(void)
{
	return (struct vt_lease){.id = 5,
				 .fence = 6,
				 .state = VT_LEASE_DRAINING,
				 .end = VT_LEASE_END_BROKEN,
				 .holder = {VT_PRINCIPAL_USER, 1001, "ada"},
				 .object = {.scope = VT_SCOPE_VERSION, .dataset = 2, .version = 3},
				 .asked_ns = 10,
				 .since_ns = 11,
				 .until_ns = 12,
				 .by_uid = 1000,
				 .reason = "audit"};
}

static struct vt_member members[] = {{1, "a"}, {2, "b"}};

static struct vt_partner partner_model(void)
{
	return (struct vt_partner){.id = 5,
				   .name = "acme",
				   .owner_uid = 1000,
				   .until_ns = 99,
				   .members = members,
				   .member_count = 2};
}

static void all(void (*check)(const struct vt_buf *record, recode *again))
{
	struct vt_policy_head head = {7, 3, 2};
	struct vt_clock_record clock = {1, 2, {3}, 4, 5};
	struct vt_rule rule = rule_model();
	struct vt_lease lease = lease_model();
	struct vt_partner partner = partner_model();
	struct vt_buf record = VT_BUF_INIT;

#define EACH(call, again)                                                                          \
	do {                                                                                       \
		vt_buf_reset(&record);                                                             \
		ck_assert_int_eq(call, 0);                                                         \
		check(&record, again);                                                             \
	} while (0)
	EACH(vt_policy_head_encode(&head, &record), recode_head);
	EACH(vt_clock_encode(&clock, &record), recode_clock);
	EACH(vt_rule_encode(&rule, &record, &err), recode_rule);
	EACH(vt_lease_encode(&lease, &record, &err), recode_lease);
	EACH(vt_partner_encode(&partner, &record, &err), recode_partner);
	EACH(vt_pin_encode("ada", &record, &err), recode_pin);
	vt_buf_done(&record);
}

static void comes_back(const struct vt_buf *record, recode *again)
{
	vt_cleanup(vt_buf_done) struct vt_buf copy = VT_BUF_INIT;

	ck_assert_int_eq(again(record->data, record->len, &copy), 0);
	ck_assert_uint_eq(copy.len, record->len);
	ck_assert_mem_eq(copy.data, record->data, record->len);
}

START_TEST(records_come_back_as_they_were)
{
	all(comes_back);
}
END_TEST

static void cut_or_longer(const struct vt_buf *record, recode *again)
{
	vt_cleanup(vt_buf_done) struct vt_buf copy = VT_BUF_INIT, longer = VT_BUF_INIT;

	for (size_t len = 0; len < record->len; len++)
		ck_assert_int_eq(again(record->data, len, &copy), -EBADMSG);
	vt_buf_put(&longer, record->data, record->len);
	vt_buf_put_u8(&longer, 0);
	ck_assert_int_eq(again(longer.data, longer.len, &copy), -EBADMSG);
	longer.data[0] = 2;
	ck_assert_int_eq(again(longer.data, longer.len, &copy), -ENOTSUP);
	longer.data[0] = 0;
	ck_assert_int_eq(again(longer.data, longer.len, &copy), -EBADMSG);
}

START_TEST(records_cut_short_prolonged_or_newer_are_refused)
{
	all(cut_or_longer);
}
END_TEST

static void flipped(const struct vt_buf *record, recode *again)
{
	for (size_t i = 0; i < record->len; i++)
		for (int bit = 0; bit < 8; bit++) {
			vt_cleanup(vt_buf_done) struct vt_buf copy = VT_BUF_INIT;
			int r;

			record->data[i] ^= (uint8_t) (1 << bit);
			r = again(record->data, record->len, &copy);
			ck_assert(r == 0 || r == -EBADMSG || r == -ENOTSUP);
			if (r == 0 && copy.len) /* another value then, in its one encoding */
				ck_assert_mem_eq(copy.data, record->data, record->len);
			record->data[i] ^= (uint8_t) (1 << bit);
		}
}

START_TEST(flipped_bits_give_another_value_or_none)
{
	all(flipped);
}
END_TEST

#define RULE_WITH(member, value)                                                                   \
	__extension__({                                                                            \
		vt_cleanup(vt_buf_done) struct vt_buf out_ = VT_BUF_INIT;                          \
		struct vt_rule rule_ = rule_model();                                               \
                                                                                                   \
		rule_.member = value;                                                              \
		vt_rule_encode(&rule_, &out_, &err);                                               \
	})

START_TEST(rules_that_cannot_be_are_not_written)
{
	ck_assert_int_eq(RULE_WITH(by_uid, 7), 0);
	ck_assert_int_eq(RULE_WITH(from_ns, 4), -EINVAL);
	ck_assert_int_eq(RULE_WITH(kind, 3), -EINVAL);
	ck_assert_int_eq(RULE_WITH(kind, 0), -EINVAL);
	ck_assert_int_eq(RULE_WITH(right, VT_RIGHT_SEE), -EINVAL);
	ck_assert_int_eq(RULE_WITH(id, 0), -EINVAL);
	ck_assert_int_eq(RULE_WITH(who.kind, VT_PRINCIPAL_ANYONE), -EINVAL);
	ck_assert_int_eq(RULE_WITH(who.kind, 9), -EINVAL);
	ck_assert_int_eq(RULE_WITH(who.name[0], '\0'), -EINVAL);
	ck_assert_int_eq(RULE_WITH(object.scope, VT_SCOPE_ALL), -EINVAL);
	ck_assert_int_eq(RULE_WITH(object.dataset, 1), -EINVAL);
	ck_assert_int_eq(RULE_WITH(object.space[0], '.'), -EINVAL);
	ck_assert_int_eq(RULE_WITH(object.space[1], '/'), -EINVAL);
}
END_TEST

#define LEASE_WITH(change)                                                                         \
	__extension__({                                                                            \
		vt_cleanup(vt_buf_done) struct vt_buf out_ = VT_BUF_INIT;                          \
		struct vt_lease lease = lease_model();                                             \
                                                                                                   \
		change;                                                                            \
		vt_lease_encode(&lease, &out_, &err);                                              \
	})

START_TEST(leases_that_cannot_be_are_not_written)
{
	ck_assert_int_eq(LEASE_WITH(lease.by_uid = 3), 0);
	ck_assert_int_eq(LEASE_WITH(lease.end = 0), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.end = 5), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.fence = 0), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.state = VT_LEASE_ACTIVE), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.state = VT_LEASE_QUEUED), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.state = 5), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.ended_ns = 1), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.until_ns = 11), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.until_ns = VT_TIME_NEVER), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(lease.holder.kind = VT_PRINCIPAL_OSGROUP), -EINVAL);
	ck_assert_int_eq(LEASE_WITH(memset(lease.reason, 'x', sizeof lease.reason)), -EINVAL);
}
END_TEST

START_TEST(partners_that_cannot_be_are_not_written)
{
	vt_cleanup(vt_buf_done) struct vt_buf out = VT_BUF_INIT;
	struct vt_partner partner = partner_model();

	members[1].uid = 1;
	ck_assert_int_eq(vt_partner_encode(&partner, &out, &err), -EINVAL);
	members[1].uid = 2;
	partner.member_count = VT_PARTNER_MEMBERS_MAX + 1;
	ck_assert_int_eq(vt_partner_encode(&partner, &out, &err), -EINVAL);
	partner = partner_model();
	strcpy(partner.name, "a/b");
	ck_assert_int_eq(vt_partner_encode(&partner, &out, &err), -EINVAL);
	ck_assert_int_eq(vt_pin_encode("", &out, &err), -EINVAL);
}
END_TEST

START_TEST(keys_say_what_they_are_of)
{
	struct vt_policy_key key = vt_rule_key(0x0102030405060708u),
			     next = vt_rule_key(0x0102030405060709u);
	uint64_t id;

	ck_assert_int_eq(vt_policy_key_read(key.bytes, key.len, &id), VT_ROW_RULE);
	ck_assert_uint_eq(id, 0x0102030405060708u);
	ck_assert_int_lt(memcmp(key.bytes, next.bytes, key.len), 0);
	ck_assert_int_eq(vt_policy_key_read(key.bytes, key.len - 1, &id), VT_ROW_UNKNOWN);
	key = vt_partner_key(9);
	ck_assert_int_eq(vt_policy_key_read(key.bytes, key.len, &id), VT_ROW_PARTNER);
	ck_assert_uint_eq(id, 9);
	key = vt_pin_key(UINT32_MAX);
	ck_assert_int_eq(vt_policy_key_read(key.bytes, key.len, &id), VT_ROW_PIN);
	ck_assert_uint_eq(id, UINT32_MAX);
	ck_assert_int_eq(vt_policy_key_read("head", 4, &id), VT_ROW_HEAD);
	ck_assert_int_eq(vt_policy_key_read("clock", 5, &id), VT_ROW_CLOCK);
	ck_assert_int_eq(vt_policy_key_read("heads", 5, &id), VT_ROW_UNKNOWN);
	ck_assert_int_eq(vt_policy_key_read("", 0, &id), VT_ROW_UNKNOWN);
}
END_TEST

START_TEST(an_unknown_kind_of_rule_is_read_as_far_as_it_is_known)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	struct vt_rule rule = rule_model(), back;

	ck_assert_int_eq(vt_rule_encode(&rule, &record, &err), 0);
	record.data[1] = 200;
	record.data[2] = 200; /* a right to come */
	vt_buf_put(&record, "embargo", 7);
	ck_assert_int_eq(vt_rule_decode(5, record.data, record.len, &back, &err), 0);
	ck_assert_int_eq(back.kind, 200);
	ck_assert_str_eq(back.object.space, "lab");
	record.data[1] = VT_RULE_ALLOW;
	ck_assert_int_eq(vt_rule_decode(5, record.data, record.len - 7, &back, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "newer vitrine"));
}
END_TEST

VT_SUITE(policy_record, records_come_back_as_they_were,
	 records_cut_short_prolonged_or_newer_are_refused, flipped_bits_give_another_value_or_none,
	 rules_that_cannot_be_are_not_written, leases_that_cannot_be_are_not_written,
	 partners_that_cannot_be_are_not_written, keys_say_what_they_are_of,
	 an_unknown_kind_of_rule_is_read_as_far_as_it_is_known)
