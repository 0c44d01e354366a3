#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""attack.py: ways to get at a file's bytes, each by its name; says in a line what each one got.

    attack.py list                                   the names of the ways
    attack.py make FOLDER                            the files they are tried on: one for each way
    attack.py try FOLDER                             every way, now
    attack.py keep FOLDER GO [--uses UID]            every way begins now; when the file GO exists each goes on
    attack.py act NAME PATH...                       one act that needs no file open before (see ACTS)

A way is a class: what it needs is opened by its constructor, and read() gets bytes by it. FOLDER/WAY holds the way's
name over and over, so that bytes can be told from zeros and from another file's. What is said:

    WAY OK         the file's bytes
    WAY OTHER      bytes that are not the file's: always a failure
    WAY NONE       no bytes and no error
    WAY ESTALE ... the error; SIGBUS: the process that touched it was killed
    WAY UNABLE     this kernel or this user cannot do it at all

keep says "before WAY ..." for each way, then "kept", then after GO "after WAY ...". --uses UID: opened as whoever runs
it (give it by seteuid: --opens UID), used as UID, as by a descriptor that was handed over or a program that changed its user.
"""
import argparse
import array
import ctypes
import errno
import mmap
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

SIZE = 300000
PAGE = 4096

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mremap.restype = ctypes.c_void_p
MAP_POPULATE, RWF_NOWAIT = 0x8000, 8


class Unable(Exception):
    pass


def check(result, unable=()):
    if result >= 0:
        return result
    code = ctypes.get_errno()
    if code in unable:
        raise Unable
    raise OSError(code, os.strerror(code))


def call(number, *args, unable=()):
    return check(libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) if isinstance(a, int) else a for a in args]), unable)


def content(way):
    line = way.encode() + b"\n"
    return (line * (SIZE // len(line) + 1))[:SIZE]


def in_child(function):
    """What function() returns, from a process of its own: it may be killed. Signals are errors here."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        try:
            os.write(theirs, b"+" + function())
        except OSError as e:
            os.write(theirs, b"-%d" % e.errno)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        raise OSError(0, signal.Signals(os.WTERMSIG(status)).name)
    if said[:1] == b"-":
        raise OSError(int(said[1:]), "")
    return said[1:]


def helper(turn):
    """A process that does turn() over and over as long as this one lives, which may have become another user's by then."""
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        while os.getppid() == parent:
            turn()
        os._exit(0)
    return pid


def map_file(fd, flags, protection=mmap.PROT_READ):
    address = libc.mmap(None, 2 * PAGE, protection, flags, fd, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "mmap")
    return address


# ---- by descriptor -----------------------------------------------------------------------------


class Way:
    """Opened before, read after."""

    flags = os.O_RDONLY
    spent = False  # can be read once only

    def __init__(self, path):
        self.path = path
        self.fd = os.open(path, self.flags)
        self.begin()

    def begin(self):
        os.pread(self.fd, PAGE, 0)


class Read(Way):
    def read(self):
        os.lseek(self.fd, 0, os.SEEK_SET)
        return os.read(self.fd, PAGE)


class Pread(Way):
    def read(self):
        return os.pread(self.fd, PAGE, 0)


