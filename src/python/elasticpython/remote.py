"""A store at a URL that fsspec knows: s3://, gs://, sftp://, memory://, ...

`Remote` is what src/session/remote_backend.cpp asks for; docs/checkpoint_format.md, section 10, says what
lies where, and docs/invariants.md what must hold. Nothing here knows what is in the objects.

Threads: any number may call; each call blocks without holding the GIL for longer than fsspec does.
"""

import json
import os
import random
import re
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

# Requests are tried again after 0.25 s, 0.5 s, ... 4 s: a link that comes back within 8 s is not noticed.
TRIES = int(os.environ.get("ELASTICPYTHON_REMOTE_TRIES", "6"))
FIRST_PAUSE_S = 0.25
IN_FLIGHT = 4
# A lease is written anew while its holder works; one that was not for a day is a dead holder's.
REFRESH_S = 20
DEAD_AFTER_S = 24 * 3600
# A writer that has not shown itself for so long is not waited for.
SILENT_AFTER_S = 60

# Here an object that is put is there at once and whole. Elsewhere it is sent under another name and renamed.
_PUTS_WHOLE = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "r2", "memory"}
_DIRECTORIES = ("manifests", "packs", "writers", "temp")
# What this process holds, at any place; a lease of its own that is not in it could not be released.
_held = set()
# A lease is short: a label of 4 KiB, escaped, and a few numbers.
_LONGEST_LEASE = 64 << 10
_LEFTOVER = re.compile(r"temp/[0-9a-f]{32}|writers/[0-9a-f]{32}\.json")
# Trying again would not help.
_FINAL = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError,
          ImportError, ValueError, TypeError, NotImplementedError)


