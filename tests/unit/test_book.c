/* SPDX-License-Identifier: Apache-2.0 */
/* What the book says after a change is what it says after a restart, and nothing is lost half-way.
 */
#include "tests/unit/book_model.h"
#include "tests/unit/failing_write.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <stdatomic.h>

#include "index/record.h"
#include "policy/policy_record.h"

/* ---- helpers --------------------------------------------------------------------------------- */

static uint64_t revision(void)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);

	ck_assert_uint_eq(vt_book_revision(book), policy->revision);
	return policy->revision;
}

static size_t rules(void)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);

	return policy->rule_count;
}

static const char *pinned(uint32_t uid)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);
	static char name[VT_PRINCIPAL_NAME_MAX + 1];

	for (size_t i = 0; i < policy->pin_count; i++)
		if (policy->pins[i].uid == uid)
			return strcpy(name, policy->pins[i].name);
	return "-";
}

static int add(struct vt_rule made)
{
	uint64_t id;

	return vt_book_add_rule(book, &made, &id, &err);
}

static void put_row(enum vt_family family, const void *key, size_t len, const void *value,
		    size_t value_len)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_put(batch, store, family, key, len, value, value_len);
	must(vt_store_write(store, batch, false, &err) == 0);
}

static void drop_row(enum vt_family family, const void *key, size_t len)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_delete(batch, store, family, key, len);
	must(vt_store_write(store, batch, false, &err) == 0);
}

/* Opening refuses with the code and the words. */
static void refuses(int code, const char *words)
{
	ck_assert_int_eq(book_open_result(), code);
	says("the policy");
	says(words);
	vt_timekeeper_free(keeper);
	keeper = NULL;
	book = NULL;
}

/* ---- rules ----------------------------------------------------------------------------------- */

START_TEST(a_rule_is_there_after_a_restart_as_it_was_made)
{
	struct vt_rule made, back;
	const struct vt_policy *policy;
	uint64_t id;

	book_set_up();
	dataset_new("lab/birds");
	made = rule(VT_RULE_DENY, "user:ada", VT_RIGHT_READ, "lab/birds");
	made.from_ns = NOON - DAY;
	made.until_ns = NOON + DAY;
	must(vt_book_add_rule(book, &made, &id, &err) == 0);
	ck_assert_uint_eq(id, 1);
	ck_assert_uint_eq(revision(), 1);
	book_reopen();
	ck_assert_uint_eq(revision(), 1);
	policy = vt_book_policy(book);
	ck_assert_uint_eq(policy->rule_count, 1);
	ck_assert_uint_eq(policy->store_owner, STORE_OWNER);
	back = policy->rules[0];
	vt_policy_unref(policy);
	made.id = 1;
	made.made_ns = NOON;
	ck_assert_uint_eq(back.id, made.id);
	ck_assert_int_eq(back.kind, made.kind);
	ck_assert_int_eq(back.right, made.right);
	ck_assert_uint_eq(back.who.id, 1001);
	ck_assert_str_eq(back.who.name, "ada");
	ck_assert_uint_eq(back.object.dataset, made.object.dataset);
	ck_assert_uint_eq(back.from_ns, made.from_ns);
	ck_assert_uint_eq(back.until_ns, made.until_ns);
	ck_assert_uint_eq(back.by_uid, made.by_uid);
	ck_assert_uint_eq(back.made_ns, made.made_ns);
	book_tear_down();
}
END_TEST

/* A writer with a row of its own. */
static int write_along(void *context, struct vt_batch *batch, struct vt_error *e)
{
	int *status = context;

	ck_assert_uint_eq(rules(), 0);
	vt_batch_put(batch, store, VT_CF_META, "along", 5, "x", 1);
	if (*status < 0)
		return vt_fail(e, -*status, "not now");
	must(vt_store_write(store, batch, true, e) == 0);
	ck_assert_uint_eq(rules(), 1); /* in force before anything else is */
	return 0;
}