class PreadFar(Way):
    """Pages that nobody had read before."""

    def begin(self):
        pass

    def read(self):
        return os.pread(self.fd, PAGE, len(content(os.path.basename(self.path))) // 2 // PAGE * PAGE)


class Readahead(Way):
    def read(self):
        os.posix_fadvise(self.fd, 0, 0, os.POSIX_FADV_WILLNEED)
        return os.pread(self.fd, PAGE, 0)


class Direct(Way):
    flags = os.O_RDONLY | os.O_DIRECT

    def begin(self):
        self.memory = mmap.mmap(-1, PAGE)

    def read(self):
        return self.memory[: os.preadv(self.fd, [self.memory], 0)]


class Sendfile(Way):
    def begin(self):
        self.out, self.into = socket.socketpair()
        os.pread(self.fd, PAGE, 0)

    def read(self):
        return self.out.recv(os.sendfile(self.into.fileno(), self.fd, 0, PAGE))


class Splice(Way):
    def begin(self):
        self.out, self.into = os.pipe()

    def read(self):
        return os.read(self.out, os.splice(self.fd, self.into, PAGE, offset_src=0))


class CopyRange(Way):
    def begin(self):
        self.to = os.memfd_create("copy")

    def read(self):
        try:
            os.copy_file_range(self.fd, self.to, PAGE, 0, 0)
        except OSError as e:
            if e.errno != errno.EXDEV:
                raise
            os.sendfile(self.to, self.fd, 0, PAGE)  # what programs do then
        return os.pread(self.to, PAGE, 0)


class Piped(Way):
    """Was in a pipe before: the reader's own copy."""

    spent = True

    def begin(self):
        self.out, into = os.pipe()
        os.splice(self.fd, into, PAGE, offset_src=0)

    def read(self):
        return os.read(self.out, PAGE)


class Aio(Way):
    """Linux's own, io_submit(2)."""

    def begin(self):
        self.ring = ctypes.c_ulong(0)
        call(206, 4, ctypes.byref(self.ring), unable=(errno.ENOSYS,))
        os.pread(self.fd, PAGE, 0)

    def read(self):
        buffer = ctypes.create_string_buffer(PAGE)
        block = ctypes.create_string_buffer(struct.pack("<QIIHhIQQqQII", 0, 0, 0, 0, 0, self.fd, ctypes.addressof(buffer), PAGE, 0, 0, 0, 0), 64)
        blocks = (ctypes.c_void_p * 1)(ctypes.addressof(block))
        call(209, self.ring, 1, blocks)
        events = ctypes.create_string_buffer(32)
        call(208, self.ring, 1, 1, events, None)
        result = struct.unpack_from("<q", events, 16)[0]
        if result < 0:
            raise OSError(-result, "")
        return buffer.raw[:result]


class Reopen(Way):
    def read(self):
        fd = os.open(f"/proc/self/fd/{self.fd}", os.O_RDONLY)
        try:
            return os.pread(fd, PAGE, 0)
        finally:
            os.close(fd)


class ReopenPath(Reopen):
    flags = os.O_PATH

    def begin(self):
        pass


class OpenAt(Way):
    """By a descriptor of the folder."""

    def begin(self):
        self.folder = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_DIRECTORY)

    def read(self):
        fd = os.open(os.path.basename(self.path), os.O_RDONLY, dir_fd=self.folder)
        try:
            return os.pread(fd, PAGE, 0)
        finally:
            os.close(fd)


class OpenAtPath(OpenAt):
    """The same, opened with O_PATH: nobody was asked."""

    def begin(self):
        self.folder = os.open(os.path.dirname(self.path), os.O_PATH | os.O_DIRECTORY)


class Cwd(Way):
    """A process that stands in the folder."""

    def begin(self):
        self.ask, theirs = socket.socketpair()
        theirs.settimeout(0.1)
        helper(lambda: self.answer(theirs))

    def answer(self, theirs):
        if self.fd >= 0:  # the first turn
            os.chdir(os.path.dirname(self.path))
            os.close(self.fd)
            self.fd = -1
        try:
            theirs.recv(1)
            with open(os.path.basename(self.path), "rb", 0) as f:
                theirs.send(b"+" + f.read(PAGE))
        except TimeoutError:
            pass
        except OSError as e:
            theirs.send(b"-%d" % e.errno)

    def read(self):
        self.ask.send(b"?")
        said = self.ask.recv(PAGE + 1)
        if said[:1] == b"-":
            raise OSError(int(said[1:]), "")
        return said[1:]


class Forked(Way):
    def read(self):
        return in_child(lambda: os.pread(self.fd, PAGE, 0))


class Execed(Way):
    """Another program's standard input."""

    def read(self):
        os.lseek(self.fd, 0, os.SEEK_SET)
        run = subprocess.run(["/usr/bin/head", "-c", str(PAGE)], stdin=self.fd, capture_output=True, env={"LC_ALL": "C"})
        if run.returncode:
            said = run.stderr.decode()
            raise OSError(next((n for n in errno.errorcode if os.strerror(n) in said), 0), said)
        return run.stdout


class Passed(Way):
    """In a socket (SCM_RIGHTS), and nowhere else, while access goes."""

    def begin(self):
        self.ours, self.theirs = socket.socketpair()
        os.pread(self.fd, PAGE, 0)
        self.send(self.fd)

    def send(self, fd):
        self.theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)

    def read(self):
        data = self.ours.recvmsg(1, socket.CMSG_LEN(4))[1][0][2]
        fd = struct.unpack("i", data)[0]
        try:
            return os.pread(fd, PAGE, 0)
        finally:
            self.send(fd)


class Fetched(Way):
    """pidfd_getfd(2), from another process of one's own."""

    def begin(self):
        self.owner = helper(lambda: time.sleep(0.1))
        self.pidfd = os.pidfd_open(self.owner)

    def read(self):
        fd = call(438, self.pidfd, self.fd, 0)
        try:
            return os.pread(fd, PAGE, 0)
        finally:
            os.close(fd)


