/* SPDX-License-Identifier: Apache-2.0 */
/* See book.h: whom and what the policy names, as people write it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/book_private.h"
#include "policy/people.h"

/* ---- principals ------------------------------------------------------------------------------ */

/* Is there `prefix` in front? Then `*rest` is what follows. */
static bool begins(const char *text, const char *prefix, const char **rest)
{
	size_t len = strlen(prefix);

	*rest = text + len;
	return strncmp(text, prefix, len) == 0;
}

static int check_name(const char *name, const char *text, struct vt_error *err)
{
	if (!*name || strlen(name) > VT_PRINCIPAL_NAME_MAX)
		return vt_fail(err, EINVAL, "'%.120s' names nobody", text);
	return 0;
}

/* The user's own name for the uid: another name may lead to it too, and would be pinned wrongly. */
static int parse_user(const char *name, struct vt_principal *out, struct vt_error *err)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;
	int r = vt_people_uid_of(name, &out->id, err);

	if (r < 0)
		return r;
	r = vt_people_ask(out->id, &person);
	if (r < 0)
		return vt_fail(err, -r, "the user '%s' cannot be looked up: %m", name);
	if (person->name[0])
		name = person->name;
	if (strlen(name) > VT_PRINCIPAL_NAME_MAX)
		return vt_fail(err, EINVAL, "'%.120s' is too long a name", name);
	memcpy(out->name, name, strlen(name));
	return 0;
}

static int parse_partner(struct vt_book *book, const char *name, struct vt_principal *out,
			 struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);
	const struct vt_partner *partner = vt_policy_partner_named(policy, name);

	if (!partner)
		return vt_fail(err, ENOENT, "there is no partner '%s'", name);
	out->id = partner->id;
	memcpy(out->name, name, strlen(name));
	return 0;
}

int vt_principal_parse(struct vt_book *book, const char *text, struct vt_principal *out,
		       struct vt_error *err)
{
	struct vt_principal who = {.kind = VT_PRINCIPAL_ANYONE};
	const char *name;
	int r = 0;

	if (begins(text, "user:", &name)) {
		who.kind = VT_PRINCIPAL_USER;
		r = check_name(name, text, err);
		r = r < 0 ? r : parse_user(name, &who, err);
	} else if (begins(text, "osgroup:", &name)) {
		who.kind = VT_PRINCIPAL_OSGROUP;
		r = check_name(name, text, err);
		r = r < 0 ? r : vt_people_gid_of(name, &who.id, err);
		if (r == 0)
			memcpy(who.name, name, strlen(name));
	} else if (begins(text, "partner:", &name)) {
		who.kind = VT_PRINCIPAL_PARTNER;
		r = check_name(name, text, err);
		r = r < 0 ? r : parse_partner(book, name, &who, err);
	} else if (strcmp(text, "anyone") != 0) {
		r = vt_fail(err, EINVAL,
			    "'%.100s' is neither user:NAME, osgroup:NAME, partner:NAME nor anyone",
			    text);
	}
	if (r == 0)
		*out = who;
	return r;
}

void vt_principal_format(const struct vt_principal *principal, char *out, size_t size)
{
	switch (principal->kind) {
	case VT_PRINCIPAL_USER:
		(void) snprintf(out, size, "user:%s", principal->name);
		return;
	case VT_PRINCIPAL_OSGROUP:
		(void) snprintf(out, size, "osgroup:%s", principal->name);
		return;
	case VT_PRINCIPAL_PARTNER:
		(void) snprintf(out, size, "partner:%s", principal->name);
		return;
	case VT_PRINCIPAL_ANYONE:
		break;
	}
	(void) snprintf(out, size, "anyone");
}

/* ---- objects --------------------------------------------------------------------------------- */