class Remote:
    """The objects of one store, by their paths below it ("packs/ID.pack")."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self._protocol = url.split("://")[0].lower()
        self._root = ""  # known with the first connection
        self._idle, self._idle_lock = [], threading.Lock()  # connections
        self._sizes = {}  # of objects that were listed; they never change
        self._leases = {}  # path: [what it says, when it was written]
        self._pool = None

    # --- objects --------------------------------------------------------------------------------------------

    def prepare(self):
        if self._protocol in _PUTS_WHOLE:
            return
        for name in _DIRECTORIES:
            self._ask(lambda fs, name=name: fs.makedirs(self._at(name), exist_ok=True))

    def is_empty(self) -> bool:
        """Nothing but what prepare() makes; ValueError says what is in the way."""
        try:
            paths = {entry["name"].strip("/") for entry in self._entries("")}
        except FileNotFoundError:
            return True
        names = {_last(path) for path in paths - {self._root.strip("/")}}  # some places list themselves
        if names <= set(_DIRECTORIES):
            return True
        raise ValueError(
            f"{self.url} holds other files and is not an ElasticPython store; choose an empty or a new place"
        )

    def list(self, directory: str) -> list:
        """(name, size) of the objects in a directory."""
        try:
            entries = self._entries(directory)
        except FileNotFoundError:
            return []
        found = [(_last(entry["name"]), entry["size"]) for entry in entries if entry["type"] == "file"]
        self._sizes.update((f"{directory}/{name}", size) for name, size in found)
        return found

    def size(self, path: str) -> int:
        known = self._sizes.get(path)
        return self._ask(lambda fs: _info(fs, self._at(path)))["size"] if known is None else known

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes."""
        self._refresh()
        data = self._ask(lambda fs: _fetch(fs, self._at(path), offset, length))
        if len(data) != length:
            raise OSError(f"{self.url}/{path} ends before it should")
        return data

    def begin_put(self, path: str, data: bytes):
        """Sends an object without waiting; what is returned goes to end_put."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(IN_FLIGHT, thread_name_prefix="elasticpython-remote")
        return self._pool.submit(self._put, path, data)

    def end_put(self, sending) -> None:
        sending.result()
        self._refresh()

    def put(self, path: str, data: bytes) -> None:
        """Whole and as durable as the place makes it, on return."""
        if path.startswith("manifests/"):
            self._check_leases()
        self._put(path, data)

    def remove(self, path: str) -> None:
        self._sizes.pop(path, None)
        try:
            self._ask(lambda fs: fs.rm_file(self._at(path)))
        except FileNotFoundError:
            # Gone already, by an attempt whose answer was lost.
            pass

    def _put(self, path, data):
        if self._protocol in _PUTS_WHOLE:
            self._ask(lambda fs: fs.pipe_file(self._at(path), data))
            return
        temporary = f"temp/{uuid.uuid4().hex}"

        def send(fs):
            _send(fs, self._at(temporary), data)
            if _info(fs, self._at(temporary))["size"] != len(data):
                raise OSError(f"{self.url}: the place did not take all of {path}")
            fs.mv(self._at(temporary), self._at(path))

        try:
            self._ask(send)
        except BaseException:
            self._forget(temporary)
            raise

    def _forget(self, path):
        """Without trying again: what stays is a leftover, which a collection removes."""
        files = None
        try:
            files = self._take()
            files.rm_file(self._at(path))
            self._give_back(files)
        except Exception:
            self._drop(files)

    # --- who is at work -------------------------------------------------------------------------------------
    # There are no locks, but what has been put is seen by every list that follows. So each side first shows
    # its lease and looks then: of two that exclude one another at least one sees the other, and gives way.

    def try_lease(self, exclusive: bool):
        """The path of a lease to release(); None: somebody has it the other way round."""
        path = self._show({"mode": "exclusive" if exclusive else "shared"})
        for other, said in self._living_leases():
            if other != path and (exclusive or said.get("mode") == "exclusive"):
                self.release(path)
                return None
        return path

    def announce(self, status: str) -> str:
        return self._show({"mode": "writing", "status": json.loads(status)})

    def update(self, path: str, status: str) -> None:
        lease = self._leases[path]
        lease[0]["status"] = json.loads(status)
        self._refresh()

    def release(self, path: str) -> None:
        self._leases.pop(path, None)
        _held.discard(path)
        self._forget(path)

    def writers(self) -> list:
        """What those that write now say of themselves."""
        return [
            json.dumps(said["status"])
            for _, said in self._living_leases(SILENT_AFTER_S)
            if isinstance(said.get("status"), dict)
        ]

    def remove_leftovers(self) -> int:
        """REQUIRES: an exclusive lease. Returns bytes."""
        leftovers = [(f"temp/{name}", size) for name, size in self.list("temp")]
        leftovers += [(f"writers/{name}", size) for name, size in self.list("writers")]
        leftovers = [(path, size) for path, size in leftovers
                     if _LEFTOVER.fullmatch(path) and path not in self._leases]
        for path, _ in leftovers:
            self.remove(path)
        return sum(size for _, size in leftovers)

    def _show(self, said) -> str:
        path = f"writers/{uuid.uuid4().hex}.json"
        self._leases[path] = [said | {"holder": _this_machine(), "pid": os.getpid()}, 0.0]
        _held.add(path)
        try:
            self._write_lease(path)
        except BaseException:
            self.release(path)
            raise
        return path

    def _write_lease(self, path):
        lease = self._leases[path]
        lease[1] = time.monotonic()
        self._put(path, json.dumps(lease[0] | {"shown": time.time()}).encode())

    def _refresh(self):
        """While a holder works, its leases say so."""
        for path, lease in list(self._leases.items()):
            if time.monotonic() - lease[1] > REFRESH_S:
                lease[1] = time.monotonic()  # one of several threads does it
                self._check_lease(path)
                self._write_lease(path)

    def _check_leases(self):
        for path in list(self._leases):
            self._check_lease(path)

    def _check_lease(self, path):
        """Who slept for a day may have been taken for dead, and what it relies on may be gone."""
        try:
            self._ask(lambda fs: _info(fs, self._at(path)))
        except FileNotFoundError:
            raise OSError(
                f"{self.url}: this kernel was taken for dead and its work was cleared away; try again"
            ) from None

    def _living_leases(self, patience_s=DEAD_AFTER_S):
        for name, size in self.list("writers"):
            path = f"writers/{name}"
            try:
                said = self._read_lease(path) if size <= _LONGEST_LEASE else {}
            except FileNotFoundError:
                continue  # released meanwhile
            except (ValueError, RecursionError):
                said = {}  # somebody is at work, whoever it is
            if isinstance(said, dict) and not _is_dead(path, said, patience_s):
                yield path, said

    def _read_lease(self, path):
        return json.loads(self._ask(lambda fs: fs.cat_file(self._at(path))))

    # --- the link -------------------------------------------------------------------------------------------

    def _at(self, path) -> str:
        return f"{self._root}/{path}" if path else self._root

    def _entries(self, directory):
        def look(fs):
            fs.invalidate_cache()
            return fs.ls(self._at(directory), detail=True)

        return self._ask(look)

    def _ask(self, request):
        """Makes a request, more than once if the link is bad."""
        for attempt in range(TRIES):
            files = None
            try:
                files = self._take()
                answer = request(files)
                self._give_back(files)
                return answer
            except _FINAL:
                self._give_back(files)
                raise
            except BaseException as error:
                self._drop(files)
                final = attempt + 1 == TRIES or _is_about_credentials(error)
                if final or not isinstance(error, Exception):
                    raise
            time.sleep(FIRST_PAUSE_S * 2**attempt * random.uniform(0.8, 1.2))
        raise AssertionError("unreachable")

    def _take(self):
        """A connection for one request; one that is asynchronous inside serves many at a time."""
        with self._idle_lock:
            if self._idle:
                files = self._idle[-1]
                return files if files.async_impl else self._idle.pop()
        files, self._root = _connect(self.url)
        if files.async_impl:
            self._give_back(files)
        return files

    def _give_back(self, files):
        with self._idle_lock:
            if files is not None and files not in self._idle:
                self._idle.append(files)

    def _drop(self, files):
        """It may be broken."""
        with self._idle_lock:
            if files in self._idle:
                self._idle.remove(files)
        if _is_paramiko(files):
            files.client.close()


def _connect(url):
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise ImportError(f"{url} needs the package fsspec: pip install fsspec") from None
    # Instances are shared by fsspec otherwise, and with them a broken connection.
    files, root = url_to_fs(url, skip_instance_cache=True)
    if _is_paramiko(files):
        files.ftp.get_channel().settimeout(60)  # it waits for ever otherwise
    if hasattr(files, "retries"):
        files.retries = 1  # s3fs tries again by itself, and ours would multiply with it
    return files, root.rstrip("/")


def _is_paramiko(files) -> bool:
    return hasattr(getattr(files, "ftp", None), "get_channel")


# paramiko sends 32 KiB and waits for the answer, unless told not to: a loopback carries 0.5 MB/s so.
def _send(files, path, data):
    if not _is_paramiko(files):
        return files.pipe_file(path, data)
    with files.ftp.open(path, "wb") as file:
        file.set_pipelined(True)
        file.write(data)


def _fetch(files, path, offset, length) -> bytes:
    if not _is_paramiko(files):
        return files.cat_file(path, start=offset, end=offset + length)
    with files.ftp.open(path, "rb") as file:
        return b"".join(file.readv([(offset, length)]))


def _info(files, path) -> dict:
    files.invalidate_cache()
    return files.info(path)


def _is_about_credentials(error) -> bool:
    return re.search("authentication|credential|badhostkey", type(error).__name__, re.IGNORECASE) is not None


def _last(path) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _this_machine() -> str:
    """Where process ids mean the same."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            boot = file.read().strip()
        return f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _is_dead(path, said, patience_s) -> bool:
    if said.get("holder") == _this_machine() and isinstance(said.get("pid"), int):
        if said["pid"] == os.getpid():
            return path not in _held
        try:
            os.kill(said["pid"], 0)
        except ProcessLookupError:
            return True
        except (OSError, OverflowError):
            pass
    shown = said.get("shown")
    return isinstance(shown, (int, float)) and time.time() - shown > patience_s
