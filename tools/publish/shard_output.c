/* SPDX-License-Identifier: Apache-2.0 */
/* See shard_output.h. */
#include "tools/publish/shard_output.h"

#include <string.h>

#include "index/base/error.h"

struct vt_shard_output {
	struct vt_publish_context *context;
	pthread_mutex_t lock;
	/* guarded by lock */
	struct vt_shard_writer *writer; /* NULL between shards */
	uint32_t serial;
	const struct vt_dictionary *dictionary;
	uint32_t writer_dictionary; /* id that the open shard names */
	struct vt_buf sealed;       /* struct vt_new_shard each */
};

int vt_shard_output_new(struct vt_publish_context *context, struct vt_shard_output **out,
			struct vt_error *err)
{
	struct vt_shard_output *output = calloc(1, sizeof *output);

	if (!output)
		return vt_fail(err, ENOMEM, "no memory to write shards");
	output->context = context;
	(void) pthread_mutex_init(&output->lock, NULL);
	*out = output;
	return 0;
}

void vt_shard_output_free(struct vt_shard_output *output)
{
	if (!output)
		return;
	vt_shard_writer_free(output->writer);
	vt_buf_done(&output->sealed);
	(void) pthread_mutex_destroy(&output->lock);
	free(output);
}

static int begin_shard(struct vt_shard_output *output, struct vt_error *err)
{
	struct vt_publish_context *context = output->context;
	struct vt_publish_backend *backend = context->backend;
	const struct vt_publish_options *options = context->options; /* NULL: repair */
	struct vt_shard_writer_info info = {
		.domain = context->info->domain,
		.lz4 = options && options->compression.codec == VT_CODEC_LZ4,
	};
	char path[4096];
	int r;

	(void) pthread_mutex_lock(&context->backend_lock);
	r = backend->ops->shard(backend, &info.serial, info.uuid, path, err);
	(void) pthread_mutex_unlock(&context->backend_lock);
	if (r < 0)
		return r;
	info.path = path;
	if (output->dictionary) {
		size_t len;
		const void *data = vt_dictionary_data(output->dictionary, &len);

		info.dictionary = vt_dictionary_id(output->dictionary);
		vt_digest_of(data, len, &info.dictionary_digest);
	}
	output->serial = info.serial;
	output->writer_dictionary = info.dictionary;
	return vt_shard_writer_new(&info, &output->writer, err);
}

static int seal_shard(struct vt_shard_output *output, struct vt_error *err)
{
	struct vt_new_shard shard;
	struct vt_sealed_shard sealed;
	int r;

	if (!output->writer)
		return 0;
	r = vt_shard_writer_seal(output->writer, &sealed, err);
	if (r < 0)
		return r;
	memset(&shard, 0, sizeof shard);
	shard.serial = output->serial;
	shard.size = sealed.size;
	shard.content_size = sealed.content_size;
	shard.frames = sealed.frames;
	shard.dictionary = output->writer_dictionary;
	shard.digest = sealed.digest;
	vt_buf_put(&output->sealed, &shard, sizeof shard);
	vt_shard_writer_free(output->writer);
	output->writer = NULL;
	return vt_buf_failed(&output->sealed) ? vt_fail(err, ENOMEM, "no memory to list shards")
					      : 0;
}

int vt_shard_output_set_dictionary(struct vt_shard_output *output,
				   const struct vt_dictionary *dictionary, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&output->lock);
	output->dictionary = dictionary;
	r = seal_shard(output, err);
	(void) pthread_mutex_unlock(&output->lock);
	return r;
}

static int add_frame(struct vt_shard_output *output, struct vt_new_frame *frame,
		     struct vt_error *err)
{
	int r = 0;

	if (output->writer && vt_shard_writer_is_full(output->writer))
		r = seal_shard(output, err);
	if (r == 0 && !output->writer)
		r = begin_shard(output, err);
	if (r < 0)
		return r;
	return vt_shard_writer_add(output->writer, frame->data, frame->len, frame->content_size,
				   frame->items, frame->count, &frame->at, err);
}

int vt_shard_output_add(struct vt_shard_output *output, struct vt_new_frame *frames, size_t count,
			struct vt_error *err)
{
	int r = 0;

	(void) pthread_mutex_lock(&output->lock);
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = add_frame(output, &frames[i], err);
	(void) pthread_mutex_unlock(&output->lock);
	return r;
}

int vt_shard_output_finish(struct vt_shard_output *output, const struct vt_new_shard **shards,
			   size_t *count, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&output->lock);
	r = seal_shard(output, err);
	*shards = (const struct vt_new_shard *) (const void *) output->sealed.data;
	*count = output->sealed.len / sizeof **shards;
	(void) pthread_mutex_unlock(&output->lock);
	return r;
}
