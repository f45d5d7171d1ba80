"""The heir: a forked child that makes the checkpoint of a kernel that is going down, and outlives it.

Clients kill a kernel about five seconds after they asked it to go, and pickling millions of objects, or one
whose `__reduce__` is slow, takes longer. The heir has what the kernel had at one moment, but for its threads
and sockets, and pickles and writes while the kernel answers and goes.

It is made only where it cannot do worse than the kernel would (`_objection`, `_foreign_thread`): no thread
lives but the kernel's own, whose locks a child would wait for in vain; nothing of the user's is open by which
pickling could reach outside, where two processes would then speak on one connection or write one buffer
twice; no hook of the user's would run because of the fork; and there is room for the pages that are copied
when references are counted. Elsewhere the kernel pickles before it answers.
"""

import functools
import gc
import os
import select
import signal
import socket
import stat
import sys
import time
from pathlib import Path

from elasticpython import CheckpointError, _core

ONLY_TO_WRITE = "pickled, and long to write"  # after which the kernel need not wait

_PICKLING_SECONDS = 300.0  # once the kernel has gone; a next one that is asked to restore waits so long
_ANSWER_SECONDS = 1.0  # how long the kernel waits for the heir: what is done by then needs no heir
_APART_SECONDS = 3.0  # and how long at most until it has said that it is at work, which takes it no time
_ENDING_SECONDS = 0.1
_BLOCK_BYTES = 160  # of memory for an object that is copied, with its share of a pickle
_SPARE_BYTES = 256 << 20

# Of the kernel, of ZeroMQ's one context. Arrow's allocator has several, and sees to its own forks.
_THREADS = {"elastic-io", "elastic-control", "elastic-capture", "elastic-end", "ZMQbg/Reaper", "ZMQbg/IO/0"}
_ALLOCATOR_THREAD = "jemalloc_bg_thd"
_EVENTS = {"anon_inode:[eventfd]", "anon_inode:[eventpoll]", "anon_inode:[userfaultfd]"}
_DEVICES = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
# Whose hooks let go of threads, processes and open fonts of theirs, and of nothing else.
_FORK_SAFE = {"IPython", "elasticpython", "fsspec", "joblib", "matplotlib"}

_own_descriptors = None
_connection_text = ""  # of the connection file, which may be gone when somebody asks for the ports


@functools.cache
def _hook_lists() -> list:
    """The lists of what Python calls around a fork; there is no other way to ask for them."""

    def marker():
        return None

    os.register_at_fork(before=marker, after_in_child=marker, after_in_parent=marker)
    lists = [each for each in gc.get_referrers(marker) if type(each) is list]
    for each in lists:
        each.remove(marker)
    return lists


def look_ahead() -> None:
    """For a quiet moment: looks through all objects, while there are few (3 ms)."""
    _hook_lists()


def _hooks() -> list:
    return [hook for hooks in _hook_lists() for hook in hooks]


def note_own_descriptors(connection_file: str) -> None:
    """Before code of the user's runs: what is open now is the kernel's, and so is what clients connect to."""
    global _own_descriptors, _connection_text
    _connection_text = Path(connection_file).read_text()
    _own_descriptors = dict(_descriptors())


@functools.cache
def _ports() -> set:
    """Where clients connect to: numbers, or paths."""
    import json  # a hundredth of a start

    connection = json.loads(_connection_text)
    numbers = {value for key, value in connection.items() if key.endswith("_port")}
    is_ipc = connection.get("transport") == "ipc"
    return {f"{connection['ip']}-{number}" for number in numbers} if is_ipc else numbers


