/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Every command: its description is the one thing its file shows. And vitrine.c, which runs them;
 * the exit status. `client`: what works on a store is passed on to the program that does.
 */
#include "tools/cli.h"

int vt_main(int argc, char **argv, enum vt_program self);

extern const struct vt_command vt_cmd_init;
extern const struct vt_command vt_cmd_publish;
extern const struct vt_command vt_cmd_import_labels;
extern const struct vt_command vt_cmd_export_labels;
extern const struct vt_command vt_cmd_label;
extern const struct vt_command vt_cmd_select;
extern const struct vt_command vt_cmd_view;
extern const struct vt_command vt_cmd_stats;
extern const struct vt_command vt_cmd_curate;
extern const struct vt_command vt_cmd_gate;
extern const struct vt_command vt_cmd_lock;
extern const struct vt_command vt_cmd_ls;
extern const struct vt_command vt_cmd_log;
extern const struct vt_command vt_cmd_show;
extern const struct vt_command vt_cmd_diff;
extern const struct vt_command vt_cmd_cat;
extern const struct vt_command vt_cmd_tag;
extern const struct vt_command vt_cmd_untag;
extern const struct vt_command vt_cmd_rollback;
extern const struct vt_command vt_cmd_withdraw;
extern const struct vt_command vt_cmd_rm;
extern const struct vt_command vt_cmd_gc;
extern const struct vt_command vt_cmd_verify;
extern const struct vt_command vt_cmd_repair;
extern const struct vt_command vt_cmd_mount;
extern const struct vt_command vt_cmd_umount;
extern const struct vt_command vt_cmd_status;
extern const struct vt_command vt_cmd_top;
extern const struct vt_command vt_cmd_warm;
extern const struct vt_command vt_cmd_stop;
extern const struct vt_command vt_cmd_upgrade;
extern const struct vt_command vt_cmd_doctor;
extern const struct vt_command vt_cmd_grant;
extern const struct vt_command vt_cmd_deny;
extern const struct vt_command vt_cmd_revoke;
extern const struct vt_command vt_cmd_rules;
extern const struct vt_command vt_cmd_lease;
extern const struct vt_command vt_cmd_partner;
extern const struct vt_command vt_cmd_explain;
extern const struct vt_command vt_cmd_who_can;
extern const struct vt_command vt_cmd_whoami;
extern const struct vt_command vt_cmd_repin;
extern const struct vt_command vt_cmd_clock;
extern const struct vt_command vt_cmd_audit;
extern const struct vt_command vt_cmd_completion;
extern const struct vt_command vt_cmd_help;
extern const struct vt_command vt_cmd_version;
extern const struct vt_command vt_cmd_complete;
extern const struct vt_command vt_cmd_server;
extern const struct vt_command vt_cmd_keeper;
