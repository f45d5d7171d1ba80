"""Handles that are spent (elasticpython.pickling_spent) come back as what they are by then: values.

Each is made by a cell that cannot run again, since it writes a file: only a stored one comes back."""

import pytest

WRITES = "open('by_this_cell.txt', 'w').close()\n"
SPENT = {
    "zip archive": (
        "import zipfile\nwith zipfile.ZipFile('a.zip', 'w') as v: v.writestr('a', 'b')",
        "[v.namelist(), v.fp, v.filename, v.infolist()[0].file_size, repr(v)]"),
    "tar archive": (
        "import tarfile\nwith tarfile.open('a.tgz', 'w:gz') as v: v.add('by_this_cell.txt')",
        "[v.closed, v.members[0].name, v.fileobj.closed]"),
    "gzip file": (
        "import gzip\nwith gzip.open('a.gz', 'wb') as v: v.write(b'1')\n"
        "with gzip.open('a.gz') as w: w.read()",
        "[v.closed, v.name, v.mode, w.closed, w.mode, w.name]"),
    "text of a gzip file": (
        "import gzip, bz2, lzma\nwith gzip.open('a.gz', 'wt', encoding='latin-1') as v: v.write('1')\n"
        "with bz2.open('a.bz2', 'wt') as w: w.write('1')\nwith lzma.open('a.xz', 'wt') as x: x.write('1')",
        "[v.closed, v.encoding, v.buffer.closed, v.buffer.name, w.closed, x.closed, x.buffer.closed]"),
    "temporary file": (
        "import tempfile\nwith tempfile.NamedTemporaryFile('w+') as v: v.write('1')\nname = v.name",
        "[v.closed, v.name == name, v.file.closed, v.delete]"),
    "temporary directory": (
        "import tempfile\nwith tempfile.TemporaryDirectory() as name: pass\n"
        "v = tempfile.TemporaryDirectory(); v.cleanup(); path = v.name",
        "[v.name == path, v._finalizer.alive, v.cleanup()]"),
    "process": (
        "import subprocess\nv = subprocess.Popen(['sh', '-c', 'exit 3'], stdout=subprocess.PIPE); "
        "v.communicate(); pid = v.pid",
        "[v.returncode, v.pid == pid, v.poll(), v.wait(), v.args, v.stdout.closed]"),
    "thread": (
        "import threading\ndone = []\nclass Worker(threading.Thread):\n    def run(self): self.got = 7\n"
        "v = threading.Thread(target=done.append, args=(1,), name='mine'); w = Worker()\n"
        "for each in (v, w): each.start()\nfor each in (v, w): each.join()",
        "[v.is_alive(), v.name, v.daemon, v.join(), w.got, w.is_alive(), type(w) is Worker,"
        " 'stopped' in repr(v)]"),
    "timer": (
        "import threading\nv = threading.Timer(0, int); v.start(); v.join()",
        "[v.is_alive(), v.finished.is_set(), v.interval]"),
    "executor": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(2) as v: futures = [v.submit(pow, each, 2) for each in range(4)]\n"
        "failed = v.submit if False else None",
        "[[each.result() for each in futures], futures[0].done(), v._max_workers, v.shutdown()]"),
    "future that failed": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as v: future = v.submit(int, 'x')",
        "[type(future.exception()).__name__, future.done(), future.cancelled()]"),
    "process executor": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "with ProcessPoolExecutor(1) as v: future = v.submit(abs, -3)",
        "[future.result(), v.shutdown()]"),
    "pool": (
        "import multiprocessing as mp\nwith mp.get_context('fork').Pool(1) as v: got = v.map(abs, [-1])",
        "[got, v._state, v.terminate(), v.join()]"),
    "database connection": (
        "import sqlite3\nv = sqlite3.connect('a.db'); v.row_factory = sqlite3.Row\ncursor = v.cursor()\n"
        "cursor.arraysize = 3\nv.close()",
        "[v.row_factory.__name__, cursor.connection is v, cursor.arraysize, v.close()]"),
    "memory file": (
        "import io\nwith io.StringIO('a') as v: pass\nwith io.BytesIO(b'a') as w: pass",
        "[v.closed, w.closed]"),
}
USES = {  # what a cell does with one that is spent raises as ever
    "zip archive": "v.read('a')", "gzip file": "v.write(b'2')", "text of a gzip file": "v.write('2')",
    "thread": "v.start()", "executor": "v.submit(int)", "process executor": "v.submit(int)",
    "pool": "v.map(abs, [1])", "database connection": "v.execute('select 1')", "memory file": "v.read()",
    "temporary file": "v.write('2')", "tar archive": "v.add('by_this_cell.txt')",
}


@pytest.mark.parametrize("kind", SPENT)
def test_a_spent_handle_comes_back_spent(start, kind):
    cell, expression = SPENT[kind]
    first = start()
    first.run(WRITES + cell, "held = [v]")
    use = f"try: {USES.get(kind, '1 / 0')}\nexcept Exception as error: raised = repr(error)"
    first.run(use)
    before, raised = first.value(expression), first.value("raised")
    checkpoint = first.checkpoint(plan="store-all")
    actions = {name: entry["action"] for name, entry in checkpoint["variables"].items()}
    assert set(actions.values()) == {"store"}, actions
    first.kill()
    second = start()
    report = second.restore()
    assert {entry["status"] for entry in report["variables"].values()} <= {"same"}, report["variables"]
    assert second.value(expression) == before
    assert second.value("held[0] is v")
    second.run("raised = None", use)
    assert second.value("raised") == raised


IN_USE = {
    "zip archive": "import zipfile\nv = zipfile.ZipFile('a.zip', 'w')",
    "gzip file": "import gzip\nv = gzip.open('a.gz', 'wt')",
    "temporary file": "import tempfile\nv = tempfile.NamedTemporaryFile()",
    "process": "import subprocess\nv = subprocess.Popen(['sleep', '60'])",
    "thread": "import threading\nv = threading.Thread(target=threading.Event().wait, daemon=True); v.start()",
    "thread that never ran": "import threading\nv = threading.Thread(target=int)",
    "executor": "from concurrent.futures import ThreadPoolExecutor\nv = ThreadPoolExecutor(1)",
    "future": "from concurrent.futures import Future\nv = Future()",
    "database connection": "import sqlite3\nv = sqlite3.connect('a.db')",
}


@pytest.mark.parametrize("kind", IN_USE)
def test_a_handle_in_use_is_not_stored(start, kind):
    first = start()
    first.run(WRITES + IN_USE[kind])
    assert first.checkpoint()["variables"]["v"]["action"] == "lost"
    assert first.value("type(v).__name__")  # nor was it disturbed
    first.kill()


def test_what_a_temporary_file_was_called_is_left_alone(start, tmp_path):
    first = start()
    first.run("import tempfile\nv = tempfile.NamedTemporaryFile(dir='.'); v.close()\nname = v.name")
    first.checkpoint(plan="store-all")
    second = start()
    second.restore()
    second.run("open(name, 'w').write('by somebody else')\nv.close(); del v")
    assert second.value("open(name).read()") == "by somebody else"
