/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A service with a dataset `birds` and three who ask: the store's owner, ada and ben, whose rights
 * are what the test gives them.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/clock.h"
#include "index/catalog.h"
#include "policy/book.h"
#include "policy/people.h"
#include "tests/unit/publish_direct.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

#define ADA 1001u
#define BEN 1002u

static struct visit owner, ada, ben;

static inline int model_person(uint32_t uid, char *name, size_t size, uint32_t *groups,
			       size_t *count)
{
	const char *known = uid == ADA ? "ada" : uid == BEN ? "ben" : uid == 0 ? "root" : NULL;

	*count = 0;
	if (!known)
		return -ENOENT;
	(void) snprintf(name, size, "%s", known);
	return 0;
}

static inline int model_uid(const char *name, uint32_t *uid)
{
	*uid = strcmp(name, "ada") == 0 ? ADA : BEN;
	return strcmp(name, "ada") == 0 || strcmp(name, "ben") == 0 ? 0 : -ENOENT;
}

static inline int model_gid(const char *group, uint32_t *gid)
{
	*gid = 2000;
	return strcmp(group, "lab") == 0 ? 0 : -ENOENT;
}

static const struct vt_people_source model_people = {model_person, model_uid, model_gid};

static inline void set_up(void)
{
	vt_people_set_source(&model_people);
	service_set_up();
	visit_begin(&owner, host.service->owner_uid);
	visit_begin(&ada, ADA);
	visit_begin(&ben, BEN);
}

static inline void tear_down(void)
{
	visit_end(&owner);
	visit_end(&ada);
	visit_end(&ben);
	service_tear_down();
	vt_people_set_source(NULL);
}

/* `'` stands for `"`. */
static inline const char *quoted(const char *args)
{
	static char text[1024];
	size_t len = strlen(args);

	ck_assert_uint_lt(len, sizeof text);
	for (size_t i = 0; i <= len; i++)
		text[i] = (char) (args[i] == '\'' ? '"' : args[i]);
	return text;
}

static inline int ask_dropping(struct visit *visit, const char *op, const char *args)
{
	struct reply reply;
	int r = ask(visit, op, quoted(args), &reply);

	reply_done(&reply);
	return r;
}

/* What an answer says, rows and result, as text. Owned by the caller. */
static inline char *ask_text(struct visit *visit, const char *op, const char *args)
{
	struct reply reply;
	json_t *all;
	char *text;

	must(ask(visit, op, quoted(args), &reply) == 0);
	all = json_pack("[O, O]", reply.rows, reply.result);
	text = json_dumps(all, 0);
	json_decref(all);
	reply_done(&reply);
	return text;
}

static inline void assert_told(struct visit *visit, const char *op, const char *args,
			       const char *word, bool told)
{
	vt_autofree char *text = ask_text(visit, op, args);

	ck_assert_msg(!!strstr(text, word) == told, "'%s' in %s", word, text);
}

/* ---- a dataset with something in it ---------------------------------------------------------- */

#define MANY       3000u
#define LARGE_SIZE (24u << 20)

static inline void make_file(const char *dir, const char *name, off_t size)
{
	char path[4096];
	int fd;

	(void) snprintf(path, sizeof path, "%s/%s", dir, name);
	ck_assert_int_ge(fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	(void) close(fd);
}

static inline void publish(const char *dataset, const char *dir)
{
	struct direct direct = {.index = host.service->index};
	struct vt_publish_progress progress = {0};
	struct vt_publish_result result;
	const struct vt_publish_options options = {
		.sources = &dir, .source_count = 1, .progress = &progress};

	must(vt_import_begin(direct.index, dataset, NULL, host.service->owner_uid, &direct.import,
			     &direct.info, &err) == 0);
	must(vt_publish(direct_backend(&direct), &direct.info, dataset, NULL, &options, &result,
			&err) == 0);
	vt_import_free(direct.import);
}

static inline void publish_birds(void)
{
	ck_assert_int_eq(mkdir(vt_scratch_path("few"), 0755), 0);
	make_file(vt_scratch_path("few"), "owl", 3);
	publish("birds", vt_scratch_path("few"));
}

/* v2: more than fits between two ends of a connection. */
static inline void publish_many_birds(void)
{
	char name[64];

	publish_birds();
	ck_assert_int_eq(mkdir(vt_scratch_path("many"), 0755), 0);
	for (unsigned i = 0; i < MANY; i++) {
		(void) snprintf(name, sizeof name, "a-name-that-makes-rows-longer-%u", i);
		make_file(vt_scratch_path("many"), name, 0);
	}
	make_file(vt_scratch_path("many"), "large", LARGE_SIZE);
	publish("birds", vt_scratch_path("many"));
}