def takes_over(work, shell) -> bool:
    """Whether an heir is at work, or done: it calls `work(say, seconds)`, which has to be done pickling
    within `seconds`, and says "announced", then "pickled" or ONLY_TO_WRITE by `say`. Raises CheckpointError
    where it failed at once.

    False: there is none, nothing was begun.
    """
    try:
        if _objection(shell):
            return False
    except Exception:  # what cannot be looked at speaks against it too
        return False
    shell.history_manager.hurry()  # its thread, which ends before the fork
    states = [(each.__self__, each.__self__.getstate()) for each in _seeds()]
    permission, permit = os.pipe()
    hears, says = os.pipe()
    try:
        _core.walk.look_at_pages_before_fork()
        child = os.fork()
    except Exception:  # no memory, too many processes, an audit hook
        child = None
    if child == 0:
        _be_heir(work, states, permission, says)
    os.close(permission)
    os.close(says)
    try:
        if child is None:
            return False
        if _foreign_thread(shell):  # only now: some libraries end their threads before a fork
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        os.write(permit, b"!")
        _hear(hears)
        return True
    finally:
        os.close(permit)
        os.close(hears)


def _be_heir(work, states, permission: int, says: int) -> None:
    """The child's life."""
    status = 1
    voice = _Voice(says)
    try:
        _core.session.leave_kernel([permission, says])
        _core.walk.watch_pages_in_child()  # or it would hash all large buffers, while the kernel waits
        # What is garbage is the kernel's to finalise; and collecting would copy every page.
        gc.disable()
        gc.freeze()
        seconds = _pickling_seconds()
        _core.session.end_process_in(seconds)
        for generator, state in states:  # which the fork has seeded anew
            generator.setstate(state)
        if os.read(permission, 1):
            os.close(permission)
            work(voice.say, seconds)
            voice.say("done")
            status = 0
    except BaseException as error:
        voice.say(f"failed {error or type(error).__name__}")
    finally:
        os._exit(status)


class _Voice:
    """What the heir says to the kernel, line by line."""

    def __init__(self, descriptor: int):
        self._descriptor = descriptor

    def say(self, word: str) -> None:
        if word in ("pickled", ONLY_TO_WRITE):
            _core.session.end_process_in(0)
        if self._descriptor is None:
            return
        try:
            os.write(self._descriptor, word.replace("\n", " ").encode("utf-8", "replace") + b"\n")
        except OSError:
            pass  # the kernel has gone
        if word == ONLY_TO_WRITE:
            os.close(self._descriptor)
            self._descriptor = None


def _hear(hears: int) -> None:
    """Waits until the heir is done or may be left alone with the rest."""
    began = time.monotonic()
    heard, left = b"", _APART_SECONDS
    while left > 0 and select.select([hears], [], [], left)[0]:
        came = os.read(hears, 4096)
        heard += came
        words = heard.decode("utf-8", "replace").split("\n")[:-1]
        if words and words[-1].startswith("failed "):
            raise CheckpointError(words[-1].removeprefix("failed "))
        if not came and not {"done", ONLY_TO_WRITE}.intersection(words):
            raise CheckpointError("the process that made it has died")
        if "done" in words or ONLY_TO_WRITE in words:
            return
        limit = _ANSWER_SECONDS if words else _APART_SECONDS
        left = began + limit - time.monotonic()


def _pickling_seconds() -> float:
    try:
        return max(0.1, float(os.environ.get("ELASTICPYTHON_PICKLING_SECONDS", _PICKLING_SECONDS)))
    except ValueError:
        return _PICKLING_SECONDS


# --- what speaks against it ---------------------------------------------------------------------------------


def _objection(shell) -> str | None:
    """Why the kernel itself has to pickle."""
    if _own_descriptors is None:
        return "this is no kernel's process"
    if os.getpid() == 1:
        return "who is left dies with the first process"
    return _foreign_hook() or _foreign_descriptor(shell) or _lack_of_room()


def _foreign_thread(shell) -> str | None:
    """A thread that is not the kernel's own. One that has been joined is there a little longer."""
    until = time.monotonic() + _ENDING_SECONDS
    while (found := _other_thread(shell)) and time.monotonic() < until:
        time.sleep(0.002)
    return found