START_TEST(a_rule_is_written_with_what_belongs_to_it_or_not_at_all)
{
	struct vt_rule made;
	struct vt_value value = {0};
	int status = -ESTALE;
	uint64_t id = 0;

	book_set_up();
	made = rule(VT_RULE_ALLOW, "user:ada", VT_RIGHT_READ, "**");
	ck_assert_int_eq(vt_book_add_rule_with(book, &made, write_along, &status, &id, &err),
			 -ESTALE);
	says("not now");
	ck_assert_uint_eq(rules(), 0);
	ck_assert_uint_eq(revision(), 0);
	status = 0;
	must(vt_book_add_rule_with(book, &made, write_along, &status, &id, &err) == 0);
	ck_assert_uint_eq(id, 1);
	book_reopen();
	ck_assert_uint_eq(rules(), 1);
	must(vt_store_get(store, VT_CF_META, "along", 5, false, &value, &err) == 0);
	vt_value_done(&value);
	book_tear_down();
}
END_TEST

START_TEST(a_rule_replaces_the_one_for_the_same)
{
	const struct vt_policy *policy;
	struct vt_rule made;
	uint64_t id;

	book_set_up();
	allow("user:ada", VT_RIGHT_READ, "**");
	allow("user:ben", VT_RIGHT_READ, "**");
	allow("user:ada", VT_RIGHT_BROWSE, "**");
	allow("user:ada", VT_RIGHT_READ, "lab/**");
	made = rule(VT_RULE_DENY, "user:ada", VT_RIGHT_READ, "**");
	must(vt_book_add_rule(book, &made, &id, &err) == 0);
	ck_assert_uint_eq(rules(), 5);
	made = rule(VT_RULE_ALLOW, "user:ada", VT_RIGHT_READ, "**");
	made.until_ns = NOON + HOUR;
	must(vt_book_add_rule(book, &made, &id, &err) == 0);
	ck_assert_uint_eq(rules(), 5);
	book_reopen();
	ck_assert_uint_eq(rules(), 5);
	policy = vt_book_policy(book);
	ck_assert_uint_eq(policy->rules[0].id, 2);
	ck_assert_uint_eq(policy->rules[4].id, id);
	ck_assert_uint_eq(policy->rules[4].until_ns, NOON + HOUR);
	vt_policy_unref(policy);
	book_tear_down();
}
END_TEST

START_TEST(windows_that_are_empty_or_past_are_refused)
{
	struct vt_rule made;

	book_set_up();
	made = rule(VT_RULE_ALLOW, "anyone", VT_RIGHT_READ, "**");
	made.from_ns = made.until_ns = NOON + HOUR;
	ck_assert_int_eq(add(made), -EINVAL);
	made.from_ns = 0;
	made.until_ns = NOON;
	ck_assert_int_eq(add(made), -EINVAL);
	says("over already");
	made.until_ns = NOON + 1;
	must(add(made) == 0);
	ck_assert_uint_eq(revision(), 1);
	book_tear_down();
}
END_TEST

START_TEST(a_suspect_clock_makes_no_windows)
{
	struct vt_rule made;

	book_set_up();
	jump((int64_t) HOUR);
	made = rule(VT_RULE_ALLOW, "anyone", VT_RIGHT_READ, "**");
	must(add(made) == 0);
	made.until_ns = NOON + DAY;
	ck_assert_int_eq(add(made), -EAGAIN);
	made.until_ns = VT_TIME_NEVER;
	made.from_ns = 1;
	ck_assert_int_eq(add(made), -EAGAIN);
	ck_assert_int_eq(vt_book_partner_add(book, "acme", NULL, 0, NOON + DAY, 1000, 0, &err),
			 -EAGAIN);
	must(vt_timekeeper_accept(keeper, &err) == 0);
	must(add(made) == 0);
	book_tear_down();
}
END_TEST

