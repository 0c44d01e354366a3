/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A narrowing on a session or two: a real store, policy, ids and handles, and a kernel that
 * remembers what it was told to drop. Time passes by a millisecond whenever somebody looks at the
 * clock.
 */
#include "fs/session.h"

#include "index/base/clock.h"
#include "index/import.h"
#include "policy/book.h"
#include "policy/people.h"
#include "tests/unit/service_model.h"
#include "tests/unit/session_model.h"
#include "tests/unit/suite.h"

enum { OWNER = 1001, LOSER = 4242 };

static struct vt_session session, second;
static const struct vt_pattern everything = {.scope = VT_SCOPE_ALL};

/* ---- the kernel ------------------------------------------------------------------------------ */

static struct dead dropped, dropped_second, asked_again; /* the last: attributes alone */
static atomic_uint early;     /* drops while a request on a dead id was under way */
static atomic_uint unguarded; /* flips without the lock that OPEN takes */
static atomic_int refused;

struct vt_session *__wrap_vt_session_pin_next(struct vt_sessions *sessions,
					      struct vt_session *after);
int __wrap_fuse_lowlevel_notify_inval_inode(struct fuse_session *fuse, fuse_ino_t id, off_t offset,
					    off_t len);
const struct fuse_ctx *__wrap_fuse_req_ctx(fuse_req_t req);
int __wrap_fuse_reply_err(fuse_req_t req, int error);
uint64_t __wrap_vt_clock_monotonic_ns(void);
int __wrap_vt_exhibits_burn(struct vt_exhibits *of, uint32_t serial, const uint32_t *positions,
			    size_t count);
int __real_vt_exhibits_burn(struct vt_exhibits *of, uint32_t serial, const uint32_t *positions,
			    size_t count);
int __wrap_vt_exhibits_retire(struct vt_exhibits *of, uint32_t serial);
int __real_vt_exhibits_retire(struct vt_exhibits *of, uint32_t serial);

/* The service's own table is empty: its watch must not settle what a test looks at. */
struct vt_session *__wrap_vt_session_pin_next(struct vt_sessions *sessions,
					      struct vt_session *after)
{
	if (sessions || after == &second)
		return NULL;
	if (!after)
		return &session;
	return second.fuse ? &second : NULL;
}

int __wrap_fuse_lowlevel_notify_inval_inode(struct fuse_session *fuse, fuse_ino_t id, off_t offset,
					    off_t len)
{
	(void) len;
	if (offset < 0) {
		collect_dead(&asked_again, id);
		return 0;
	}
	early += !fuse && vt_request_pending(&session.requests, VT_REQUEST_DEAD) > 0;
	collect_dead(fuse ? &dropped_second : &dropped, id);
	return 0;
}

static void look_for_lock(void)
{
	if (pthread_mutex_trylock(&session.access) == 0) {
		unguarded++;
		(void) pthread_mutex_unlock(&session.access);
	}
}

int __wrap_vt_exhibits_burn(struct vt_exhibits *of, uint32_t serial, const uint32_t *positions,
			    size_t count)
{
	look_for_lock();
	return __real_vt_exhibits_burn(of, serial, positions, count);
}

int __wrap_vt_exhibits_retire(struct vt_exhibits *of, uint32_t serial)
{
	look_for_lock();
	return __real_vt_exhibits_retire(of, serial);
}

const struct fuse_ctx *__wrap_fuse_req_ctx(fuse_req_t req)
{
	static const struct fuse_ctx context = {.uid = LOSER, .gid = LOSER, .pid = 1};

	(void) req;
	return &context;
}

int __wrap_fuse_reply_err(fuse_req_t req, int error)
{
	(void) req;
	refused = error;
	return 0;
}

uint64_t __wrap_vt_clock_monotonic_ns(void)
{
	static _Atomic uint64_t now = 1;

	return atomic_fetch_add(&now, 1000000);
}

