/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See people.h. The table holds one answer a uid. Whoever finds it too old asks the database with
 * the lock given up, marked as the one who asks; others who need that uid wait for him, all others
 * go by. When the table is full, the answer used longest ago goes.
 */
#include "policy/people.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/table.h"

#define PEOPLE_MAX   4096u      /* remembered */
#define NAME_MAX_LEN 256u       /* of a user, with its NUL */
#define GROUPS_FIRST 64u        /* that a lookup makes room for at first */
#define GROUPS_MAX   65536u     /* the kernel's own bound */
#define LOOKUP_MAX   (1u << 20) /* bytes that an entry of the database may take */

struct box {
	atomic_uint refs;
	struct vt_person person;
	char name[NAME_MAX_LEN];
	uint32_t groups[];
};

struct slot {
	uint32_t uid;
	const struct vt_person *person; /* one reference; NULL: not asked yet */
	uint64_t until_ns;              /* CLOCK_MONOTONIC; good until then */
	uint64_t used;                  /* turn */
	unsigned waiting;               /* for the one who asks */
	bool asking, failed;            /* the last lookup failed */
};

struct vt_people {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t answered;
	struct vt_table slots; /* uid -> struct slot */
	uint64_t turn;
	_Atomic uint64_t changes; /* read without the lock */
};

/* ---- the database ---------------------------------------------------------------------------- */

typedef int lookup(const void *what, void *entry, char *buffer, size_t size, bool *found);

/* Repeats a lookup with room that grows. 0, -ENOENT, or what went wrong. `*buffer` is malloc'ed. */
static int look_up(lookup *function, const void *what, void *entry, char **buffer)
{
	for (size_t size = 1024; size <= LOOKUP_MAX; size *= 4) {
		vt_autofree char *room = malloc(size);
		bool found = false;
		int r;

		if (!room)
			return -ENOMEM;
		do {
			r = function(what, entry, room, size, &found);
		} while (r == EINTR);
		if (r == ERANGE)
			continue;
		*buffer = vt_steal(&room);
		if (found)
			return 0;
		/* POSIX names none of these for "no such entry", and systems return each of them.
		 */
		if (r == 0 || r == ENOENT || r == ESRCH || r == EBADF || r == EPERM)
			return -ENOENT;
		return -r;
	}
	return -E2BIG;
}

static int by_uid(const void *what, void *entry, char *buffer, size_t size, bool *found)
{
	struct passwd *result = NULL;
	int r = getpwuid_r(*(const uint32_t *) what, entry, buffer, size, &result);

	*found = result != NULL;
	return r;
}

static int by_name(const void *what, void *entry, char *buffer, size_t size, bool *found)
{
	struct passwd *result = NULL;
	int r = getpwnam_r(what, entry, buffer, size, &result);

	*found = result != NULL;
	return r;
}

static int by_group(const void *what, void *entry, char *buffer, size_t size, bool *found)
{
	struct group *result = NULL;
	int r = getgrnam_r(what, entry, buffer, size, &result);

	*found = result != NULL;
	return r;
}

/* `*count`: room, then how many there are; -ERANGE when the room is too small. */
static int system_person(uint32_t uid, char *name, size_t size, uint32_t *groups, size_t *count)
{
	vt_autofree char *buffer = NULL;
	struct passwd user;
	int room = (int) *count;
	int r = look_up(by_uid, &uid, &user, &buffer);

	if (r < 0)
		return r;
	if ((size_t) snprintf(name, size, "%s", user.pw_name) >= size)
		return -E2BIG;
	r = getgrouplist(user.pw_name, user.pw_gid, groups, &room);
	*count = (size_t) room;
	return r < 0 ? -ERANGE : 0;
}

static int system_uid(const char *name, uint32_t *uid)
{
	vt_autofree char *buffer = NULL;
	struct passwd user;
	int r = look_up(by_name, name, &user, &buffer);

	if (r == 0)
		*uid = user.pw_uid;
	return r;
}

static int system_gid(const char *group, uint32_t *gid)
{
	vt_autofree char *buffer = NULL;
	struct group entry;
	int r = look_up(by_group, group, &entry, &buffer);

	if (r == 0)
		*gid = entry.gr_gid;
	return r;
}

static const struct vt_people_source the_system = {system_person, system_uid, system_gid};
static const struct vt_people_source *_Atomic source = &the_system;

