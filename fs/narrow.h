/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one way access changes: commit durably, and where it shrinks refuse and drain older work,
 * have the kernel drop what it cached, and only then return. "Done" means done: open descriptors
 * and mappings of those who lost it fail. What could not be completed is reported as failed, stays
 * refused, and is tried again (policy_watch.h).
 *
 * Call from a thread that answers no FUSE request and holds no lock. -ETIMEDOUT: a mount could not
 * finish. Other errors as in index/catalog.h and policy/book.h: nothing has changed then.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/rule.h"

struct vt_error;
struct vt_lease_wish;
struct vt_service;

int vt_narrow_withdraw(struct vt_service *service, uint32_t version, const char *reason,
		       uint32_t by_uid, struct vt_error *err);
int vt_narrow_remove(struct vt_service *service, uint32_t version, uint32_t by_uid,
		     struct vt_error *err);
int vt_narrow_remove_dataset(struct vt_service *service, uint32_t dataset, uint32_t by_uid,
			     struct vt_error *err);

/* -EIO: the audit log cannot be written, and the rule would let somebody in. */
int vt_narrow_add_rule(struct vt_service *service, const struct vt_rule *rule, uint64_t *id,
		       struct vt_error *err);
int vt_narrow_remove_rule(struct vt_service *service, const struct vt_principal *who,
			  enum vt_right right, const struct vt_pattern *object, uint32_t by_uid,
			  size_t *removed, struct vt_error *err);

/* Makes it, adds to it, moves its end, gives it another owner. */
int vt_narrow_partner_add(struct vt_service *service, const char *name,
			  const struct vt_member *users, size_t user_count, uint64_t until_ns,
			  uint32_t owner_uid, uint32_t by_uid, struct vt_error *err);
int vt_narrow_partner_remove_user(struct vt_service *service, const char *name, uint32_t uid,
				  uint32_t by_uid, struct vt_error *err);
int vt_narrow_partner_end(struct vt_service *service, const char *name, uint32_t by_uid,
			  struct vt_error *err);

int vt_narrow_lease_acquire(struct vt_service *service, const struct vt_lease_wish *wish,
			    struct vt_lease *out, struct vt_error *err);
/* As vt_book_lease_renew(). */
int vt_narrow_lease_renew(struct vt_service *service, uint64_t id, uint64_t until_ns, bool push,
			  struct vt_lease *out, struct vt_error *err);
/*
 * Release, break, expiry: see enum vt_lease_end. The head of the waiting line gets it. 0 also when
 * another has ended it: `out` says how.
 */
int vt_narrow_lease_end(struct vt_service *service, uint64_t id, enum vt_lease_end how,
			uint32_t by_uid, const char *reason, struct vt_lease *out,
			struct vt_error *err);

/* Whoever waits in line with nothing in their way gets it. */
int vt_narrow_serve_line(struct vt_service *service, struct vt_error *err);

/* A window has begun or ended: what is so now, everywhere. */
int vt_narrow_to_now(struct vt_service *service, const struct vt_pattern *pattern,
		     struct vt_error *err);

/* Names of a dataset have changed, and nobody lost anything: see vt_sessions_refresh(). */
void vt_narrow_names_changed(struct vt_service *service, uint32_t dataset);
