/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 20,000 random steps, in four runs, of what happens to the ids of a session, against a naive model
 * that remembers every id ever given and who holds it. After each step: every position has the id
 * that the model says, a sample of the ids ever given is live or dead as the model says, the kernel
 * is told to drop whatever it holds of the dead, and nothing that is live. VT_SEED and VT_STEPS
 * choose another run.
 */
#include <errno.h>

#include "index/idmap.h"
#include "tests/unit/session_model.h"

#define VERSIONS  6u
#define POSITIONS 12u
#define RUNS      4u
#define GIVEN_MAX (1u << 20)
#define HELD_MAX  (1u << 16)
#define SAMPLE    40u

struct given {
	uint64_t id;
	unsigned version;
	bool held; /* the kernel may know it */
};

static const uint32_t nodes_of[VERSIONS] = {1, 64, 65, 70, 130, 200};
static const uint32_t places[] = {0,
				  1,
				  2,
				  62,
				  63,
				  64,
				  69,
				  129,
				  199,
				  VT_POSITION_DOCUMENTS,
				  VT_POSITION_DOCUMENTS + 1,
				  VT_POSITION_DOCUMENTS + 6};

static struct vt_version versions[VERSIONS];
static uint32_t positions[VERSIONS][POSITIONS];
static size_t position_count[VERSIONS];
static size_t current[VERSIONS][POSITIONS]; /* into given */
static bool shown[VERSIONS], retiring[VERSIONS];
static struct given *given;
static size_t given_count;
static size_t held[HELD_MAX], held_count; /* into given */
static struct vt_idmap seen;              /* ids ever given */
static uint64_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t) (dice_state >> 33) % sides;
}

static uint64_t id_now(unsigned version, size_t at)
{
	return vt_exhibits_id(exhibits, &versions[version], positions[version][at]);
}

/* A position has another id than before, one that was never given. */
static void give(unsigned version, size_t at)
{
	uint64_t id = id_now(version, at);

	ck_assert_uint_eq(vt_node_position(id), positions[version][at]);
	ck_assert(!vt_idmap_find(&seen, id, NULL));
	ck_assert_int_eq(vt_idmap_put(&seen, id, 1), 0);
	ck_assert_uint_lt(given_count, GIVEN_MAX);
	given[given_count] = (struct given){.id = id, .version = version};
	current[version][at] = given_count++;
}

static void give_all(unsigned version)
{
	for (size_t at = 0; at < position_count[version]; at++)
		give(version, at);
}

static void begin_run(void)
{
	given_count = held_count = 0;
	session_begin();
	for (unsigned v = 0; v < VERSIONS; v++) {
		versions[v] = shown_version(10 + v, nodes_of[v]);
		position_count[v] = 0;
		shown[v] = retiring[v] = false;
		for (size_t i = 0; i < sizeof places / sizeof *places; i++)
			if (places[i] < nodes_of[v] || places[i] >= VT_POSITION_DOCUMENTS)
				positions[v][position_count[v]++] = places[i];
		give_all(v);
	}
}

static void end_run(void)
{
	session_end();
	vt_idmap_done(&seen);
}

