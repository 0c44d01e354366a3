/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

int vt_keeper_main(int argc, char **argv);
