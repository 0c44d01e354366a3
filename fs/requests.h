/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What may be asked of a store: the table of control requests (fs/requests.md) and the loop that
 * serves one connection. A request is looked up, its object found, the gate asked, and only then
 * does its function run; there is no other way to one.
 */
#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/confine.h"
#include "fs/message.h"
#include "index/import.h"
#include "policy/gate.h"

struct vt_ahead;
struct vt_error;
struct vt_expression;
struct vt_hits;
struct vt_label_schema;
struct vt_mount_plan;
struct vt_mount_site;
struct vt_relabel;
struct vt_service;
struct vt_viewer;

/* The process around the requests. Tests give one of their own. */
struct vt_host {
	struct vt_service *service;       /* constant */
	uint64_t started_ns, cache_bytes; /* constant */
	struct vt_confinement confinement; /* constant */
	atomic_uint imports;              /* open now */
	atomic_ullong requests;           /* served so far */
	/*
	 * All thread-safe. `mount` owns both descriptors whatever it returns; `state_fd` is -1 for
	 * a mount that no server has had yet. `upgrade` begins to make way for another program, a
	 * descriptor of which it borrows.
	 */
	void (*stop)(struct vt_host *host);
	int (*upgrade)(struct vt_host *host, int program, struct vt_error *err);
	int (*mount)(struct vt_host *host, int fuse_fd, int state_fd,
		     const struct vt_mount_site *site, const struct vt_mount_plan *plan,
		     uint64_t *id, struct vt_error *err);
};

/* One connection: who is at its other end, and what lives as long as it does. */
struct vt_connection {
	struct vt_host *host;
	struct vt_subject subject; /* from the kernel, never from the other end */
	struct vt_channel channel;
	struct vt_import *import; /* or NULL */
	struct vt_import_info import_info;
	struct vt_relabel *relabel;     /* of the import's labels; or NULL */
	struct vt_label_schema *schema; /* that they are held against; with relabel */
	char import_as[VT_NAME_PART_MAX + 1];
	bool import_open; /* its commit lets everybody read the dataset */
	struct vt_ahead *ahead; /* files that are brought before they are read; or NULL */
	struct vt_buf moves; /* of a repair: struct vt_move each (index/repair.h) */
};

/*
 * Serves requests until the other end closes, is silent for too long or breaks a rule of the
 * framing; an import left open is aborted. The channel stays the caller's.
 */
void vt_connection_serve(struct vt_connection *connection);

/* Says why there will be no service. `why` may be NULL. */
void vt_connection_refuse(struct vt_connection *connection, int code, const struct vt_error *why);

/* A request under way. */
struct vt_control_request {
	const struct vt_control_op *op;
	struct vt_connection *connection;
	struct vt_service *service;       /* the connection's */
	json_t *args;                     /* an object; borrowed */
	struct vt_message *message;       /* its blob and descriptor */
	const struct vt_dataset *dataset; /* as the row's object says, or NULL */
	const struct vt_version *version;
	const struct vt_dataset *other_dataset; /* vt_control_find_other(), or NULL */
	const struct vt_version *other;
	enum vt_right other_right; /* the right that is needed on it */
	struct vt_pattern pattern; /* with VT_OBJECT_PATTERN and _HELD: fills the two above */
	json_t *result;            /* of the answer; NULL for an empty one */
};

/* What a request is about, which the gate is asked for and which is found before it runs. */
enum vt_control_object {
	VT_OBJECT_NOTHING, /* no right is needed */
	VT_OBJECT_STORE,
	VT_OBJECT_NEW,     /* the dataset, or the store when there is none of that name */
	VT_OBJECT_DATASET, /* args.dataset */
	VT_OBJECT_VERSION, /* args.dataset, args.version or latest */
	VT_OBJECT_SHOWN,   /* likewise, and not withdrawn */
	VT_OBJECT_IMPORT,  /* the dataset of the connection's import, a publish */
	VT_OBJECT_RELABEL, /* what the connection's import gives labels to: dataset, or version */
	VT_OBJECT_PATTERN, /* args.object: what a rule or a lease is about */
	VT_OBJECT_HELD,    /* likewise; who has a lease of exactly that needs no right */
};

