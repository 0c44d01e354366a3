/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control requests of those who may: each row for whom it is meant, and an answer under way when a
 * right ends. What strangers hear is in test_requests.c.
 */
#include "tests/unit/birds_service.h"

/* ---- rows for whom they are meant ------------------------------------------------------------ */

/* In this order, each by ada, who has been granted `right` on birds for it alone. */
static const struct {
	const char *op, *right, *args;
	bool holds; /* she may without it */
} granted[] = {
	{"versions", "browse", "{'dataset': 'birds'}", false},
	{"show", "browse", "{'dataset': 'birds', 'version': 'v1'}", false},
	{"list", "browse", "{'dataset': 'birds', 'version': 'v1'}", false},
	{"diff", "browse", "{'dataset': 'birds', 'version': 'v1', 'other': 'v1'}", false},
	{"cat", "read", "{'dataset': 'birds', 'path': 'owl'}", false},
	{"tag", "curate", "{'dataset': 'birds', 'tag': 'good'}", false},
	{"untag", "curate", "{'dataset': 'birds', 'tag': 'good'}", false},
	{"label.begin", "curate", "{'dataset': 'birds', 'version': 'v1'}", false},
	{"label.rows", "curate", "{}", false},
	{"label.commit", "curate", "{}", false},
	{"labels", "read", "{'dataset': 'birds', 'path': 'owl'}", false},
	{"select", "read", "{'dataset': 'birds', 'where': 'size=3'}", false},
	{"stats", "read", "{'dataset': 'birds'}", false},
	{"warm", "read", "{'dataset': 'birds'}", false},
	{"ahead.begin", "read", "{'dataset': 'birds'}", false},
	{"ahead.files", "read", "{'dataset': 'birds'}", false},
	{"gate.set", "admin", "{'dataset': 'birds', 'gate': '{}'}", false},
	{"gate.show", "browse", "{'dataset': 'birds'}", false},
	{"gate.check", "read", "{'dataset': 'birds'}", false},
	{"gate.remove", "admin", "{'dataset': 'birds'}", false},
	{"rollback", "admin", "{'dataset': 'birds', 'version': 'v1'}", false},
	{"grant", "admin", "{'object': 'birds', 'who': 'user:ben', 'right': 'browse'}", false},
	{"deny", "admin", "{'object': 'birds', 'who': 'user:ben', 'right': 'browse'}", false},
	{"revoke", "admin", "{'object': 'birds', 'who': 'user:ben', 'right': 'browse'}", false},
	{"explain", "admin", "{'object': 'birds', 'who': 'user:ben', 'right': 'read'}", false},
	{"who_can", "admin", "{'object': 'birds', 'right': 'read'}", false},
	{"lease.acquire", "read", "{'object': 'birds', 'length': 3600000000000}", false},
	{"lease.renew", "read", "{'object': 'birds', 'until': 0}", true},
	{"lease.release", "read", "{'object': 'birds'}", true},
	{"lease.acquire", "admin", "{'object': 'birds', 'length': 3600000000000, 'user': 'ben'}",
	 false},
	{"lease.break", "admin", "{'object': 'birds', 'reason': 'over'}", false},
	{"withdraw", "admin", "{'dataset': 'birds', 'version': 'v1', 'reason': 'wrong'}", false},
	{"remove", "admin", "{'dataset': 'birds'}", false},
};

static void let_ada(const char *op, const char *right)
{
	char args[256];

	(void) snprintf(args, sizeof args, "{'object': 'birds', 'who': 'user:ada', 'right': '%s'}",
			right);
	must(ask_dropping(&owner, op, args) == 0);
}

START_TEST(each_row_is_served_to_who_has_its_right_and_to_nobody_without_it)
{
	set_up();
	publish_birds();
	for (size_t i = 0; i < sizeof granted / sizeof *granted; i++) {
		const char *op = granted[i].op;

		if (!granted[i].holds)
			ck_assert_msg(ask_dropping(&ada, op, granted[i].args) == -EACCES, "'%s'",
				      op);
		let_ada("grant", granted[i].right);
		ck_assert_msg(ask_dropping(&ada, op, granted[i].args) == 0, "'%s': %s", op,
			      err.text);
		/* Rules went with their dataset. */
		if (strcmp(op, "remove") != 0)
			let_ada("revoke", granted[i].right);
	}
	tear_down();
}
END_TEST

