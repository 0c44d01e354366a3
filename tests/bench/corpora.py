# SPDX-License-Identifier: Apache-2.0
"""What the benchmark reads: made once for each size under a work directory, and used again.

    linux    the kernel's source, from Debian's package linux-source-6.1
    shards   JSONL of it, a source file a line
    images   random bytes, that no compression makes smaller, of sizes that photos have, in class folders
    many     tiny JSON files of made-up words, about 600 bytes each, a thousand in a folder

Each has a list beside it (LIST, file_list.h): size and path of every file, sorted by path.
"""
import json
import os
import random
import shutil
import subprocess
import tarfile

SOURCE = "/usr/src/linux-source-6.1.tar.xz"
MIB = 1 << 20
SEED = 20260101

# What of each there is: linux: files (None: all); shards: how many, bytes each; images: bytes; many: files.
FULL = {"linux": None, "shards": (4, 512 * MIB), "images": 1000 * MIB, "many": 1000000}
QUICK = {"linux": 5000, "shards": (1, 128 * MIB), "images": 100 * MIB, "many": 20000}


def make_linux(top, files, _):
    taken = 0
    with tarfile.open(SOURCE, "r|xz") as archive:
        for member in archive:
            member.name = member.name.partition("/")[2]
            if not member.name or not (member.isdir() or member.isreg() or member.issym()):
                continue
            archive.extract(member, top)
            taken += member.isreg()
            if taken == files:
                break


def dealt_lines(text, turn):
    """Where the source is used up it comes again with its lines in another order: as compressible, but whoever finds
    what is there twice does not find it."""
    lines = text.split("\n")
    return "\n".join(line for first in range(turn + 1) for line in lines[first :: turn + 1])


def source_lines(linux):
    turn = 0
    while True:
        for _, path in listed(linux):
            with open(os.path.join(linux, path), encoding="utf-8", errors="replace") as file:
                yield json.dumps({"path": path, "text": dealt_lines(file.read(), turn)}) + "\n"
        turn += 1


def make_shards(top, wanted, made):
    count, size = wanted
    lines = source_lines(made["linux"])
    for number in range(count):
        with open(os.path.join(top, f"shard-{number:02}.jsonl"), "w", encoding="utf-8") as shard:
            written = 0
            while written < size:
                written += shard.write(next(lines))  # ASCII: a character is a byte


def make_images(top, size, _):
    dice = random.Random(SEED)
    made = number = 0
    while made < size:
        length = min(max(int(dice.lognormvariate(10.6, 0.6)), 5000), 150000)  # the median is 40 KB
        folder = os.path.join(top, f"class-{number % 100:03}")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, f"{number:06}.jpg"), "wb") as file:
            file.write(dice.randbytes(length))
        made += length
        number += 1


def made_up_words(dice, count):
    syllables = [first + vowel + last for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "s")]
    return ["".join(dice.choices(syllables, k=dice.randint(1, 3))) for _ in range(count)]


def make_many(top, files, _):
    """Of all sizes: mksquashfs compares each file with those of its size."""
    dice = random.Random(SEED)
    words = made_up_words(dice, 5000)
    for number in range(files):
        folder = os.path.join(top, f"{number // 1000:04}")
        if number % 1000 == 0:
            os.mkdir(folder)
        text = {"id": number, "score": dice.random(), "label": words[dice.randrange(100)],
                "caption": " ".join(dice.choices(words, k=dice.randint(5, 140)))}
        with open(os.path.join(folder, f"{number:07}.json"), "w", encoding="ascii") as file:
            json.dump(text, file)


MAKERS = {"linux": make_linux, "shards": make_shards, "images": make_images, "many": make_many}


def list_path(top):
    return top + ".list"


def listed(top):
    """(size, path) of every file."""
    with open(list_path(top), encoding="utf-8") as lines:
        for line in lines:
            size, _, path = line.rstrip("\n").partition(" ")
            yield int(size), path


def read_all(top):
    """Into the page cache."""
    for _, path in listed(top):
        with open(os.path.join(top, path), "rb") as file:
            while file.read(MIB):
                pass


def regular_files(top):
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                yield os.fsencode(os.path.relpath(path, top)), os.path.getsize(path)


def write_list(top):
    """Last, and at once: a corpus that has its list is whole."""
    with open(list_path(top) + ".new", "wb") as out:
        out.writelines(b"%d %s\n" % (size, path) for path, size in sorted(regular_files(top)))
    os.rename(list_path(top) + ".new", list_path(top))


def second_version(top, say):
    """Of a corpus: a line more in the middle of every hundredth file, all others being the same ones."""
    second = top + "-second"
    if not os.path.exists(list_path(second)):
        say(f"making the second version of {os.path.basename(top)}")
        shutil.rmtree(second, ignore_errors=True)
        subprocess.run(["cp", "-al", top, second], check=True)
        for _, path in list(listed(top))[::100]:
            with open(os.path.join(top, path), "rb") as file:
                lines = file.read().split(b"\n")
            lines.insert(len(lines) // 2, b"changed in the second version of " + os.fsencode(path))
            os.remove(os.path.join(second, path))
            with open(os.path.join(second, path), "wb") as file:
                file.write(b"\n".join(lines))
        write_list(second)
    return second


def make(work, sizes, say):
    """The corpora in `work`, by name; what is missing is made."""
    made = {}
    for name, maker in MAKERS.items():
        top = os.path.join(work, "corpora", name)
        if not os.path.exists(list_path(top)):
            say(f"making the corpus {name}")
            shutil.rmtree(top, ignore_errors=True)
            os.makedirs(top)
            maker(top, sizes[name], made)
            write_list(top)
        made[name] = top
    return made