struct vt_control_op {
	const char *name;
	enum vt_right right;
	enum vt_control_object object;
	bool logged; /* in the server's log; what the audit log has is in trail.h */
	int (*run)(struct vt_control_request *request, struct vt_error *err);
};
const struct vt_control_op *vt_control_table(size_t *count);

/* Sends a row of the answer. `row` is stolen and may be NULL (no memory); `blob` may be NULL. */
int vt_control_send(struct vt_control_request *request, json_t *row, const void *blob,
		    size_t blob_len, struct vt_error *err);
/* The same for an array of rows, which it takes; NULL: -ENOMEM. */
int vt_control_send_rows(struct vt_control_request *request, json_t *rows, struct vt_error *err);
/* A version was made, request->version: all that follows from it, but the answer. */
void vt_control_version_made(struct vt_control_request *request);

/*
 * Asks the gate once more, about all that the request is about; long answers do so for every piece.
 * -EACCES also when withdrawn.
 */
int vt_control_recheck(const struct vt_control_request *request, struct vt_error *err);
/*
 * Records, before the first byte is sent, that the caller reads the file at `position` of the
 * version. -EIO: that cannot be recorded, do not send; -EACCES.
 */
int vt_control_record_read(const struct vt_control_request *request, uint32_t position,
			   struct vt_error *err);
/*
 * For work that is long before there is anything to send: true when the other end has gone, or a
 * recheck fails. `request` is a struct vt_control_request.
 */
bool vt_control_is_over(void *request);
/*
 * Does no request follow, since the server ends? This one is still answered, if it takes no longer
 * than the server waits for it: what waits for others had better end.
 */
bool vt_control_is_last(const struct vt_control_request *request);
/* Which end it was: -EPIPE the other has gone, -ECONNRESET the server ends. */
int vt_control_ended(const struct vt_control_request *request, struct vt_error *err);
/* Why work was stopped: what the recheck says, else which end it was. */
int vt_control_stopped(const struct vt_control_request *request, struct vt_error *err);

/* Who asks: their uid, and whether they have admin on the store. */
uint32_t vt_control_caller(const struct vt_control_request *request);
bool vt_control_administers(const struct vt_control_request *request);
/* Root, or the uid that the store's files belong to: they could do anything to it anyhow. */
bool vt_control_is_owner(const struct vt_control_request *request);
/* -EACCES for others, with a sentence: "only the store's owner and root may " and `what`. */
int vt_control_check_owner(const struct vt_control_request *request, const char *what,
			   struct vt_error *err);
/* The same for fs/visible.h. Borrows from the request. */
struct vt_viewer vt_control_viewer(const struct vt_control_request *request);
/* May the caller know of the version? Withdrawn ones are known to whoever saw them. */
bool vt_control_sees(const struct vt_control_request *request, const struct vt_version *version);

/* Does the caller have the right on what a pattern covers? -EACCES with a sentence. */
int vt_control_check_pattern(const struct vt_control_request *request, enum vt_right right,
			     const struct vt_pattern *pattern, struct vt_error *err);

/* Does the caller have a lease, or wait for one, of exactly the request's pattern? */
bool vt_control_holds(const struct vt_control_request *request);

/* A second version that the request is about, found and admitted as VT_OBJECT_SHOWN is. */
int vt_control_find_other(struct vt_control_request *request, enum vt_right right,
			  const char *dataset_name, const char *version_name, struct vt_error *err);

/*
 * Members of an object, each checked: -EINVAL names the one that is missing or of another kind.
 * Text is borrowed from the object. The _or forms take `out` as it stands when there is none.
 */
int vt_arg_text(const json_t *args, const char *key, const char **out, struct vt_error *err);
int vt_arg_text_or(const json_t *args, const char *key, const char **out, struct vt_error *err);
int vt_arg_number(const json_t *args, const char *key, uint64_t max, uint64_t *out,
		  struct vt_error *err);
int vt_arg_flag(const json_t *args, const char *key, bool *out, struct vt_error *err);
int vt_arg_digest_or(const json_t *args, const char *key, struct vt_digest *out,
		     struct vt_error *err);