START_TEST(nobody_denies_himself_the_right_to_administer)
{
	static const char *const me[] = {"user:ada", "osgroup:lab", "partner:acme", "anyone"};
	struct vt_member ada = {1001, "ada"};
	struct vt_rule made;

	book_set_up();
	must(vt_book_partner_add(book, "acme", &ada, 1, NOON + DAY, 1000, 0, &err) == 0);
	for (size_t i = 0; i < sizeof me / sizeof *me; i++) {
		made = rule(VT_RULE_DENY, me[i], VT_RIGHT_ADMIN, "**");
		made.by_uid = 1001;
		ck_assert_int_eq(add(made), -EINVAL);
		says("administer");
		made.right = VT_RIGHT_READ;
		must(add(made) == 0);
	}
	made = rule(VT_RULE_DENY, "user:ben", VT_RIGHT_ADMIN, "**");
	made.by_uid = 1001;
	must(add(made) == 0);
	book_tear_down();
}
END_TEST

START_TEST(only_rights_that_are_given_can_be_given)
{
	struct vt_rule made;

	book_set_up();
	made = rule(VT_RULE_ALLOW, "anyone", VT_RIGHT_SEE, "**");
	ck_assert_int_eq(add(made), -EINVAL);
	says("'see'");
	made = rule((enum vt_rule_kind) 3, "anyone", VT_RIGHT_READ, "**");
	ck_assert_int_eq(add(made), -EINVAL);
	book_tear_down();
}
END_TEST

START_TEST(a_removed_rule_is_gone_in_either_kind)
{
	struct vt_principal ada;
	struct vt_pattern all;
	size_t removed = 0;

	book_set_up();
	allow("user:ada", VT_RIGHT_READ, "**");
	must(add(rule(VT_RULE_DENY, "user:ada", VT_RIGHT_READ, "**")) == 0);
	allow("user:ada", VT_RIGHT_BROWSE, "**");
	ada = who("user:ada");
	all = what("**");
	must(vt_book_remove_rule(book, &ada, VT_RIGHT_READ, &all, 0, &removed, &err) == 0);
	ck_assert_uint_eq(removed, 2);
	ck_assert_uint_eq(revision(), 4);
	book_reopen();
	ck_assert_uint_eq(rules(), 1);
	ck_assert_uint_eq(revision(), 4);
	book_tear_down();
}
END_TEST

START_TEST(removing_what_is_not_there_names_what_comes_closest)
{
	struct vt_principal ada, ben;
	struct vt_pattern birds, all;
	size_t removed;

	book_set_up();
	dataset_new("lab/birds");
	ada = who("user:ada");
	ben = who("user:ben");
	birds = what("lab/birds");
	all = what("**");
	ck_assert_int_eq(vt_book_remove_rule(book, &ada, VT_RIGHT_READ, &all, 0, &removed, &err),
			 -ENOENT);
	says("nor one like it");
	allow("user:ada", VT_RIGHT_BROWSE, "lab/birds");
	ck_assert_int_eq(vt_book_remove_rule(book, &ada, VT_RIGHT_READ, &birds, 0, &removed, &err),
			 -ENOENT);
	says("rule 1: allow user:ada browse on lab/birds");
	ck_assert_int_eq(vt_book_remove_rule(book, &ben, VT_RIGHT_READ, &all, 0, &removed, &err),
			 -ENOENT);
	says("nor one like it");
	ck_assert_uint_eq(revision(), 1);
	book_tear_down();
}
END_TEST

/* ---- pins, partners -------------------------------------------------------------------------- */

START_TEST(a_user_is_pinned_by_the_change_that_names_him)
{
	book_set_up();
	ck_assert_str_eq(pinned(1001), "-");
	allow("user:ada", VT_RIGHT_READ, "**");
	ck_assert_str_eq(pinned(1001), "ada");
	book_reopen();
	ck_assert_str_eq(pinned(1001), "ada");
	book_tear_down();
}
END_TEST