static bool is_among(const struct dead *ids, uint64_t id)
{
	for (size_t i = 0; i < ids->count; i++)
		if (ids->ids[i] == id)
			return true;
	return false;
}

static bool was_dropped(uint64_t id)
{
	return is_among(&dropped, id);
}

/* ---- the session ----------------------------------------------------------------------------- */

static void serve(void)
{
	session_begin();
	session = (struct vt_session){.service = host.service,
				      .state = state,
				      .plan = &state->record->plan,
				      .exhibits = exhibits,
				      .views = views,
				      .mountpoint = (char *) "/mnt"};
	vt_request_table_init(&session.requests);
	(void) pthread_mutex_init(&session.access, NULL);
	(void) pthread_mutex_init(&session.narrowing, NULL);
	ck_assert_int_eq(vt_handles_open(state, &session.handles, NULL), 0);
	dropped.count = asked_again.count = dropped_second.count = 0;
	early = unguarded = 0;
	refused = 0;
}

static void die(void)
{
	vt_handles_close(session.handles);
	session_dies();
}

static void set_up(const struct vt_mount_plan *plan)
{
	service_set_up();
	state_fd = vt_session_state_new(plan, NULL);
	serve();
}

static void set_up_shared(void)
{
	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_SHARED});
}

static void tear_down(void)
{
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_eq(unguarded, 0);
	vt_handles_close(session.handles);
	session_end();
	service_tear_down();
}

static const struct vt_version *publish(const char *name)
{
	return service_commit(service_dataset(name, OWNER), 10);
}

static struct vt_pattern dataset_of(const struct vt_version *version)
{
	return (struct vt_pattern){.scope = VT_SCOPE_DATASET, .dataset = version->dataset};
}

/* Everybody may, and so may one who loses that. */
static void allow_all(const struct vt_version *version, enum vt_right right)
{
	const struct vt_rule rule = {.kind = VT_RULE_ALLOW,
				     .right = right,
				     .who = {.kind = VT_PRINCIPAL_ANYONE},
				     .object = dataset_of(version),
				     .by_uid = OWNER,
				     .until_ns = VT_TIME_NEVER};
	uint64_t id;

	must(vt_book_add_rule(host.service->book, &rule, &id, &err) == 0);
}

static void open_to_all(const struct vt_version *version)
{
	allow_all(version, VT_RIGHT_READ);
}

static void close_to_all(const struct vt_version *version)
{
	const struct vt_principal anyone = {.kind = VT_PRINCIPAL_ANYONE};
	const struct vt_pattern object = dataset_of(version);
	size_t removed;

	must(vt_book_remove_rule(host.service->book, &anyone, VT_RIGHT_READ, &object, 0, &removed,
				 &err) == 0);
}

static uint64_t open_file(const struct vt_version *version, uint32_t position, uint32_t uid)
{
	uint64_t id = note(version, position), handle;

	ck_assert_int_eq(vt_handles_add(session.handles, id, uid, &handle), 0);
	return id;
}

static bool is_live(const struct vt_version *version, uint64_t id)
{
	return vt_exhibits_id(exhibits, version, vt_node_position(id)) == id;
}

static int narrow(const struct vt_version *version, bool retire)
{
	const struct vt_pattern pattern = dataset_of(version);

	return vt_sessions_narrow(NULL, &pattern, retire, &err);
}

/* Somebody is writing its answer at this moment. */
static struct vt_request *begin_answering(uint64_t id)
{
	struct vt_request *request =
		vt_request_begin(&session.requests, &session, NULL, id, VT_OP_OTHER, NULL);

	ck_assert_ptr_nonnull(request);
	ck_assert(vt_request_claim(request));
	return request;
}

/* ---- who loses what -------------------------------------------------------------------------- */