# ---- by mapping --------------------------------------------------------------------------------


class Map(Way):
    kind = mmap.MAP_SHARED
    protection = mmap.PROT_READ

    def begin(self):
        self.address = map_file(self.fd, self.kind, self.protection)
        self.fill()

    def fill(self):
        ctypes.string_at(self.address, PAGE)

    def read(self):
        return in_child(lambda: ctypes.string_at(self.address, PAGE))


class MapPrivate(Map):
    kind = mmap.MAP_PRIVATE


class MapPopulated(Map):
    kind = mmap.MAP_SHARED | MAP_POPULATE


class MapLocked(Map):
    def fill(self):
        check(libc.mlock(ctypes.c_void_p(self.address), PAGE))


class MapClosed(Map):
    """Without the descriptor."""

    def fill(self):
        ctypes.string_at(self.address, PAGE)
        os.close(self.fd)


class MapLater(Way):
    """Mapped only after."""

    def read(self):
        address = map_file(self.fd, mmap.MAP_SHARED)
        try:
            return in_child(lambda: ctypes.string_at(address, PAGE))
        finally:
            libc.munmap(ctypes.c_void_p(address), 2 * PAGE)


class MapMoved(Map):
    def read(self):
        self.address = check(libc.mremap(ctypes.c_void_p(self.address), 2 * PAGE, 16 * PAGE, 1))
        return super().read()


class MapAdvised(Map):
    """MADV_POPULATE_READ brings the pages in and says why not."""

    def read(self):
        check(libc.madvise(ctypes.c_void_p(self.address), PAGE, 22))
        return super().read()


class MapWritten(Map):
    """write(2) from the mapping: the kernel touches it."""

    def read(self):
        out, into = os.pipe()
        try:
            return os.read(out, check(libc.write(into, ctypes.c_void_p(self.address), PAGE)))
        finally:
            os.close(out)
            os.close(into)


class MapSpliced(Map):
    """vmsplice(2): the pages themselves into a pipe."""

    def read(self):
        out, into = os.pipe()
        vector = struct.pack("<QQ", self.address, PAGE)
        try:
            return os.read(out, call(278, into, vector, 1, 0))
        finally:
            os.close(out)
            os.close(into)


class ProcMem(Map):
    def read(self):
        with open("/proc/self/mem", "rb", 0) as memory:
            return os.pread(memory.fileno(), PAGE, self.address)


class OtherMemory(Map):
    """process_vm_readv(2)."""

    def read(self):
        buffer = ctypes.create_string_buffer(PAGE)
        ours = struct.pack("<QQ", ctypes.addressof(buffer), PAGE)
        theirs = struct.pack("<QQ", self.address, PAGE)
        count = call(310, os.getpid(), ours, 1, theirs, 1, 0)
        return buffer.raw[:count]


class MapCopied(Map):
    """Pages that were written to before: the reader's own copy."""

    kind = mmap.MAP_PRIVATE
    protection = mmap.PROT_READ | mmap.PROT_WRITE

    def fill(self):
        ctypes.memmove(self.address, ctypes.string_at(self.address, 1), 1)


# ---- by io_uring -------------------------------------------------------------------------------


class Ring(Way):
    """IORING_OP_READ, no more."""

    setup = 0
    sqe_flags = 0

    def begin(self):
        os.pread(self.fd, PAGE, 0)
        params = bytearray(120)
        struct.pack_into("<IIIII", params, 0, 4, 0, self.setup, 0, 1000)
        memory = (ctypes.c_char * 120).from_buffer(params)
        self.ring = call(425, 4, memory, unable=(errno.ENOSYS, errno.EPERM))
        del memory
        sq_entries, cq_entries = struct.unpack_from("<II", params)
        sq = struct.unpack_from("<8I", params, 40)
        cq = struct.unpack_from("<8I", params, 80)
        self.sq_tail, self.sq_mask, self.sq_array = sq[1], sq[2], sq[6]
        self.cq_head, self.cq_tail, self.cq_mask, self.cqes = cq[0], cq[1], cq[2], cq[5]
        size = max(sq[6] + sq_entries * 4, cq[5] + cq_entries * 16)
        self.rings = mmap.mmap(self.ring, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        self.sqes = mmap.mmap(self.ring, sq_entries * 64, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0x10000000)
        self.buffer = mmap.mmap(-1, PAGE)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.buffer))
        self.register()

    def register(self):
        pass

    def word(self, offset):
        return struct.unpack_from("<I", self.rings, offset)[0]

    def submit(self, opcode=22, fd=None, address=None, length=PAGE, index=0, personality=0, flags=0):
        tail, mask = self.word(self.sq_tail), self.word(self.sq_mask)
        slot = tail & mask
        sqe = struct.pack("<BBHiQQIIQHHiQQ", opcode, self.sqe_flags, 0, self.fd if fd is None else fd, 0,
                          self.address if address is None else address, length, flags, 7, index, personality, 0, 0, 0)
        self.sqes[slot * 64 : slot * 64 + 64] = sqe
        struct.pack_into("<I", self.rings, self.sq_array + 4 * slot, slot)
        struct.pack_into("<I", self.rings, self.sq_tail, tail + 1)
        self.enter()
        end = time.monotonic() + 60
        while self.word(self.cq_head) == self.word(self.cq_tail):
            if time.monotonic() > end:
                raise OSError(errno.ETIMEDOUT, "io_uring")
            time.sleep(0.001)
        head = self.word(self.cq_head)
        result = struct.unpack_from("<Qi", self.rings, self.cqes + 16 * (head & self.word(self.cq_mask)))[1]
        struct.pack_into("<I", self.rings, self.cq_head, head + 1)
        if result < 0:
            raise OSError(-result, "")
        return result

    def enter(self):
        call(426, self.ring, 1, 1, 1, None, 0)

    def read(self):
        return self.buffer[: self.submit()]


