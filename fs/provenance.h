/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a curated version was made of, as its record keeps it: a JSON object whose members are those
 * of fs/requests_curate.c, make_provenance().
 */
#include <jansson.h>

struct vt_buf;

/* In one line: "digits@v1.1 where class=3; split train=0.8,test=0.2 by class, seed 3". */
void vt_provenance_say(const json_t *provenance, struct vt_buf *out);
/* Its member `split`: "train=0.8,test=0.2". */
void vt_provenance_say_shares(const json_t *split, struct vt_buf *out);
