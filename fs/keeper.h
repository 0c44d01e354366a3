/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The keeper process of a store, `vitrine keeper`: started with the server, it holds from the first
 * mount on what must outlive a server (holdings.h), watches the server and starts another when it
 * dies, and unmounts at an orderly end. It knows neither the index nor shards, so that little can
 * go wrong in it.
 */

/*
 * keeper --store DIR --server PID [--after PID], the words before `keeper` taken off; the exit
 * status. The server starts it with one end of a socket pair as descriptor VT_SPAWN_FD; `after` is
 * the keeper that it takes the place of in an upgrade.
 */
int vt_keeper_main(int argc, char **argv);
