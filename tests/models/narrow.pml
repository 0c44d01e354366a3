/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Narrowing (fs/session_narrow.c), for Spin: one who loses his right and one who keeps it have files
 * of one version open, while a right is taken away and given back; the server may die between any
 * two steps.
 *
 *     A  once "returned" no byte of the version reaches the loser
 *     B  the other one fails on nothing but an id that the loser had open, unless all is retired
 *     C  an OPEN by path of the other one succeeds
 *
 * A file has an id at a time, id = exhibit * FILES + file. The kernel keeps pages by id, the same
 * for both, and names; it drops pages of an id at once when told to, without waiting for a READ that
 * is under way: we do not count on it. Requests of a dead server come again.
 *
 * What outlives a server: policy, the ids, what is to be dropped, handles. In it every step stands
 * for one store, or for what the access lock makes one.
 *
 * FAULT=n puts a mistake in, each of which must be found (run.sh):
 *     1  check and enter are two steps         2  no drain
 *     3  dropped before it is drained          4  the id stays the same when retired
 *     5  the policy changes after the scan     6  a successor forgets what is to be dropped
 *     7  the handle is entered after the reply 8  ids die before the old ones are noted
 *     9  READ looks its id up, then is entered 10 pages are not dropped
 *    11  READ does not look its id up          12 burned for all who have the version open
 */
#ifndef FAULT
#define FAULT 0
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif

#ifndef FILES
#define FILES 2
#endif
#define EXHIBITS (2 + 2 * ROUNDS + 2 * DEATHS)
#define IDS      (FILES * EXHIBITS)
#define NONE     255

#define LOSER 0
#define OTHER 1

/* What outlives a server. */
bool entitled = true;  /* the loser; the other one always is */
byte live[FILES];      /* id of each file */
byte exhibits = 1;     /* numbers given */
bool pending[IDS];     /* dead, and the kernel was not told yet */
bool retiring;         /* noted; the flip has not happened */
bool handles[2 * IDS]; /* by who and id */

/* A server. */
bool up = false;
byte deaths = 0;  /* who was admitted by one that died is admitted again */
bool access_lock; /* OPEN takes it in one step */
byte under_way[2]; /* id of the request in the table, NONE */

/* The kernel. */
bool page[IDS];
byte name[FILES]; /* id that a name leads to, as remembered */

/* Who asks for the right to be taken away. */
bool asked, retire;
bool returned; /* since the right was given last */

#define FILE(id)     ((id) % FILES)
#define IS_LIVE(id)  (live[FILE(id)] == (id))
#define MAY(who)     ((who) == OTHER || entitled)
#define HANDLE(w, i) handles[(w) * IDS + (i)]

/* ---- requests, as threads of the server go through them -------------------------------------- */

inline got_byte(who)
{
	assert(who != LOSER || !returned); /* A */
}

/* fd: the id of an open file. */
inline read(who, fd, direct, g)
{
	skip;
again:
	if
	:: atomic { !direct && page[fd] -> got_byte(who) }
	:: atomic { up && (direct || !page[fd]) -> g = deaths;
#if FAULT == 9
			if
			:: IS_LIVE(fd) -> skip
			:: else -> goto out
			fi
		};
		atomic {
			if
			:: g != deaths -> goto again
			:: else -> under_way[who] = fd
			fi
		}
#else
			under_way[who] = fd };
		atomic {
			if
			:: g != deaths -> goto again
#if FAULT == 11
			:: else -> skip
#else
			:: g == deaths && IS_LIVE(fd) -> skip
			:: else -> under_way[who] = NONE; goto out
#endif
			fi
		}
#endif
		/* decoding */
		atomic {
			if
			:: g != deaths -> goto again
			:: else ->
				got_byte(who);
				page[fd] = page[fd] || !direct;
				under_way[who] = NONE
			fi
		}
	fi;
out:
	atomic { g = 0; direct = false }
}

/* By path; a name that leads to a dead id is looked up again. fd stays NONE when refused. */
inline open(who, file, fd, id, g)
{
	fd = NONE;
look:	id = name[file];
again_open:
	atomic { up -> g = deaths; under_way[who] = id };
#if FAULT == 1 || FAULT == 7
	atomic {
		if
		:: g != deaths -> goto again_open
		:: g == deaths && !IS_LIVE(id) ->
			under_way[who] = NONE; name[file] = live[file]; goto look
		:: g == deaths && IS_LIVE(id) && !MAY(who) ->
			under_way[who] = NONE; assert(who != OTHER); goto opened
		:: else -> skip
		fi
	};
#endif
#if FAULT == 1
	atomic { !access_lock || g != deaths ->
		if
		:: g != deaths -> goto again_open
		:: else -> HANDLE(who, id) = true
		fi
	};
#elif FAULT != 7
	atomic { !access_lock || g != deaths ->
		if
		:: g != deaths -> goto again_open
		:: g == deaths && !IS_LIVE(id) ->
			under_way[who] = NONE; name[file] = live[file]; goto look
		:: g == deaths && IS_LIVE(id) && !MAY(who) ->
			under_way[who] = NONE; assert(who != OTHER); goto opened /* C */
		:: else -> HANDLE(who, id) = true
		fi
	};
#endif
	atomic {
		if
		:: g != deaths -> goto again_open
		:: else ->
			under_way[who] = NONE;
			fd = id
		fi
	};
#if FAULT == 7
	atomic { !access_lock -> HANDLE(who, id) = true };
#endif
opened:
	atomic { id = 0; file = 0; g = 0 }
}

