/* SPDX-License-Identifier: Apache-2.0 */
/* Whose rows of what was read who may see, as the request `io` and the metrics tell them. */
#include "fs/usage_view.h"

#include "fs/counters.h"
#include "fs/node.h"
#include "fs/status.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

enum { ADA = 4001, BEN = 4002 }; /* ADA owns birds */

static uint32_t birds, roads;
static struct visit visitor;

static void set_up(uint32_t uid)
{
	service_set_up();
	birds = service_dataset("birds", ADA);
	roads = service_dataset("roads", host.service->owner_uid);
	vt_version_unref(service_commit(birds, 1));
	vt_version_unref(service_commit(roads, 1));
	vt_count_open(host.service->counters, ADA, birds);
	vt_count_read(host.service->counters, ADA, birds, 100);
	vt_count_read(host.service->counters, BEN, roads, 20);
	vt_count_read(host.service->counters, BEN, UINT32_MAX, 3); /* a dataset that is gone */
	vt_count_message(host.service->counters, 15);
	visit_begin(&visitor, uid);
}

static void tear_down(void)
{
	visit_end(&visitor);
	service_tear_down();
}

/* {"NAME": BYTES, ...} of the rows, in the order of their names; the caller's to free. */
static char *rows_of(json_t *rows)
{
	json_t *by_name = json_object(), *row;
	char *text;
	size_t i;

	json_array_foreach(rows, i, row)(void)
		json_object_set(by_name, json_string_value(json_object_get(row, "name")),
				json_object_get(row, "bytes"));
	text = json_dumps(by_name, JSON_SORT_KEYS | JSON_COMPACT);
	json_decref(by_name);
	return text;
}

static void check_rows(const struct reply *reply, const char *key, const char *expected)
{
	char *text = rows_of(json_object_get(reply->result, key));

	ck_assert_str_eq(text, expected);
	free(text);
}

static void check_seen(uint32_t uid, const char *readers, const char *datasets, bool sums)
{
	struct reply reply;

	set_up(uid);
	must(ask(&visitor, "io", "{}", &reply) == 0);
	check_rows(&reply, "readers", readers);
	check_rows(&reply, "datasets", datasets);
	ck_assert((json_object_get(reply.result, "requests") != NULL) == sums);
	ck_assert((json_object_get(reply.result, "memory") != NULL) == sums);
	reply_done(&reply);
	tear_down();
}

START_TEST(who_administers_the_store_sees_all)
{
	check_seen((uint32_t) getuid(), "{\"uid 4001\":100,\"uid 4002\":23}",
		   "{\"birds\":100,\"others\":3,\"roads\":20}", true);
}
END_TEST

START_TEST(who_administers_a_dataset_sees_it_and_himself)
{
	check_seen(ADA, "{\"uid 4001\":100}", "{\"birds\":100}", false);
}
END_TEST

START_TEST(others_see_themselves)
{
	check_seen(BEN, "{\"uid 4002\":23}", "{}", false);
	check_seen(STRANGER, "{}", "{}", false);
}
END_TEST

/* The same rule, on the other door. */
static void check_metrics(uint32_t uid, const char *there, const char *absent)
{
	const struct vt_subject subject = {.uid = uid, .gid = uid, .pid = 1};
	struct vt_buf text = VT_BUF_INIT;

	set_up(uid);
	must(vt_status_text(&(struct vt_viewer){.service = host.service, .subject = &subject},
			    VT_CONTROL_METRICS, false, &text) == 0);
	vt_buf_put_u8(&text, 0);
	ck_assert_msg(strstr((char *) text.data, there), "no %s in %s", there, (char *) text.data);
	ck_assert_msg(!strstr((char *) text.data, absent), "%s in %s", absent, (char *) text.data);
	vt_buf_done(&text);
	tear_down();
}

START_TEST(metrics_tell_no_more)
{
	check_metrics((uint32_t) getuid(), "vitrine_fuse_requests_total{kind=\"read\"} 1\n", "{}");
	check_metrics(ADA, "vitrine_reader_bytes_total{user=\"uid 4001\"} 100\n", "4002");
	check_metrics(ADA, "vitrine_dataset_opens_total{dataset=\"birds\"} 1\n", "roads");
	check_metrics(BEN, "vitrine_reader_bytes_total{user=\"uid 4002\"} 23\n", "birds");
	check_metrics(BEN, "vitrine_reader_bytes_total{user=\"uid 4002\"} 23\n", "fuse_requests");
}
END_TEST

static void kept_text(uint32_t uid, uint32_t number, struct vt_buf *out)
{
	const struct vt_subject subject = {.uid = uid, .gid = uid, .pid = 1};

	vt_buf_reset(out);
	must(vt_status_text_of(&(struct vt_viewer){.service = host.service, .subject = &subject},
			       VT_CONTROL_METRICS, VT_KEPT_OPENED, number, false, out) == 0);
	vt_buf_put_u8(out, 0);
}

/* Its parts are read one after the other, and reading them is counted in it. */
START_TEST(metrics_of_a_handle_stay_and_are_its_owners)
{
	struct vt_buf first = VT_BUF_INIT, text = VT_BUF_INIT;

	set_up(ADA);
	kept_text(ADA, 1, &first);
	vt_count_read(host.service->counters, ADA, birds, 900);
	kept_text(ADA, 1, &text);
	ck_assert_str_eq((char *) text.data, (char *) first.data);
	kept_text(ADA, 2, &text);
	ck_assert(
		strstr((char *) text.data, "vitrine_reader_bytes_total{user=\"uid 4001\"} 1000\n"));
	kept_text(BEN, 1, &text);
	ck_assert(!strstr((char *) text.data, "4001"));
	vt_buf_done(&first);
	vt_buf_done(&text);
	tear_down();
}
END_TEST

VT_SUITE(usage_view, who_administers_the_store_sees_all,
	 who_administers_a_dataset_sees_it_and_himself, others_see_themselves, metrics_tell_no_more,
	 metrics_of_a_handle_stay_and_are_its_owners)