/* "SPACE/" and "**"; the space need not hold anything yet. */
static int parse_space(struct vt_catalog *catalog, const char *text, size_t len,
		       struct vt_pattern *out, struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	int r;

	if (len > VT_NAME_PART_MAX || memchr(text, '/', len))
		return vt_fail(err, EINVAL, "'%.120s' names no space", text);
	memcpy(out->space, text, len);
	out->scope = VT_SCOPE_SPACE;
	r = vt_dataset_name_check(out->space, err);
	if (r == 0 && vt_catalog_dataset(catalog, out->space, &dataset, NULL) == 0)
		return vt_fail(err, EINVAL, "'%s' is a dataset, not a space", out->space);
	return r;
}

static int parse_dataset(struct vt_catalog *catalog, const char *text, struct vt_pattern *out,
			 struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	char name[VT_DATASET_NAME_MAX + 1] = "";
	const char *at = strchr(text, '@');
	size_t len = at ? (size_t) (at - text) : strlen(text);
	int r;

	if (len >= sizeof name || (at && (!at[1] || strlen(at + 1) > VT_NAME_PART_MAX)))
		return vt_fail(err, EINVAL, "'%.120s' names no dataset or version", text);
	memcpy(name, text, len);
	r = vt_dataset_name_check(name, err);
	if (r == 0)
		r = vt_catalog_dataset(catalog, name, &dataset, err);
	if (r == 0 && at)
		r = vt_catalog_resolve(catalog, dataset->id, at + 1, &version, err);
	if (r < 0)
		return r;
	out->scope = at ? VT_SCOPE_VERSION : VT_SCOPE_DATASET;
	out->dataset = dataset->id;
	out->version = at ? version->base : 0; /* rules are of a version and its revisions */
	return 0;
}

int vt_pattern_parse(struct vt_catalog *catalog, const char *text, struct vt_pattern *out,
		     struct vt_error *err)
{
	struct vt_pattern object = {.scope = VT_SCOPE_ALL};
	size_t len = strlen(text);
	int r = 0;

	if (len > 3 && strcmp(text + len - 3, "/**") == 0)
		r = parse_space(catalog, text, len - 3, &object, err);
	else if (strcmp(text, "**") != 0)
		r = parse_dataset(catalog, text, &object, err);
	if (r == 0)
		*out = object;
	return r;
}

void vt_pattern_format(struct vt_catalog *catalog, const struct vt_pattern *pattern, char *out,
		       size_t size)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	char id[16], serial[16];
	const char *name = id, *version_name = serial;

	if (pattern->scope == VT_SCOPE_ALL || pattern->scope == VT_SCOPE_SPACE) {
		(void) snprintf(out, size, "%s%s**", pattern->space, pattern->space[0] ? "/" : "");
		return;
	}
	(void) snprintf(id, sizeof id, "#%u", (unsigned) pattern->dataset); /* of what is gone */
	(void) snprintf(serial, sizeof serial, "#%u", (unsigned) pattern->version);
	if (vt_catalog_dataset_by_id(catalog, pattern->dataset, &dataset, NULL) == 0)
		name = dataset->name;
	if (pattern->version && vt_catalog_version(catalog, pattern->version, &version, NULL) == 0)
		version_name = version->name;
	if (pattern->version)
		(void) snprintf(out, size, "%s@%s", name, version_name);
	else
		(void) snprintf(out, size, "%s", name);
}

int vt_object_exists(struct vt_catalog *catalog, const struct vt_pattern *object,
		     struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	int r;

	if (!object->dataset)
		return 0;
	r = vt_catalog_dataset_by_id(catalog, object->dataset, &dataset, err);
	if (r < 0 || !object->version)
		return r;
	r = vt_catalog_version(catalog, object->version, &version, err);
	if (r == 0 && version->dataset != object->dataset)
		return vt_fail(err, ENOENT, "version %u is of another dataset",
			       (unsigned) object->version);
	return r;
}

const char *vt_pattern_space(struct vt_catalog *catalog, const struct vt_pattern *object,
			     char space[VT_NAME_PART_MAX + 1])
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;

	if (!object->dataset ||
	    vt_catalog_dataset_by_id(catalog, object->dataset, &dataset, NULL) < 0)
		return NULL;
	return vt_dataset_space(dataset->name, space);
}
