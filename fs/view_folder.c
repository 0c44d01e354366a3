/* SPDX-License-Identifier: Apache-2.0 */
/* See view_folder.h. */
#include "fs/view_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/label_index.h"
#include "fs/request.h"
#include "fs/service.h"
#include "fs/session.h"
#include "fs/trail.h"
#include "fs/view_name.h"
#include "fs/views.h"
#include "index/base/error.h"
#include "index/expression.h"
#include "index/import.h"
#include "index/number.h"

static struct vt_views *views_of(const struct vt_viewer *viewer)
{
	return viewer->session->views;
}

/* Refusals go to the audit log, and are said to whoever asks for a sentence. */
static int check_reader(const struct vt_viewer *viewer, const struct vt_shown *folder, bool nowait,
			struct vt_error *err)
{
	const struct vt_place place = vt_shown_place(folder);
	struct vt_gate *gate = viewer->service->gate;
	struct vt_decision decision = {.allowed = false};
	int r = vt_gate_decide(gate, viewer->subject, VT_RIGHT_READ, place, nowait, &decision);

	if (decision.allowed)
		return 0;
	if (r == 0 && viewer->request)
		vt_trail_denial(viewer->request, VT_RIGHT_READ, place, &decision);
	return vt_gate_check(gate, viewer->subject, VT_RIGHT_READ, place, nowait, NULL, err);
}

static bool is_answered(void *context)
{
	return !vt_request_is_pending(context);
}

/* Nobody waits for what a request asked that was answered: by its deadline, or a narrowing. */
static struct vt_cancel cancel_of(const struct vt_viewer *viewer)
{
	if (!viewer->request)
		return (struct vt_cancel){0};
	return (struct vt_cancel){is_answered, (void *) (uintptr_t) viewer->request};
}

/* ---- expressions ----------------------------------------------------------------------------- */

static void put_quoted(const struct vt_buf *text, struct vt_buf *out)
{
	vt_buf_put_u8(out, '"');
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '"' || text->data[i] == '\\')
			vt_buf_put_u8(out, '\\');
		vt_buf_put_u8(out, text->data[i]);
	}
	vt_buf_put_u8(out, '"');
}

/* What a value's name may stand for: a text, and a number or a boolean that is written like it. */
static void put_value_expression(const char *key, size_t key_len, const struct vt_buf *value,
				 struct vt_buf *out)
{
	const char *text = (const char *) value->data; /* ends with a NUL */
	size_t len = value->len;

	vt_buf_printf(out, "label.%.*s=", (int) key_len, key);
	put_quoted(value, out);
	if (len > 0 && (vt_number_length(text) == len || strcmp(text, "true") == 0 ||
			strcmp(text, "false") == 0))
		vt_buf_printf(out, " or label.%.*s=%s", (int) key_len, key, text);
}

struct cut_name {
	const char *name;
	struct vt_buf scratch, value;
};

static int match_cut(void *context, const struct vt_expression_value *value, uint32_t files)
{
	struct cut_name *cut = context;

	(void) files;
	if (value->type != VT_EXPRESSION_TEXT)
		return 0;
	vt_buf_reset(&cut->scratch);
	vt_view_name_put(value->text.bytes, value->text.len, &cut->scratch);
	if (vt_buf_failed(&cut->scratch) || cut->scratch.len != strlen(cut->name) ||
	    memcmp(cut->scratch.data, cut->name, cut->scratch.len) != 0)
		return 0;
	vt_buf_put(&cut->value, value->text.bytes, value->text.len);
	return 1;
}

/* The value of a name that cannot be read back is found among those there are. */
static int find_cut(const struct vt_viewer *viewer, const struct vt_version *version,
		    struct vt_label_text key, const char *name, struct vt_buf *out,
		    struct vt_error *err)
{
	const struct vt_cancel cancel = cancel_of(viewer);
	struct cut_name cut = {.name = name};
	int r = vt_label_index_values(viewer->service->labels, version, key, &cancel, match_cut,
				      &cut, err);

	if (r > 0)
		vt_buf_put(out, cut.value.data, cut.value.len);
	vt_buf_done(&cut.scratch);
	vt_buf_done(&cut.value);
	return r > 0 ? 0 : r < 0 ? r : -ENOENT;
}

static int value_expression(const struct vt_viewer *viewer, const struct vt_version *version,
			    const char *text, struct vt_buf *out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	const char *slash = strchr(text, '/'), *name = slash + 1;
	size_t key_len = (size_t) (slash - text);
	int r = vt_view_name_is_cut(name, strlen(name))
			? find_cut(viewer, version, (struct vt_label_text){text, key_len}, name,
				   &value, err)
			: vt_view_name_read(name, strlen(name), &value);

	vt_buf_put_u8(&value, 0);
	if (vt_buf_failed(&value))
		return vt_fail(err, ENOMEM, "no memory for an expression");
	value.len--;
	if (r == 0)
		put_value_expression(text, key_len, &value, out);
	return r == -EINVAL ? -ENOENT : r;
}