/* args.path or args.path_hex without slashes at its ends or twice in a row; "" when absent. */
int vt_arg_path(const json_t *args, struct vt_buf *out, struct vt_error *err);
/*
 * The node of the request's version that it names, and the path. `node` is done by the caller also
 * after a failure.
 */
int vt_control_find_path(const struct vt_control_request *request, struct vt_buf *path,
			 struct vt_node *node, struct vt_error *err);

/* The functions of the table. requests_catalog.c: */
int vt_serve_hello(struct vt_control_request *request, struct vt_error *err);
int vt_serve_datasets(struct vt_control_request *request, struct vt_error *err);
int vt_serve_versions(struct vt_control_request *request, struct vt_error *err);
int vt_serve_show(struct vt_control_request *request, struct vt_error *err);
int vt_serve_tag(struct vt_control_request *request, struct vt_error *err);
int vt_serve_untag(struct vt_control_request *request, struct vt_error *err);
int vt_serve_rollback(struct vt_control_request *request, struct vt_error *err);
int vt_serve_withdraw(struct vt_control_request *request, struct vt_error *err);
int vt_serve_remove(struct vt_control_request *request, struct vt_error *err);
/* requests_tree.c: */
int vt_serve_list(struct vt_control_request *request, struct vt_error *err);
int vt_serve_cat(struct vt_control_request *request, struct vt_error *err);
int vt_serve_diff(struct vt_control_request *request, struct vt_error *err);
/* Sends change rows and sets the result that sums them up. */
int vt_control_send_diff(struct vt_control_request *request, const struct vt_tree *before,
			 const struct vt_tree *after, struct vt_error *err);
