"""How many reads and writes in the history of realistic notebooks are false, and whether any is missed.

    benchmarks/false_pairs.py [--only WORD] [--back-to-back] [--list]

Each notebook of tests/session/books runs twice, in processes of their own: watched, with the idle time that
a person's pause gives after each cell (--back-to-back: without), and in a namespace that writes down which
names were looked up, bound and deleted and which functions of the session ran, with a portrait of every
variable (tests/session/portrait.py: it shares no code with the walk) after each cell. A pair is a cell with a
variable that it reads, or writes. A read is true if the name was looked up, or the variable changed, or it is
a function that ran, or a class one of whose methods did, or one in which an attribute of an instance was
looked for: Python looks into the class and its bases before it looks into the instance, so that `k.n` is
another after `K.n = property(f)`. A write is true if the name was bound or the portrait changed. What the
second run shows and the history has not is missed, which must never be: the exit status is then 1. `--list`
prints the pairs.

Not seen by the second run, and so counted as false though they are not: attributes that change and that
portraits pass over (an array's flags, a cache), and reads that copy the namespace below Python. The notebook
of magics is left out: `%run` and `%reset_selective` go past the recording namespace.
"""

import argparse
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import types
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests/session"
HIDDEN = re.compile(r"_+$|_\d+$|_i+\d*$|_[oid]h$|__.*__$|__pd_eval_")
QUIET = {"IPython", "traitlets", "matplotlib_inline", "portrait"}
LEFT_OUT = {"magics_and_shell"}


def asker_of(frame):
    """The package whose code runs there."""
    return (dict.get(frame.f_globals, "__name__") or "").split(".")[0]


def is_own(cls):
    """Whether a cell made the class, or a module of the user's own."""
    module = sys.modules.get(cls.__module__)
    file = getattr(module, "__file__", None) or ""
    return cls.__module__ == "__main__" or file.startswith(os.getcwd() + os.sep)


class Recording(dict):
    """A namespace that knows what was done to it since `begin`."""

    def __init__(self):
        super().__init__()
        self.watched = set()

    def begin(self):
        self.looked_up, self.bound, self.ran, self.searched, self.on = set(), set(), {}, set(), True

    def note_call(self, frame, event, _):
        """A profiler: which code of the session runs, and on instances of what (or on which class)."""
        if event == "call" and frame.f_globals is self:
            code = frame.f_code
            first = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
            self.ran.setdefault(code, set()).update((type(first), first if isinstance(first, type) else None))

    def note(self, key):
        known = key not in self.bound and dict.__contains__(self, key)
        if self.on and known and asker_of(sys._getframe(2)) not in QUIET:
            self.looked_up.add(key)

    on = False

    def watch_classes(self):
        """From now on, `searched` has those in which attributes of instances are looked for."""
        for cls in list(self.values()):
            if isinstance(cls, type) and is_own(cls) and cls not in self.watched:
                self.watched.add(cls)
                self.watch(cls, cls.__getattribute__)

    def watch(self, cls, inherited):
        def __getattribute__(this, name):
            if self.on and asker_of(sys._getframe(1)) not in QUIET:
                for each in type(this).__mro__:
                    self.searched.update({each} & self.watched)
                    if name in vars(each):
                        break
            return inherited(this, name)

        # For portraits, a function of some library: they do not look into it.
        __getattribute__.__module__, __getattribute__.__qualname__ = "false_pairs", "__getattribute__"
        cls.__getattribute__ = __getattribute__

    def __getitem__(self, key):
        self.note(key)
        return dict.__getitem__(self, key)

    def get(self, key, default=None):
        self.note(key)
        return dict.get(self, key, default)

    def __setitem__(self, key, value):
        if self.on:
            self.bound.add(key)
        dict.__setitem__(self, key, value)

    def __delitem__(self, key):
        self.note(key)
        dict.__delitem__(self, key)

    def copy(self):
        """For pandas, which looks `@name` up in a copy of the caller's globals."""
        if sys._getframe(1).f_globals.get("__name__", "").startswith("pandas"):
            return self
        return dict(self)


def code_of(value):
    """The code that runs when this function, or a method that this class defines, is called."""
    if isinstance(value, type):
        return {code for member in vars(value).values() if not isinstance(member, type)
                for code in code_of(member)}
    parts = [value, *(getattr(value, part, None) for part in ("__func__", "fget", "fset", "fdel", "func"))] \
        if isinstance(value, (staticmethod, classmethod, property, functools.cached_property)) else [value]
    return {part.__code__ for part in parts if isinstance(part, types.FunctionType)}


def has_run(value, ran):
    """Whether the function, or a method of the class, is among the code that ran: one of its own, or one that
    it inherits and that ran on an instance of it."""
    if any(code in ran for code in code_of(value)):
        return True
    inherited = value.__mro__[1:] if isinstance(value, type) else ()
    return any(cls is not None and issubclass(cls, value) for base in inherited
               if base.__module__ == "__main__" for code in code_of(base) for cls in ran.get(code, ()))


