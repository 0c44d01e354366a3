#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each header compiles alone, so that whoever includes it needs to know nothing else.
set -eu
cd "${1:-$(dirname "$0")/..}"
flags="-std=gnu11 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -DVT_VERSION=\"0\" -Wall -Wextra -Werror
	-Wno-unused-function -Wno-unused-parameter -I. $(pkg-config --cflags fuse3 check jansson)"
failed=0
count=0

for header in $(find tools fs policy index tests -name '*.h'); do
	count=$((count + 1))
	# shellcheck disable=SC2086 # flags are words
	if ! printf '#include "%s"\n' "$header" | ${CC:-cc} $flags -fsyntax-only -x c -; then
		echo "$header does not compile alone"
		failed=1
	fi
done
[ "$count" -gt 0 ] && exit "$failed"