def _other_thread(shell) -> str | None:
    saving = getattr(shell.history_manager.save_thread, "native_id", None)
    seen = set()
    for thread in os.listdir("/proc/self/task"):
        if int(thread) in (os.getpid(), saving):
            continue
        try:
            name = Path(f"/proc/self/task/{thread}/comm").read_text().strip()
        except OSError:
            continue  # it has ended
        if name != _ALLOCATOR_THREAD and (name not in _THREADS or name in seen):
            return f"a thread lives: {name}"
        seen.add(name)
    return None


def _foreign_hook() -> str | None:
    for hook in _hooks():
        cached = getattr(getattr(hook, "__self__", None), "__wrapped__", None)  # matplotlib's cache_clear
        module = getattr(hook, "__module__", None) or getattr(cached, "__module__", None) or ""
        package = module.partition(".")[0]
        known = package in sys.stdlib_module_names or package in _FORK_SAFE or hook in _hooks_of_executors()
        if not known:
            return f"{hook!r} runs at a fork"
    return None


def _hooks_of_executors() -> tuple:
    lock = getattr(sys.modules.get("concurrent.futures.thread"), "_global_shutdown_lock", None)
    return () if lock is None else (lock.acquire, lock.release, lock._at_fork_reinit)


def _seeds() -> list:
    """The hooks by which a child gets random numbers of its own."""
    generators = getattr(sys.modules.get("random"), "Random", ())
    return [hook for hook in _hooks() if isinstance(getattr(hook, "__self__", None), generators)]


def _descriptors():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield int(name), os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            pass  # the one that lists them, or the I/O thread has closed it


def _foreign_descriptor(shell) -> str | None:
    for descriptor, what in _descriptors():
        if _own_descriptors.get(descriptor) == what or what in _EVENTS:
            continue
        try:
            if not _is_harmless(descriptor, what, str(shell.history_manager.hist_file)):
                return f"{what} is open"
        except OSError:
            pass  # closed meanwhile
    return None


def _is_harmless(descriptor: int, what: str, history: str) -> bool:
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISSOCK(kind):
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            name = copy.getsockname()
        return (name[1] if isinstance(name, tuple) else name) in _ports()
    if stat.S_ISCHR(kind):
        return what in _DEVICES or os.isatty(descriptor)
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        return False
    flags = Path(f"/proc/self/fdinfo/{descriptor}").read_text().partition("flags:")[2].split()[0]
    if int(flags, 8) & os.O_ACCMODE == os.O_RDONLY:
        return True
    lock = Path(what)  # a restored checkpoint's, which is held while it is mapped
    is_lock = lock.name == "store.lock" and lock.with_name("elastic-store.json").exists()
    return is_lock or what.startswith(history)


def _lack_of_room() -> str | None:
    wanted = sys.getallocatedblocks() * _BLOCK_BYTES + _SPARE_BYTES
    free = min(_free_bytes())
    return f"{free} bytes of memory are free, {wanted} may be wanted" if free < wanted else None


def _free_bytes():
    """What the machine has, and what each group has that limits this process (control groups, 2 and 1)."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            yield int(line.split()[1]) * 1024
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        old = "memory" in controllers.split(",")
        if controllers and not old:
            continue
        limit, used = ("limit_in_bytes", "usage_in_bytes") if old else ("max", "current")
        root = Path("/sys/fs/cgroup/memory" if old else "/sys/fs/cgroup")
        # In a container its own group is the root.
        for place in {root, *(root / path.lstrip("/")).parents, root / path.lstrip("/")}:
            try:
                most = int((place / f"memory.{limit}").read_text())
                yield most - int((place / f"memory.{used}").read_text()) + _given_back(place)
            except (OSError, ValueError):
                pass  # none, or "max"


def _given_back(place: Path) -> int:
    """What counts as used and is given back when it is wanted: files that were read or written."""
    counts = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
    return int(counts.get("total_inactive_file", counts.get("inactive_file", 0)))
