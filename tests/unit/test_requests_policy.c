/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of control requests as those walk it who may do some of it, and what is particular
 * about requests of the policy: who waits in line, and for how long.
 */
#include "policy/book.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

/* Users that every machine has. */
#define READER 1u /* daemon */
#define OTHER  2u /* bin */

#define WAITING_MAX 16u /* as in fs/requests_lease.c */

static struct visit owner, reader, other;

static void make(const char *name)
{
	vt_version_unref(service_commit(service_dataset(name, host.service->owner_uid), 1));
}

static int ask_dropping(struct visit *visit, const char *op, const char *args)
{
	struct reply reply;
	int r = ask(visit, op, args, &reply);

	reply_done(&reply);
	return r;
}

/* The version has no pages: what comes after the gate fails in its own way. */
static bool may_list(struct visit *visit)
{
	return ask_dropping(visit, "list", "{\"dataset\": \"d\"}") != -EACCES;
}

static void grant(const char *who, const char *right)
{
	char args[256];

	(void) snprintf(args, sizeof args,
			"{\"who\": \"%s\", \"right\": \"%s\", \"object\": \"d\"}", who, right);
	must(ask_dropping(&owner, "grant", args) == 0);
}

static void set_up(void)
{
	service_set_up();
	visit_begin(&owner, host.service->owner_uid);
	visit_begin(&reader, READER);
	visit_begin(&other, OTHER);
	make("d");
}

static void tear_down(void)
{
	visit_end(&owner);
	visit_end(&reader);
	visit_end(&other);
	service_tear_down();
}

/* ---- who may --------------------------------------------------------------------------------- */

/* What is refused to whoever reads, though its row asks for no more than that. */
static bool is_more_than_reading(const struct vt_control_op *op)
{
	return op->right == VT_RIGHT_CURATE || op->right == VT_RIGHT_ADMIN ||
	       strncmp(op->name, "partner.", 8) == 0;
}

static const char walk[] =
	"{\"dataset\": \"d\", \"version\": \"v1\", \"object\": \"d\", \"tag\": \"t\", "
	"\"other_dataset\": \"d\", \"other\": \"v1\", \"right\": \"read\", \"path\": \"\", "
	"\"partner\": \"nobody\", \"length\": 3600000000000, \"until\": 1}";

START_TEST(a_reader_is_served_what_readers_are_and_refused_the_rest)
{
	const struct vt_control_op *table;
	size_t count;

	set_up();
	grant("user:daemon", "read");
	table = vt_control_table(&count);
	for (size_t i = 0; i < count; i++) {
		int r;

		if (table[i].object == VT_OBJECT_IMPORT ||
		    table[i].object == VT_OBJECT_RELABEL) /* -EINVAL: none is open */
			continue;
		r = ask_dropping(&reader, table[i].name, walk);
		ck_assert_msg((r == -EACCES) == is_more_than_reading(&table[i]), "'%s': %d %s",
			      table[i].name, r, err.text);
	}
	ck_assert(!was_stopped);
	tear_down();
}
END_TEST

START_TEST(who_administers_a_dataset_grants_on_it_and_on_nothing_wider)
{
	static const char *const wider[] = {"e", "**", "lab/**"};
	char args[256];

	set_up();
	make("e");
	grant("user:daemon", "admin");
	must(ask_dropping(&reader, "grant",
			  "{\"who\": \"user:bin\", \"right\": \"read\", \"object\": \"d@v1\"}") ==
	     0);
	ck_assert(may_list(&other) && !may_list(&reader));
	for (size_t i = 0; i < sizeof wider / sizeof *wider; i++) {
		(void) snprintf(args, sizeof args,
				"{\"who\": \"user:bin\", \"right\": \"read\", \"object\": \"%s\"}",
				wider[i]);
		ck_assert_int_eq(ask_dropping(&reader, "grant", args), -EACCES);
		ck_assert_int_eq(ask_dropping(&reader, "deny", args), -EACCES);
		ck_assert_int_eq(ask_dropping(&reader, "revoke", args), -EACCES);
	}
	tear_down();
}
END_TEST

/* ---- leases ---------------------------------------------------------------------------------- */

static const char hour[] = "{\"object\": \"d\", \"length\": 3600000000000}";
static const char in_line[] = "{\"object\": \"d\", \"length\": 3600000000000, \"wait\": true}";

static unsigned queued(void)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(host.service->book);
	unsigned n = 0;

	for (size_t i = 0; i < policy->lease_count; i++)
		n += policy->leases[i].state == VT_LEASE_QUEUED;
	return n;
}

/* The row that comes first says that there is a line. */
static void receive_place(struct visit *visit)
{
	vt_cleanup(vt_message_done) struct vt_message message = VT_MESSAGE_INIT;
	json_t *row;

	must(vt_channel_receive(&visit->channel, &message, &err) == 1);
	row = json_object_get(message.json, "row");
	ck_assert_str_eq(json_string_value(json_object_get(row, "state")), "queued");
	ck_assert_str_eq(json_string_value(json_object_get(row, "behind")), "daemon");
}