/* May wait. -EINVAL: it is no expression. */
static int parse(const struct vt_viewer *viewer, const struct vt_version *version,
		 enum vt_view_kind kind, const char *text, const struct vt_expression **out,
		 struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf words = VT_BUF_INIT;
	int r = kind == VT_VIEW_VALUE ? value_expression(viewer, version, text, &words, err)
				      : vt_view_name_read(text, strlen(text), &words);

	if (r == -EINVAL)
		return vt_fail(err, EINVAL, "the name has a '%%' without two digits behind it");
	if (r < 0)
		return r;
	if (vt_buf_failed(&words))
		return vt_fail(err, ENOMEM, "no memory for an expression");
	return vt_expression_parse((const char *) words.data, words.len, out, err);
}

static int ask(const struct vt_viewer *viewer, const struct vt_version *version,
	       enum vt_view_kind kind, const char *text, struct vt_hits **out, struct vt_error *err)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;
	const struct vt_cancel cancel = cancel_of(viewer);
	int r = parse(viewer, version, kind, text, &expression, err);

	return r < 0 ? r
		     : vt_label_index_query(viewer->service->labels, version, expression, &cancel,
					    out, err);
}

int vt_view_folder_hits(const struct vt_viewer *viewer, const struct vt_shown *folder, bool nowait,
			struct vt_hits **out, struct vt_error *err)
{
	struct vt_view *view = folder->view;
	int r = check_reader(viewer, folder, nowait, err);

	if (r < 0)
		return r;
	*out = vt_views_hits(views_of(viewer), view);
	if (*out)
		return 0;
	if (nowait)
		return -EAGAIN;
	r = ask(viewer, folder->version, view->kind, view->text, out, err);
	if (r == 0)
		vt_views_set_hits(views_of(viewer), view, *out);
	return r;
}

/* ---- one name -------------------------------------------------------------------------------- */

static void show(const struct vt_shown *parent, struct vt_view *view, enum vt_shown_kind kind,
		 struct vt_shown *out)
{
	*out = (struct vt_shown){
		.id = vt_node_id(view->exhibit, 0),
		.kind = kind,
		.dataset = vt_dataset_ref(parent->dataset),
		.version = vt_version_ref(parent->version),
		.view = view,
	};
	if (kind == VT_SHOWN_TREE)
		out->node.entry = parent->version->tree.root;
}

static int find_key(void *context, struct vt_label_text key)
{
	const char *name = context;

	return key.len == strlen(name) && memcmp(key.bytes, name, key.len) == 0;
}

static int make_key(const struct vt_viewer *viewer, const struct vt_version *version,
		    const struct vt_view_key *key, struct vt_view **out, struct vt_error *err)
{
	const struct vt_cancel cancel = cancel_of(viewer);
	int r = vt_label_index_keys(viewer->service->labels, version, &cancel, find_key,
				    (void *) (uintptr_t) key->text, err);

	if (r == 0)
		return -ENOENT;
	return r < 0 ? r : vt_views_make(views_of(viewer), key, NULL, viewer->subject->uid, out);
}

/* A value that no file has is not there; an expression without files is an empty folder. */
static int make_files(const struct vt_viewer *viewer, const struct vt_version *version,
		      const struct vt_view_key *key, struct vt_view **out, struct vt_error *err)
{
	vt_cleanup(vt_hits_unrefp) struct vt_hits *hits = NULL;
	struct vt_error why = {0};
	int r = ask(viewer, version, key->kind, key->text, &hits, &why);

	if (r == -EINVAL) {
		vt_views_note_problem(views_of(viewer), viewer->subject->uid, key->serial,
				      why.text);
		return -ENOENT;
	}
	if (r < 0)
		return vt_fail(err, -r, "%s", why.text);
	if (key->kind == VT_VIEW_VALUE && vt_hits_next(hits, 0) == VT_HITS_NONE)
		return -ENOENT;
	return vt_views_make(views_of(viewer), key, hits, viewer->subject->uid, out);
}

static struct vt_view_key key_below(const struct vt_shown *parent, const char *text)
{
	return (struct vt_view_key){
		.serial = parent->version->serial,
		.kind = parent->kind == VT_SHOWN_VERSION_LABELS ? VT_VIEW_KEY
			: parent->kind == VT_SHOWN_LABEL_KEY    ? VT_VIEW_VALUE
								: VT_VIEW_QUERY,
		.folder = parent->view ? parent->view->folder
				       : vt_node_id(vt_node_exhibit(parent->id), 0),
		.text = text,
	};
}