START_TEST(a_uid_that_means_another_now_has_to_be_given_up_first)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = NULL;
	struct vt_member was;

	book_set_up();
	allow("user:ada", VT_RIGHT_READ, "**");
	user_names[1] = "zoe";
	ck_assert_int_eq(add(rule(VT_RULE_ALLOW, "user:zoe", VT_RIGHT_BROWSE, "**")), -ESTALE);
	says("ada");
	says("zoe");
	must(vt_book_repin(book, 1001, 0, &was, &err) == 0);
	ck_assert_str_eq(was.name, "ada");
	ck_assert_str_eq(pinned(1001), "zoe");
	must(add(rule(VT_RULE_ALLOW, "user:zoe", VT_RIGHT_BROWSE, "**")) == 0);
	ck_assert_int_eq(vt_book_repin(book, 1002, 0, &was, &err), -ENOENT);
	user_names[1] = NULL;
	ck_assert_int_eq(vt_book_repin(book, 1001, 0, &was, &err), -ENOENT);
	user_names[1] = "ada";
	book_reopen();
	policy = vt_book_policy(book);
	ck_assert_str_eq(policy->rules[0].who.name, "zoe");
	ck_assert_str_eq(pinned(1001), "zoe");
	vt_policy_unref(vt_steal(&policy));
	book_tear_down();
}
END_TEST

START_TEST(pins_that_nothing_needs_go_with_a_restart)
{
	struct vt_principal ada;
	struct vt_pattern all;
	size_t removed;

	book_set_up();
	dataset_new("mine"); /* of uid 1000 */
	allow("user:ada", VT_RIGHT_READ, "**");
	allow("user:owner", VT_RIGHT_READ, "**");
	allow("user:ben", VT_RIGHT_READ, "**");
	ada = who("user:ada");
	all = what("**");
	must(vt_book_remove_rule(book, &ada, VT_RIGHT_READ, &all, 0, &removed, &err) == 0);
	ada = who("user:owner");
	must(vt_book_remove_rule(book, &ada, VT_RIGHT_READ, &all, 0, &removed, &err) == 0);
	ck_assert_str_eq(pinned(1001), "ada");
	book_reopen();
	ck_assert_str_eq(pinned(1001), "-");
	ck_assert_str_eq(pinned(1000), "owner");
	ck_assert_str_eq(pinned(1002), "ben");
	book_tear_down();
}
END_TEST

START_TEST(a_partner_is_made_grows_moves_and_ends)
{
	struct vt_member users[] = {{1002, "ben"}, {1001, "ada"}, {1002, "ben"}};
	struct vt_member cleo = {1003, "cleo"};
	const struct vt_policy *policy;

	book_set_up();
	must(vt_book_partner_add(book, "acme", users, 3, NOON + DAY, 1000, 0, &err) == 0);
	must(vt_book_partner_add(book, "acme", &cleo, 1, NOON + 2 * DAY, 1001, 0, &err) == 0);
	must(vt_book_partner_add(book, "zeta", NULL, 0, VT_TIME_NEVER, 1000, 0, &err) == 0);
	must(vt_book_partner_remove_user(book, "acme", 1002, 0, &err) == 0);
	ck_assert_int_eq(vt_book_partner_remove_user(book, "acme", 1002, 0, &err), -ENOENT);
	ck_assert_int_eq(vt_book_partner_remove_user(book, "none", 1002, 0, &err), -ENOENT);
	book_reopen();
	policy = vt_book_policy(book);
	ck_assert_uint_eq(policy->partner_count, 2);
	ck_assert_uint_eq(policy->partners[0].id, 1);
	ck_assert_str_eq(policy->partners[0].name, "acme");
	ck_assert_uint_eq(policy->partners[0].owner_uid, 1001);
	ck_assert_uint_eq(policy->partners[0].until_ns, NOON + 2 * DAY);
	ck_assert_uint_eq(policy->partners[0].member_count, 2);
	ck_assert_str_eq(policy->partners[0].members[0].name, "ada");
	ck_assert_str_eq(policy->partners[0].members[1].name, "cleo");
	ck_assert_uint_eq(policy->partners[1].id, 2);
	vt_policy_unref(policy);
	ck_assert_uint_eq(who("partner:zeta").id, 2);
	must(vt_book_partner_end(book, "acme", 0, &err) == 0);
	must(vt_book_partner_add(book, "acme", users, 1, NOON + DAY, 1000, 0, &err) == 0);
	policy = vt_book_policy(book);
	ck_assert_uint_eq(policy->partners[0].member_count, 1); /* nobody came back */
	vt_policy_unref(policy);
	book_tear_down();
}
END_TEST

