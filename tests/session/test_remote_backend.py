"""Stores at URLs: real servers from a session's side, and a bad link from close by."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="fsspec is not installed")

from elasticpython import remote  # noqa: E402
from elasticpython.remote import Remote  # noqa: E402
from fsspec.implementations.memory import MemoryFileSystem  # noqa: E402

import remote_servers  # noqa: E402

CELLS = (
    "import numpy as np",
    "big = np.arange(5_000_000); view = big[10:]",
    "def double(x): return 2 * x",
    "many = [str(i) for i in range(1000)]; names = {'a': 1}",
)
SHOWN = "[int(big.sum()), int(view[0]), np.shares_memory(view, big), double(4), len(many), names]"


@pytest.fixture(scope="module", params=["s3", "sftp"])
def server(request, tmp_path_factory):
    make = getattr(remote_servers, request.param + "_server")
    running = make(tmp_path_factory.mktemp(request.param))
    yield running
    running.stop()


# --- a session and a real server ---------------------------------------------------------------------------


def test_a_session_goes_to_a_server_and_comes_back(start, server):
    place = f"{server.url}/round/trip"
    first = start(**server.environment)
    first.run(*CELLS)
    report = first.checkpoint(place, plan="store-all")
    assert report["path"] == place and report["bytes_total"] > 40_000_000
    expected = first.value(SHOWN)

    first.run("names['b'] = 2; big[0] = 7")
    again = first.checkpoint(place, plan="store-all")
    assert again["bytes_written"] < 3_000_000  # what changed, and what is written anew every time
    expected_again = first.value(SHOWN)
    first.kill()

    second = start(**server.environment)
    assert second.run(f"%restore {place}")["error"] is None
    assert second.value(SHOWN) == expected_again != expected


def test_what_is_not_there_is_one_line(start, server):
    process = start(**server.environment)
    process.run("x = 1")
    message = process.failing_call("restore", path=f"{server.url}/nowhere")
    assert "no checkpoint" in message and "\\n" not in message
    assert process.value("x") == 1


def test_a_lost_link_leaves_the_former_checkpoint_and_is_taken_up_again(start, server):
    """The server goes away in the middle: one line; back again, what it had taken is not sent once more."""
    place = f"{server.url}/lost"
    process = start(**server.environment, ELASTICPYTHON_REMOTE_TRIES="2", AWS_MAX_ATTEMPTS="1")
    process.run("import numpy as np", "x = 1")
    process.checkpoint(place, plan="store-all")
    process.run("x = 2; data = np.random.default_rng(0).integers(0, 255, 50_000_000, dtype=np.uint8)")
    # From the process itself, when the third pack goes out: in the middle, whatever the speed.
    process.run(f"""
        from elasticpython.remote import Remote
        import psutil, time
        put, sent, done = Remote._put, [], []
        def failing(self, path, data):
            if path.startswith("packs/"):
                sent.append(path)
                if len(sent) == 3:
                    while not done: time.sleep(0.01)
                    server = psutil.Process({server.process.pid})
                    for each in (server, *server.children(recursive=True)):
                        each.kill()
            put(self, path, data)
            if path.startswith("packs/"):
                done.append(path)
        Remote._put = failing""")
    message = process.failing_call("checkpoint", path=place, plan="store-all")
    assert "CheckpointError" in message and "\\n" not in message and server.url in message
    server.process.wait()
    server.start()
    if not server.url.startswith("sftp"):
        return  # moto keeps buckets in memory: what was in them is gone with it
    former = start(**server.environment)
    former.run("import elasticpython.remote; elasticpython.remote.SILENT_AFTER_S = 0")  # or it waits a minute
    former.restore(place)
    assert former.value("x") == 1
    report = process.checkpoint(place, plan="store-all")
    assert report["bytes_written"] < 50_000_000 - 15_000_000  # at least one pack had arrived
    former.restore(place)
    assert former.value("[x, int(data[:1000].sum())]") == process.value("[x, int(data[:1000].sum())]")


def test_a_file_url_is_the_directory(start, tmp_path):
    process = start()
    process.run("x = 41")
    assert process.checkpoint(f"file://{tmp_path}/with%20space")["path"] == f"{tmp_path}/with space"
    assert (tmp_path / "with space" / "elastic-store.json").is_file()
    process.run("x = 0")
    process.restore(f"file://{tmp_path}/with%20space")
    assert process.value("x") == 41


def test_a_url_that_nobody_knows_is_one_line(start):
    process = start()
    process.run("x = 1")
    for place in ("nothing://here", "s3://"):
        message = process.failing_call("checkpoint", path=place)
        assert "CheckpointError" in message and "\\n" not in message


def test_old_checkpoints_go_and_a_store_of_another_user_is_refused(start):
    process = start()
    for i in range(10):
        process.run(f"x = {i}")
        process.checkpoint("memory://kept")
    count = "__import__('fsspec').filesystem('memory').ls('/kept/manifests', detail=False).__len__()"
    assert process.value(count) == 8
    assert process.value("__import__('fsspec').filesystem('memory').glob('/kept/writers/*')") == []
    process.run("import os; os.environ['ELASTICPYTHON_KEY'] = os.path.abspath('another-key')")
    assert "--trust" in process.failing_call("restore", path="memory://kept")
    process.run("x = 'mine'")
    process.restore("memory://kept", trust=True)
    assert process.value("x") == 9


COMMAND = str(Path(sys.executable).with_name("elasticpython"))


def looked_after(place, process, environment, tmp_path):
    """What the `elasticpython` command does with a store at a URL; the session has written x twice."""

    def said(*words, fails=False):
        done = subprocess.run([COMMAND, *words], capture_output=True, text=True, cwd=tmp_path,
                              env=os.environ | {"XDG_DATA_HOME": str(tmp_path / "xdg")} | environment)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stderr if fails else done.stdout

    (tmp_path / "fsspec.py").write_text("raise SystemExit('of the working directory')")
    listed = json.loads(said("list", place, "--json"))["checkpoints"]
    older, newer = [entry["name"] for entry in listed]
    assert all(entry["trusted"] for entry in listed)
    assert json.loads(said("show", place, older, "--json"))["payload"]["report"]["variables"]["x"]
    assert f"{newer} is whole" in said("verify", place)
    said("export", place, older, "older.file")
    assert f"{older[17:]} is whole" in said("verify", "older.file")
    said("rm", place, older)
    assert json.loads(said("gc", place, "--json"))["bytes_freed"] > 0
    assert [entry["name"] for entry in json.loads(said("list", place, "--json"))["checkpoints"]] == [newer]
    imported = json.loads(said("import", f"{place}/imported", "older.file", "--json"))["name"]
    assert imported in said("list", f"{place}/imported")
    process.restore(f"{place}/imported")
    assert process.value("len(x)") == 1000
    process.restore(place)
    assert process.value("len(x)") == 2000
    line = said("verify", place, "0000000000", fails=True)
    assert line.count("\n") == 1 and "no checkpoint" in line
    assert said("list", f"{place}/nothing", fails=True).count("\n") == 1


def test_the_command_looks_after_a_store_at_a_server(start, server, tmp_path):
    place = f"{server.url}/command"
    process = start(**server.environment)
    for count in (1000, 2000):
        process.run(f"import random; x = [random.random() for _ in range({count})]")
        process.checkpoint(place, plan="store-all")
    looked_after(place, process, server.environment, tmp_path)


def test_the_command_takes_a_file_url_for_the_directory(start, tmp_path):
    process = start()
    for count in (1000, 2000):
        process.run(f"import random; x = [random.random() for _ in range({count})]")
        process.checkpoint(tmp_path / "store", plan="store-all")
    looked_after(f"file://{tmp_path}/store", process, {}, tmp_path)


def test_a_store_in_memory_is_looked_after_in_its_process(start):
    process = start()
    process.run("x = list(range(1000))")
    name = process.checkpoint("memory://here")["checkpoint"]
    command = "__import__('elasticpython.command').command.main"
    shown = process.run(f"status = {command}(['list', 'memory://here'])")["output"]
    assert name in shown and process.value("status") == 0


def test_what_was_found_damaged_at_a_url_is_written_anew(start):
    process = start()
    process.run("import fsspec, numpy as np",
                "x = 1; b = np.random.default_rng(1).integers(0, 2**62, 1_000_000)")
    process.checkpoint("memory://damaged", plan="store-all")
    process.run("""