class RingAsync(Ring):
    """IOSQE_ASYNC: on a thread of the kernel's."""

    sqe_flags = 16


class RingFile(Ring):
    """A registered file: the ring's own reference."""

    sqe_flags = 1

    def register(self):
        call(427, self.ring, 2, struct.pack("<i", self.fd), 1)
        os.close(self.fd)
        self.fd = 0  # its place among the registered


class RingBuffer(Ring):
    """A registered buffer."""

    def register(self):
        call(427, self.ring, 0, struct.pack("<QQ", self.address, PAGE), 1, unable=(errno.ENOMEM,))

    def read(self):
        return self.buffer[: self.submit(opcode=4)]


class RingPolled(Ring):
    """IORING_SETUP_SQPOLL: a thread of the kernel's submits, with the credentials of who made the ring."""

    setup = 2

    def enter(self):
        call(426, self.ring, 1, 1, 3, None, 0)


class RingPersonality(Ring):
    """Opens by path with the credentials that were registered before, whoever holds the ring."""

    def register(self):
        self.personality = call(427, self.ring, 9, None, 0)

    def read(self):
        path = ctypes.create_string_buffer(self.path.encode())
        fd = self.submit(opcode=18, fd=-100, address=ctypes.addressof(path), length=0, personality=self.personality, flags=os.O_RDONLY)
        try:
            return self.buffer[: self.submit(fd=fd, personality=self.personality)]
        finally:
            os.close(fd)


def kebab(name):
    return re.sub("(?<!^)(?=[A-Z])", "-", name).lower()


def all_below(kind):
    for below in kind.__subclasses__():
        yield below
        yield from all_below(below)


WAYS = {kebab(way.__name__): way for way in all_below(Way)}


# ---- acts that need nothing open ---------------------------------------------------------------


def act_open(path):
    with open(path, "rb", 0) as f:
        return f.read(PAGE)


def act_stat(path):
    return os.stat(path).st_mode.to_bytes(4, "little")


def act_list(path):
    return os.fsencode("".join(os.listdir(path)))


def act_walk(path, name):
    """Past the folder's bits as far as O_PATH goes, then by name."""
    folder = os.open(path, os.O_PATH)
    return os.stat(name, dir_fd=folder).st_mode.to_bytes(4, "little")


def act_xattr(path, name):
    return os.getxattr(path, name)


def act_run(path):
    subprocess.run([path], check=True)
    return b"ran"


def handle_of(path):
    handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0), 136)
    mount = ctypes.c_int()
    call(303, -100, ctypes.create_string_buffer(os.fsencode(path)), handle, ctypes.byref(mount), 0, unable=(errno.EOPNOTSUPP,))
    return handle


def act_handle(top, path):
    """As a file server would: name_to_handle_at(2), then open_by_handle_at(2)."""
    return os.pread(call(304, os.open(top, os.O_RDONLY | os.O_DIRECTORY), handle_of(path), os.O_RDONLY), PAGE, 0)


def act_inotify(path):
    check(libc.inotify_add_watch(check(libc.inotify_init()), os.fsencode(path), 0xFFF))
    return b"watched"


def act_fanotify(path):
    fd = call(300, 0x200, 0, unable=(errno.ENOSYS,))  # FAN_REPORT_FID: all that users are allowed
    call(301, fd, 1, 0x3B, -100, ctypes.create_string_buffer(os.fsencode(path)))
    return b"watched"