/* In this order, each by the store's owner. Some fail, but nobody is refused. */
static const struct {
	const char *op, *args;
} stores[] = {
	{"hello", "{}"},
	{"datasets", "{}"},
	{"rules", "{}"},
	{"partner.add", "{'partner': 'acme', 'users': ['ben'], 'owner': 'ada'}"},
	{"partner.remove", "{'partner': 'acme', 'users': ['ben']}"},
	{"partner.end", "{'partner': 'acme'}"},
	{"partners", "{}"},
	{"repin", "{'user': 'ben'}"},
	{"clock", "{}"},
	{"clock.accept", "{}"},
	{"leases", "{'all': true}"},
	{"whoami", "{}"},
	{"gc", "{'dry_run': true}"},
	{"verify.index", "{}"},
	{"verify.shards", "{}"},
	{"verify.shards", "{'serial': 1}"},
	{"verify.dictionary", "{'dataset': 'birds'}"},
	{"verify.quarantine", "{}"},
	{"repair.contents", "{'shards': [1]}"},
	{"repair.names", "{}"},
	{"repair.shard", "{}"},
	{"repair.move", "{}"},
	{"repair.commit", "{'shards': []}"},
	{"repair.begin", "{}"},
	{"mount", "{'mountpoint': '/mnt'}"},
	{"mount.adopt", "{}"},
	{"mounts", "{}"},
	{"leftovers", "{}"},
	{"leftovers.accept", "{}"},
	{"umount", "{'mountpoint': '/mnt'}"},
	{"status", "{}"},
	{"io", "{}"},
	{"curate", "{'dataset': 'new', 'source': 'birds'}"}, /* two rights: e2e/curate.sh */
	{"import.begin", "{'dataset': 'new'}"},
	{"import.shard", "{}"},
	{"import.known", "{}"},
	{"import.pages", "{}"},
	{"import.take", "{}"},
	{"import.ingest", "{}"},
	{"import.diff", "{}"},
	{"import.dictionary", "{}"},
	{"import.tree", "{}"},
	{"import.commit", "{}"},
	{"stop", "{}"},
	{"upgrade", "{}"},
};

static bool is_walked(const char *op)
{
	for (size_t i = 0; i < sizeof granted / sizeof *granted; i++)
		if (strcmp(granted[i].op, op) == 0)
			return true;
	for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
		if (strcmp(stores[i].op, op) == 0)
			return true;
	return false;
}

START_TEST(rows_of_the_store_are_served_to_its_owner)
{
	const struct vt_control_op *table;
	size_t count;

	set_up();
	for (size_t i = 0; i < sizeof stores / sizeof *stores; i++) {
		int r = ask_dropping(&owner, stores[i].op, stores[i].args);

		ck_assert_msg(r != -EACCES && r != -ENOSYS, "'%s': %s", stores[i].op, err.text);
	}
	table = vt_control_table(&count);
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(is_walked(table[i].name), "no test asks '%s'", table[i].name);
	tear_down();
}
END_TEST

/* ---- an answer under way when the right to it ends ------------------------------------------- */

/* Takes one message of an answer; its blob's length is added. 1, or 0 at the result, or -errno. */
static int take_one(struct visit *visit, uint64_t *bytes, size_t *rows)
{
	vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;
	struct reply reply = {.rows = json_array()};
	int r = vt_channel_receive(&visit->channel, &message, &err);

	must(r > 0);
	r = reply_take(&reply, &message);
	*bytes += message.blob.len;
	*rows += r > 0;
	reply_done(&reply);
	return r;
}

