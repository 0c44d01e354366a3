/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A unit test program in one line: VT_SUITE(name, test, test, …) at the end of the file. Results go
 * to standard output as TAP; CK_FORK=no keeps everything in one process for a debugger.
 */
#include <check.h>
#include <stdlib.h>

static inline int vt_suite_run(const char *name, const TTest *const *tests, SFun set_up)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	if (set_up)
		tcase_add_checked_fixture(tcase, set_up, NULL);
	for (; *tests; tests++)
		tcase_add_test(tcase, *tests);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define VT_SUITE(name, ...) VT_SUITE_FRESH(name, NULL, __VA_ARGS__)

/* The same, with a function that is called before each test. */
#define VT_SUITE_FRESH(name, set_up, ...)                                                          \
	int main(void)                                                                             \
	{                                                                                          \
		const TTest *tests[] = {__VA_ARGS__, NULL};                                        \
                                                                                                   \
		return vt_suite_run(#name, tests, set_up);                                         \
	}
