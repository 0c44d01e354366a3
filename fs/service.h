/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of a running server, opened together and handed to the control requests and the FUSE
 * sessions. All constant after vt_service_open().
 */
#include <pthread.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_index;
struct vt_audit;
struct vt_book;
struct vt_gate;
struct vt_people;
struct vt_policy_watch;
struct vt_timekeeper;
struct vt_label_index;
struct vt_kept_texts;
struct vt_leftovers;
struct vt_mount_trail;
struct vt_io_pool;
struct vt_block_source;
struct vt_frame_cache;
struct vt_file_reader;
struct vt_sessions;
struct vt_counters;

struct vt_service {
	const char *dir; /* STORE */
	char uuid[37];
	uint32_t owner_uid;
	uint64_t created_ns; /* when the store was made; CLOCK_REALTIME */
	struct vt_index *index;
	struct vt_timekeeper *time;
	struct vt_book *book;
	struct vt_people *people;
	struct vt_gate *gate;
	struct vt_audit *audit;
	struct vt_label_index *labels;
	struct vt_kept_texts *texts; /* of documents */
	struct vt_kept_texts *moments;
	struct vt_leftovers *leftovers;
	struct vt_mount_trail *mount_trail;
	struct vt_io_pool *pool;
	struct vt_io_pool *queries; /* for what is asked of labels; a lane is a user */
	struct vt_block_source *source;
	struct vt_frame_cache *frames;
	struct vt_file_reader *reader;
	struct vt_sessions *sessions; /* the mounts (fs/mount.h) */
	struct vt_policy_watch *watch;
	struct vt_counters *counters; /* what the mounts do */
	struct vt_recent_leaves *recent;
	struct vt_leads *leads; /* of those who bring files before they are read */
	pthread_mutex_t ending; /* one lease ends at a time (narrow.c) */
};

#define VT_CACHE_DEFAULT (256ull << 20)

/* `cache_bytes`: decoded frames, tree pages, blocks in flight and RocksDB's cache together. */
int vt_service_open(const char *dir, uint64_t cache_bytes, struct vt_service **out,
		    struct vt_error *err);
void vt_service_close(struct vt_service *service);
VT_DEFINE_CLEANUP(struct vt_service, vt_service_close);