/* Asks; `right` of ada's is denied when the first piece has come. What the rest was. */
static int ask_and_lose(const char *op, const char *args, const char *right, uint64_t *bytes,
			size_t *rows)
{
	json_t *request =
		json_pack("{s:s, s:o}", "op", op, "args", json_loads(quoted(args), 0, NULL));
	int r;

	*bytes = *rows = 0;
	let_ada("grant", right);
	must(vt_channel_send(&ada.channel, request, NULL, 0, -1, &err) == 0);
	must(vt_channel_flush(&ada.channel, &err) == 0);
	json_decref(request);
	must(take_one(&ada, bytes, rows) == 1);
	let_ada("revoke", right);
	do
		r = take_one(&ada, bytes, rows);
	while (r > 0);
	return r;
}

/* The rest of what is under way is in the socket's buffers, which hold less than this. */
#define UNDER_WAY (4u << 20)

START_TEST(an_administrator_who_is_not_the_owner_does_not_repair)
{
	set_up();
	must(ask_dropping(&owner, "grant",
			  "{'object': '**', 'who': 'user:ada', 'right': 'admin'}") == 0);
	must(ask_dropping(&ada, "repair.contents", "{'shards': [1]}") == 0);
	ck_assert_int_eq(ask_dropping(&ada, "repair.begin", "{}"), -EACCES);
	ck_assert_int_eq(ask_dropping(&ben, "repair.contents", "{'shards': [1]}"), -EACCES);
	tear_down();
}
END_TEST

START_TEST(a_file_that_is_sent_stops_when_the_right_ends)
{
	uint64_t bytes;
	size_t rows;

	set_up();
	publish_many_birds();
	ck_assert_int_eq(
		ask_and_lose("cat", "{'dataset': 'birds', 'path': 'large'}", "read", &bytes, &rows),
		-EACCES);
	ck_assert_uint_gt(bytes, 0);
	ck_assert_uint_lt(bytes, UNDER_WAY);
	/* The connection is good for more. */
	ck_assert_int_eq(ask_dropping(&ada, "hello", "{}"), 0);
	tear_down();
}
END_TEST

START_TEST(listings_and_differences_stop_too)
{
	uint64_t bytes;
	size_t rows;

	set_up();
	publish_many_birds();
	ck_assert_int_eq(ask_and_lose("list", "{'dataset': 'birds'}", "browse", &bytes, &rows),
			 -EACCES);
	ck_assert_uint_lt(rows, MANY);
	ck_assert_int_eq(ask_and_lose("diff",
				      "{'dataset': 'birds', 'version': 'v1', 'other': 'v2'}",
				      "browse", &bytes, &rows),
			 -EACCES);
	ck_assert_uint_lt(rows, MANY);
	tear_down();
}
END_TEST

/* The version that is compared with counts as much as the first. */
START_TEST(a_difference_stops_when_the_other_version_is_taken_away)
{
	const char *args = "{\"op\": \"diff\", \"args\": {\"dataset\": \"birds\", "
			   "\"version\": \"v1\", \"other\": \"v2\"}}";
	json_t *request = json_loads(args, 0, NULL);
	uint64_t bytes = 0;
	size_t rows = 0;
	int r;

	set_up();
	publish_many_birds();
	let_ada("grant", "browse");
	must(vt_channel_send(&ada.channel, request, NULL, 0, -1, &err) == 0);
	must(vt_channel_flush(&ada.channel, &err) == 0);
	json_decref(request);
	must(take_one(&ada, &bytes, &rows) == 1);
	must(ask_dropping(&owner, "deny",
			  "{'object': 'birds@v2', 'who': 'user:ada', 'right': 'browse'}") == 0);
	do
		r = take_one(&ada, &bytes, &rows);
	while (r > 0);
	ck_assert_int_eq(r, -EACCES);
	ck_assert_uint_lt(rows, MANY);
	tear_down();
}
END_TEST

/* ---- shards ---------------------------------------------------------------------------------- */

