/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Under which node ids a session shows a version, and which of them the kernel may hold.
 *
 * A version is first shown under the exhibit of its record. When access to it shrinks, ids change,
 * so that what an old descriptor or mapping stands on is never filled again by those who may still
 * read:
 *
 *     retire   the whole version goes to a fresh exhibit (its *base*); every older id is dead
 *     burn     single positions go to a fresh exhibit, the others stay
 *
 * An id is live while its exhibit is the one of its position now. What is dead stays dead: numbers
 * are not used twice. Fresh exhibits are a session's own (the high bit is set); what happens on one
 * mount touches no other.
 *
 * Ids are noted before a reply tells the kernel of them, in a bitmap per version, and never taken
 * back before a retirement: a superset, whatever is lost.
 *
 * Thread-safe; retire, burn and what finishes them by one thread at a time (the session's
 * narrowing).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_catalog;
struct vt_error;
struct vt_exhibits;
struct vt_session_state;
struct vt_version;

/* Takes up what an earlier server left in the state, which must outlive it. */
int vt_exhibits_open(struct vt_session_state *state, struct vt_exhibits **out,
		     struct vt_error *err);
void vt_exhibits_close(struct vt_exhibits *exhibits);

/* The id of a position of a version now. */
uint64_t vt_exhibits_id(struct vt_exhibits *exhibits, const struct vt_version *version,
			uint32_t position);
/* The version that a live id belongs to, with a reference. -ESTALE for every other id. */
int vt_exhibits_version(struct vt_exhibits *exhibits, struct vt_catalog *catalog, uint64_t id,
			const struct vt_version **out);

/*
 * The kernel may learn of an id. Cheap when it was noted before. -ENFILE: too many versions are
 * looked at through one mount, the id must not be told; nor after -ESTALE.
 */
int vt_exhibits_note(struct vt_exhibits *exhibits, const struct vt_version *version, uint64_t id);

/* Versions that were noted and not buried: serials, of which some may be gone by now. */
void vt_exhibits_each(struct vt_exhibits *exhibits, void (*each)(void *context, uint32_t serial),
		      void *context);
/*
 * The version is gone for good, was retired since, and the kernel dropped what was dead: nothing of
 * it will ever be read again, and what is kept of it here is another version's to use.
 */
void vt_exhibits_bury(struct vt_exhibits *exhibits, uint32_t serial);
/* The exhibit of the version's folder now, 0 when it was never noted. */
uint32_t vt_exhibits_base(struct vt_exhibits *exhibits, uint32_t serial);

/*
 * From their return on the older ids are dead. Nothing happens to a version that was never noted.
 * -ENFILE: no fresh numbers are left; -EBUSY: an earlier retirement of it was not finished. Both
 * leave everything as it was.
 */
int vt_exhibits_retire(struct vt_exhibits *exhibits, uint32_t serial);
int vt_exhibits_burn(struct vt_exhibits *exhibits, uint32_t serial, const uint32_t *positions,
		     size_t count);

/*
 * The dead ids that the kernel may still hold: of burns first, then of retirements. `done` says
 * that it holds none of them any more. A server that died in between leaves them to its successor.
 */
bool vt_exhibits_pending(struct vt_exhibits *exhibits);
void vt_exhibits_each_dead(struct vt_exhibits *exhibits, void (*each)(void *context, uint64_t id),
			   void *context);
void vt_exhibits_done(struct vt_exhibits *exhibits);