def damage():
    files = fsspec.filesystem('memory')
    data = b.tobytes()
    for pack in files.glob('/damaged/packs/*.pack'):
        whole = bytearray(files.cat_file(pack))
        for at in (whole.find(data[:1000]), whole.find(data[5_000_000:5_001_000])):
            whole[at + 10] ^= 1
        files.pipe_file(pack, bytes(whole))
damage()
command = __import__('elasticpython.command').command.main
first = command(['verify', 'memory://damaged'])
""")
    process.run("c = 1")
    report = process.checkpoint("memory://damaged", plan="store-all")
    assert 2 << 20 < report["bytes_written"] < 4 << 20
    process.run("second = command(['verify', 'memory://damaged'])")
    assert process.value("[first, second]") == [1, 0]


def test_what_is_exported_goes_into_a_file(start, tmp_path):
    process = start()
    process.run("x = 1")
    process.checkpoint(tmp_path / "store")
    words = [COMMAND, "export", tmp_path / "store", "s3://bucket/file"]
    done = subprocess.run(words, capture_output=True, text=True,
                          env=os.environ | {"XDG_DATA_HOME": str(tmp_path / "xdg")})
    assert done.returncode == 1 and "not to a URL" in done.stderr


# --- a place that can be made bad --------------------------------------------------------------------------


class BadLink(MemoryFileSystem):
    """Fails requests; what it holds is its own."""

    cachable = False
    store, pseudo_dirs = {}, [""]
    failures = []  # of the next requests: an exception to raise, before or (("after", error)) after the work
    requests = []

    def _request(self, name, path, work):
        self.requests.append((name, path))
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, Exception):
            raise failure
        answer = work()
        if failure is not None:
            raise failure[1]
        return answer

    def pipe_file(self, path, value, **_):
        return self._request("put", path, lambda: MemoryFileSystem.pipe_file(self, path, value))

    def cat_file(self, path, start=None, end=None, **_):
        return self._request("get", path, lambda: MemoryFileSystem.cat_file(self, path, start, end))

    def rm_file(self, path):
        return self._request("remove", path, lambda: MemoryFileSystem.rm_file(self, path))


@pytest.fixture
def place(monkeypatch):
    BadLink.store.clear()
    BadLink.pseudo_dirs[:] = [""]
    BadLink.failures, BadLink.requests = [], []
    monkeypatch.setattr(remote, "_connect", lambda url: (BadLink(), "/store"))
    monkeypatch.setattr(remote, "FIRST_PAUSE_S", 0.001)
    return Remote("memory://store")


def test_requests_are_tried_again_until_it_is_enough(place):
    BadLink.failures = [ConnectionResetError("gone"), TimeoutError("slow"), ("after", EOFError("no answer"))]
    place.put("packs/a", b"12345")
    assert place.read("packs/a", 1, 3) == b"234"
    assert len(BadLink.requests) == 5
    BadLink.failures = [ConnectionResetError("gone")] * remote.TRIES
    with pytest.raises(ConnectionResetError):
        place.put("packs/b", b"1")
    assert BadLink.failures == []
    BadLink.failures = [PermissionError("no"), RuntimeError("not reached")]
    with pytest.raises(PermissionError):
        place.put("packs/b", b"1")
    assert len(BadLink.failures) == 1


def test_a_removal_whose_answer_was_lost_is_a_removal(place):
    place.put("packs/a", b"1")
    BadLink.failures = [("after", ConnectionResetError("gone"))]
    place.remove("packs/a")
    assert place.list("packs") == []


def test_less_than_was_asked_for_is_an_error(place):
    place.put("packs/a", b"12345")
    with pytest.raises(OSError):
        place.read("packs/a", 3, 3)


def test_leases_exclude_one_another(place):
    other = Remote("memory://store")
    shared = place.try_lease(False)
    assert other.try_lease(True) is None
    second = other.try_lease(False)
    place.release(shared)
    assert place.try_lease(True) is None
    other.release(second)
    exclusive = place.try_lease(True)
    assert exclusive and other.try_lease(False) is None and other.try_lease(True) is None
    place.release(exclusive)
    assert place.list("writers") == []


def test_of_two_that_begin_at_once_never_both_have_it(place):
    """Whatever the order of their requests."""
    for _ in range(50):
        here, there = Remote("memory://store"), Remote("memory://store")
        got = {}
        threads = [threading.Thread(target=lambda: got.update(shared=here.try_lease(False))),
                   threading.Thread(target=lambda: got.update(exclusive=there.try_lease(True)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not (got["shared"] and got["exclusive"])
        for name, _size in place.list("writers"):
            place.remove(f"writers/{name}")


def test_a_writer_is_seen_while_it_lives(place):
    other = Remote("memory://store")
    lease = place.announce(json.dumps({"pid": 3, "label": "a"}))
    assert [json.loads(each)["label"] for each in other.writers()] == ["a"]
    assert other.try_lease(True) is None
    place.release(lease)
    assert other.writers() == []


OTHER = f"/store/writers/{'0' * 32}.json"


def lease_of(**said):
    lease = json.dumps({"mode": "writing", "status": {}} | said)
    BadLink().pipe_file(OTHER, lease.encode())


def test_the_dead_are_told_from_the_living(place):
    now, day = time.time(), remote.DEAD_AFTER_S
    ended = os.fork()
    if ended == 0:
        os._exit(0)
    os.waitpid(ended, 0)
    mine = remote._this_machine()
    for said, dead in (
        ({"holder": "elsewhere", "pid": 1, "shown": now}, False),
        ({"holder": "elsewhere", "pid": ended, "shown": now - day + 600}, False),
        ({"holder": "elsewhere", "pid": 1, "shown": now - day - 600}, True),
        ({"holder": mine, "pid": ended, "shown": now}, True),
        ({"holder": mine, "pid": os.getppid(), "shown": now}, False),
        ({"holder": mine, "pid": os.getpid(), "shown": now}, True),  # one that could not be released
        ({}, False),  # who says nothing may be anybody
    ):
        lease_of(**said)
        lease = place.try_lease(True)
        assert (lease is not None) == dead, said
        if lease:
            assert place.remove_leftovers() > 0
            place.release(lease)
            assert place.list("writers") == []
    BadLink().pipe_file(OTHER, b"no json")
    assert place.try_lease(True) is None


def test_a_lease_that_somebody_else_made_is_somebody_at_work_and_no_more(place):
    here = remote._this_machine()
    for said in (b"[" * 50_000, json.dumps({"holder": here, "pid": 1 << 70}).encode(), b"[1]", b"\xff",
                 json.dumps({"holder": here, "pid": -1, "shown": "yesterday"}).encode()):
        BadLink.store.clear()
        place.put("writers/hostile.json", said)
        assert place.writers() == []
        assert (place.try_lease(True) is None) == (said != b"[1]"), said[:100]
    BadLink.requests.clear()
    place.put("writers/hostile.json", b" " * (1 << 20))
    assert place.try_lease(True) is None
    assert ("get", "/store/writers/hostile.json") not in BadLink.requests, "a megabyte was fetched"


def test_only_what_is_named_like_a_leftover_is_cleared_away(place):
    name = "0123456789abcdef" * 2
    for path in (f"temp/{name}", f"writers/{name}.json", "temp/thesis.txt", "writers/notes.json"):
        place.put(path, b"1234")
    assert place.remove_leftovers() == 8
    assert [name for name, _ in place.list("temp") + place.list("writers")] == ["thesis.txt", "notes.json"]


def test_who_was_taken_for_dead_publishes_nothing(place):
    lease = place.announce("{}")
    place.end_put(place.begin_put("packs/a", b"1"))
    BadLink.store.pop(f"/store/{lease}")  # by a collection that took it for dead
    with pytest.raises(OSError, match="taken for dead"):
        place.put("manifests/m", b"1")
    assert place.list("manifests") == []


def test_a_lease_is_shown_anew_while_its_holder_works(place, monkeypatch):
    lease = place.announce("{}")
    before = json.loads(BadLink().cat_file(f"/store/{lease}"))["shown"]
    monkeypatch.setattr(remote, "REFRESH_S", 0)
    place.end_put(place.begin_put("packs/a", b"1"))
    assert json.loads(BadLink().cat_file(f"/store/{lease}"))["shown"] > before


def test_where_a_put_is_not_whole_at_once_it_is_renamed(place, monkeypatch):
    place._protocol = "sftp"
    place.prepare()
    place.put("packs/a", b"12345")
    assert place.list("packs") == [("a", 5)] and place.list("temp") == []
    assert BadLink.requests[0][1].startswith("/store/temp/")
    BadLink.failures = [RuntimeError("gone")] * remote.TRIES
    with pytest.raises(RuntimeError):
        place.put("packs/b", b"1")
    assert place.list("packs") == [("a", 5)] and place.list("temp") == []
    monkeypatch.setattr(BadLink, "info", lambda self, path, **_: {"size": 3, "type": "file"})
    with pytest.raises(OSError, match="did not take all"):
        place.put("packs/c", b"12345")
    assert place.list("packs") == [("a", 5)] and place.list("temp") == []


def test_a_place_with_other_things_in_it_is_refused(place):
    assert place.is_empty()
    BadLink().pipe_file("/store/thesis.tex", b"mine")
    with pytest.raises(ValueError, match="other files"):
        place.is_empty()