void vt_people_set_source(const struct vt_people_source *other)
{
	source = other ? other : &the_system;
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct box *box_of(const struct vt_person *person)
{
	return (struct box *) (void *) ((char *) (uintptr_t) person - offsetof(struct box, person));
}

static const struct vt_person *person_ref(const struct vt_person *person)
{
	(void) atomic_fetch_add(&box_of(person)->refs, 1);
	return person;
}

void vt_person_unref(const struct vt_person *person)
{
	if (person && atomic_fetch_sub(&box_of(person)->refs, 1) == 1)
		free(box_of(person));
}

static int ascending(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *) a, right = *(const uint32_t *) b;

	return left < right ? -1 : left > right;
}

/* In order, each once. */
static size_t sort_groups(uint32_t *groups, size_t count)
{
	size_t kept = 0;

	qsort(groups, count, sizeof *groups, ascending);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || groups[i] != groups[i - 1])
			groups[kept++] = groups[i];
	return kept;
}

static const struct vt_person *person_new(uint32_t uid, const char *name, const uint32_t *groups,
					  size_t count)
{
	struct box *box = malloc(sizeof *box + count * sizeof *groups);

	if (!box)
		return NULL;
	box->refs = 1;
	(void) snprintf(box->name, sizeof box->name, "%s", name);
	if (count)
		memcpy(box->groups, groups, count * sizeof *groups);
	box->person = (struct vt_person){
		.uid = uid,
		.name = box->name,
		.groups = box->groups,
		.group_count = sort_groups(box->groups, count),
		.asked_ns = vt_clock_monotonic_ns(),
	};
	return &box->person;
}

/* Asks the database. -ENOMEM: no memory, here or there; any other error is the database's. */
static int ask(uint32_t uid, const struct vt_person **out)
{
	char name[NAME_MAX_LEN] = "";

	for (size_t room = GROUPS_FIRST; room <= GROUPS_MAX; room *= 4) {
		vt_autofree uint32_t *groups = calloc(room, sizeof *groups);
		size_t count = room;
		int r;

		if (!groups)
			return -ENOMEM;
		r = (*source).person(uid, name, sizeof name, groups, &count);
		if (r == -ERANGE)
			continue;
		if (r == -ENOENT) {
			name[0] = '\0';
			count = 0;
		} else if (r < 0) {
			return r;
		}
		*out = person_new(uid, name, groups, count < room ? count : room);
		return *out ? 0 : -ENOMEM;
	}
	return -E2BIG;
}

/* ---- the memory ------------------------------------------------------------------------------ */

int vt_people_new(struct vt_people **out, struct vt_error *err)
{
	struct vt_people *people = calloc(1, sizeof *people);

	if (!people)
		return vt_fail(err, ENOMEM, "no memory for the users' names");
	(void) pthread_mutex_init(&people->lock, NULL);
	(void) pthread_cond_init(&people->answered, NULL);
	*out = people;
	return 0;
}

static void slot_free(struct slot *slot)
{
	vt_person_unref(slot->person);
	free(slot);
}

void vt_people_free(struct vt_people *people)
{
	if (!people)
		return;
	for (size_t i = 0; i < people->slots.count; i++)
		slot_free((struct slot *) people->slots.rows[i].value);
	vt_table_done(&people->slots);
	(void) pthread_cond_destroy(&people->answered);
	(void) pthread_mutex_destroy(&people->lock);
	free(people);
}

/* Drops the one used longest ago that nobody waits for. More are asked about than fit: none. */
static void make_room(struct vt_people *people)
{
	struct vt_row *oldest = NULL;

	if (people->slots.count < PEOPLE_MAX)
		return;
	for (size_t i = 0; i < people->slots.count; i++) {
		struct vt_row *row = &people->slots.rows[i];
		const struct slot *slot = row->value;

		if (!slot->asking && !slot->waiting &&
		    (!oldest || slot->used < ((const struct slot *) oldest->value)->used))
			oldest = row;
	}
	if (!oldest)
		return;
	slot_free((struct slot *) oldest->value);
	vt_table_remove(&people->slots, oldest);
}

/* NULL: no memory. */
static struct slot *find_slot(struct vt_people *people, uint32_t uid)
{
	struct slot *slot = (struct slot *) vt_row_value(vt_table_find(&people->slots, uid));

