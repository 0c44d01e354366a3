/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The main of a benchmark: a test, since the models that it builds on check with Check; in this
 * process, without its time limit.
 */
#include <check.h>
#include <stdlib.h>

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