START_TEST(partners_have_names_ends_and_bounds)
{
	static struct vt_member many[VT_PARTNER_MEMBERS_MAX + 1];

	book_set_up();
	ck_assert_int_eq(vt_book_partner_add(book, "a/b", NULL, 0, NOON + 1, 0, 0, &err), -EINVAL);
	ck_assert_int_eq(vt_book_partner_add(book, "", NULL, 0, NOON + 1, 0, 0, &err), -EINVAL);
	ck_assert_int_eq(vt_book_partner_add(book, "a", NULL, 0, NOON, 0, 0, &err), -EINVAL);
	for (uint32_t i = 0; i <= VT_PARTNER_MEMBERS_MAX; i++) {
		many[i].uid = 5000 + i;
		snprintf(many[i].name, sizeof many[i].name, "u%u", i);
	}
	ck_assert_int_eq(vt_book_partner_add(book, "a", many, VT_PARTNER_MEMBERS_MAX + 1, NOON + 1,
					     0, 0, &err),
			 -EOVERFLOW);
	must(vt_book_partner_add(book, "a", many, VT_PARTNER_MEMBERS_MAX, NOON + 1, 0, 0, &err) ==
	     0);
	ck_assert_int_eq(vt_book_partner_add(book, "a", many + VT_PARTNER_MEMBERS_MAX, 1, NOON + 1,
					     0, 0, &err),
			 -EOVERFLOW);
	book_reopen();
	ck_assert_uint_eq(who("partner:a").id, 1);
	book_tear_down();
}
END_TEST

/* ---- words ----------------------------------------------------------------------------------- */