static bool is_live(const struct given *id)
{
	for (size_t at = 0; at < position_count[id->version]; at++)
		if (given[current[id->version][at]].id == id->id)
			return true;
	return false;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void step_note(unsigned v)
{
	size_t at = current[v][dice((uint32_t) position_count[v])];

	ck_assert_int_eq(vt_exhibits_note(exhibits, &versions[v], given[at].id), 0);
	shown[v] = true;
	if (given[at].held)
		return;
	given[at].held = true;
	ck_assert_uint_lt(held_count, HELD_MAX);
	held[held_count++] = at;
}

static void step_burn(unsigned v)
{
	bool burned[POSITIONS] = {false};
	uint32_t list[POSITIONS];
	size_t count = 0;

	for (uint32_t wanted = 1 + dice(4); wanted > 0; wanted--)
		burned[dice((uint32_t) position_count[v])] = true;
	for (size_t at = 0; at < position_count[v]; at++)
		if (burned[at])
			list[count++] = positions[v][at];
	ck_assert_int_eq(vt_exhibits_burn(exhibits, versions[v].serial, list, count), 0);
	for (size_t at = 0; at < position_count[v] && shown[v]; at++)
		if (burned[at])
			give(v, at);
}

static void step_retire(unsigned v)
{
	int r = vt_exhibits_retire(exhibits, versions[v].serial);

	ck_assert_int_eq(r, retiring[v] ? -EBUSY : 0);
	if (r < 0 || !shown[v])
		return;
	retiring[v] = true;
	give_all(v);
}

static void add_dead(void *context, uint64_t id)
{
	ck_assert_int_eq(vt_idmap_put(context, id, 1), 0);
}

/* The kernel drops what it is told to. */
static void step_finish(const struct vt_idmap *dead)
{
	size_t kept = 0;

	for (size_t i = 0; i < held_count; i++) {
		if (vt_idmap_find(dead, given[held[i]].id, NULL))
			given[held[i]].held = false;
		else
			held[kept++] = held[i];
	}
	held_count = kept;
	vt_exhibits_done(exhibits);
	ck_assert(!vt_exhibits_pending(exhibits));
	memset(retiring, 0, sizeof retiring);
}

static void forget_dead(void)
{
	struct vt_idmap dead = {0};

	vt_exhibits_each_dead(exhibits, add_dead, &dead);
	step_finish(&dead);
	vt_idmap_done(&dead);
}

static void step_restart(void)
{
	session_dies();
	session_begin();
}

/* The server dies in a retirement, between its two stores. */
static void step_die_retiring(unsigned v)
{
	uint32_t base = vt_exhibits_base(exhibits, versions[v].serial);

	if (!shown[v] || retiring[v])
		return;
	for (uint32_t i = 0; i < state->record->version_count; i++)
		if (state->versions[i].serial == versions[v].serial)
			state->versions[i].retiring = base;
	step_restart();
	retiring[v] = true;
	give_all(v);
}

/* A version goes for good, and another one, of a larger serial, comes. */
static void step_replace(unsigned v)
{
	static uint32_t serials = 1000;

	if (!shown[v] || retiring[v])
		return;
	step_retire(v);
	forget_dead();
	vt_exhibits_bury(exhibits, versions[v].serial);
	versions[v] = shown_version(++serials, nodes_of[v]);
	shown[v] = false;
	give_all(v);
}

static void take_step(const struct vt_idmap *dead)
{
	unsigned v = dice(VERSIONS), what = dice(100);

	if (what < 50)
		step_note(v);
	else if (what < 70)
		step_burn(v);
	else if (what < 80)
		step_retire(v);
	else if (what < 90)
		step_finish(dead);
	else if (what < 93)
		step_replace(v);
	else if (what < 97)
		step_restart();
	else
		step_die_retiring(v);
}

/* ---- what holds after each ------------------------------------------------------------------- */

static void check_ids(void)
{
	for (unsigned v = 0; v < VERSIONS; v++)
		for (size_t at = 0; at < position_count[v]; at++)
			ck_assert_uint_eq(id_now(v, at), given[current[v][at]].id);
}

static void check_sample(void)
{
	for (unsigned i = 0; i < SAMPLE; i++) {
		const struct given *id = &given[dice((uint32_t) given_count)];
		bool live = vt_exhibits_id(exhibits, &versions[id->version],
					   vt_node_position(id->id)) == id->id;

		ck_assert_int_eq(live, is_live(id));
	}
}

static void check_dead(const struct vt_idmap *dead)
{
	for (size_t i = 0; i < held_count; i++)
		ck_assert_int_eq(vt_idmap_find(dead, given[held[i]].id, NULL),
				 !is_live(&given[held[i]]));
	for (unsigned v = 0; v < VERSIONS; v++)
		for (size_t at = 0; at < position_count[v]; at++)
			ck_assert(!vt_idmap_find(dead, given[current[v][at]].id, NULL));
	ck_assert(dead->count == 0 || vt_exhibits_pending(exhibits));
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void run(unsigned which)
{
	uint64_t steps = number_from("VT_STEPS", 20000) / RUNS;
	struct vt_idmap dead = {0};

	dice_state = number_from("VT_SEED", 1) * RUNS + which;
	given = calloc(GIVEN_MAX, sizeof *given);
	ck_assert_ptr_nonnull(given);
	begin_run();
	for (uint64_t step = 0; step < steps; step++) {
		take_step(&dead);
		vt_idmap_done(&dead);
		vt_exhibits_each_dead(exhibits, add_dead, &dead);
		check_ids();
		check_sample();
		check_dead(&dead);
	}
	vt_idmap_done(&dead);
	end_run();
	free(given);
}

START_TEST(random_steps_go_as_a_naive_model_says)
{
	run(0);
}
END_TEST

START_TEST(a_second_run_does_too)
{
	run(1);
}
END_TEST

START_TEST(a_third_run_does_too)
{
	run(2);
}
END_TEST

START_TEST(a_fourth_run_does_too)
{
	run(3);
}
END_TEST

VT_SUITE(exhibits_model, random_steps_go_as_a_naive_model_says, a_second_run_does_too,
	 a_third_run_does_too, a_fourth_run_does_too)
