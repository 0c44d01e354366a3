#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Hostile input, all of it in one table: how each case is made, and what must become of it.

hostile_input.py make DIR         makes what is read into DIR/in and the table DIR/cases, a line per case:
                                  class, name, command, status, words; separated by tabs
hostile_input.py read DIR NAME AT compares what was published of a case, shown at AT, with what it must read as

Commands: `publish` a source, `decompress` the same with --decompress, `strict` with --strict, `labels-FORMAT` a file
of labels, `lock` a lock file, `gate` a file of gates. Status 0: it is taken, and words stand in what is said then (a
warning, a count); another: it is refused with the words in the sentence, and nothing is left of it.
"""
import bz2
import gzip
import io
import json
import lzma
import os
import socket
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib

TAKEN, FAILED, MISUSED, NOT_FOUND, DAMAGED = 0, 1, 2, 4, 5
cases = []
top = sys.argv[2]


def case(kind, name, command, made, status, words="", reads=None):
    """`made`: bytes, or a function that fills a folder. `reads`: path to content (bytes), target (str) or mode (int)."""
    at = os.path.join(top, "in", name)
    if callable(made):
        os.mkdir(at)
        made(at)
    else:
        with open(at, "wb") as f:
            f.write(made)
    if reads is not None:
        with open(os.path.join(top, "expected", name), "w") as f:
            json.dump({k: v.decode("latin-1") if isinstance(v, bytes) else [v] for k, v in reads.items()}, f)
    cases.append("\t".join([kind, name, command, str(status), words]))


# ---- tar ------------------------------------------------------------------------------------------------------------

FILE, DIRECTORY, SYMLINK, HARDLINK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
FIFO, CHARACTER, BLOCK = tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE


def member(name, data=b"x", kind=FILE, link="", **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data) if kind == FILE else 0
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def tar(*members, form=tarfile.PAX_FORMAT, pax=None):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, pax_headers=pax) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out.getvalue()


def raw_header(name, size_field=b"00000000001\0", typeflag=b"0", magic=b"ustar\00000"):
    """A header as no program writes it."""
    header = bytearray(512)
    header[0:len(name)] = name
    header[100:108], header[108:116], header[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    header[124:136], header[136:148], header[156:157], header[257:265] = size_field, b"00000000000\0", typeflag, magic
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def block(data):
    return data + bytes(-len(data) % 512)


END = bytes(1024)
GOOD = tar(member("d/f", b"hello"), member("g", b"there"))
AR = b"!<arch>\n" + 2 * (b"f/".ljust(16) + b"0".ljust(12) + b"0     0     100644  20        `\n" + b"x" * 20)
GOOD_READS = {"d": 0o755, "d/f": b"hello", "g": b"there"}


def pax_record(key, value):
    body = b" %s=%s\n" % (key, value)
    length = len(body)
    while len(str(length)) + len(body) != length:
        length = len(str(length)) + len(body)
    return b"%d%s" % (length, body)


def pax_tar(records, name=b"plain", data=b"x", kind=b"x"):
    """A member with such a pax header before it."""
    return (raw_header(b"pax", b"%011o\0" % len(records), kind) + block(records) +
            raw_header(name, b"%011o\0" % len(data)) + block(data) + END)


def paths():
    def refuse(name, made, words, status=MISUSED):
        case("paths", name, "publish", made, status, words)

    def take(name, made, reads):
        case("paths", name, "publish", made, TAKEN, "", reads)

    refuse("dot-dot", tar(member("../up")), "climbs out: '../up'")
    refuse("dot-dot-inside", tar(member("a/../../up")), "climbs out")
    refuse("dot-dot-alone", tar(member("..", kind=DIRECTORY)), "climbs out")
    refuse("absolute", tar(member("/etc/passwd")), "absolute member '/etc/passwd'")
    refuse("absolute-doubled", tar(member("//host/share")), "absolute member")
    take("slashes-doubled", tar(member("a//b", b"1")), {"a": 0o755, "a/b": b"1"})
    take("dots-between", tar(member("./a/./b", b"1")), {"a": 0o755, "a/b": b"1"})
    refuse("no-name", pax_tar(pax_record(b"path", b".")), "without a name")
    take("ends-in-dot-or-space", tar(member("x.", b"1"), member("x ", b"2"), member(" ", b"3"), member("...", b"4")),
         {"x.": b"1", "x ": b"2", " ": b"3", "...": b"4"})
    take("nul-in-name", pax_tar(pax_record(b"path", b"cut\0off")), {"cut": b"x"})
    take("newline", tar(member("a\nb", b"1")), {"a\nb": b"1"})
    take("escape", tar(member("\x1b]0;owned\x07", b"1")), {"\x1b]0;owned\x07": b"1"})
    take("dashes", tar(member("-rf", b"1"), member("--help", b"2")), {"-rf": b"1", "--help": b"2"})
    take("name-of-255", tar(member("n" * 255, b"1")), {"n" * 255: b"1"})
    refuse("name-of-256", tar(member("n" * 256)), "too long", FAILED)
    long = "/".join(["d" * 200] * 30)
    take("path-of-6000", tar(member(long + "/f", b"1")),
         {**{long[:201 * i - 1]: 0o755 for i in range(1, 31)}, long + "/f": b"1"})
    refuse("path-of-70000", tar(member("/".join(["d" * 250] * 280))), "too long", FAILED)
    refuse("depth-10000", tar(member("/".join(["d"] * 10000) + "/f")), "nest deeper than 2048", FAILED)
    take("not-utf-8", tar(member("\udcff\udcfe", b"1"), form=tarfile.GNU_FORMAT), {"\udcff\udcfe": b"1"})
    take("same-but-for-form", tar(member("caf\u00e9", b"1"), member("cafe\u0301", b"2")),
         {"caf\u00e9": b"1", "cafe\u0301": b"2"})
    take("same-but-for-case", tar(member("README", b"1"), member("readme", b"2")), {"README": b"1", "readme": b"2"})
    take("names-of-ours", tar(member("latest", b"1"), member("v1", b"2"), member(".vitrine/v1/README.md", b"3"),
                              member(".labels", b"4")),
         {"latest": b"1", "v1": b"2", ".vitrine": 0o755, ".vitrine/v1": 0o755, ".vitrine/v1/README.md": b"3",
          ".labels": b"4"})


def links():
    def refuse(name, made, words, status=MISUSED):
        case("links", name, "publish", made, status, words)

    def take(name, made, reads):
        case("links", name, "publish", made, TAKEN, "", reads)

    refuse("write-through-a-link", tar(member("l", kind=SYMLINK, link="/tmp"), member("l/f")), "'l'")
    take("symlink-absolute", tar(member("l", kind=SYMLINK, link="/etc/passwd")), {"l": "/etc/passwd"})
    take("symlink-outside", tar(member("l", kind=SYMLINK, link="../../../etc/passwd")), {"l": "../../../etc/passwd"})
    take("symlink-nowhere", tar(member("l", kind=SYMLINK, link="missing")), {"l": "missing"})
    take("symlink-itself", tar(member("l", kind=SYMLINK, link="l")), {"l": "l"})
    take("symlink-loop", tar(member("a", kind=SYMLINK, link="b"), member("b", kind=SYMLINK, link="a")),
         {"a": "b", "b": "a"})
    take("symlink-chain", tar(*[member(f"{i:02}", kind=SYMLINK, link=f"{i + 1:02}") for i in range(50)]),
         {f"{i:02}": f"{i + 1:02}" for i in range(50)})
    refuse("symlink-of-5000", tar(member("l", kind=SYMLINK, link="t" * 5000)), "no valid target", DAMAGED)
    refuse("symlink-without-target", raw_header(b"l", b"00000000000\0", b"2") + END, "no valid target", DAMAGED)
    refuse("hard-link-outside", tar(member("l", kind=HARDLINK, link="../../etc/passwd")), "climbs out")
    refuse("hard-link-absolute", tar(member("l", kind=HARDLINK, link="/etc/passwd")), "absolute member")
    refuse("hard-link-to-later", tar(member("l", kind=HARDLINK, link="z"), member("z")), "no file that comes before it", DAMAGED)
    refuse("hard-link-to-nothing", tar(member("l", kind=HARDLINK, link="missing")), "no file that comes before it", DAMAGED)
    refuse("hard-link-to-itself", tar(member("l", kind=HARDLINK, link="l")), "no file that comes before it", DAMAGED)
    refuse("hard-link-to-folder", tar(member("d", kind=DIRECTORY), member("l", kind=HARDLINK, link="d")), "no file that comes before it", DAMAGED)

    def outside(at):
        os.symlink("/etc", os.path.join(at, "out"))
        os.symlink("out/passwd", os.path.join(at, "through"))

    take("links-of-a-folder", outside, {"out": "/etc", "through": "out/passwd"})


def types():
    def special(name, kind, words, **more):
        case("types", name, "publish", tar(member("f", b"1"), member("s", kind=kind, **more)), TAKEN, words,
             {"f": b"1"})

    special("fifo", FIFO, "skipped special file 's'")
    special("character-device", CHARACTER, "skipped special file 's'", devmajor=1, devminor=3)
    special("block-device", BLOCK, "skipped special file 's'", devmajor=8, devminor=0)
    special("whiteout", CHARACTER, "skipped special file 's'", devmajor=0, devminor=0)
    case("types", "fifo-and-strict", "strict", tar(member("s", kind=FIFO)), MISUSED, "'s' is a special file")
    case("types", "set-id-bits", "publish", tar(member("f", b"1", mode=0o6755), member("d", kind=DIRECTORY, mode=0o7777)),
         TAKEN, "", {"f": b"1", "d": 0o1777})

    def sockets(at):
        socket.socket(socket.AF_UNIX).bind(os.path.join(at, "s"))
        os.mkfifo(os.path.join(at, "p"))
        with open(os.path.join(at, "f"), "wb") as f:
            f.write(b"1")

    case("types", "socket-and-fifo", "publish", sockets, TAKEN, "skipped", {"f": b"1"})

    def sparse(at):
        with open(os.path.join(at, "f"), "wb") as f:
            f.truncate(256 << 20)

    case("types", "sparse-of-256-mebibytes", "publish", sparse, TAKEN, "", None)


# ---- sizes ----------------------------------------------------------------------------------------------------------

def zstd(data, *options):
    return subprocess.run(["zstd", "-qc", *options], input=data, capture_output=True, check=True).stdout


def zip_of(*members, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, method)
    return out.getvalue()


def overlapping_zip():
    """Many names of the directory for the same bytes (D. Fifield, "A better zip bomb", WOOT 2019)."""
    one = zip_of(("a", bytes(1000000)))
    at = one.index(b"PK\1\2")
    entry, end = bytearray(one[at:one.index(b"PK\5\6")]), one[one.index(b"PK\5\6"):]
    names = []
    for i in range(100):
        entry[46:47] = bytes([0x30 + i])
        names.append(bytes(entry))
    table = b"".join(names)
    return one[:at] + table + struct.pack("<4s4H2LH", end[:4], 0, 0, 100, 100, len(table), at, 0)


def file_in_folder(name, data):
    def fill(at):
        with open(os.path.join(at, name), "wb") as f:
            f.write(data)
    return fill


def sizes():
    def refuse(name, made, words, status=DAMAGED, command="publish"):
        case("sizes", name, command, made, status, words)

    def take(name, made, reads, words="", command="publish"):
        case("sizes", name, command, made, TAKEN, words, reads)

    zeros = bytes(50 << 20)
    take("bomb-gzip", gzip.compress(tar(member("f", zeros))), None)
    take("compressed-twice", gzip.compress(gzip.compress(GOOD)), GOOD_READS)
    take("bomb-zip-overlapping", overlapping_zip(), None)
    take("entries-20000", tar(*[member(f"{i}", b"") for i in range(20000)], form=tarfile.USTAR_FORMAT), None)
    take("file-without-bytes", tar(member("f", b"")), {"f": b""})
    take("archive-without-members", END, {})
    refuse("nothing-at-all", b"", "is not an archive", MISUSED)
    refuse("says-8-gibibytes", raw_header(b"f", b"77777777777\0") + b"x" * 512 + END, "damaged")
    refuse("truncated-tar", GOOD[:1540], "damaged")
    refuse("truncated-tar-in-a-header", GOOD[:1300], "its end is missing")
    refuse("truncated-tar-between-members", GOOD[:1024], "its end is missing")
    refuse("truncated-tar-behind-a-pax-header", pax_tar(pax_record(b"path", b"other"))[:1024], "damaged")
    refuse("truncated-tar-compressed", gzip.compress(GOOD[:1300]), "its end is missing")
    refuse("tar-without-an-end", GOOD[:2048], "its end is missing")
    take("tar-with-half-an-end", GOOD[:2560], GOOD_READS)
    refuse("truncated-ar", AR[:-30], "its end is missing")
    refuse("truncated-gzip", gzip.compress(GOOD)[:-12], "damaged")
    refuse("truncated-xz", lzma.compress(GOOD)[:-20], "damaged")
    refuse("truncated-bzip2", bz2.compress(GOOD)[:-8], "damaged")
    refuse("truncated-zstd", zstd(GOOD)[:-8], "damaged")
    refuse("truncated-zip", zip_of(("f", b"hello"))[:-30], "damaged")
    take("many-frames", zstd(GOOD[:700]) + struct.pack("<LL", 0x184d2a50, 5) + b"skip!" + zstd(GOOD[700:]), GOOD_READS)
    take("many-gzip-members", gzip.compress(GOOD[:700]) + gzip.compress(GOOD[700:]), GOOD_READS)
    refuse("skippable-frame-of-4-gibibytes", struct.pack("<LL", 0x184d2a50, 0xffffffff) + b"x", "damaged")
    refuse("window-of-2-gibibytes", b"\x28\xb5\x2f\xfd\x00\xa8" + b"\x01\0\0", "damaged")
    refuse("dictionary-that-is-missing", b"\x28\xb5\x2f\xfd\x23\x39\x30\0\0\x05" + b"\x29\0\0hello", "damaged")
    refuse("garbage-behind-zstd", zstd(GOOD) + b"garbage", "damaged")
    refuse("garbage-behind-xz", lzma.compress(GOOD) + b"garbage!", "damaged")
    take("garbage-behind-gzip", gzip.compress(GOOD) + b"garbage", GOOD_READS, "ignored bytes that are not gzip")
    take("bomb-decompressed", file_in_folder("f.gz", gzip.compress(zeros)), None, command="decompress")
    wrong = gzip.compress(b"hello")
    refuse("gzip-of-another-size", file_in_folder("f.gz", wrong[:-4] + b"\xff\0\0\0"), "f.gz", command="decompress")


# ---- the formats ----------------------------------------------------------------------------------------------------

def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def formats():
    def refuse(name, made, words, status=DAMAGED):
        case("formats", name, "publish", made, status, words)

    def take(name, made, reads, words=""):
        case("formats", name, "publish", made, TAKEN, words, reads)

    take("pax-path", pax_tar(pax_record(b"path", b"other")), {"other": b"x"})
    refuse("pax-path-climbs", pax_tar(pax_record(b"path", b"../up")), "climbs out", MISUSED)
    refuse("pax-size-too-large", pax_tar(pax_record(b"size", b"99999999999999")), "damaged")
    refuse("pax-size-negative", pax_tar(pax_record(b"size", b"-5")), "damaged")
    take("pax-record-too-long", pax_tar(b"999 path=x\n"), {"plain": b"x"})
    take("pax-record-without-length", pax_tar(b"path=x\n"), {"plain": b"x"})
    take("gnu-long-name", tar(member("n/" * 80 + "f", b"1"), form=tarfile.GNU_FORMAT),
         {**{("n/" * i)[:-1]: 0o755 for i in range(1, 81)}, "n/" * 80 + "f": b"1"})
    refuse("gnu-long-name-of-a-mebibyte", tar(member("n" * (1 << 20)), form=tarfile.GNU_FORMAT), "too large")
    refuse("size-base-256-negative", raw_header(b"f", b"\xff" * 12) + block(b"x") + END, "damaged")
    refuse("size-base-256-huge", raw_header(b"f", b"\x80" + b"\x7f" * 11) + block(b"x") + END, "damaged")
    refuse("checksum-wrong", flip(GOOD, 0), "is not an archive", MISUSED)
    refuse("checksum-wrong-later", flip(GOOD, 1024), "damaged")
    refuse("name-twice", tar(member("f", b"1"), member("f", b"2")), "twice", MISUSED)
    refuse("file-and-folder", tar(member("f", b"1"), member("f/g", b"2")), "f", MISUSED)
    take("folder-twice", tar(member("d", kind=DIRECTORY, mode=0o700), member("d", kind=DIRECTORY, mode=0o755),
                             member("d/f", b"1")), {"d": 0o755, "d/f": b"1"})
    take("time-before-1970", tar(member("f", b"1", mtime=-5)), {"f": b"1"})
    take("time-far-away", tar(member("f", b"1", mtime=1 << 40)), {"f": b"1"})
    take("unknown-type", raw_header(b"f", typeflag=b"Q") + block(b"x") + END, {"f": b"x"})
    take("zip-names-differ", zip_of(("one", b"hello")).replace(b"one", b"two", 1), {"two": b"hello"})
    refuse("zip-sum-wrong", flip(zip_of(("f", b"hello"), method=zipfile.ZIP_STORED), 31), "damaged")
    lies = zip_of(("f", b"hello" * 9))
    at = lies.index(b"PK\1\2")
    for name, behind, words in (("sum", 16, "CRC32"), ("compressed-size", 20, "compressed size"),
                                ("size", 24, "uncompressed size")):
        refuse(f"zip-{name}-differs", lies[:at + behind] + struct.pack("<L", 4000) + lies[at + behind + 4:],
               f"Inconsistent {words}")
    refuse("zip-size-lies", lies[:22] + struct.pack("<L", 4000) + lies[26:at + 24] + struct.pack("<L", 4000) +
           lies[at + 28:], "damaged")
    refuse("zip-climbs", zip_of(("../up", b"1")), "climbs out", MISUSED)
    refuse("zip-climbs-by-backslashes", zip_of(("a\\..\\b", b"1")), "climbs out", MISUSED)


def attributes():
    def with_xattr(name, value, **more):
        return pax_tar(pax_record(b"SCHILY.xattr." + name, value), b"f")

    def take(name, made, reads):
        case("attributes", name, "publish", made, TAKEN, "", reads)

    take("attribute-of-users", with_xattr(b"user.a", b"1"), {"f": b"x", "f#user.a": b"1"})
    take("attribute-security", with_xattr(b"security.capability", b"\1\0\0\2"), {"f": b"x"})
    take("attribute-trusted", with_xattr(b"trusted.overlay.opaque", b"y"), {"f": b"x"})
    take("access-list", pax_tar(pax_record(b"SCHILY.acl.access", b"user::rwx,user:0:rwx,group::rwx,other::rwx"), b"f"),
         {"f": b"x"})
    case("attributes", "attribute-of-100000-bytes", "publish", with_xattr(b"user.a", b"v" * 100000), FAILED, "'f'")
    many = b"".join(pax_record(b"SCHILY.xattr.user.%d" % i, b"1") for i in range(2000))
    case("attributes", "attributes-2000", "publish", pax_tar(many, b"f"), FAILED, "too many attributes")
    case("attributes", "attribute-name-of-300", "publish", with_xattr(b"user." + b"n" * 300, b"1"), MISUSED, "'f'")


# ---- labels ---------------------------------------------------------------------------------------------------------

def labels():
    """Of a dataset with the file f."""
    def refuse(name, made, words, form="jsonl", status=MISUSED):
        case("labels", name, "labels-" + form, made if isinstance(made, bytes) else made.encode(), status, words)

    def take(name, made, words="1 rows imported", form="jsonl"):
        case("labels", name, "labels-" + form, made if isinstance(made, bytes) else made.encode(), TAKEN, words)

    def row(**members):
        return json.dumps({"path": "f", "key": "k", "value": "v", **members}) + "\n"

    refuse("json-broken", '{"path": "f", "key":\n', "json-broken:1")
    refuse("json-deep", '{"path": "f", "key": "k", "value": ' + "[" * 100000 + "\n", "json-deep:1")
    refuse("json-deep-region", '{"path": "f", "key": "k", "value": "v", "region": ' + '{"a":' * 5000 + "1" +
           "}" * 5000 + "}\n", "json-deep-region:1")
    refuse("json-members-twice", '{"path": "f", "key": "k", "key": "l", "value": "v"}\n', "json-members-twice:1")
    refuse("json-number-too-large", '{"path": "f", "key": "k", "value": 1e400}\n', "json-number-too-large:1")
    refuse("json-not-a-number", '{"path": "f", "key": "k", "value": NaN}\n', "json-not-a-number:1")
    refuse("json-lone-surrogate", '{"path": "f", "key": "k", "value": "\\ud800"}\n', "json-lone-surrogate:1")
    refuse("json-nul", '{"path": "f", "key": "k", "value": "a\\u0000b"}\n', "json-nul:1")
    refuse("json-not-utf-8", b'{"path": "f", "key": "k", "value": "\xff\xfe"}\n', "json-not-utf-8:1")
    refuse("json-line-of-20-mebibytes", row(value="v" * (20 << 20)), "json-line-of-20-mebibytes:1")
    refuse("json-value-is-an-object", row(value={"a": 1}), "json-value-is-an-object:1")
    refuse("label-of-no-file", row(path="missing"), "there is no file 'missing'")
    refuse("label-path-climbs", row(path="../f"), "the path has the name '..'")
    refuse("label-key-of-1000", row(key="k" * 1000), "label-key-of-1000:1")
    refuse("label-key-with-slash", row(key="a/b"), "label-key-with-slash:1")
    refuse("label-confidence-of-2", row(confidence=2), "confidence")
    refuse("label-time-of-never", row(time="2026-13-45T99:99:99Z"), "time")
    take("label-with-crlf", row().replace("\n", "\r\n"))
    take("label-with-bom", b"\xef\xbb\xbf" + row().encode())
    take("csv-formula", "path,key,value\nf,k,\"=cmd|' /C calc'!A0\"\n", form="csv")
    refuse("csv-quote-open", 'path,key,value\nf,k,"never closed\n', "a quote is not closed", form="csv", status=DAMAGED)
    refuse("csv-without-columns", "a,b,c\n1,2,3\n", "csv-without-columns", form="csv")
    refuse("csv-nul", b"path,key,value\nf,k,a\0b\n", "csv-nul", form="csv")

    def coco(**annotation):
        return json.dumps({"images": [{"id": 1, "file_name": "f"}], "categories": [{"id": 1, "name": "c"}],
                           "annotations": [{"image_id": 1, "category_id": 1, **annotation}]})

    refuse("coco-category-unknown", coco(category_id=99), "99", form="coco")
    refuse("coco-image-unknown", coco(image_id=99), "99", form="coco")
    refuse("coco-box-not-a-number", coco(bbox=[1, 2, float("nan"), 4]), "coco-box-not-a-number", form="coco")
    refuse("coco-cut-short", coco()[:-20], "the file ends inside of it", form="coco", status=DAMAGED)
    refuse("studio-not-a-list", '{"id": 1}', "[ expected", form="label-studio", status=DAMAGED)


# ---- what says what is meant ----------------------------------------------------------------------------------------

def statements():
    """Lock files and gates: Vitrine's own statements about versions, which others write."""
    digest = "0" * 64
    good = {"format": 1, "dataset": "base", "version": "v1", "digest": digest, "tree": digest, "label_digest": None}

    def lock(name, words, status=MISUSED, **members):
        case("statements", name, "lock", json.dumps({**good, **members}).encode(), status, words)

    lock("lock-other-digest", "is not what is locked", FAILED)
    lock("lock-other-algorithm", "'digest' is no digest", digest="0" * 40)
    lock("lock-newer-format", "format 1", format=2)
    lock("lock-older-format", "format 1", format=0)
    lock("lock-without-tree", "'tree' is no digest", tree=None)
    lock("lock-of-no-dataset", "nothing", NOT_FOUND, dataset="nothing")
    lock("lock-of-no-version", "v99", NOT_FOUND, version="v99")
    lock("lock-name-of-1000", "nnnn", dataset="n" * 1000)
    case("statements", "lock-members-twice", "lock", b'{"format": 1, "format": 1}', MISUSED, "duplicate")
    case("statements", "lock-deep", "lock", b"[" * 100000, MISUSED, "is no lock file")

    def gate(name, made, words):
        case("statements", name, "gate", made if isinstance(made, bytes) else json.dumps(made).encode(), MISUSED, words)

    gate("gate-unknown-rule", {"no_such_rule": 1}, "no_such_rule")
    gate("gate-unknown-rule-of-a-key", {"keys": {"k": {"critical": True}}}, "critical")
    gate("gate-share-of-5", {"keys": {"k": {"min_share": 5}}}, "min_share")
    gate("gate-members-twice", b'{"unlabelled": 0, "unlabelled": 1}', "duplicate")
    gate("gate-deep", b'{"keys":' * 5000, "")
    gate("gate-of-another-type", {"unlabelled": "none"}, "unlabelled")