inline close(who, fd)
{
	atomic { up && !access_lock -> HANDLE(who, fd) = false; fd = NONE }
}

proctype user(byte who)
{
	byte fd = NONE, id, file, g;
	bool direct;

end:
	do
	:: fd == NONE ->
		if
		:: file = 0
		:: file = FILES - 1
		fi;
		open(who, file, fd, id, g)
	:: fd != NONE ->
		if
		:: direct = false
		:: direct = true
		fi;
		read(who, fd, direct, g)
	:: fd != NONE -> close(who, fd)
	od
}

/* ---- the server: a narrowing, and its deaths ------------------------------------------------- */

inline raise_all()
{
	d_step {
		file = 0;
		do
		:: file < FILES ->
#if FAULT != 8
			pending[live[file]] = true;
#endif
			live[file] = exhibits * FILES + file;
			file++
		:: else -> break
		od;
		exhibits++;
		retiring = false;
		file = 0
	}
}

#define DRAINED                                                                                    \
	((under_way[LOSER] == NONE || IS_LIVE(under_way[LOSER])) &&                                \
	 (under_way[OTHER] == NONE || IS_LIVE(under_way[OTHER])))

/* Drops all that is pending, one id a step. */
inline drop_pending()
{
	do
	:: atomic {
		id < IDS ->
		do
		:: id < IDS && !pending[id] -> id++
		:: else -> break
		od;
		if
		:: id < IDS ->
#if FAULT != 10
			page[id] = false;
#endif
			id++
		:: else -> skip
		fi
	}
	:: atomic { id == IDS -> id = 0; break }
	od
}

inline settle_pending()
{
	d_step {
		id = 0;
		do
		:: id < IDS -> pending[id] = false; id++
		:: else -> break
		od;
		id = 0
	}
}

inline finish()
{
#if FAULT == 3
	drop_pending();
	DRAINED;
#elif FAULT == 2
	drop_pending();
#else
	DRAINED;
	drop_pending();
#endif
	settle_pending()
}

/* Whose handles count: the loser's, once the right is gone. */
#if FAULT == 12
#define BURNED_FOR(id) (HANDLE(LOSER, id) || HANDLE(OTHER, id))
#else
#define BURNED_FOR(id) HANDLE(LOSER, id)
#endif

inline scan()
{
	do
	:: atomic {
		id < IDS ->
		do
		:: id < IDS && !(BURNED_FOR(id) && IS_LIVE(id)) -> id++
		:: else -> break
		od;
		if
		:: id < IDS -> /* an entry of the log: what is dead, and what it is now */
			assert(HANDLE(LOSER, id)); /* B */
			pending[id] = true;
			live[FILE(id)] = exhibits * FILES + FILE(id);
			exhibits++
		:: else -> skip
		fi
	}
	:: atomic { id == IDS -> id = 0; break }
	od
}

inline flip()
{
	atomic { !access_lock -> access_lock = true };
	if
	:: retire ->
#if FAULT == 4
		pending[live[0]] = true;
		pending[live[FILES - 1]] = true
#elif FAULT == 8
		id = live[0];
		file = live[FILES - 1];
		d_step {
			live[0] = exhibits * FILES;
			live[FILES - 1] = exhibits * FILES + FILES - 1;
			exhibits++
		};
		d_step { pending[id] = true; pending[file] = true; id = 0; file = 0 }
#else
		retiring = true;
		atomic { raise_all() }
#endif
	:: !retire -> scan()
	fi;
	access_lock = false
}

/* Is done again by a successor, for the one who asked is not answered yet. */
inline narrow()
{
#if FAULT != 5
	entitled = false;
#endif
	finish(); /* what a predecessor left */
	flip();
#if FAULT == 5
	entitled = false;
#endif
	finish();
	atomic { asked = false; returned = true }
}

proctype serve()
{
	byte id = 0, file = 0, born = 0;

	skip;
start:
	{
		if
		:: atomic { retiring -> raise_all() }
		:: else -> skip
		fi;
#if FAULT == 6
		settle_pending();
#endif
		up = true;
end:
		do
		:: asked -> narrow()
		od
	} unless {
		atomic { deaths > born -> born = deaths; id = 0; file = 0 }
	};
	goto start
}

/* All that a server has in its memory is gone, and requests under way wait for its successor. */
proctype fate()
{
end:
	do
	:: atomic {
		deaths < DEATHS && up ->
		up = false;
		access_lock = false;
		under_way[LOSER] = NONE;
		under_way[OTHER] = NONE;
		deaths++
	}
	od
}

/* Takes the right away, and gives it back. */
proctype owner()
{
	byte round = 0;

	do
	:: round < ROUNDS ->
		atomic { asked = true; if :: retire = true :: retire = false fi };
		returned;
		if
		:: round + 1 < ROUNDS -> atomic { entitled = true; returned = false }
		:: else -> skip
		fi;
		round++
	:: else -> break
	od
}

init
{
	atomic {
		live[FILES - 1] = FILES - 1;
		name[FILES - 1] = FILES - 1;
		under_way[LOSER] = NONE;
		under_way[OTHER] = NONE;
		run serve();
		run fate();
		run owner();
		run user(LOSER);
		run user(OTHER)
	}
}