START_TEST(a_turn_comes_when_the_holder_lets_go)
{
	struct reply reply;

	set_up();
	grant("user:daemon", "read");
	grant("user:bin", "read");
	must(ask_dropping(&reader, "lease.acquire", hour) == 0);
	ck_assert_int_eq(ask_dropping(&other, "lease.acquire", hour), -EBUSY);
	send_only(&other, "lease.acquire", in_line);
	receive_place(&other);
	must(ask_dropping(&reader, "lease.release", "{\"object\": \"d\"}") == 0);
	must(reply_receive(&other, &reply) == 0);
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "state")), "active");
	ck_assert_str_eq(json_string_value(json_object_get(reply.result, "holder")), "bin");
	reply_done(&reply);
	ck_assert(may_list(&other) && !may_list(&reader));
	tear_down();
}
END_TEST

/* Behind the reader, who has the lease. */
static void stand_in_line(struct visit *waiter)
{
	grant("user:daemon", "read");
	grant("user:bin", "read");
	must(ask_dropping(&reader, "lease.acquire", hour) == 0);
	visit_begin(waiter, OTHER);
	send_only(waiter, "lease.acquire", in_line);
	receive_place(waiter);
}

START_TEST(who_waits_when_the_server_ends_is_told)
{
	struct visit waiter;
	struct reply reply;

	set_up();
	stand_in_line(&waiter);
	ck_assert_int_eq(shutdown(waiter.connection.channel.fd, SHUT_RD), 0);
	ck_assert_int_eq(reply_receive(&waiter, &reply), -ECONNRESET);
	ck_assert_ptr_nonnull(strstr(err.text, "the server ended"));
	reply_done(&reply);
	visit_end(&waiter);
	ck_assert_uint_eq(queued(), 0);
	tear_down();
}
END_TEST

START_TEST(who_hangs_up_gives_the_place_up)
{
	struct visit waiter;

	set_up();
	stand_in_line(&waiter);
	ck_assert_uint_eq(queued(), 1);
	visit_end(&waiter);
	ck_assert_uint_eq(queued(), 0);
	must(ask_dropping(&reader, "lease.release", "{\"object\": \"d\"}") == 0);
	ck_assert(may_list(&reader));
	tear_down();
}
END_TEST

START_TEST(a_uid_has_so_many_places_in_lines_and_a_refused_one_is_none)
{
	struct visit waiters[WAITING_MAX];
	char name[8], args[256];

	set_up();
	for (unsigned i = 0; i <= WAITING_MAX; i++) {
		(void) snprintf(name, sizeof name, "d%u", i);
		make(name);
		(void) snprintf(args, sizeof args,
				"{\"object\": \"%s\", \"length\": 3600000000000, "
				"\"user\": \"daemon\"}",
				name);
		must(ask_dropping(&owner, "lease.acquire", args) == 0);
		(void) snprintf(args, sizeof args,
				"{\"object\": \"%s\", \"length\": 3600000000000, \"wait\": true, "
				"\"user\": \"bin\"}",
				name);
		if (i == WAITING_MAX)
			break;
		visit_begin(&waiters[i], host.service->owner_uid);
		send_only(&waiters[i], "lease.acquire", args);
		receive_place(&waiters[i]);
	}
	ck_assert_int_eq(ask_dropping(&owner, "lease.acquire", args), -EAGAIN);
	ck_assert_uint_eq(queued(), WAITING_MAX);
	for (unsigned i = 0; i < WAITING_MAX; i++)
		visit_end(&waiters[i]);
	ck_assert_uint_eq(queued(), 0);
	tear_down();
}
END_TEST

START_TEST(a_lease_lasts_some_time_and_no_more_than_a_year)
{
	set_up();
	grant("user:daemon", "read");
	ck_assert_int_eq(ask_dropping(&reader, "lease.acquire", "{\"object\": \"d\"}"), -EINVAL);
	ck_assert_int_eq(
		ask_dropping(&reader, "lease.acquire", "{\"object\": \"d\", \"length\": 0}"),
		-EINVAL);
	ck_assert_int_eq(ask_dropping(&reader, "lease.acquire",
				      "{\"object\": \"d\", \"length\": 31622400000000001}"),
			 -EINVAL);
	ck_assert_int_eq(ask_dropping(&reader, "lease.acquire",
				      "{\"object\": \"**\", \"length\": 3600000000000}"),
			 -EINVAL);
	must(ask_dropping(&reader, "lease.acquire",
			  "{\"object\": \"d\", \"length\": 31622400000000000}") == 0);
	tear_down();
}
END_TEST

VT_SUITE(requests_policy, a_reader_is_served_what_readers_are_and_refused_the_rest,
	 who_administers_a_dataset_grants_on_it_and_on_nothing_wider,
	 a_turn_comes_when_the_holder_lets_go, who_waits_when_the_server_ends_is_told,
	 who_hangs_up_gives_the_place_up,
	 a_uid_has_so_many_places_in_lines_and_a_refused_one_is_none,
	 a_lease_lasts_some_time_and_no_more_than_a_year)
