#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone, so that whoever includes it needs to know nothing else.
set -eu
cd "${1:-$(dirname "$0")/..}"
seen=$(mktemp)
trap 'rm -f "$seen"' EXIT

compiles() {
	# shellcheck disable=SC2046 # pkg-config prints words
	printf '#include "%s"\n' "$1" | ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -DFUSE_USE_VERSION=314 \
		-Wall -Wextra -Werror -Wno-unused-function -Wno-unused-parameter -I. \
		$(pkg-config --cflags fuse3 check jansson) -fsyntax-only -x c -
}

find tools fs policy index -name '*.h' | while read -r header; do
	echo "$header" >>"$seen"
	compiles "$header" || echo "$header does not compile alone"
done | {
	! grep .
} && [ -s "$seen" ]