START_TEST(principals_are_read_and_written)
{
	static const char *const bad[] = {"ada", "user:", "osgroup:", "partner:", "user",
					  "",    "any",   "ANYONE",   "user:ada "};
	static const char *const good[] = {"user:ada", "osgroup:lab", "partner:acme", "anyone"};
	struct vt_principal principal;
	char text[VT_PRINCIPAL_TEXT_MAX];

	book_set_up();
	must(vt_book_partner_add(book, "acme", NULL, 0, VT_TIME_NEVER, 1000, 0, &err) == 0);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		principal = who(good[i]);
		vt_principal_format(&principal, text, sizeof text);
		ck_assert_str_eq(text, good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_lt(vt_principal_parse(book, bad[i], &principal, &err), 0);
	ck_assert_int_eq(vt_principal_parse(book, "user:nobody-here", &principal, &err), -ENOENT);
	says("nobody-here");
	ck_assert_int_eq(vt_principal_parse(book, "osgroup:none", &principal, &err), -ENOENT);
	ck_assert_int_eq(vt_principal_parse(book, "partner:none", &principal, &err), -ENOENT);
	book_tear_down();
}
END_TEST

START_TEST(objects_are_read_and_written)
{
	static const char *const good[] = {"**",        "lab/**", "new/**",
					   "lab/birds", "plain",  "lab/birds@v1"};
	static const char *const bad[] = {
		"",      "/**",        "lab/birds/**", "plain/**", "*",
		"lab/*", "lab/birds@", "@v1",          ".x/**",    "lab/birds@v1@v1"};
	struct vt_pattern pattern;
	char text[VT_PATTERN_TEXT_MAX];
	uint32_t birds, v1;

	book_set_up();
	birds = dataset_new("lab/birds");
	dataset_new("plain");
	v1 = version_new(birds, NULL);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		pattern = what(good[i]);
		vt_pattern_format(catalog, &pattern, text, sizeof text);
		ck_assert_str_eq(text, good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(vt_pattern_parse(catalog, bad[i], &pattern, &err) < 0, "%s", bad[i]);
	ck_assert_int_eq(vt_pattern_parse(catalog, "lab/bees", &pattern, &err), -ENOENT);
	ck_assert_int_eq(vt_pattern_parse(catalog, "lab/birds@v2", &pattern, &err), -ENOENT);
	ck_assert_uint_eq(what("lab/birds@latest").version, v1);
	pattern = (struct vt_pattern){.scope = VT_SCOPE_VERSION, .dataset = 99, .version = 98};
	vt_pattern_format(catalog, &pattern, text, sizeof text);
	ck_assert_str_eq(text, "#99@#98");
	book_tear_down();
}
END_TEST

START_TEST(rights_are_read_and_written)
{
	enum vt_right right;

	for (unsigned i = 0; i <= VT_RIGHT_SEE; i++) {
		must(vt_right_parse(vt_right_name((enum vt_right) i), &right, &err) == 0);
		ck_assert_uint_eq(right, i);
	}
	ck_assert_int_eq(vt_right_parse("write", &right, &err), -EINVAL);
	ck_assert_ptr_nonnull(vt_right_name((enum vt_right) 77));
}
END_TEST

/* ---- what is gone, what is damaged ----------------------------------------------------------- */

START_TEST(rules_of_what_is_gone_are_forgotten)
{
	uint32_t birds, v1, v2;

	book_set_up();
	birds = dataset_new("lab/birds");
	dataset_new("lab/bees");
	v1 = version_new(birds, NULL);
	v2 = version_new(birds, NULL);
	allow("anyone", VT_RIGHT_READ, "lab/birds@v1");
	allow("anyone", VT_RIGHT_READ, "lab/birds@v2");
	allow("anyone", VT_RIGHT_READ, "lab/birds");
	allow("anyone", VT_RIGHT_READ, "lab/bees");
	allow("anyone", VT_RIGHT_READ, "lab/**");
	allow("anyone", VT_RIGHT_READ, "**");
	must(vt_book_forget(book, birds, v1, &err) == 0);
	ck_assert_uint_eq(rules(), 5);
	ck_assert_uint_eq(revision(), 7);
	must(vt_book_forget(book, birds, v1, &err) == 0); /* nothing left to forget */
	ck_assert_uint_eq(revision(), 7);
	must(vt_book_forget(book, birds, 0, &err) == 0);
	ck_assert_uint_eq(rules(), 3);
	(void) v2;
	book_reopen();
	ck_assert_uint_eq(rules(), 3);
	book_tear_down();
}
END_TEST

START_TEST(what_went_without_a_word_is_dropped_on_opening)
{
	uint32_t birds, bees, v1, retired, *list;
	size_t count;

	book_set_up();
	birds = dataset_new("lab/birds");
	bees = dataset_new("lab/bees");
	v1 = version_new(birds, NULL);
	allow("anyone", VT_RIGHT_READ, "lab/birds@v1");
	allow("anyone", VT_RIGHT_READ, "lab/birds");
	allow("user:ada", VT_RIGHT_READ, "lab/bees");
	must(vt_catalog_remove(catalog, v1, 0, &retired, &err) == 0);
	must(vt_catalog_remove_dataset(catalog, bees, 0, &list, &count, &err) == 0);
	free(list);
	book_reopen();
	ck_assert_uint_eq(rules(), 1);
	ck_assert_uint_eq(revision(), 4);
	ck_assert_str_eq(pinned(1001), "-");
	book_reopen();
	ck_assert_uint_eq(revision(), 4);
	book_tear_down();
}
END_TEST

START_TEST(damage_is_refused_with_words)
{
	struct vt_policy_key key = vt_rule_key(1);

	book_set_up();
	allow("anyone", VT_RIGHT_READ, "**");
	book_close();
	put_row(VT_CF_POLICY, key.bytes, key.len, "\1\1\1", 3);
	refuses(-EBADMSG, "rule is damaged");
	put_row(VT_CF_POLICY, key.bytes, key.len, "\2\1\1", 3);
	refuses(-ENOTSUP, "newer vitrine");
	drop_row(VT_CF_POLICY, key.bytes, key.len);
	put_row(VT_CF_POLICY, "terms.1", 7, "\1", 1);
	refuses(-ENOTSUP, "newer vitrine");
	drop_row(VT_CF_POLICY, "terms.1", 7);
	put_row(VT_CF_LEASE, "short", 5, "\1", 1);
	refuses(-EBADMSG, "lease's key");
	drop_row(VT_CF_LEASE, "short", 5);
	put_row(VT_CF_POLICY, "head", 4, "\1", 1);
	refuses(-EBADMSG, "policy's head");
	catalog_tear_down();
}
END_TEST

START_TEST(rows_that_do_not_fit_together_are_damage)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_rule made;
	struct vt_policy_key key = vt_rule_key(9);

	book_set_up();
	allow("anyone", VT_RIGHT_READ, "**");
	made = rule(VT_RULE_ALLOW, "anyone", VT_RIGHT_READ, "lab/**");
	made.id = 9;
	book_close();
	must(vt_rule_encode(&made, &value, &err) == 0);
	put_row(VT_CF_POLICY, key.bytes, key.len, value.data, value.len);
	refuses(-EBADMSG, "a rule from the future");
	drop_row(VT_CF_POLICY, key.bytes, key.len);
	made.id = 1;
	made.who = (struct vt_principal){VT_PRINCIPAL_PARTNER, 5, "acme"};
	vt_buf_reset(&value);
	must(vt_rule_encode(&made, &value, &err) == 0);
	key = vt_rule_key(1);
	put_row(VT_CF_POLICY, key.bytes, key.len, value.data, value.len);
	refuses(-EBADMSG, "partner that is none");
	catalog_tear_down();
}
END_TEST

START_TEST(a_rule_of_a_kind_to_come_is_kept_and_shown)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	const struct vt_policy *policy;
	struct vt_rule made;
	struct vt_policy_key key = vt_rule_key(1);

	book_set_up();
	allow("anyone", VT_RIGHT_READ, "**");
	made = rule(VT_RULE_ALLOW, "anyone", VT_RIGHT_READ, "**");
	made.id = 1;
	must(vt_rule_encode(&made, &value, &err) == 0);
	value.data[1] = 9;                 /* its kind */
	vt_buf_put(&value, "and more", 8); /* what only that kind has */
	put_row(VT_CF_POLICY, key.bytes, key.len, value.data, value.len);
	book_reopen();
	allow("anyone", VT_RIGHT_BROWSE, "**");
	book_reopen();
	policy = vt_book_policy(book);
	ck_assert_uint_eq(policy->rule_count, 2);
	ck_assert_int_eq(policy->rules[0].kind, 9);
	vt_policy_unref(policy);
	book_tear_down();
}
END_TEST

