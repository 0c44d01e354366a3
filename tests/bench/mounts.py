# SPDX-License-Identifier: Apache-2.0
"""Making and ending mounts so that nothing stays behind and nothing waits for ever."""
import ctypes
import os
import subprocess
import time

PATIENCE = 60  # s: for a command that mounts or unmounts
MS_RDONLY = 1
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """What could not be measured, in words."""


def command(*words, **more):
    """Runs it; its output is the message when it fails."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors="replace", check=False, **{"timeout": PATIENCE, **more})
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stdout.strip() or done.returncode}")
    return done.stdout


def mounted_below(top):
    """(mount point, device) of what is mounted on or below `top`; the newest first. Touches none of them."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            words = line.split()
            if words[4] == top or words[4].startswith(top + "/"):
                found.append((words[4], words[2]))
    return found[::-1]


def device_of(point):
    for mounted, device in mounted_below(point):
        if mounted == point:
            return device
    return None


def wait_until_mounted(point, daemon):
    """The daemon mounts by itself and stays in the foreground."""
    until = time.monotonic() + PATIENCE
    while device_of(point) is None:
        if daemon.poll() is not None:
            raise Failed(f"{daemon.args[0]}: {daemon.stdout.read().strip() or daemon.returncode}")
        if time.monotonic() > until:
            raise Failed(f"{daemon.args[0]} has mounted nothing in {PATIENCE} s")
        time.sleep(0.001)


def start_daemon(*words):
    """In a session of its own: Ctrl-C is for us, who unmount first."""
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True)


def mount_image(kind, image, point):
    """From the file itself where the kernel can (EROFS of 6.12), else by a loop device."""
    if libc.mount(image.encode(), point.encode(), kind.encode(), MS_RDONLY, None) < 0:
        command("mount", "-t", kind, "-o", "ro,loop", image, point)


def abort(point):
    """Ends a FUSE connection whose server does not answer, and so every wait for it."""
    major, _, minor = (device_of(point) or "").partition(":")
    if major == "0":  # no disk: numbers of disks mean others there
        path = f"/sys/fs/fuse/connections/{minor}/abort"
        if os.path.exists(path):
            with open(path, "w", encoding="ascii") as file:
                file.write("1")


def unmount(point):
    """However busy, and whether or not its server answers."""
    until = time.monotonic() + 10
    while device_of(point) is not None:
        if time.monotonic() > until:
            abort(point)
            command("umount", "-l", point)
            return
        try:
            command("umount", point, timeout=5)
        except (Failed, subprocess.TimeoutExpired):
            time.sleep(0.02)


def end_daemon(daemon):
    """It ends with its mount; what does not is killed."""
    try:
        daemon.wait(timeout=10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
    daemon.stdout.close()


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("3")
