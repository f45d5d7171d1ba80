"""Who brings which notebook back: the notebooks of tests/session/books, moved to a new process by us, dill,
cloudpickle and Kishu, in one run.

    .venv/bin/python benchmarks/round_trips.py [--books NAME...] [--contenders NAME...] [--json FILE]

Each notebook runs in one process and is written down at a third, at two thirds and at the end. For each, a
new process loads it and runs the cells that are left. What counts, of all notebooks and points:
    written    the contender wrote something, without an error
    loaded     the new process could load it
    shows      the cells that are left show the same
    same       every variable is the same then and at the end: values, aliases, shared memory, functions
               at home in the namespace (tests/session/portrait)
dill writes the whole of __main__ but for IPython's own names (dump_module); cloudpickle the same as one
dict, and nothing of it if one of them cannot be pickled. Kishu commits after each cell, so it runs the
notebook in a process of its own (kishu_peer.py), and what it has committed at the point counts.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import kishu_peer

ROOT = Path(__file__).resolve().parent.parent
BOOKS = sorted((ROOT / "tests/session/books").glob("*.py"))
CONTENDERS = ("elasticpython", "dill", "cloudpickle", "kishu")
COLUMNS = ("written", "loaded", "shows", "same")
NUMBER = re.compile(r"(?<=Out)\[\d+\]")
IPYTHON = "In Out _ __ ___ _i _ii _iii _ih _oh _dh get_ipython exit quit open".split()


# --- in the processes ---------------------------------------------------------------------------------------


def write_dill(reader, path):
    """__main__ as a whole, without what belongs to IPython."""
    import dill

    names = reader.shell.user_ns
    own = {name: names.pop(name) for name in list(names) if name in IPYTHON or name.startswith(("_i", "_1"))}
    try:
        dill.dump_module(path, module=reader.shell.user_module)
    finally:
        names.update(own)


def read_dill(reader, path):
    """Into __main__."""
    import dill

    dill.load_module(path, module=reader.shell.user_module)


def write_cloudpickle(reader, path):
    """The same as one dict."""
    import cloudpickle

    values = {name: value for name, value in reader.shell.user_ns.items()
              if name not in {*reader.shell.user_ns_hidden, *IPYTHON} and not name.startswith(("_i", "_1"))}
    Path(path).write_bytes(cloudpickle.dumps(values))


def read_cloudpickle(reader, path):
    """Into the namespace."""
    import pickle

    reader.shell.user_ns.update(pickle.loads(Path(path).read_bytes()))


def write_elasticpython(reader, path):
    """A checkpoint."""
    import elasticpython

    elasticpython.checkpoint(path)


def read_elasticpython(reader, path):
    """A restore."""
    import elasticpython

    elasticpython.restore(path)


class KishuReader:
    """tests/session/book.Reader with Kishu in our place."""

    def __init__(self, directory):
        from IPython.core.interactiveshell import InteractiveShell

        InteractiveShell.xmode = "Plain"
        InteractiveShell.enable_gui = lambda shell, gui=None: None
        self.shell = InteractiveShell.instance(colors="nocolor")
        self.shell.history_manager.enabled = False
        directory.mkdir(exist_ok=True)
        self.directory, self.kishu, self.failed = directory, kishu_peer.Attached(self.shell, directory), None

    def try_cell(self, source):
        """Runs a cell between Kishu's hooks; returns what it raised, or None, and what it showed."""
        from book import ADDRESS
        from IPython.utils.capture import capture_output

        self.failed = None
        try:
            self.kishu.before_cell()
        except Exception as error:
            self.failed = error
        with capture_output() as captured:
            result = self.shell.run_cell(source, store_history=True)
        try:
            if self.failed is None:
                self.kishu.commit(result)
        except Exception as error:
            self.failed = error
        shown = [captured.stdout, *(each.data.get("text/plain", "") for each in captured.outputs)]
        return result.error_before_exec or result.error_in_exec, [ADDRESS.sub("0x", text) for text in shown]

    def portrait(self):
        """Of the namespace, which Kishu has made anew: what is IPython's own no longer counts as hidden."""
        from portrait import portrait

        names = self.shell.user_ns
        for name in list(names):
            if name in IPYTHON or name.startswith(("_i", "_k")) or name[1:].isdigit():
                self.shell.user_ns_hidden[name] = names[name]
        return portrait(self.shell)


def write_kishu(reader, path):
    """What it has committed."""
    import shutil

    if reader.failed is not None:
        raise reader.failed
    shutil.copytree(reader.directory, path)


def read_kishu(reader, path):
    """The newest commit."""
    reader.kishu.checkout_newest()


def run_task(task):
    """What a child of the fork server does for one notebook; see tests/session/fork_server.py."""
    import shutil

    from book import Book, Reader

    directory, book = Path(task["directory"]), Book(task["book"])
    work = directory / "work"
    if task["point"] is not None:
        shutil.rmtree(work)
        shutil.copytree(directory / f"work{task['point']}", work)
    work.mkdir(exist_ok=True)
    os.chdir(work)
    path = directory / f"{task['contenders'][0]}{'' if task['point'] is None else task['point']}"
    reader = KishuReader(path) if "kishu" in task["contenders"] else Reader(book.pauses)
    if task["point"] is None:
        return write_all(reader, book, directory, task["contenders"])
    globals()[f"read_{task['contenders'][0]}"](reader, str(path))
    there = variables(reader)
    cells = book.cells[book.points[task["point"]]:] + book.following
    return {"there": there, "shown": [shown(reader, cell) for cell in cells], "end": variables(reader)}