int vt_view_folder_lookup(const struct vt_viewer *viewer, const struct vt_shown *parent,
			  const char *name, bool nowait, struct vt_shown *out, struct vt_error *err)
{
	char text[VT_VIEW_TEXT_MAX + 1];
	const struct vt_view_key key = key_below(parent, text);
	bool is_value = key.kind == VT_VIEW_VALUE;
	struct vt_view *view;
	int len, r = check_reader(viewer, parent, nowait, err);

	if (r < 0)
		return r;
	len = snprintf(text, sizeof text, "%s%s%s", is_value ? parent->view->text : "",
		       is_value ? "/" : "", name);
	if (len < 0 || (unsigned) len >= sizeof text)
		return -ENOENT;
	view = vt_views_find(views_of(viewer), &key);
	if (!view && nowait)
		return -EAGAIN;
	if (!view)
		r = key.kind == VT_VIEW_KEY ? make_key(viewer, parent->version, &key, &view, err)
					    : make_files(viewer, parent->version, &key, &view, err);
	if (r == 0)
		show(parent, view, key.kind == VT_VIEW_KEY ? VT_SHOWN_LABEL_KEY : VT_SHOWN_TREE,
		     out);
	return r;
}

/* ---- all names ------------------------------------------------------------------------------- */

struct lister {
	vt_view_folder_each *each;
	void *context;
	struct vt_buf name;
	struct vt_buf numbers; /* of type double, ascending: those given so far */
	bool booleans[2];      /* likewise */
};

static int list_key(void *context, struct vt_label_text key)
{
	const struct lister *lister = context;

	return lister->each(lister->context, key.bytes, key.len);
}

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return (x > y) - (x < y);
}

static bool has_number(const struct lister *lister, double number)
{
	return lister->numbers.len > 0 &&
	       bsearch(&number, lister->numbers.data, lister->numbers.len / sizeof number,
		       sizeof number, compare_numbers);
}

/* Does a number or a boolean have the text's name? They come first. */
static bool is_given(const struct lister *lister, struct vt_label_text text)
{
	char copy[VT_NUMBER_TEXT], number[VT_NUMBER_TEXT];

	if (text.len == 0 || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.bytes, text.len);
	copy[text.len] = '\0';
	if (strcmp(copy, "true") == 0 || strcmp(copy, "false") == 0)
		return lister->booleans[copy[0] == 't'];
	if (vt_number_length(copy) != text.len || !has_number(lister, strtod(copy, NULL)))
		return false;
	vt_number_format(strtod(copy, NULL), number);
	return strcmp(copy, number) == 0;
}

static int give_name(struct lister *lister, const char *text, size_t len)
{
	vt_buf_reset(&lister->name);
	vt_view_name_put(text, len, &lister->name);
	if (vt_buf_failed(&lister->name) || vt_buf_failed(&lister->numbers))
		return -ENOMEM;
	return lister->each(lister->context, (const char *) lister->name.data, lister->name.len);
}

/* One name for all values that are written alike: it stands for all of them. */
static int list_value(void *context, const struct vt_expression_value *value, uint32_t files)
{
	struct lister *lister = context;
	char number[VT_NUMBER_TEXT];

	(void) files;
	switch (value->type) {
	case VT_EXPRESSION_TEXT:
		return is_given(lister, value->text)
			       ? 0
			       : give_name(lister, value->text.bytes, value->text.len);
	case VT_EXPRESSION_BOOLEAN:
		lister->booleans[value->boolean] = true;
		return value->boolean ? give_name(lister, "true", 4)
				      : give_name(lister, "false", 5);
	default:
		vt_buf_put(&lister->numbers, &value->number, sizeof value->number);
		vt_number_format(value->number, number);
		return give_name(lister, number, strlen(number));
	}
}

int vt_view_folder_list(const struct vt_viewer *viewer, const struct vt_shown *folder, bool nowait,
			vt_view_folder_each *each, void *context, struct vt_error *err)
{
	const struct vt_cancel cancel = cancel_of(viewer);
	struct lister lister = {.each = each, .context = context};
	struct vt_label_text key;
	int r = 0;

	if (folder->kind == VT_SHOWN_VERSION_QUERIES)
		return 0;
	r = check_reader(viewer, folder, nowait, err);
	if (r == 0 && nowait)
		r = -EAGAIN;
	if (r < 0)
		return r;
	if (folder->kind == VT_SHOWN_VERSION_LABELS)
		return vt_label_index_keys(viewer->service->labels, folder->version, &cancel,
					   list_key, &lister, err);
	key = (struct vt_label_text){folder->view->text, strlen(folder->view->text)};
	r = vt_label_index_values(viewer->service->labels, folder->version, key, &cancel,
				  list_value, &lister, err);
	vt_buf_done(&lister.name);
	vt_buf_done(&lister.numbers);
	return r == -E2BIG ? 0 : r;
}