# ---- reading back ---------------------------------------------------------------------------------------------------

def found(at):
    """What is shown at a place, in the form of `reads`."""
    out = {}
    for folder, folders, files, fd in os.fwalk(at):  # by descriptors: paths may be longer than any call takes
        for name in folders + files:
            st = os.lstat(name, dir_fd=fd)
            key = os.path.relpath(os.path.join(folder, name), at)
            if stat.S_ISDIR(st.st_mode):
                out[key] = [stat.S_IMODE(st.st_mode)]
            elif stat.S_ISLNK(st.st_mode):
                out[key] = [os.readlink(name, dir_fd=fd)]
            else:
                with open(name, "rb", opener=lambda path, flags: os.open(path, flags, dir_fd=fd)) as f:
                    out[key] = f.read().decode("latin-1")
                    for attribute in os.listxattr(f.fileno()):
                        if not attribute.startswith("user.vitrine."):
                            out[f"{key}#{attribute}"] = os.getxattr(f.fileno(), attribute).decode("latin-1")
            if st.st_mode & (stat.S_ISUID | stat.S_ISGID):
                out[key] = "it has a set-id bit"
    return out


def make():
    os.makedirs(os.path.join(top, "in"))
    os.makedirs(os.path.join(top, "expected"))
    for part in (paths, links, types, sizes, formats, attributes, labels, statements):
        part()
    with open(os.path.join(top, "cases"), "w") as f:
        f.write("\n".join(cases) + "\n")


def read(name, at):
    with open(os.path.join(top, "expected", name)) as f:
        expected = json.load(f)
    is_there = found(at)
    if is_there != expected:
        sys.exit(f"{name} reads as {is_there!r:.2000}, expected {expected!r:.2000}")


make() if sys.argv[1] == "make" else read(*sys.argv[3:5])
