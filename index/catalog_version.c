/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h: changes of versions. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "index/catalog_edit.h"

/* Does it go when `gone` does: is it that, or a revision of it? */
static bool goes_with(const struct vt_version *version, const struct vt_version *gone)
{
	return version->serial == gone->serial || version->base == gone->serial;
}

/* The newest live version that does not go with `gone`, 0 for none. */
static uint32_t newest_live(const struct vt_edit *edit, const struct vt_version *gone)
{
	const struct vt_table *serials = &edit->slot->serials;

	for (size_t i = serials->count; i > 0; i--) {
		const struct vt_version *version =
			vt_catalog_find(edit->catalog, serials->rows[i - 1].id);

		if (version->state == VT_VERSION_LIVE && !goes_with(version, gone))
			return version->serial;
	}
	return 0;
}

/* `latest` goes elsewhere when it names a version about to disappear. */
static int stage_latest_without(struct vt_edit *edit, const struct vt_version *gone,
				struct vt_error *err)
{
	struct vt_dataset dataset = *edit->slot->now;
	const struct vt_version *latest = vt_catalog_find(edit->catalog, dataset.latest);

	if (!latest || !goes_with(latest, gone))
		return 0;
	dataset.latest = newest_live(edit, gone);
	return vt_edit_put_dataset(edit, &dataset, err);
}

static int stage_withdrawal(struct vt_edit *edit, const struct vt_version *before,
			    const char *reason, uint32_t by_uid, struct vt_error *err)
{
	struct vt_version next = *before;
	int r;

	next.state = VT_VERSION_WITHDRAWN;
	next.reason = reason;
	next.exhibit = 0;
	r = vt_edit_put_version(edit, &next, err);
	if (r == 0)
		r = vt_edit_retire_version(edit, before, err);
	return r < 0 ? r : vt_edit_record(edit, "withdraw", before, by_uid, reason, err);
}

/* The newest first, the base last. */
static int stage_withdrawals(struct vt_edit *edit, const struct vt_version *gone,
			     const char *reason, uint32_t by_uid, struct vt_error *err)
{
	const struct vt_table *serials = &edit->slot->serials;
	int r = 0;

	for (size_t i = serials->count; r == 0 && i > 0; i--) {
		const struct vt_version *version =
			vt_catalog_find(edit->catalog, serials->rows[i - 1].id);

		if (version->state == VT_VERSION_LIVE && goes_with(version, gone))
			r = stage_withdrawal(edit, version, reason, by_uid, err);
	}
	return r;
}

int vt_catalog_withdraw(struct vt_catalog *catalog, uint32_t version, const char *reason,
			uint32_t by_uid, uint32_t *retired, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	const struct vt_version *before;
	uint32_t exhibit;
	int r = vt_edit_find_version(&edit, version, &before, err);

	if (r < 0)
		return r;
	exhibit = before->exhibit;
	if (before->state == VT_VERSION_WITHDRAWN) { /* the first reason stands */
		*retired = 0;
		return 0;
	}
	r = stage_withdrawals(&edit, before, reason, by_uid, err);
	if (r == 0)
		r = stage_latest_without(&edit, before, err);
	if (r == 0)
		r = vt_edit_finish(&edit, err);
	if (r == 0)
		*retired = exhibit;
	return r;
}

static const char *tag_of(const struct slot *slot, uint32_t version)
{
	for (size_t i = 0; i < slot->tags.count; i++)
		if (slot->tags.rows[i].id == version)
			return slot->tags.rows[i].name;
	return NULL;
}

/* Revisions have their files and rules from their base: it goes last. */
static int check_unrevised(const struct vt_edit *edit, const struct vt_version *version,
			   struct vt_error *err)
{
	const struct vt_table *serials = &edit->slot->serials;

	for (size_t i = 0; i < serials->count; i++) {
		const struct vt_version *other =
			vt_catalog_find(edit->catalog, serials->rows[i].id);

		if (other->base == version->serial && other != version)
			return vt_fail(err, EBUSY,
				       "'%s' of '%s' has a revision, '%s': it goes first",
				       version->name, edit->slot->now->name, other->name);
	}
	return 0;
}

/*
 * The number of a removed revision is never given again. Which was the highest stands in a row of
 * META for bases that a revision was removed of.
 */
#define REVISION_KEY     "revision."
#define REVISION_KEY_LEN (sizeof REVISION_KEY - 1 + 4)

