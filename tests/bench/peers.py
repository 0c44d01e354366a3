# SPDX-License-Identifier: Apache-2.0
"""All that are compared, by name, in the order of the tables."""
import images
import stores

KINDS = {
    "ext4": images.Folder,
    "squashfs": images.Squashfs,
    "erofs": images.Erofs,
    "squashfuse": images.Squashfuse,
    "erofsfuse": images.Erofsfuse,
    "dwarfs": images.Dwarfs,
    "restic": stores.Restic,
    "borg": stores.Borg,
    "casync": stores.Casync,
    "nullfs": images.Nullfs,
    "nullfs-no-open": images.NullfsWithoutOpen,
    "vitrine": stores.Vitrine,
    "vitrine-lz4": stores.Lz4,
    "vitrine-guarded": stores.Guarded,
    "vitrine-open-only": stores.OpenOnly,
    "vitrine-private": stores.Private,
}
GROUPS = {name: kind.group for name, kind in KINDS.items()}
