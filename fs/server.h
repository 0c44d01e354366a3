/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

int vt_server_main(int argc, char **argv);