def really(book):
    """What each cell of the book really read and wrote."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output
    from portrait import Painter

    class Shell(InteractiveShell):
        def enable_gui(self, gui=None):
            """For `%matplotlib inline`: without a kernel there is no event loop to join."""

    Shell.xmode = "Plain"
    names = Recording()
    shell = Shell(user_ns=names, colors="nocolor")
    shell.history_manager.enabled = False
    sys.modules["__main__"] = shell.user_module
    if "matplotlib.pyplot" in sys.modules:
        from matplotlib_inline.backend_inline import _enable_matplotlib_integration

        _enable_matplotlib_integration()

    def of_user():
        return {name: value for name, value in dict.items(names)
                if name not in shell.user_ns_hidden and not HIDDEN.match(name)}

    def portraits():
        return {name: Painter(names).variable(name, value) for name, value in of_user().items()}

    cells, before, values = [], portraits(), of_user()
    for cell in book.cells + book.following:
        names.begin()
        with capture_output():
            sys.setprofile(names.note_call)
            threading.setprofile(names.note_call)
            result = shell.run_cell(cell.source, store_history=True)
            sys.setprofile(None)
            threading.setprofile(None)
        names.on = False
        after, now = portraits(), of_user()
        bound = {name for name in now if name in names.bound or values.get(name) is not now[name]}
        changed = {name for name in after
                   if name in before and name not in bound and before[name] != after[name]}
        used = {name for name, value in values.items()
                if has_run(value, names.ran) or isinstance(value, type) and value in names.searched}
        reads = {name for name in names.looked_up if name in values} | changed | (used - names.bound)
        cells.append({"reads": sorted(reads), "writes": sorted(bound | changed), "ok": result.success})
        names.watch_classes()
        before, values = portraits(), now
    return cells


def recorded(book, pauses):
    """What the history says of each cell of the book."""
    import elasticpython
    from book import Reader

    reader = Reader(pauses)
    for cell in book.cells + book.following:
        reader.try_cell(cell.source)
    entries = [entry for entry in elasticpython.history() if not entry["outside_cell"]]
    return [{"why": entry["why"], "ok": entry["outcome"] == "ok"}
            | {key: sorted(name for name in entry[key] if not name.startswith("<"))
               for key in ("reads", "writes")} for entry in entries]


def child(how, path):
    """The other side of `run`."""
    sys.path.insert(0, str(TESTS))
    import conftest  # noqa: F401  finds the package in the build
    from book import Book

    book = Book(path)
    found = really(book) if how == "really" else recorded(book, how == "pauses")
    Path(os.environ["FALSE_PAIRS_OUT"]).write_text(json.dumps(found))
    os._exit(0)


def run(how, path):
    """Runs a book in a process of its own."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "out.json"
        environment = os.environ | {"FALSE_PAIRS_OUT": str(out), "MPLBACKEND": "agg", "IPYTHONDIR": directory,
                                    "JUPYTER_DATA_DIR": directory, "XDG_DATA_HOME": directory,
                                    "PYTHONHASHSEED": "0"}
        work = Path(directory) / "work"
        work.mkdir()
        result = subprocess.run([sys.executable, __file__, "--child", how, str(path)], cwd=work,
                                env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if not out.exists():
            sys.exit(f"{path.stem}, {how}: {result.stderr[-3000:]}")
        return json.loads(out.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--back-to-back", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        return child(*options.child)
    total, missed = Counter(), 0
    for path in sorted((TESTS / "books").glob("*.py")):
        if options.only not in path.stem or path.stem in LEFT_OUT:
            continue
        truth = run("really", path)
        history = run("back-to-back" if options.back_to_back else "pauses", path)
        if len(truth) != len(history):
            sys.exit(f"{path.stem}: {len(truth)} cells ran, the history has {len(history)}")
        for number, (real, told) in enumerate(zip(truth, history)):
            if real["ok"] != told["ok"]:
                sys.exit(f"{path.stem} {number}: it raised in one run and not in the other")
        count = Counter()
        for number, (real, told) in enumerate(zip(truth, history)):
            for key in ("reads", "writes"):
                false = sorted(set(told[key]) - set(real[key]))
                gone = sorted(set(real[key]) - set(told[key]))
                count["pairs"] += len(told[key])
                count["false " + key] += len(false)
                count["missed"] += len(gone)
                where = f"  {path.stem} {number}"
                for name in false if options.list else ():
                    print(f"{where}: false {key[:-1]} of {name}: {told['why'].get(name, '')}")
                for name in gone:
                    print(f"{where}: MISSED {key[:-1]} of {name}")
        false = count["false reads"] + count["false writes"]
        print(f"{path.stem:28}{count['pairs']:6} pairs{count['false reads']:5} false reads"
              f"{count['false writes']:5} false writes{100 * false / max(1, count['pairs']):7.1f} %",
              flush=True)
        total += count
        missed += count["missed"]
    false = total["false reads"] + total["false writes"]
    print(f"{'all':28}{total['pairs']:6} pairs{total['false reads']:5} false reads"
          f"{total['false writes']:5} false writes{100 * false / max(1, total['pairs']):7.1f} %, "
          f"{missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
