/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A book over a catalog in a scratch folder, with users and a clock of the test's own: ada 1001,
 * ben 1002, cleo 1003 and so on; ada and ben are in the group `lab` (2000). The clock stands at
 * NOON.
 */
#include "index/base/clock.h"
#include "policy/book.h"
#include "policy/instant.h"
#include "policy/people.h"
#include "tests/unit/catalog_model.h"

#define SECOND      VT_NS_PER_SEC
#define HOUR        (3600 * SECOND)
#define DAY         (24 * HOUR)
#define YEAR        (365 * DAY)
#define NOON        (1800000000 * SECOND)
#define STORE_OWNER 1000u
#define LAB         2000u

static struct vt_book *book;
static struct vt_timekeeper *keeper;
static const char *user_names[] = {"owner", "ada", "ben", "cleo", "dan", "eve", "finn"};
#define USERS (sizeof user_names / sizeof *user_names)
static int people_fail; /* -errno of every lookup */

static inline int model_person(uint32_t uid, char *name, size_t size, uint32_t *groups,
			       size_t *count)
{
	if (people_fail)
		return people_fail;
	if (uid < 1000 || uid - 1000 >= USERS || !user_names[uid - 1000])
		return -ENOENT;
	(void) snprintf(name, size, "%s", user_names[uid - 1000]);
	groups[0] = LAB;
	*count = uid == 1001 || uid == 1002;
	return 0;
}

static inline int model_uid(const char *name, uint32_t *uid)
{
	for (uint32_t i = 0; i < USERS; i++)
		if (user_names[i] && strcmp(user_names[i], name) == 0) {
			*uid = 1000 + i;
			return people_fail;
		}
	return -ENOENT;
}

static inline int model_gid(const char *group, uint32_t *gid)
{
	*gid = LAB;
	return strcmp(group, "lab") == 0 ? 0 : -ENOENT;
}

static const struct vt_people_source model_people = {model_person, model_uid, model_gid};

static uint64_t wall = NOON, boottime = HOUR;

static inline void set_clocks(void)
{
	vt_clock_set_realtime_ns(wall);
	vt_clock_set_boottime_ns(boottime);
}

/* Both clocks go on. */
static inline void pass(uint64_t ns)
{
	wall += ns;
	boottime += ns;
	set_clocks();
}

/* Somebody sets the wall clock. */
static inline void jump(int64_t ns)
{
	wall += (uint64_t) ns;
	set_clocks();
}

static inline void reboot(int64_t wall_jump)
{
	static uint8_t boot_id[VT_BOOT_ID_LEN] = {7};

	boot_id[1]++;
	vt_clock_set_boot_id(boot_id);
	boottime = SECOND;
	jump(wall_jump);
}

static inline int book_open_result(void)
{
	must(vt_timekeeper_open(store, &keeper, &err) == 0);
	return vt_book_open(store, catalog, keeper, STORE_OWNER, &book, &err);
}

static inline void book_open(void)
{
	must(book_open_result() == 0);
}

static inline void book_close(void)
{
	vt_book_close(book);
	vt_timekeeper_free(keeper);
	book = NULL;
	keeper = NULL;
}

static inline void book_set_up(void)
{
	vt_people_set_source(&model_people);
	wall = NOON;
	reboot(0);
	catalog_set_up();
	book_open();
}

static inline void book_tear_down(void)
{
	book_close();
	catalog_tear_down();
}

/* As after a restart of the server, the whole store. */
static inline void book_reopen(void)
{
	book_close();
	catalog_reopen();
	book_open();
}

static inline struct vt_principal who(const char *text)
{
	struct vt_principal principal;

	must(vt_principal_parse(book, text, &principal, &err) == 0);
	return principal;
}

static inline struct vt_pattern what(const char *text)
{
	struct vt_pattern pattern;

	must(vt_pattern_parse(catalog, text, &pattern, &err) == 0);
	return pattern;
}

static inline struct vt_rule rule(enum vt_rule_kind kind, const char *principal,
				  enum vt_right right, const char *object)
{
	return (struct vt_rule){.kind = kind,
				.right = right,
				.who = who(principal),
				.object = what(object),
				.until_ns = VT_TIME_NEVER,
				.by_uid = STORE_OWNER};
}

static inline uint64_t allow(const char *principal, enum vt_right right, const char *object)
{
	struct vt_rule made = rule(VT_RULE_ALLOW, principal, right, object);
	uint64_t id = 0;

	must(vt_book_add_rule(book, &made, &id, &err) == 0);
	return id;
}

static inline void says(const char *words)
{
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s' says nothing of '%s'", err.text,
		      words);
}
