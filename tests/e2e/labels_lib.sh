# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
# For tests of labels, after lib.sh: rows of label files, and what a version's labels are.

# row PATH VALUE [MORE MEMBERS]: a line of JSON
row() {
	printf '{"path":"%s","key":"class","value":"%s","annotator":"ann","time":"2026-01-02T03:04:05Z"%s}\n' "$1" "$2" "${3-}"
}

# labels DATASET[@VERSION][:PATH]: "PATH KEY VALUE" of each, by lines
labels() {
	vitrine export-labels "$1" | python3 -c '
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    print(row["path"], row["key"], row["value"])'
}