START_TEST(what_a_loser_has_open_dies_and_nothing_else)
{
	const struct vt_version *birds;
	uint64_t both, his, hers;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	both = open_file(birds, 5, LOSER);
	(void) open_file(birds, 5, OWNER);
	his = open_file(birds, 6, LOSER);
	hers = open_file(birds, 7, OWNER);
	close_to_all(birds);
	must(narrow(birds, false) == 0);
	ck_assert(!is_live(birds, both) && was_dropped(both));
	ck_assert(!is_live(birds, his) && was_dropped(his));
	ck_assert(is_live(birds, hers));
	ck_assert_uint_eq(dropped.count, 2);
	ck_assert(!vt_exhibits_pending(exhibits));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(where_nobody_loses_nothing_dies)
{
	const struct vt_version *birds;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	(void) open_file(birds, 5, LOSER);
	must(narrow(birds, false) == 0);
	ck_assert_uint_eq(dropped.count, 0);
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* Another mount's leftover is no loss of who reads on this one. */
START_TEST(a_gate_that_is_shut_takes_nothing_from_who_reads)
{
	const struct vt_version *birds;
	uint64_t hers;

	set_up_shared();
	birds = publish("birds");
	hers = open_file(birds, 5, OWNER);
	vt_gate_shut(host.service->gate, true);
	must(narrow(birds, false) == 0);
	ck_assert(is_live(birds, hers));
	ck_assert_uint_eq(dropped.count, 0);
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(a_retirement_drops_all_that_was_noted)
{
	const struct vt_version *birds, *fish;
	uint64_t open, noted, other;

	set_up_shared();
	birds = publish("birds");
	fish = publish("fish");
	open = open_file(birds, 5, OWNER);
	noted = note(birds, 6);
	other = open_file(fish, 5, OWNER);
	must(narrow(birds, true) == 0);
	ck_assert(was_dropped(open) && was_dropped(noted));
	ck_assert(is_live(fish, other) && !was_dropped(other));
	vt_version_unref(birds);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

START_TEST(on_a_private_mount_a_lost_version_dies_as_a_whole)
{
	const struct vt_version *birds;
	uint64_t id;

	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_PRIVATE, .user = LOSER});
	birds = publish("birds");
	open_to_all(birds);
	id = note(birds, 5);
	must(narrow(birds, false) == 0);
	ck_assert(is_live(birds, id));
	close_to_all(birds);
	must(narrow(birds, false) == 0);
	ck_assert(!is_live(birds, id) && was_dropped(id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* No OPEN is asked there: what the kernel keeps of a file it shows to whoever sees its name. */
START_TEST(on_a_private_mount_names_may_stay_and_what_was_read_does_not)
{
	const struct vt_version *birds;
	uint64_t id;

	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_PRIVATE, .user = LOSER});
	birds = publish("birds");
	open_to_all(birds);
	allow_all(birds, VT_RIGHT_BROWSE);
	id = note(birds, 5);
	close_to_all(birds);
	must(narrow(birds, false) == 0);
	ck_assert(!is_live(birds, id) && was_dropped(id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(a_private_mount_is_its_users_and_not_its_makers)
{
	const struct vt_version *birds;
	uint64_t id;

	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_PRIVATE, .user = OWNER});
	session.uid = LOSER;
	birds = publish("birds");
	id = note(birds, 5);
	must(narrow(birds, false) == 0);
	ck_assert(is_live(birds, id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(on_an_open_only_mount_what_is_not_open_any_more_dies)
{
	const struct vt_version *birds, *fish;
	uint64_t feather, fin;

	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_OPEN_ONLY});
	birds = publish("birds");
	fish = publish("fish");
	open_to_all(birds);
	open_to_all(fish);
	feather = note(birds, 5);
	fin = note(fish, 5);
	close_to_all(birds);
	must(vt_sessions_narrow(NULL, &everything, false, &err) == 0);
	ck_assert(!is_live(birds, feather) && was_dropped(feather));
	ck_assert(is_live(fish, fin) && !was_dropped(fin));
	vt_version_unref(birds);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

START_TEST(who_keeps_the_names_alone_loses_what_is_open)
{
	const struct vt_version *birds;
	uint64_t id;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	allow_all(birds, VT_RIGHT_BROWSE);
	id = open_file(birds, 5, LOSER);
	close_to_all(birds);
	must(narrow(birds, false) == 0);
	ck_assert(!is_live(birds, id) && was_dropped(id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(what_is_open_twice_dies_once)
{
	const struct vt_version *birds;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	for (uint32_t i = 0; i < 4; i++)
		(void) open_file(birds, 5 + i % 2, LOSER);
	close_to_all(birds);
	must(narrow(birds, false) == 0);
	ck_assert_uint_eq(dropped.count, 2);
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(what_is_open_of_several_versions_dies_in_each)
{
	const struct vt_version *birds, *fish;
	uint64_t ids[4];

	set_up_shared();
	birds = publish("birds");
	fish = publish("fish");
	open_to_all(birds);
	open_to_all(fish);
	for (uint32_t i = 0; i < 4; i++)
		ids[i] = open_file(i % 2 ? fish : birds, 5 + i / 2, LOSER);
	close_to_all(birds);
	close_to_all(fish);
	must(vt_sessions_narrow(NULL, &everything, false, &err) == 0);
	for (uint32_t i = 0; i < 4; i++)
		ck_assert(!is_live(i % 2 ? fish : birds, ids[i]) && was_dropped(ids[i]));
	vt_version_unref(birds);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

/* The catalog knows it no more, and so nothing covers it by name. */
static void withdraw(const struct vt_version *version)
{
	uint32_t exhibit;

	must(vt_catalog_withdraw(host.service->index->catalog, version->serial, "", 0, &exhibit,
				 &err) == 0);
}

START_TEST(what_is_gone_is_dropped)
{
	const struct vt_version *birds;
	vt_autofree uint32_t *gone = NULL;
	size_t count;
	uint64_t id;

	set_up_shared();
	birds = publish("birds");
	id = note(birds, 5);
	must(vt_catalog_remove_dataset(host.service->index->catalog, birds->dataset, 0, &gone,
				       &count, &err) == 0);
	must(narrow(birds, false) == 0);
	ck_assert(was_dropped(id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* On a mount that lives long most versions that were ever shown are gone. */
START_TEST(what_is_gone_is_retired_once)
{
	const struct vt_version *birds, *fish;

	set_up_shared();
	birds = publish("birds");
	fish = publish("fish");
	(void) note(birds, 5);
	(void) note(fish, 5);
	withdraw(birds);
	must(narrow(birds, true) == 0);
	ck_assert_uint_eq(state->record->exhibit_count, 1);
	dropped.count = asked_again.count = 0;
	must(narrow(fish, false) == 0);
	vt_sessions_refresh(NULL, &everything);
	ck_assert_uint_eq(state->record->exhibit_count, 1);
	ck_assert_uint_eq(dropped.count, 0);
	ck_assert_uint_eq(vt_exhibits_base(exhibits, birds->serial), 0); /* nothing is kept of it */
	ck_assert(is_among(&asked_again, vt_node_id(vt_exhibits_base(exhibits, fish->serial), 0)));
	vt_version_unref(birds);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

/* ---- what the kernel asks again ---------------------------------------------------------------
 */

START_TEST(owner_and_mode_of_the_folders_above_are_asked_for_again)
{
	const struct vt_version *birds;
	uint32_t base;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	(void) note(birds, 5);
	must(narrow(birds, true) == 0);
	base = vt_exhibits_base(exhibits, birds->serial);
	ck_assert_uint_ne(base, birds->exhibit);
	ck_assert(is_among(&asked_again, vt_node_id(base, 0)));
	ck_assert(is_among(&asked_again, vt_node_id(base, VT_POSITION_DOCUMENTS)));
	ck_assert(is_among(&asked_again, vt_node_id_of(VT_SHOWN_DATASET, birds->dataset)));
	ck_assert(is_among(&asked_again, vt_node_id_of(VT_SHOWN_DOCUMENTS, birds->dataset)));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(listings_that_are_kept_without_asking_are_read_again)
{
	const struct vt_version *birds;

	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_PRIVATE, .user = LOSER});
	birds = publish("zoo/birds");
	must(narrow(birds, false) == 0);
	ck_assert(was_dropped(vt_node_id_of(VT_SHOWN_ROOT, 1)));
	ck_assert(was_dropped(vt_node_id_of(VT_SHOWN_DATASET, birds->dataset)));
	ck_assert(was_dropped(vt_node_id_of(VT_SHOWN_DOCUMENTS, birds->dataset)));
	ck_assert(was_dropped(vt_node_id_of(VT_SHOWN_LABELS, birds->dataset)));
	ck_assert(was_dropped(vt_node_id_of(VT_SHOWN_QUERIES, birds->dataset)));
	ck_assert_uint_eq(dropped.count, 6); /* the space */
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* ---- in order -------------------------------------------------------------------------------- */

static void *narrow_birds(void *birds)
{
	return (void *) (intptr_t) narrow(birds, false);
}

START_TEST(nothing_is_dropped_while_a_read_on_it_is_answered)
{
	const struct vt_version *birds;
	struct vt_request *request;
	pthread_t thread;
	uint64_t id;
	void *r;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	id = open_file(birds, 5, LOSER);
	request = begin_answering(id);
	close_to_all(birds);
	ck_assert_int_eq(pthread_create(&thread, NULL, narrow_birds, (void *) birds), 0);
	while (is_live(birds, id))
		(void) sched_yield();
	vt_request_end(&session.requests, request);
	ck_assert_int_eq(pthread_join(thread, &r), 0);
	ck_assert_ptr_null(r);
	ck_assert(was_dropped(id)); /* and not early: see tear_down() */
	vt_version_unref(birds);
	tear_down();
}
END_TEST

static uint64_t answers_counted(void)
{
	struct vt_counted counted;
	uint64_t sum;

	vt_counters_sum(host.service->counters, &counted);
	sum = counted.latency[VT_OP_OTHER].beyond;
	for (unsigned i = 0; i < VT_LATENCY_BOUNDS; i++)
		sum += counted.latency[VT_OP_OTHER].within[i];
	return sum;
}

START_TEST(a_straggler_is_answered_for_and_answers_no_more)
{
	const struct vt_version *birds;
	struct vt_request *request;
	uint64_t id;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	id = open_file(birds, 5, LOSER);
	request = vt_request_begin(&session.requests, &session, NULL, id, VT_OP_OTHER, NULL);
	close_to_all(birds);
	must(narrow(birds, false) == 0);
	ck_assert_int_eq(refused, ESTALE);
	ck_assert(!vt_request_claim(request));
	ck_assert_uint_eq(answers_counted(), 1);
	vt_request_end(&session.requests, request);
	ck_assert_uint_eq(answers_counted(), 1);
	ck_assert(was_dropped(id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* ---- what could not be done ------------------------------------------------------------------ */

START_TEST(what_times_out_is_done_later)
{
	const struct vt_version *birds;
	struct vt_request *request;
	uint64_t id;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	id = open_file(birds, 5, LOSER);
	request = begin_answering(id);
	close_to_all(birds);
	ck_assert_int_eq(narrow(birds, false), -ETIMEDOUT);
	ck_assert(!is_live(birds, id) && !was_dropped(id));
	ck_assert(!vt_sessions_settle(NULL));
	vt_request_end(&session.requests, request);
	ck_assert(vt_sessions_settle(NULL));
	ck_assert(was_dropped(id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* A read by a live id is not refused: it must die, whatever else is unfinished. */
START_TEST(an_unfinished_narrowing_does_not_keep_the_next_ones_ids_alive)
{
	const struct vt_version *birds, *fish;
	struct vt_request *request;
	uint64_t feather, fin;

	set_up_shared();
	birds = publish("birds");
	fish = publish("fish");
	open_to_all(birds);
	open_to_all(fish);
	feather = open_file(birds, 5, LOSER);
	fin = open_file(fish, 5, LOSER);
	request = begin_answering(feather);
	close_to_all(birds);
	ck_assert_int_eq(narrow(birds, false), -ETIMEDOUT);
	close_to_all(fish);
	ck_assert_int_eq(narrow(fish, false), -ETIMEDOUT);
	ck_assert(!is_live(fish, fin));
	vt_request_end(&session.requests, request);
	ck_assert(vt_sessions_settle(NULL));
	ck_assert(was_dropped(feather) && was_dropped(fin));
	vt_version_unref(birds);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

/* A version that is being dropped cannot die again before that is done. */
START_TEST(what_another_left_unfinished_is_finished_first)
{
	const struct vt_version *birds;
	uint64_t first, later;

	set_up_shared();
	birds = publish("birds");
	first = note(birds, 5);
	ck_assert_int_eq(vt_exhibits_retire(exhibits, birds->serial), 0);
	unguarded = 0; /* that was us */
	later = note(birds, 5);
	must(narrow(birds, true) == 0);
	ck_assert(was_dropped(first) && was_dropped(later));
	ck_assert(!is_live(birds, later));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* The first version's older ids are still being dropped, so that it cannot be retired again. */
START_TEST(what_cannot_be_done_for_one_version_is_done_for_the_others)
{
	const struct vt_version *birds, *ducks, *fish;
	struct vt_request *request;
	uint64_t quack, fin;

	set_up_shared();
	birds = publish("birds");
	ducks = publish("ducks");
	fish = publish("fish");
	open_to_all(fish);
	request = begin_answering(note(birds, 5));
	quack = note(ducks, 5);
	fin = open_file(fish, 5, LOSER);
	ck_assert_int_eq(narrow(birds, true), -ETIMEDOUT);
	withdraw(birds);
	withdraw(ducks);
	close_to_all(fish);
	ck_assert_int_eq(vt_sessions_narrow(NULL, &everything, false, &err), -ETIMEDOUT);
	ck_assert(!is_live(ducks, quack) && !is_live(fish, fin));
	vt_request_end(&session.requests, request);
	ck_assert(vt_sessions_settle(NULL));
	ck_assert(was_dropped(quack) && was_dropped(fin));
	vt_version_unref(birds);
	vt_version_unref(ducks);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

static void begin_second(void)
{
	const struct vt_mount_plan plan = {.kind = VT_MOUNT_SHARED};

	second = (struct vt_session){.service = host.service,
				     .mountpoint = (char *) "/second",
				     .fuse = (struct fuse_session *) &second};
	second.state_fd = vt_session_state_new(&plan, NULL);
	ck_assert_int_eq(vt_session_state_open(second.state_fd, &second.state, NULL), 0);
	second.plan = &second.state->record->plan;
	ck_assert_int_eq(vt_exhibits_open(second.state, &second.exhibits, NULL), 0);
	ck_assert_int_eq(vt_views_open(second.state, second.exhibits, &second.views, NULL), 0);
	ck_assert_int_eq(vt_handles_open(second.state, &second.handles, NULL), 0);
	vt_request_table_init(&second.requests);
	(void) pthread_mutex_init(&second.access, NULL);
	(void) pthread_mutex_init(&second.narrowing, NULL);
}

static void end_second(void)
{
	vt_handles_close(second.handles);
	vt_views_close(second.views);
	vt_exhibits_close(second.exhibits);
	vt_session_state_close(second.state);
	(void) close(second.state_fd);
	second.fuse = NULL;
}

/* Where one mount cannot finish the others do; and it is a failure, whichever it was. */
START_TEST(every_mount_is_narrowed)
{
	const struct vt_version *birds;
	struct vt_request *request;
	uint64_t here, there, handle;

	set_up_shared();
	begin_second();
	birds = publish("birds");
	open_to_all(birds);
	here = open_file(birds, 5, LOSER);
	there = vt_exhibits_id(second.exhibits, birds, 6);
	ck_assert_int_eq(vt_exhibits_note(second.exhibits, birds, there), 0);
	ck_assert_int_eq(vt_handles_add(second.handles, there, LOSER, &handle), 0);
	request = begin_answering(here);
	close_to_all(birds);
	ck_assert_int_eq(narrow(birds, false), -ETIMEDOUT);
	unguarded = 0; /* the second's flip holds another lock */
	ck_assert(!was_dropped(here) && is_among(&dropped_second, there));
	ck_assert(!is_among(&dropped_second, here));
	ck_assert(!vt_sessions_settle(NULL));
	vt_request_end(&session.requests, request);
	ck_assert(vt_sessions_settle(NULL));
	ck_assert(was_dropped(here) && !was_dropped(there));
	vt_version_unref(birds);
	end_second();
	tear_down();
}
END_TEST

/* What is to be done again for one dataset is not what another's narrowing has done. */
START_TEST(a_narrowing_of_something_else_does_not_settle_one_that_failed)
{
	const struct vt_version *birds, *fish;
	uint64_t id;

	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_PRIVATE, .user = LOSER});
	birds = publish("birds");
	fish = publish("fish");
	open_to_all(birds);
	id = note(birds, 5);
	(void) note(fish, 5);
	close_to_all(birds);
	state->record->exhibit_count = VT_SESSION_EXHIBITS; /* no fresh numbers, for now */
	ck_assert_int_lt(narrow(birds, false), 0);
	state->record->exhibit_count = 0;
	must(narrow(fish, true) == 0);
	ck_assert(vt_sessions_settle(NULL));
	ck_assert(!is_live(birds, id) && was_dropped(id));
	vt_version_unref(birds);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

static void fill_the_log(void)
{
	state->record->burn_count = state->record->burns_done = VT_SESSION_BURNS;
}

START_TEST(a_full_log_costs_the_whole_version)
{
	const struct vt_version *birds;
	uint64_t his, hers;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	his = open_file(birds, 5, LOSER);
	hers = open_file(birds, 6, OWNER);
	close_to_all(birds);
	fill_the_log();
	must(narrow(birds, false) == 0);
	ck_assert(!is_live(birds, his) && was_dropped(his));
	ck_assert(!is_live(birds, hers) && was_dropped(hers));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(a_full_log_is_no_hindrance_to_a_retirement)
{
	const struct vt_version *birds, *fish;
	uint64_t feather, fin;

	set_up_shared();
	birds = publish("birds");
	fish = publish("fish");
	open_to_all(birds);
	feather = open_file(birds, 5, LOSER);
	fin = note(fish, 5);
	close_to_all(birds);
	fill_the_log();
	must(vt_sessions_narrow(NULL, &everything, true, &err) == 0);
	ck_assert(!is_live(birds, feather) && was_dropped(feather));
	ck_assert(!is_live(fish, fin) && was_dropped(fin));
	vt_version_unref(birds);
	vt_version_unref(fish);
	tear_down();
}
END_TEST

START_TEST(a_retirement_burns_nothing_besides)
{
	const struct vt_version *birds;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	(void) open_file(birds, 5, LOSER);
	close_to_all(birds);
	must(narrow(birds, true) == 0);
	ck_assert_uint_eq(state->record->burn_count, 0);
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* The policy had changed, and nobody was there to do the rest. */
START_TEST(a_successor_does_what_its_predecessor_did_not_come_to)
{
	const struct vt_version *birds;
	uint64_t his, hers;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	his = open_file(birds, 5, LOSER);
	hers = open_file(birds, 6, OWNER);
	close_to_all(birds);
	die();
	serve();
	vt_session_settle(&session);
	ck_assert(!is_live(birds, his) && was_dropped(his));
	ck_assert(is_live(birds, hers));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* On mounts where everybody sees every version, too. */
START_TEST(a_successor_retires_what_was_withdrawn)
{
	const struct vt_version *birds;
	uint64_t id;

	set_up_shared();
	birds = publish("birds");
	open_to_all(birds);
	id = open_file(birds, 5, OWNER);
	withdraw(birds);
	die();
	serve();
	vt_session_settle(&session);
	ck_assert(was_dropped(id));
	vt_version_unref(birds);
	tear_down();
}
END_TEST

/* ---- who is asked about ---------------------------------------------------------------------- */

static atomic_uint asked; /* how often about the loser */

static int nobody(uint32_t uid, char *name, size_t size, uint32_t *groups, size_t *count)
{
	(void) name, (void) size, (void) groups, (void) count;
	asked += uid == LOSER;
	return -ENOENT;
}

static unsigned times_asked(void)
{
	static const struct vt_people_source source = {.person = nobody};

	asked = 0;
	vt_people_set_source(&source);
	vt_sessions_ask_about_readers(NULL);
	vt_people_set_source(NULL);
	return asked;
}

START_TEST(the_user_database_is_asked_about_who_has_a_file_open)
{
	const struct vt_version *birds;

	set_up_shared();
	birds = publish("birds");
	ck_assert_uint_eq(times_asked(), 0);
	(void) open_file(birds, 5, LOSER);
	(void) open_file(birds, 6, LOSER);
	ck_assert_uint_eq(times_asked(), 1);
	vt_version_unref(birds);
	tear_down();
}
END_TEST

START_TEST(and_about_who_has_a_private_mount)
{
	set_up(&(struct vt_mount_plan){.kind = VT_MOUNT_PRIVATE, .user = LOSER});
	ck_assert_uint_eq(times_asked(), 1);
	tear_down();
}
END_TEST

VT_SUITE(session_narrow, what_a_loser_has_open_dies_and_nothing_else,
	 where_nobody_loses_nothing_dies, the_user_database_is_asked_about_who_has_a_file_open,
	 and_about_who_has_a_private_mount, a_gate_that_is_shut_takes_nothing_from_who_reads,
	 a_retirement_drops_all_that_was_noted, on_a_private_mount_a_lost_version_dies_as_a_whole,
	 on_a_private_mount_names_may_stay_and_what_was_read_does_not,
	 a_private_mount_is_its_users_and_not_its_makers,
	 on_an_open_only_mount_what_is_not_open_any_more_dies,
	 who_keeps_the_names_alone_loses_what_is_open, what_is_open_twice_dies_once,
	 what_is_open_of_several_versions_dies_in_each, what_is_gone_is_dropped,
	 what_is_gone_is_retired_once, owner_and_mode_of_the_folders_above_are_asked_for_again,
	 listings_that_are_kept_without_asking_are_read_again,
	 nothing_is_dropped_while_a_read_on_it_is_answered,
	 a_straggler_is_answered_for_and_answers_no_more, what_times_out_is_done_later,
	 an_unfinished_narrowing_does_not_keep_the_next_ones_ids_alive,
	 what_another_left_unfinished_is_finished_first,
	 what_cannot_be_done_for_one_version_is_done_for_the_others, every_mount_is_narrowed,
	 a_narrowing_of_something_else_does_not_settle_one_that_failed,
	 a_full_log_costs_the_whole_version, a_full_log_is_no_hindrance_to_a_retirement,
	 a_retirement_burns_nothing_besides, a_successor_does_what_its_predecessor_did_not_come_to,
	 a_successor_retires_what_was_withdrawn)