	if (slot)
		return slot;
	make_room(people);
	slot = calloc(1, sizeof *slot);
	if (!slot || vt_table_reserve(&people->slots, 1) < 0) {
		free(slot);
		return NULL;
	}
	slot->uid = uid;
	vt_table_put(&people->slots, (struct vt_row){.id = uid, .value = slot});
	return slot;
}

/*
 * What to remember after a lookup failed: at first what was known before, the second time in a row
 * the name alone.
 */
static const struct vt_person *after_failure(const struct slot *slot)
{
	if (!slot->person)
		return person_new(slot->uid, "", NULL, 0);
	if (!slot->failed)
		return person_ref(slot->person);
	return person_new(slot->uid, slot->person->name, NULL, 0);
}

static bool differs(const struct vt_person *a, const struct vt_person *b)
{
	return strcmp(a->name, b->name) != 0 || a->group_count != b->group_count ||
	       (a->group_count &&
		memcmp(a->groups, b->groups, a->group_count * sizeof *a->groups) != 0);
}

/* With the lock, which it gives up while it asks. */
static int refresh(struct vt_people *people, struct slot *slot)
{
	const struct vt_person *person = NULL;
	bool failed;
	int r;

	slot->asking = true;
	(void) pthread_mutex_unlock(&people->lock);
	r = ask(slot->uid, &person);
	(void) pthread_mutex_lock(&people->lock);
	slot->asking = false;
	(void) pthread_cond_broadcast(&people->answered);
	failed = r < 0;
	if (failed && r != -ENOMEM)
		person = after_failure(slot);
	if (!person)
		return -ENOMEM;
	if (slot->person && differs(slot->person, person))
		people->changes++;
	vt_person_unref(slot->person);
	slot->person = person;
	slot->failed = failed;
	slot->until_ns = vt_clock_monotonic_ns() + VT_PERSON_KEPT_NS;
	return 0;
}

static bool is_good(const struct slot *slot)
{
	return slot && slot->person && vt_clock_monotonic_ns() < slot->until_ns;
}

static int get(struct vt_people *people, uint32_t uid, bool nowait, const struct vt_person **out)
{
	struct slot *slot = (struct slot *) vt_row_value(vt_table_find(&people->slots, uid));
	int r = 0;

	if (!is_good(slot)) {
		if (nowait)
			return -EAGAIN;
		slot = find_slot(people, uid);
		if (!slot)
			return -ENOMEM;
	}
	slot->waiting++;
	while (r == 0 && !is_good(slot)) {
		if (slot->asking)
			(void) pthread_cond_wait(&people->answered, &people->lock);
		else
			r = refresh(people, slot);
	}
	slot->waiting--;
	slot->used = ++people->turn;
	if (r == 0)
		*out = person_ref(slot->person);
	return r;
}

int vt_people_get(struct vt_people *people, uint32_t uid, bool nowait, const struct vt_person **out)
{
	int r;

	(void) pthread_mutex_lock(&people->lock);
	r = get(people, uid, nowait, out);
	(void) pthread_mutex_unlock(&people->lock);
	return r;
}

uint64_t vt_people_changes(const struct vt_people *people)
{
	return people->changes;
}

/* ---- not remembered -------------------------------------------------------------------------- */

int vt_people_ask(uint32_t uid, const struct vt_person **out)
{
	return ask(uid, out);
}

static int not_found(int r, const char *what, const char *name, struct vt_error *err)
{
	if (r == -ENOENT)
		return vt_fail(err, ENOENT, "there is no %s '%.100s' on this machine", what, name);
	return vt_fail(err, -r, "the %s '%.100s' cannot be looked up: %m", what, name);
}

int vt_people_uid_of(const char *name, uint32_t *uid, struct vt_error *err)
{
	int r = (*source).uid(name, uid);

	return r < 0 ? not_found(r, "user", name, err) : 0;
}

int vt_people_gid_of(const char *group, uint32_t *gid, struct vt_error *err)
{
	int r = (*source).gid(group, gid);

	return r < 0 ? not_found(r, "group", group, err) : 0;
}

void vt_people_name_of(uint32_t uid, char *out, size_t size)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;

	if (ask(uid, &person) == 0 && person->name[0])
		(void) snprintf(out, size, "%s", person->name);
	else
		(void) snprintf(out, size, "uid %u", (unsigned) uid);
}