START_TEST(of_one_shard_is_told_whether_it_is_there)
{
	set_up();
	publish_birds();
	assert_told(&owner, "verify.shards", "{}", "\"serial\": 1", true);
	assert_told(&owner, "verify.shards", "{'serial': 1}", "\"serial\": 1", true);
	assert_told(&owner, "verify.shards", "{'serial': 2}", "serial", false);
	ck_assert_int_eq(ask_dropping(&owner, "verify.shards", "{'serial': 'x'}"), -EINVAL);
	tear_down();
}
END_TEST

/* ---- leases ---------------------------------------------------------------------------------- */

#define HOUR_LONG "'object': 'birds', 'length': 3600000000000"

START_TEST(who_holds_it_by_an_administrators_hand_renews_and_releases_it)
{
	set_up();
	publish_birds();
	must(ask_dropping(&owner, "lease.acquire", "{" HOUR_LONG ", 'user': 'ada'}") == 0);
	must(ask_dropping(&ada, "lease.renew", "{'object': 'birds', 'until': 0}") == 0);
	ck_assert_int_eq(ask_dropping(&ben, "lease.release", "{'object': 'birds'}"), -EACCES);
	must(ask_dropping(&ada, "lease.release", "{'object': 'birds'}") == 0);
	ck_assert_int_eq(ask_dropping(&ada, "lease.release", "{'object': 'birds'}"), -EACCES);
	tear_down();
}
END_TEST

/* It keeps everybody out, its holder too, and they are the first to know that it is not needed. */
START_TEST(who_is_denied_what_they_hold_gives_it_up_and_does_nothing_else_with_it)
{
	set_up();
	publish_birds();
	must(ask_dropping(&owner, "lease.acquire", "{" HOUR_LONG ", 'user': 'ada'}") == 0);
	let_ada("deny", "browse");
	ck_assert_int_eq(ask_dropping(&ada, "lease.renew", "{'object': 'birds', 'until': 0}"),
			 -EACCES);
	ck_assert_int_eq(ask_dropping(&ada, "lease.release", "{'object': 'birds@v1'}"), -EACCES);
	ck_assert_int_eq(ask_dropping(&ben, "lease.release", "{'object': 'birds'}"), -EACCES);
	must(ask_dropping(&ada, "lease.release", "{'object': 'birds'}") == 0);
	ck_assert_int_eq(ask_dropping(&ada, "lease.release", "{'object': 'birds'}"), -EACCES);
	assert_told(&owner, "leases", "{'all': true}", "released", true);
	tear_down();
}
END_TEST

START_TEST(places_in_the_line_end_with_the_server_that_kept_them)
{
	struct vt_lease_wish wish = {.holder = {VT_PRINCIPAL_USER, ADA, "ada"},
				     .object = {.scope = VT_SCOPE_DATASET},
				     .length_ns = 3600 * VT_NS_PER_SEC};
	const struct vt_dataset *birds;
	struct vt_lease lease;

	set_up();
	publish_birds();
	must(vt_catalog_dataset(host.service->index->catalog, "birds", &birds, &err) == 0);
	wish.object.dataset = birds->id;
	vt_dataset_unref(birds);
	must(vt_book_lease_acquire(host.service->book, &wish, &lease, &err) == 0);
	wish.holder = (struct vt_principal){VT_PRINCIPAL_USER, BEN, "ben"};
	wish.wait = true;
	must(vt_book_lease_acquire(host.service->book, &wish, &lease, &err) == 0);
	ck_assert_int_eq(lease.state, VT_LEASE_QUEUED);

	visit_end(&owner);
	vt_service_close(host.service);
	must(vt_service_open(vt_scratch_dir, 32 << 20, &host.service, &err) == 0);
	visit_begin(&owner, host.service->owner_uid);
	assert_told(&owner, "leases", "{}", "queued", false);
	assert_told(&owner, "leases", "{}", "ada", true);
	tear_down();
}
END_TEST

/* ---- partners -------------------------------------------------------------------------------- */

