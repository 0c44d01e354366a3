/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What must outlive a server: the listening control socket and, per mount, the /dev/fuse descriptor
 * and the state memfd. Server and keeper have the same list each and tell each other of changes by
 * messages on a socket pair (SOCK_SEQPACKET), descriptors along with them. A new process of either
 * kind is given the whole list by the other one. The two may be of different builds for as long as
 * an upgrade takes, so that builds have to agree on the form of all this (vt_holdings_form()).
 *
 * Not thread-safe: the keeper has one thread, the server's link a lock (keeper_link.h).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_error;
struct vt_mount_site;

struct vt_hold {
	uint64_t id;           /* the server's, never reused while a keeper lives */
	uint32_t uid;          /* who mounted */
	uint64_t device;       /* struct vt_mount_site */
	int fuse_fd, state_fd; /* owned */
	char *mountpoint;
	void *owner; /* for the server's use */
	struct vt_hold *prev, *next;
};

struct vt_holdings {
	int listener;   /* owned, or -1, as are the next two */
	int program;    /* what the next server shall be; -1: the keeper's own. In keepers only */
	int succession; /* to the server, see below; -1: none */
	struct vt_hold *list;
	uint64_t next_id;
};
#define VT_HOLDINGS_INIT \
	((struct vt_holdings){.listener = -1, .program = -1, .succession = -1, .next_id = 1})
void vt_holdings_done(struct vt_holdings *holdings); /* closes everything */

/*
 * The succession to a server is the right to start the one that follows it: an eventfd of 1 that
 * every keeper of that server is sent. There are two while one takes the place of another; whenever
 * each of them learns that the server died, only one starts another.
 */
int vt_holdings_new_succession(struct vt_holdings *holdings, struct vt_error *err);
/* In a keeper: takes it. True, too, when it was sent none: then there is no other keeper. */
bool vt_holdings_succeed(struct vt_holdings *holdings);

/* Both descriptors are duplicated. */
int vt_holdings_add(struct vt_holdings *holdings, int fuse_fd, int state_fd,
		    const struct vt_mount_site *site, struct vt_hold **out, struct vt_error *err);
struct vt_hold *vt_holdings_find(struct vt_holdings *holdings, uint64_t id);
void vt_holdings_remove(struct vt_holdings *holdings, struct vt_hold *hold);
/* Lets go of mounts that ended while nobody served them. */
void vt_holdings_drop_ended(struct vt_holdings *holdings);

/* Messages. Sending never blocks: -EAGAIN the other end does not read, -EPIPE it is gone. */
enum vt_holding_message {
	VT_HOLDING_LISTENER = 1, /* with the socket */
	VT_HOLDING_MOUNT = 2,    /* with both descriptors */
	VT_HOLDING_GONE = 3,     /* the mount ended */
	VT_HOLDING_ALL = 4,      /* the list is complete */
	VT_HOLDING_STOP = 5,     /* an orderly end: no server is to follow; the listener is let go */
	VT_HOLDING_PROGRAM = 6,  /* with a program: the next server is to be that one */
	VT_HOLDING_UNMOUNT = 7,  /* what the keeper's user mounted is to be unmounted */
	VT_HOLDING_SUCCESSION = 8, /* with the one to the server that sends it */
};
int vt_holdings_send_mount(int socket, const struct vt_hold *hold);
int vt_holdings_send(int socket, enum vt_holding_message kind, uint64_t id);
/* LISTENER, PROGRAM and SUCCESSION. */
int vt_holdings_send_fd(int socket, enum vt_holding_message kind, int fd);
int vt_holdings_send_all(int socket, const struct vt_holdings *holdings);
/* Waits for a message, applies it and returns its kind; 0 the other end is gone, -EBADMSG. */
int vt_holdings_receive(int socket, struct vt_holdings *holdings, struct vt_error *err);

/*
 * In words, what a server must have in common with another to take its mounts over: the format of
 * these messages, of the state of sessions, and of the store.
 */
#define VT_HOLDINGS_FORMAT   2 /* one more with every change of what messages mean */
#define VT_HOLDINGS_FORM_MAX 64u
void vt_holdings_form(char out[VT_HOLDINGS_FORM_MAX]);
