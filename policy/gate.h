/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one question that every door asks: may this subject do that to this object, and until when is
 * the answer good? Loads the facts (book, people, clock), decides (evaluate.h) and remembers, under
 * the full input, until the answer's end.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "index/base/cleanup.h"
#include "policy/evaluate.h"
#include "policy/subject.h"

struct vt_error;
struct vt_book;
struct vt_catalog;
struct vt_people;
struct vt_person;
struct vt_timekeeper;
struct vt_gate;

struct vt_gate_parts {
	struct vt_catalog *catalog;
	struct vt_book *book;
	struct vt_people *people;
	struct vt_timekeeper *time;
};
int vt_gate_new(const struct vt_gate_parts *parts, struct vt_gate **out, struct vt_error *err);
void vt_gate_free(struct vt_gate *gate);
const struct vt_gate_parts *vt_gate_parts(const struct vt_gate *gate);
VT_DEFINE_CLEANUP(struct vt_gate, vt_gate_free);

/* What is asked about: {0, 0} the store, {dataset, 0} one as such, {dataset, version}. */
struct vt_place {
	uint32_t dataset, version;
};

/*
 * 0 and `*valid_until_ns` (VT_TIME_NEVER for ever; may be NULL), or -EACCES with a sentence that
 * says why and what would allow it; to who does not see the thing, without a word about it. With
 * `nowait` -EAGAIN when the user database must be asked. A remembered answer takes well under a
 * microsecond. SEE of a dataset: any of its versions is seen, or the dataset as such.
 */
int vt_gate_check(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
		  struct vt_place place, bool nowait, uint64_t *valid_until_ns,
		  struct vt_error *err);
/* The same with the whole answer; never an error but -EAGAIN, -ENOMEM. */
int vt_gate_decide(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
		   struct vt_place place, bool nowait, struct vt_decision *out);

/*
 * Shut, the gate lets nobody read but what vt_gate_is_open(), and nobody take a lease: what is
 * taken away, or held alone, could not be kept from everybody (fs/leftovers.h). What somebody has
 * open is not touched: vt_gate_keeps() is the answer of the policy alone to READ.
 */
void vt_gate_shut(struct vt_gate *gate, bool shut);
/* For who has an answer of the policy that the gate did not give: makes it the gate's. */
void vt_gate_apply_shut(struct vt_gate *gate, enum vt_right right, struct vt_place place,
			struct vt_decision *decision);
bool vt_gate_keeps(struct vt_gate *gate, const struct vt_subject *subject, struct vt_place place);

/* 1: the subject sees it. 0: he must not learn whether it exists. -EAGAIN, -ENOMEM. */
int vt_gate_sees(struct vt_gate *gate, const struct vt_subject *subject, struct vt_place place,
		 bool nowait);

/* Has the subject admin on the store? What cannot be asked now is a no. */
bool vt_gate_administers(struct vt_gate *gate, const struct vt_subject *subject, bool nowait);

/*
 * The same for what has no id: a space with all that is or will be in it (NULL: the store's own). A
 * new dataset takes curate on where it is to be.
 */
int vt_gate_check_space(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
			const char *space, bool nowait, struct vt_error *err);

/*
 * As if nobody held anything alone: may the subject ask for a lease, or hear that there is one?
 * `space`: of a place {0, 0}, or NULL.
 */
int vt_gate_check_unleased(struct vt_gate *gate, const struct vt_subject *subject,
			   enum vt_right right, struct vt_place place, const char *space,
			   struct vt_error *err);

/* The person as a decision takes them; borrows from it. */
struct vt_asker vt_asker_of(const struct vt_policy *policy, const struct vt_person *person);

/* Grows with every change after which an answer may differ, the passing of a window included. */
uint64_t vt_gate_generation(struct vt_gate *gate);

/*
 * How the folder of a version, or of a dataset ({d, 0}: whoever sees any of it), is shown, so that
 * the kernel enforces it by itself. It lets in everybody who may browse it and, where owner, group
 * and list cannot say more, others too: OPEN and OPENDIR ask again.
 */
enum vt_boundary_class {
	VT_BOUNDARY_OPEN,   /* 0555 */
	VT_BOUNDARY_NOBODY, /* 0000 */
	VT_BOUNDARY_USER,   /* 0500 of `uid` */
	VT_BOUNDARY_GROUP,  /* 0550 with `gid` */
	VT_BOUNDARY_LIST,   /* 0550 and the list, or 0555 where lists cannot be shown */
};
#define VT_BOUNDARY_LIST_MAX 500u

struct vt_list_entry {
	bool group; /* gid, else uid */
	uint32_t id;
	uint8_t bits; /* 5: may enter; 0: may not, whatever else says so */
};
struct vt_boundary {
	enum vt_boundary_class class;
	uid_t uid; /* shown owner: the holder, the one user, the dataset's owner if let in, or 0 */
	gid_t gid; /* VT_NO_GID: nobody's */
	struct vt_list_entry *list; /* LIST: in order of kind and id; owned, vt_boundary_done() */
	size_t list_count;
	bool others;             /* LIST: everybody else may enter */
	uint64_t valid_until_ns; /* realtime: it may change by itself then */
};
#define VT_NO_GID ((gid_t) 0xfffffffd)
/* The store's is open: who sees nothing in it sees nothing. -ENOENT, -ENOMEM. */
int vt_gate_boundary(struct vt_gate *gate, struct vt_place place, struct vt_boundary *out,
		     struct vt_error *err);
void vt_boundary_done(struct vt_boundary *boundary);

/* ---- standing.c ------------------------------------------------------------------------------ */

/* The name of whoever holds it, or what it is in, alone. -ENOENT: nobody. */
int vt_gate_holder(struct vt_gate *gate, struct vt_place place,
		   char name[VT_PRINCIPAL_NAME_MAX + 1]);
/*
 * Until when the subject may read it, unless something changes (VT_TIME_NEVER). -EACCES: not at
 * all; -EAGAIN.
 */
int vt_gate_expires(struct vt_gate *gate, const struct vt_subject *subject, struct vt_place place,
		    bool nowait, uint64_t *until_ns);
/* Is some version shown with a list (VT_BOUNDARY_LIST with entries)? */
bool vt_gate_needs_lists(struct vt_gate *gate);

/* Anyone may read it, with no end in sight, no denial and no lease: for open-only mounts. */
bool vt_gate_is_open(struct vt_gate *gate, struct vt_place place);