/* ---- snapshots, failing writes --------------------------------------------------------------- */

START_TEST(a_snapshot_stays_as_it_is_while_someone_has_it)
{
	const struct vt_policy *before;

	book_set_up();
	allow("user:ada", VT_RIGHT_READ, "**");
	before = vt_book_policy(book);
	for (int i = 0; i < 50; i++)
		allow(i % 2 ? "user:ben" : "user:cleo", (enum vt_right)(i % 5), "lab/**");
	ck_assert_uint_eq(before->revision, 1);
	ck_assert_uint_eq(before->rule_count, 1);
	ck_assert_str_eq(before->rules[0].who.name, "ada");
	vt_policy_unref(before);
	book_tear_down();
}
END_TEST

static atomic_bool writer_is_done;

/* An odd revision has a rule, an even one has none; none is older than one seen before. */
static void *read_snapshots(void *unused)
{
	uint64_t last = 0;

	while (!writer_is_done) {
		vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);

		if (policy->rule_count != policy->revision % 2 || policy->revision < last ||
		    (policy->rule_count && policy->rules[0].id != policy->revision))
			return (void *) policy;
		last = policy->revision;
	}
	return NULL;
}

START_TEST(readers_see_whole_snapshots_while_others_write)
{
	struct vt_principal anyone = {.kind = VT_PRINCIPAL_ANYONE};
	struct vt_pattern all = {.scope = VT_SCOPE_ALL};
	pthread_t readers[3];
	size_t removed;

	book_set_up();
	for (size_t i = 0; i < 3; i++)
		pthread_create(&readers[i], NULL, read_snapshots, NULL);
	for (int i = 0; i < 500; i++) {
		allow("anyone", VT_RIGHT_READ, "**");
		must(vt_book_remove_rule(book, &anyone, VT_RIGHT_READ, &all, 0, &removed, &err) ==
		     0);
	}
	writer_is_done = true;
	for (size_t i = 0; i < 3; i++) {
		void *wrong;

		pthread_join(readers[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
	book_tear_down();
}
END_TEST

START_TEST(a_change_that_cannot_be_written_changes_nothing)
{
	struct vt_member ada = {1001, "ada"};

	book_set_up();
	allow("user:ben", VT_RIGHT_READ, "**");
	write_fails = ENOSPC;
	ck_assert_int_eq(add(rule(VT_RULE_ALLOW, "user:ada", VT_RIGHT_READ, "**")), -ENOSPC);
	ck_assert_int_eq(vt_book_partner_add(book, "acme", &ada, 1, VT_TIME_NEVER, 0, 0, &err),
			 -ENOSPC);
	ck_assert_uint_eq(rules(), 1);
	ck_assert_uint_eq(revision(), 1);
	ck_assert_str_eq(pinned(1001), "-");
	write_fails = 0;
	ck_assert_uint_eq(allow("user:ada", VT_RIGHT_READ, "**"), 2);
	must(vt_book_partner_add(book, "acme", &ada, 1, VT_TIME_NEVER, 0, 0, &err) == 0);
	ck_assert_uint_eq(who("partner:acme").id, 1);
	book_reopen();
	ck_assert_uint_eq(rules(), 2);
	book_tear_down();
}
END_TEST

START_TEST(the_clock_is_noted_every_ten_minutes_while_there_are_windows)
{
	struct vt_rule made;
	uint64_t seen;

	book_set_up();
	pass(HOUR);
	write_fails = EIO;
	must(vt_book_keep_time(book, &err) == 0); /* no windows: nothing to write */
	write_fails = 0;
	made = rule(VT_RULE_ALLOW, "anyone", VT_RIGHT_READ, "**");
	made.until_ns = NOON + DAY;
	must(add(made) == 0);
	write_fails = EIO;
	pass(599 * SECOND);
	must(vt_book_keep_time(book, &err) == 0);
	pass(SECOND);
	ck_assert_int_eq(vt_book_keep_time(book, &err), -EIO);
	write_fails = 0;
	must(vt_book_keep_time(book, &err) == 0);
	seen = vt_timekeeper_now(keeper).hi_ns;
	ck_assert_uint_eq(revision(), 1);
	reboot(-(int64_t) DAY);
	book_reopen();
	ck_assert_uint_eq(vt_timekeeper_now(keeper).hi_ns, seen);
	book_tear_down();
}
END_TEST

VT_SUITE(book, a_rule_is_there_after_a_restart_as_it_was_made,
	 a_rule_is_written_with_what_belongs_to_it_or_not_at_all,
	 a_rule_replaces_the_one_for_the_same, windows_that_are_empty_or_past_are_refused,
	 a_suspect_clock_makes_no_windows, nobody_denies_himself_the_right_to_administer,
	 only_rights_that_are_given_can_be_given, a_removed_rule_is_gone_in_either_kind,
	 removing_what_is_not_there_names_what_comes_closest,
	 a_user_is_pinned_by_the_change_that_names_him,
	 a_uid_that_means_another_now_has_to_be_given_up_first,
	 pins_that_nothing_needs_go_with_a_restart, a_partner_is_made_grows_moves_and_ends,
	 partners_have_names_ends_and_bounds, principals_are_read_and_written,
	 objects_are_read_and_written, rights_are_read_and_written,
	 rules_of_what_is_gone_are_forgotten, what_went_without_a_word_is_dropped_on_opening,
	 damage_is_refused_with_words, rows_that_do_not_fit_together_are_damage,
	 a_rule_of_a_kind_to_come_is_kept_and_shown, a_snapshot_stays_as_it_is_while_someone_has_it,
	 readers_see_whole_snapshots_while_others_write,
	 a_change_that_cannot_be_written_changes_nothing,
	 the_clock_is_noted_every_ten_minutes_while_there_are_windows)
