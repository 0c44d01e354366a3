/* SPDX-License-Identifier: Apache-2.0 */
/* See dictionary.h. */
#include "tools/publish/dictionary.h"

#include "index/base/error.h"

struct vt_dictionary_sample {
	struct vt_publish_context *context;
	struct vt_buf bytes, sizes; /* sizes: size_t each */
	struct vt_buf held;         /* struct vt_bundle * each */
};

int vt_dictionary_sample_new(struct vt_publish_context *context, struct vt_dictionary_sample **out,
			     struct vt_error *err)
{
	struct vt_dictionary_sample *sample = calloc(1, sizeof *sample);

	if (!sample)
		return vt_fail(err, ENOMEM, "no memory for a sample");
	sample->context = context;
	*out = sample;
	return 0;
}

static struct vt_bundle **held(struct vt_dictionary_sample *sample, size_t *count)
{
	*count = sample->held.len / sizeof(struct vt_bundle *);
	return (struct vt_bundle **) (void *) sample->held.data;
}

void vt_dictionary_sample_free(struct vt_dictionary_sample *sample)
{
	struct vt_bundle **bundles;
	size_t count;

	if (!sample)
		return;
	bundles = held(sample, &count);
	for (size_t i = 0; i < count; i++)
		vt_bundle_free(bundles[i]);
	vt_buf_done(&sample->held);
	vt_buf_done(&sample->bytes);
	vt_buf_done(&sample->sizes);
	free(sample);
}

static int check_memory(const struct vt_dictionary_sample *sample, struct vt_error *err)
{
	if (vt_buf_failed(&sample->bytes) || vt_buf_failed(&sample->sizes))
		return vt_fail(err, ENOMEM, "no memory for a sample");
	return 0;
}

int vt_dictionary_sample_add(struct vt_dictionary_sample *sample, const void *data, size_t len,
			     struct vt_error *err)
{
	vt_buf_put(&sample->bytes, data, len);
	vt_buf_put(&sample->sizes, &len, sizeof len);
	return check_memory(sample, err);
}

int vt_dictionary_sample_hold(struct vt_dictionary_sample *sample, struct vt_bundle *bundle,
			      struct vt_error *err)
{
	int r;

	vt_buf_put(&sample->held, &bundle, sizeof bundle);
	if (vt_buf_failed(&sample->held)) {
		vt_bundle_free(bundle);
		sample->held.failed = false;
		return vt_fail(err, ENOMEM, "no memory for a sample");
	}
	vt_bundle_sample(bundle, &sample->bytes, &sample->sizes);
	r = check_memory(sample, err);
	if (r < 0 || sample->bytes.len < VT_SAMPLE_MAX)
		return r;
	r = vt_dictionary_sample_release(sample, err);
	return r < 0 ? r : 1;
}

int vt_dictionary_sample_release(struct vt_dictionary_sample *sample, struct vt_error *err)
{
	size_t count = sample->sizes.len / sizeof(size_t);
	struct vt_bundle **bundles;
	int r = 0;

	if (count >= VT_SAMPLE_FILES && sample->bytes.len >= VT_SAMPLE_BYTES)
		r = vt_content_train(sample->context->content, sample->bytes.data,
				     (const size_t *) (const void *) sample->sizes.data, count,
				     err);
	if (r < 0)
		return r;
	bundles = held(sample, &count);
	for (size_t i = 0; i < count; i++)
		vt_bundle_submit(bundles[i]);
	vt_buf_reset(&sample->held);
	return 0;
}
