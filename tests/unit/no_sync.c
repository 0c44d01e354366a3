/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked into every unit test: nothing waits for the disk, ours or RocksDB's. Syncing is for the
 * machine that stops, and no unit test stops it; a process that is killed loses nothing by this.
 * Half of the time went there. The end-to-end tests sync. A test that looks at what is synced has
 * its own.
 */
#include <unistd.h>

__attribute__((weak)) int fsync(int fd)
{
	return fd < 0 ? -1 : 0;
}

__attribute__((weak)) int fdatasync(int fd)
{
	return fd < 0 ? -1 : 0;
}
