/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about mounts that lost their server (leftovers.h). */
#include "fs/leftovers.h"
#include "fs/mount_table.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"

#include <errno.h>
#include <string.h>

static void gather(void *rows, const struct vt_leftover *leftover)
{
	char device[VT_DEVICE_TEXT];
	json_t *row;

	vt_device_format(leftover->device, device);
	row = json_pack("{s:s, s:s, s:I, s:b}", "device", device, "kind", leftover->kind, "uid",
			(json_int_t) leftover->uid, "known", leftover->known);
	if (row && (vt_json_set_text(row, "mountpoint", leftover->mountpoint,
				     strlen(leftover->mountpoint)) < 0 ||
		    vt_json_set_time(row, "since", leftover->since_ns) < 0))
		json_decref(vt_steal(&row));
	(void) json_array_append_new(rows, row);
}

/* Where things were mounted is for who administers the store; looking anew is for anybody. */
int vt_serve_leftovers(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_leftovers *leftovers = request->service->leftovers;
	json_t *rows;

	vt_leftovers_look_through(leftovers, vt_steal_fd(&request->message->fd));
	vt_leftovers_check(leftovers);
	if (!vt_control_administers(request))
		return 0;
	rows = json_array();
	vt_leftovers_each(leftovers, gather, rows);
	return vt_control_send_rows(request, rows, err);
}

int vt_serve_leftovers_accept(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_leftovers *leftovers = request->service->leftovers;

	(void) err;
	vt_leftovers_check(leftovers);
	request->result =
		json_pack("{s:I}", "accepted",
			  (json_int_t) vt_leftovers_accept(leftovers, vt_control_caller(request)));
	return 0;
}