START_TEST(a_partner_is_changed_by_who_answers_for_it_and_stays_theirs)
{
	set_up();
	must(ask_dropping(&owner, "partner.add",
			  "{'partner': 'acme', 'users': [], 'owner': 'ada'}") == 0);
	ck_assert_int_eq(ask_dropping(&ben, "partner.add", "{'partner': 'acme', 'users': ['ben']}"),
			 -EACCES);
	must(ask_dropping(&ada, "partner.add", "{'partner': 'acme', 'users': ['ben']}") == 0);
	must(ask_dropping(&owner, "partner.add",
			  "{'partner': 'acme', 'until': 4000000000000000000}") == 0);
	assert_told(&ada, "partners", "{}", "\"ada\"", true);
	assert_told(&ben, "whoami", "{}", "acme", true);
	/* Not even ada says who answers for it. */
	ck_assert_int_eq(ask_dropping(&ada, "partner.add", "{'partner': 'acme', 'owner': 'ben'}"),
			 -EACCES);
	must(ask_dropping(&ada, "partner.end", "{'partner': 'acme'}") == 0);
	assert_told(&ben, "whoami", "{}", "acme", false);
	tear_down();
}
END_TEST

START_TEST(nobody_learns_of_partners_by_asking_about_them)
{
	char known[sizeof err.text];

	set_up();
	publish_birds();
	must(ask_dropping(&owner, "partner.add", "{'partner': 'acme', 'users': ['ada']}") == 0);
	must(ask_dropping(&owner, "grant",
			  "{'object': 'birds', 'who': 'user:ben', 'right': 'browse'}") == 0);
	ck_assert_int_eq(
		ask_dropping(&ben, "explain",
			     "{'object': 'birds', 'who': 'partner:acme', 'right': 'read'}"),
		-EACCES);
	memcpy(known, err.text, sizeof known);
	ck_assert_int_eq(
		ask_dropping(&ben, "explain",
			     "{'object': 'birds', 'who': 'partner:none', 'right': 'read'}"),
		-EACCES);
	ck_assert_str_eq(err.text, known);
	ck_assert_int_eq(ask_dropping(&ben, "partner.end", "{'partner': 'acme'}"), -EACCES);
	assert_told(&ben, "partners", "{}", "acme", false);
	tear_down();
}
END_TEST

START_TEST(who_can_calls_groups_as_rules_do)
{
	set_up();
	publish_birds();
	must(ask_dropping(&owner, "grant",
			  "{'object': 'birds', 'who': 'osgroup:lab', 'right': 'read'}") == 0);
	assert_told(&owner, "who_can", "{'object': 'birds', 'right': 'read'}", "osgroup:lab", true);
	tear_down();
}
END_TEST

START_TEST(a_refusal_about_a_space_names_it)
{
	set_up();
	ck_assert_int_eq(
		ask_dropping(&ada, "lease.acquire", "{'object': 'lab/**', 'length': 1000000000}"),
		-EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "may not lease lab/**"));
	ck_assert_ptr_nonnull(strstr(err.text, "vitrine grant user:ada lease 'lab/**'"));
	ck_assert_ptr_null(strstr(err.text, "the store:"));
	tear_down();
}
END_TEST

VT_SUITE(requests_rights, each_row_is_served_to_who_has_its_right_and_to_nobody_without_it,
	 rows_of_the_store_are_served_to_its_owner,
	 an_administrator_who_is_not_the_owner_does_not_repair,
	 a_file_that_is_sent_stops_when_the_right_ends, listings_and_differences_stop_too,
	 a_difference_stops_when_the_other_version_is_taken_away,
	 of_one_shard_is_told_whether_it_is_there,
	 who_holds_it_by_an_administrators_hand_renews_and_releases_it,
	 who_is_denied_what_they_hold_gives_it_up_and_does_nothing_else_with_it,
	 places_in_the_line_end_with_the_server_that_kept_them,
	 a_partner_is_changed_by_who_answers_for_it_and_stays_theirs,
	 nobody_learns_of_partners_by_asking_about_them, who_can_calls_groups_as_rules_do,
	 a_refusal_about_a_space_names_it)