/* requests_import.c: */
int vt_serve_import_begin(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_shard(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_known(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_pages(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_take(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_ingest(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_diff(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_dictionary(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_commit(struct vt_control_request *request, struct vt_error *err);
int vt_serve_import_tree(struct vt_control_request *request, struct vt_error *err);
void vt_control_abort_import(struct vt_connection *connection); /* nothing when none is open */
/* The member 'shards' of a commit; the list is the caller's. */
int vt_control_read_shards(const json_t *args, struct vt_new_shard **out, size_t *count,
			   struct vt_error *err);
/* requests_repair.c: */
int vt_serve_repair_contents(struct vt_control_request *request, struct vt_error *err);
int vt_serve_repair_names(struct vt_control_request *request, struct vt_error *err);
int vt_serve_repair_begin(struct vt_control_request *request, struct vt_error *err);
int vt_serve_repair_shard(struct vt_control_request *request, struct vt_error *err);
int vt_serve_repair_move(struct vt_control_request *request, struct vt_error *err);
int vt_serve_repair_commit(struct vt_control_request *request, struct vt_error *err);
/* requests_label.c: */
int vt_serve_label_begin(struct vt_control_request *request, struct vt_error *err);
int vt_serve_label_rows(struct vt_control_request *request, struct vt_error *err);
int vt_serve_label_commit(struct vt_control_request *request, struct vt_error *err);
int vt_serve_labels(struct vt_control_request *request, struct vt_error *err);
/* Opens the connection's import for labels of the files of `tree`, on top of the old ones. */
int vt_control_relabel(struct vt_control_request *request, uint32_t domain,
		       const struct vt_tree *tree, const struct vt_label_tree *old,
		       struct vt_error *err);
/* The labels that a publish of `tree` begins with. `parent` may be NULL. */
int vt_control_carry(struct vt_control_request *request, const struct vt_version *parent,
		     const struct vt_tree *tree, struct vt_label_tree *out, struct vt_error *err);
/*
 * Sends rows about labels in force that differ between the two versions of the request, and adds to
 * its result; nothing unless the caller may read both.
 */
int vt_control_send_label_diff(struct vt_control_request *request, struct vt_error *err);
/* requests_query.c: */
int vt_serve_select(struct vt_control_request *request, struct vt_error *err);
/*
 * The files that args.where means, and the expression; both are the caller's, also after a failure.
 * Asks the gate once more.
 */
int vt_control_select(struct vt_control_request *request, const struct vt_expression **where,
		      struct vt_hits **out, struct vt_error *err);
/* requests_warm.c: */
int vt_serve_warm(struct vt_control_request *request, struct vt_error *err);
/* requests_ahead.c: */
int vt_serve_ahead_begin(struct vt_control_request *request, struct vt_error *err);
int vt_serve_ahead_files(struct vt_control_request *request, struct vt_error *err);
void vt_control_end_ahead(struct vt_connection *connection); /* nothing when none was begun */
/* requests_stats.c: */
int vt_serve_stats(struct vt_control_request *request, struct vt_error *err);
/*
 * Around what counts a whole version. Everybody who may read may ask for that, so what it takes of
 * the server is bounded: -EAGAIN, others are at it. The end only after a beginning.
 */
int vt_control_count_begin(struct vt_error *err);
void vt_control_count_end(void);
/* requests_curate.c: */
int vt_serve_curate(struct vt_control_request *request, struct vt_error *err);
/* requests_gate.c: */
int vt_serve_gate_set(struct vt_control_request *request, struct vt_error *err);
int vt_serve_gate_show(struct vt_control_request *request, struct vt_error *err);
int vt_serve_gate_check(struct vt_control_request *request, struct vt_error *err);
int vt_serve_gate_remove(struct vt_control_request *request, struct vt_error *err);
/* requests_store.c: */
int vt_serve_gc(struct vt_control_request *request, struct vt_error *err);
int vt_serve_verify_index(struct vt_control_request *request, struct vt_error *err);
int vt_serve_verify_shards(struct vt_control_request *request, struct vt_error *err);
int vt_serve_verify_dictionary(struct vt_control_request *request, struct vt_error *err);
int vt_serve_verify_quarantine(struct vt_control_request *request, struct vt_error *err);
int vt_serve_status(struct vt_control_request *request, struct vt_error *err);
int vt_serve_stop(struct vt_control_request *request, struct vt_error *err);
/* requests_upgrade.c: */
int vt_serve_upgrade(struct vt_control_request *request, struct vt_error *err);
/* requests_rule.c: */
int vt_serve_grant(struct vt_control_request *request, struct vt_error *err);
int vt_serve_deny(struct vt_control_request *request, struct vt_error *err);
int vt_serve_revoke(struct vt_control_request *request, struct vt_error *err);
int vt_serve_rules(struct vt_control_request *request, struct vt_error *err);
int vt_serve_partner_add(struct vt_control_request *request, struct vt_error *err);
int vt_serve_partner_remove(struct vt_control_request *request, struct vt_error *err);
int vt_serve_partner_end(struct vt_control_request *request, struct vt_error *err);
int vt_serve_partners(struct vt_control_request *request, struct vt_error *err);
int vt_serve_repin(struct vt_control_request *request, struct vt_error *err);
int vt_serve_clock(struct vt_control_request *request, struct vt_error *err);
int vt_serve_clock_accept(struct vt_control_request *request, struct vt_error *err);
/* requests_lease.c: */
int vt_serve_lease_acquire(struct vt_control_request *request, struct vt_error *err);
int vt_serve_lease_renew(struct vt_control_request *request, struct vt_error *err);
int vt_serve_lease_release(struct vt_control_request *request, struct vt_error *err);
int vt_serve_lease_break(struct vt_control_request *request, struct vt_error *err);
int vt_serve_leases(struct vt_control_request *request, struct vt_error *err);
/* requests_explain.c: */
int vt_serve_explain(struct vt_control_request *request, struct vt_error *err);
int vt_serve_who_can(struct vt_control_request *request, struct vt_error *err);
int vt_serve_whoami(struct vt_control_request *request, struct vt_error *err);
/* requests_mount.c: */
int vt_serve_mount(struct vt_control_request *request, struct vt_error *err);
int vt_serve_mount_adopt(struct vt_control_request *request, struct vt_error *err);
int vt_serve_mounts(struct vt_control_request *request, struct vt_error *err);
int vt_serve_umount(struct vt_control_request *request, struct vt_error *err);
/* requests_io.c: */
int vt_serve_io(struct vt_control_request *request, struct vt_error *err);
/* requests_leftover.c: */
int vt_serve_leftovers(struct vt_control_request *request, struct vt_error *err);
int vt_serve_leftovers_accept(struct vt_control_request *request, struct vt_error *err);
