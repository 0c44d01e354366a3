/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What benchmarks share. The main of one: a test, since the models that it builds on check with
 * Check; in this process, without its time limit.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Of all threads: what it costs, on a machine that others use too. */
static inline uint64_t bench_cpu_ns(void)
{
	struct rusage usage;

	(void) getrusage(RUSAGE_SELF, &usage);
	return (uint64_t) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000;
}

static inline int bench_run(const TTest *all_cases)
{
	Suite *suite = suite_create("bench");
	TCase *tcase = tcase_create("bench");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, all_cases);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