static void revision_key(uint32_t base, uint8_t key[REVISION_KEY_LEN])
{
	memcpy(key, REVISION_KEY, REVISION_KEY_LEN - 4);
	vt_key_u32(base, key + REVISION_KEY_LEN - 4);
}

static int highest_removed(const struct vt_edit *edit, uint32_t base, uint32_t *out,
			   struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[REVISION_KEY_LEN];
	struct vt_reader reader;
	int r;

	revision_key(base, key);
	*out = 0;
	r = vt_store_get(edit->catalog->store, VT_CF_META, key, sizeof key, false, &value, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	reader = vt_reader_over(value.data, value.len);
	*out = vt_reader_le32(&reader);
	return reader.failed ? vt_fail(err, EBADMSG, "a revision's number is damaged") : 0;
}

/* Before a version goes: a revision leaves its number, a base takes that row with it. */
static void stage_number_taken(struct vt_edit *edit, const struct vt_version *going)
{
	uint32_t number = htole32(going->revision), highest = 0;
	uint8_t key[REVISION_KEY_LEN];

	revision_key(going->base, key);
	if (!going->revision)
		vt_batch_delete(edit->batch, edit->catalog->store, VT_CF_META, key, sizeof key);
	else if (highest_removed(edit, going->base, &highest, NULL) < 0 ||
		 going->revision > highest)
		vt_batch_put(edit->batch, edit->catalog->store, VT_CF_META, key, sizeof key,
			     &number, sizeof number);
}

int vt_catalog_remove(struct vt_catalog *catalog, uint32_t version, uint32_t by_uid,
		      uint32_t *retired, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	const struct vt_version *before;
	const char *tag;
	uint32_t exhibit;
	int r = vt_edit_find_version(&edit, version, &before, err);

	if (r < 0)
		return r;
	r = check_unrevised(&edit, before, err);
	if (r < 0)
		return r;
	tag = tag_of(edit.slot, version);
	if (tag)
		return vt_fail(err, EBUSY, "the tag '%s' names version '%s' of '%s'", tag,
			       before->name, edit.slot->now->name);
	exhibit = before->exhibit;
	stage_number_taken(&edit, before);
	r = vt_edit_bury_version(&edit, before, err);
	if (r == 0)
		r = stage_latest_without(&edit, before, err);
	if (r == 0)
		r = vt_edit_record(&edit, "rm", before, by_uid, NULL, err);
	if (r == 0)
		r = vt_edit_write(&edit, err);
	if (r < 0)
		return r;
	vt_edit_swap_begin(&edit);
	vt_catalog_drop_version(catalog, edit.slot, version);
	vt_edit_swap_end(&edit);
	*retired = exhibit;
	return 0;
}

/* `name` may be NULL: a number is never taken. */
static int check_new_version(const struct vt_edit *edit, const char *name, uint32_t expected_latest,
			     struct vt_error *err)
{
	const struct slot *slot = edit->slot;

	if (slot->now->latest != expected_latest)
		return vt_fail(err, ESTALE, "another version of '%s' became the latest meanwhile",
			       slot->now->name);
	if (slot->now->next_number == UINT32_MAX)
		return vt_fail(err, EOVERFLOW, "'%s' has no version numbers left", slot->now->name);
	if (name && vt_table_find_name(&slot->names, name))
		return vt_fail(err, EEXIST, "'%s' has a version named '%s' already",
			       slot->now->name, name);
	if (name && vt_table_find_name(&slot->tags, name))
		return vt_fail(err, EEXIST, "'%s' has a tag named '%s' already", slot->now->name,
			       name);
	return 0;
}

/* `rows` keeps the history. */
static int follow(struct vt_version *version, const struct vt_version *parent, struct vt_buf *rows,
		  struct vt_error *err)
{
	version->parent = parent ? parent->serial : 0;
	version->parent_digest = parent ? parent->digest : (struct vt_digest){{0}};
	version->history = vt_history_after(parent, rows);
	return vt_buf_failed(rows) ? vt_fail(err, ENOMEM, "no memory for a version's history") : 0;
}

/* What the commit assigns. `name` is used when the version has none. */
static int assign(struct vt_edit *edit, struct vt_version *version, const char *name,
		  struct vt_error *err)
{
	const struct vt_dataset *dataset = edit->slot->now;
	int r = vt_edit_take(edit, VT_COUNTER_VERSION, &version->serial, err);

	if (r == 0)
		r = vt_edit_take(edit, VT_COUNTER_EXHIBIT, &version->exhibit, err);
	if (r < 0)
		return r;
	version->domain = dataset->domain;
	version->number = dataset->next_number;
	version->base = version->serial;
	version->revision = 0;
	version->name = name;
	version->state = VT_VERSION_LIVE;
	version->reason = "";
	return vt_version_digest(version, dataset->name, &version->digest, err);
}

static int stage_version(struct vt_edit *edit, const struct vt_version *version,
			 struct vt_error *err)
{
	struct vt_dataset dataset = *edit->slot->now;
	int r = vt_edit_put_version(edit, version, err);

	if (r == 0)
		r = vt_edit_show_version(edit, version, err);
	if (r < 0)
		return r;
	dataset.latest = version->serial;
	dataset.next_number++;
	return vt_edit_put_dataset(edit, &dataset, err);
}

static int commit(struct vt_edit *edit, struct vt_version *version, uint32_t expected_latest,
		  struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf rows = VT_BUF_INIT;
	struct vt_version next = *version;
	char number[16];
	int r = vt_edit_find_dataset(edit, version->dataset, err);

	if (r == 0)
		r = check_new_version(edit, version->name, expected_latest, err);
	if (r < 0)
		return r;
	(void) snprintf(number, sizeof number, "v%u", edit->slot->now->next_number);
	r = follow(&next, vt_catalog_find(edit->catalog, expected_latest), &rows, err);
	if (r == 0)
		r = assign(edit, &next, version->name ? version->name : number, err);
	if (r == 0)
		r = stage_version(edit, &next, err);
	if (r == 0)
		r = vt_edit_record(edit, "publish", &next, next.author_uid, next.message, err);
	if (r == 0)
		r = vt_catalog_reserve(edit->catalog, edit->slot, err);
	if (r == 0)
		r = vt_edit_write(edit, err);
	return r;
}

/* ---- revisions ------------------------------------------------------------------------------- */

/* The newest live version with the files of `base`; NULL: none. `highest`: of any, live or not. */
static const struct vt_version *newest_of(const struct vt_catalog *catalog, const struct slot *slot,
					  uint32_t base, uint32_t *highest)
{
	const struct vt_version *newest = NULL;

	*highest = 0;
	for (size_t i = 0; i < slot->serials.count; i++) {
		const struct vt_version *version =
			vt_catalog_find(catalog, slot->serials.rows[i].id);

		if (version->base != base)
			continue;
		if (version->revision > *highest)
			*highest = version->revision;
		if (version->state == VT_VERSION_LIVE)
			newest = version;
	}
	return newest;
}

int vt_catalog_newest(struct vt_catalog *catalog, uint32_t base, const struct vt_version **out,
		      struct vt_error *err)
{
	const struct vt_version *version, *newest = NULL;
	uint32_t highest;

	(void) pthread_rwlock_rdlock(&catalog->lock);
	version = vt_catalog_find(catalog, base);
	if (version)
		newest = newest_of(catalog, vt_catalog_slot(catalog, version->dataset),
				   version->base, &highest);
	if (newest)
		*out = vt_version_ref(newest);
	(void) pthread_rwlock_unlock(&catalog->lock);
	return newest ? 0 : vt_fail(err, ENOENT, "no version with serial %u is live", base);
}

/*
 * What is the base's, what the commit assigns, and the rest from `version`. `name` gets the first
 * free one: somebody may have published `--as NAME.1`.
 */
static int assign_revision(struct vt_edit *edit, const struct vt_version *base, uint32_t number,
			   char name[VT_NAME_PART_MAX + 1], struct vt_version *version,
			   struct vt_error *err)
{
	struct vt_version next = *base;
	int r = vt_edit_take(edit, VT_COUNTER_VERSION, &next.serial, err);

	if (r == 0)
		r = vt_edit_take(edit, VT_COUNTER_EXHIBIT, &next.exhibit, err);
	for (; r == 0; number++) {
		int len = snprintf(name, VT_NAME_PART_MAX + 1, "%s.%u", base->name, number);

		if (len > (int) VT_NAME_PART_MAX)
			r = vt_fail(err, ENAMETOOLONG, "the name '%s.%u' is too long", base->name,
				    number);
		else if (!vt_table_find_name(&edit->slot->names, name) &&
			 !vt_table_find_name(&edit->slot->tags, name))
			break;
	}
	if (r < 0)
		return r;
	next.base = base->serial;
	next.revision = number;
	next.name = name;
	next.parent = version->parent;
	next.parent_digest = version->parent_digest;
	next.history = version->history;
	next.labels = version->labels;
	next.label_digest = version->label_digest;
	next.document_body[VT_DOCUMENT_LABELS] = version->document_body[VT_DOCUMENT_LABELS];
	next.author_uid = version->author_uid;
	next.author = version->author;
	next.created_ns = version->created_ns;
	next.message = version->message;
	next.counts.stored_bytes = 0;
	next.checks = version->checks;
	*version = next;
	return vt_version_digest(version, edit->slot->now->name, &version->digest, err);
}

static int stage_revision(struct vt_edit *edit, const struct vt_version *version,
			  struct vt_error *err)
{
	struct vt_dataset dataset = *edit->slot->now;
	const struct vt_version *latest = vt_catalog_find(edit->catalog, dataset.latest);
	int r = vt_edit_put_version(edit, version, err);

	if (r == 0)
		r = vt_edit_show_version(edit, version, err);
	if (r < 0 || !latest || latest->base != version->base)
		return r;
	dataset.latest = version->serial;
	return vt_edit_put_dataset(edit, &dataset, err);
}

static int revise(struct vt_edit *edit, struct vt_version *version, uint32_t expected_newest,
		  struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf rows = VT_BUF_INIT;
	const struct vt_version *base, *newest;
	char name[VT_NAME_PART_MAX + 1];
	uint32_t highest = 0, removed;
	int r = vt_edit_find_version(edit, version->base, &base, err);

	if (r == 0)
		r = vt_edit_find_live(edit, base->dataset, base->serial, &base, err);
	if (r < 0)
		return r;
	newest = newest_of(edit->catalog, edit->slot, base->serial, &highest);
	if (newest->serial != expected_newest)
		return vt_fail(err, ESTALE, "'%s' of '%s' was revised meanwhile", base->name,
			       edit->slot->now->name);
	r = highest_removed(edit, base->serial, &removed, err);
	if (r == 0)
		r = follow(version, newest, &rows, err);
	if (r == 0)
		r = assign_revision(edit, base, (highest > removed ? highest : removed) + 1, name,
				    version, err);
	if (r == 0)
		r = stage_revision(edit, version, err);
	if (r == 0)
		r = vt_edit_record(edit, "publish", version, version->author_uid, version->message,
				   err);
	if (r == 0)
		r = vt_catalog_reserve(edit->catalog, edit->slot, err);
	return r < 0 ? r : vt_edit_write(edit, err);
}

/* ---- from outside ---------------------------------------------------------------------------- */

int vt_catalog_check_commit(struct vt_catalog *catalog, uint32_t dataset, const char *name,
			    uint32_t expected_latest, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	int r = vt_edit_find_dataset(&edit, dataset, err);

	return r < 0 ? r : check_new_version(&edit, name, expected_latest, err);
}

/* What was written, for all to find. `version` gets its texts, which live as long as the result. */
static const struct vt_version *show(struct vt_edit *edit, struct vt_version *version)
{
	const struct vt_version *made = vt_version_ref(edit->versions[0]);

	vt_edit_swap_begin(edit);
	vt_edit_swap_end(edit);
	*version = *made;
	return made;
}

int vt_catalog_commit(struct vt_catalog *catalog, struct vt_version *version,
		      uint32_t expected_latest, struct vt_batch *batch,
		      const struct vt_version **out, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	int r = version->name ? vt_version_name_check(version->name, err) : 0;

	if (r < 0)
		return r;
	if (batch)
		edit.batch = batch;
	r = commit(&edit, version, expected_latest, err);
	if (r < 0)
		return r;
	*out = show(&edit, version);
	return 0;
}

int vt_catalog_revise(struct vt_catalog *catalog, struct vt_version *version,
		      uint32_t expected_newest, struct vt_batch *batch,
		      const struct vt_version **out, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	struct vt_version next = *version;
	int r;

	if (batch)
		edit.batch = batch;
	r = revise(&edit, &next, expected_newest, err);
	if (r < 0)
		return r;
	*out = show(&edit, version);
	return 0;
}