def write_all(reader, book, directory, contenders):
    """Runs all of a notebook; each contender writes it down at each point."""
    import shutil

    texts, points = [], []
    for count, cell in enumerate(book.cells, 1):
        texts.append(shown(reader, cell))
        for number in [number for number, point in enumerate(book.points) if point == count]:
            shutil.copytree(directory / "work", directory / f"work{number}")
            written = {}
            for name in contenders:
                try:
                    globals()[f"write_{name}"](reader, str(directory / f"{name}{number}"))
                    written[name] = None
                except BaseException as error:
                    written[name] = f"{type(error).__name__}: {error}"[:200]
            points.append({"written": written, "there": variables(reader)})
    texts += [shown(reader, cell) for cell in book.following]
    return {"points": points, "shown": texts, "end": variables(reader)}


def shown(reader, cell):
    """What a cell shows, but for the numbers of cells and the way to an error, which only we bring back."""
    texts = reader.try_cell(cell.source)[1]
    return [text.strip().splitlines()[-1] if text.startswith("Traceback") else NUMBER.sub("[]", text)
            for text in texts]


def variables(reader):
    """The portrait of the variables alone: ours brings more back, which is not compared here."""
    return {name: lines for name, lines in reader.portrait().items()
            if (not name.startswith("<") or name == "<memory>") and name not in IPYTHON}


# --- the run ------------------------------------------------------------------------------------------------


def judge(book, original, number, contender, restore):
    """Which of COLUMNS one contender reached from one point, and why no more."""
    from portrait import differences

    point = original["points"][number]
    if (why := point["written"][contender]) is not None:
        return set(), f"not written: {why}"
    try:
        restored = restore()
    except AssertionError as error:  # the child has no answer
        return {"written"}, "not loaded: " + str(error).strip().splitlines()[-1][:200]
    reached, why = {"written", "loaded"}, ""
    if restored["shown"] == original["shown"][book.points[number]:]:
        reached.add("shows")
    else:
        pairs = zip(restored["shown"], original["shown"][book.points[number]:])
        why = f"shown: {next((a, b) for a, b in pairs if a != b)}; "
    different = differences(point["there"], restored["there"]) + differences(original["end"], restored["end"])
    if not different:
        return reached | {"same"}, why
    return reached, f"{why}variables differ: {different[0]}"[:300]


def round_trips(path, place, company, first, second):
    """One notebook, run in one process for all of `company`: yields the point, who, COLUMNS reached, why no
    more."""
    from book import Book

    book, task = Book(path), {"book": str(path), "directory": str(place)}
    original = first.run("round_trips", **task, point=None, contenders=company)
    for number in range(len(original["points"])):
        for name in company:
            def restore():
                return second.run("round_trips", **task, point=number, contenders=[name])  # noqa: B023

            yield number, name, *judge(book, original, number, name, restore)


def run(chosen):
    """All notebooks; prints a line for each that fails, and the table."""
    sys.path.insert(0, str(ROOT / "tests/session"))
    from fork_server import ForkServer

    contenders = list(chosen.contenders)
    if "kishu" in contenders and not kishu_peer.install():
        print("kishu cannot be installed here")
        contenders.remove("kishu")
    # Who only writes files can share a process with us; Kishu puts its own namespace into the shell.
    companies = [company for company in ([name for name in contenders if name != "kishu"],
                                         [name for name in contenders if name == "kishu"]) if company]
    reached, problems = {name: [] for name in contenders}, []
    with tempfile.TemporaryDirectory() as directory:
        library = Path(directory) / "site-packages"  # what is imported from there is not the user's own
        library.symlink_to(ROOT / "benchmarks")
        os.environ["PYTHONPATH"] = os.pathsep.join([str(library), str(kishu_peer.HOME)])
        for name in ("first", "second"):
            (Path(directory) / name).mkdir()
        servers = [ForkServer(Path(directory) / name) for name in ("first", "second")]
        for path in BOOKS:
            if chosen.books and path.stem not in chosen.books:
                continue
            for company in companies:
                place = Path(directory) / path.stem / company[0]
                place.mkdir(parents=True)
                for number, name, columns, why in round_trips(path, place, company, *servers):
                    reached[name].append(columns)
                    if why:
                        problems.append([path.stem, number, name, why])
                        print(f"{path.stem}, point {number + 1}, {name}: {why}", flush=True)
        for server in servers:
            server.close()
    table = {name: {column: sum(column in each for each in columns) for column in COLUMNS}
             for name, columns in reached.items()}
    print(f"\n{'':16}" + "".join(f"{column:>12}" for column in ("of", *COLUMNS)))
    for name, row in table.items():
        print(f"{name:16}" + "".join(f"{value:12}" for value in (len(reached[name]), *row.values())))
    return {"table": table, "problems": problems}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--books", nargs="*")
    arguments.add_argument("--contenders", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    arguments.add_argument("--json")
    chosen = arguments.parse_args()
    results = run(chosen)
    if chosen.json:
        Path(chosen.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
