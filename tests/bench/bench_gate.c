/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the gate costs: a remembered answer, one thread and ten; an answer made anew; a boundary.
 * Book, clock and people are the test's, so this is the gate alone. A line per case.
 */
#include <pthread.h>
#include <stdio.h>

#include "policy/gate.h"
#include "tests/bench/bench.h"
#include "tests/unit/catalog_model.h"
#include "tests/unit/policy_facts.h"

enum { RULES = 200, USERS = 64, ASKS = 1000000, ANEW = 20000 };

static struct vt_gate *gate;
static struct vt_rule rules[RULES];
static struct vt_policy policy = {.revision = 1, .store_owner = 500, .rules = rules};
static struct vt_place place;

static void set_up(void)
{
	struct vt_gate_parts parts;

	catalog_set_up();
	place.dataset = dataset_new("zoo/birds");
	place.version = version_new(place.dataset, NULL);
	facts_policy = &policy;
	for (uint32_t i = 0; i < RULES; i++)
		rules[policy.rule_count++] = (struct vt_rule){
			.id = i + 1,
			.kind = VT_RULE_ALLOW,
			.right = VT_RIGHT_READ,
			.who = {.kind = VT_PRINCIPAL_USER, .id = 1000 + i % USERS},
			.object = {.scope = VT_SCOPE_DATASET, .dataset = place.dataset},
			.until_ns = VT_TIME_NEVER};
	(void) facts_person(1000, "someone");
	parts = (struct vt_gate_parts){.catalog = catalog};
	must(vt_gate_new(&parts, &gate, &err) == 0);
}

static void *ask(void *context)
{
	struct vt_subject subject = {.uid = 1000};

	for (int i = 0; i < ASKS; i++)
		if (vt_gate_check(gate, &subject, VT_RIGHT_READ, place, true, NULL, NULL) < 0)
			abort();
	return context;
}

static void report(const char *name, uint64_t since_ns, uint64_t count)
{
	printf("%-36s %12.1f ns of processor\n", name,
	       (double) (bench_cpu_ns() - since_ns) / count);
}

static void remembered(const char *name, size_t threads)
{
	pthread_t thread[16];
	uint64_t since = bench_cpu_ns();

	for (size_t i = 0; i < threads; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, ask, NULL), 0);
	for (size_t i = 0; i < threads; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	report(name, since, threads * ASKS);
}

static void anew(void)
{
	struct vt_subject subject = {.uid = 1000};
	struct vt_boundary boundary;
	uint64_t since = bench_cpu_ns();

	for (int i = 0; i < ANEW; i++, policy.revision++)
		if (vt_gate_check(gate, &subject, VT_RIGHT_READ, place, true, NULL, NULL) < 0)
			abort();
	report("answer made of 200 rules", since, ANEW);
	since = bench_cpu_ns();
	for (int i = 0; i < ANEW; i++) {
		must(vt_gate_boundary(gate, place, &boundary, &err) == 0);
		vt_boundary_done(&boundary);
	}
	report("boundary of 64 users remembered", since, ANEW);
	since = bench_cpu_ns();
	for (int i = 0; i < ANEW / 20; i++, policy.revision++) {
		must(vt_gate_boundary(gate, place, &boundary, &err) == 0);
		vt_boundary_done(&boundary);
	}
	report("boundary of 64 users made", since, ANEW / 20);
}

START_TEST(all_cases)
{
	set_up();
	remembered("answer remembered, 1 thread", 1);
	remembered("answer remembered, 10 threads", 10);
	anew();
	vt_gate_free(gate);
	catalog_tear_down();
}
END_TEST

int main(void)
{
	return bench_run(all_cases);
}