def act_nowait(path):
    """preadv2(2) with RWF_NOWAIT: from the page cache or not at all."""
    buffer = bytearray(PAGE)
    return bytes(buffer[: os.preadv(os.open(path, os.O_RDONLY), [buffer], 0, RWF_NOWAIT)])


def act_far(path):
    """At offsets that no file has."""
    fd = os.open(path, os.O_RDONLY)
    for offset in (SIZE, 1 << 31, 1 << 40, (1 << 62) + 1, (1 << 63) - PAGE, (1 << 63) - 1):
        try:
            if os.pread(fd, PAGE, offset):
                return b"bytes"
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.EOVERFLOW):
                raise
    return os.pread(fd, PAGE, 0)


def act_seekdir(path):
    """getdents64(2) at offsets that were never given out; what is said then must be names that are there."""
    names = set(os.listdir(path))
    buffer = ctypes.create_string_buffer(32768)
    for offset in (1, 7, len(names), 1 << 31, (1 << 31) - 1, 1 << 40, (1 << 63) - 1):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.lseek(fd, offset, os.SEEK_SET)
            size = call(217, fd, buffer, len(buffer))
        except OSError as e:
            if e.errno not in (errno.EINVAL, errno.ENOENT, errno.EOVERFLOW):
                raise
            size = 0
        at = 0
        while at < size:
            length = struct.unpack_from("<H", buffer, at + 16)[0]
            name = os.fsdecode(buffer.raw[at + 19 : at + length].split(b"\0")[0])
            if name not in names | {".", ".."}:
                raise SystemExit(f"no such name: {name}")
            at += length
        os.close(fd)
    return b"listed"


def act_trace(pid, fd):
    """Another user's process: its descriptors, its memory."""
    pid, fd = int(pid), int(fd)
    results = []
    for way in (
        lambda: os.close(os.open(f"/proc/{pid}/fd/{fd}", os.O_RDONLY)),
        lambda: os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY)),
        lambda: os.listdir(f"/proc/{pid}/map_files"),
        lambda: os.close(call(438, os.pidfd_open(pid), fd, 0)),
        lambda: call(101, 16, pid, None, None),
    ):
        try:
            way()
            return b"got it"
        except OSError as e:
            results.append(e)
    raise results[-1]


ACTS = {name[4:]: function for name, function in list(globals().items()) if name.startswith("act_")}


# ---- what is said ------------------------------------------------------------------------------


def result(function, expected=None):
    try:
        got = function()
    except Unable:
        return "UNABLE"
    except OSError as e:
        return errno.errorcode.get(e.errno, e.strerror)
    if not got:
        return "NONE"
    return "OK" if expected is None or got == expected[: len(got)] else "OTHER"


def expected_of(way):
    whole = content(way)
    if way == "pread-far":
        return whole[SIZE // 2 // PAGE * PAGE :]
    return whole


def begin(folder):
    begun = {}
    for name, way in WAYS.items():
        try:
            begun[name] = way(os.path.join(folder, name))
        except Unable:
            begun[name] = None
    return begun


def say(when, begun, spend):
    for name, way in begun.items():
        if way is None:
            print(when, name, "UNABLE")
        elif spend or not way.spent:
            print(when, name, result(way.read, expected_of(name)))
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--opens", type=int)
    parser.add_argument("--uses", type=int)
    parser.add_argument("what", choices=["list", "make", "try", "keep", "act"])
    parser.add_argument("rest", nargs="*")
    args = parser.parse_args()
    if args.what == "list":
        print("\n".join(WAYS))
    elif args.what == "make":
        for name in WAYS:
            with open(os.path.join(args.rest[0], name), "wb") as f:
                f.write(content(name))
    elif args.what == "try":
        say("now", begin(args.rest[0]), True)
    elif args.what == "act":
        print(args.rest[0], result(lambda: ACTS[args.rest[0]](*args.rest[1:])))
    else:
        if args.opens is not None:
            os.setgroups([])
            os.setegid(args.opens)
            os.seteuid(args.opens)
        begun = begin(args.rest[0])
        if args.uses is not None:
            os.seteuid(0)
            os.setresgid(args.uses, args.uses, args.uses)
            os.setresuid(args.uses, args.uses, args.uses)
        say("before", begun, False)
        print("kept", flush=True)
        while not os.path.exists(args.rest[1]):
            if not os.path.isdir(os.path.dirname(args.rest[1])):
                os._exit(1)  # the test has ended
            time.sleep(0.02)
        say("after", begun, True)
    sys.stdout.flush()
    os._exit(0)


main()
