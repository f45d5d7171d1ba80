"""What watching adds to cells, beside not watching, Kishu, and pickling before and after.

    benchmarks/watch_benchmark.py [--rounds N] [--only NOTEBOOK] [--subjects off,ours,pickle,kishu] [--small]

Each notebook runs cell by cell, back to back as "Run all" does, in a process of its own for each subject.
What counts is the time a cell's reply waits for the subject, before and after the cell, in sum and per cell;
what is left for the idle time after the last cell is printed beside it, and for us the false writes that
waiting costs.

Subjects: `off` runs the cells alone. `pickle` is the method of the paper and of notebooks' state savers in
Python: what a cell names is pickled before and after it, and the bytes compared. `kishu` is Kishu's own
planner over its own namespace, without its checkpoints (kishu_peer.py says where it comes from).
"""

import argparse
import ast
import json
import os
import pickle
import subprocess
import sys
import time
import types
from pathlib import Path

import kishu_peer

ROOT = Path(__file__).resolve().parents[1]

PANDAS = """
import numpy as np, pandas as pd
rng = np.random.default_rng(1); key = rng.integers(0, 1000, ROWS)
df = pd.DataFrame(rng.standard_normal((ROWS, 7)), columns=list("abcdefg")); df["key"] = key
df.describe()
means = df.groupby("key").mean()
df["h"] = df["a"] * df["b"] + np.sqrt(df["c"].abs())
top = df.nlargest(1000, "h")
big = df[df["a"] > 1.5]
df.corr()
joined = big.merge(means, left_on="key", right_index=True, suffixes=("", "_mean"))
df.loc[df["b"] < -3, "b"] = -3.0
counts = df["key"].value_counts()
df.groupby("key")["h"].agg(["min", "max", "std"])
ranked = df.sort_values("h").head(100)
df.quantile([0.1, 0.5, 0.9])
summary = {"rows": len(df), "top": float(top["h"].max()), "keys": int(counts.size)}
""".strip().splitlines()

SKLEARN = """
import numpy as np; from sklearn.linear_model import LinearRegression, SGDClassifier
from sklearn.preprocessing import StandardScaler; from sklearn.model_selection import train_test_split
rng = np.random.default_rng(2); X = rng.standard_normal((ROWS, 20)); w = rng.standard_normal(20)
y = X @ w + rng.standard_normal(ROWS); label = (y > 0).astype(int)
X_train, X_test, y_train, y_test, l_train, l_test = train_test_split(X, y, label, random_state=0)
scaler = StandardScaler().fit(X_train)
S_train, S_test = scaler.transform(X_train), scaler.transform(X_test)
model = LinearRegression().fit(S_train, y_train)
score = model.score(S_test, y_test)
classifier = SGDClassifier(max_iter=5, tol=None, random_state=0).fit(S_train, l_train)
accuracy = classifier.score(S_test, l_test)
residuals = y_test - model.predict(S_test)
worst = np.argsort(np.abs(residuals))[-100:]
S_train[:1000] *= 1.0001
model = LinearRegression().fit(S_train, y_train)
report = {"score": score, "accuracy": accuracy, "worst": worst.tolist()}
""".strip().splitlines()

OBJECTS = """
import random, collections; random.seed(3)
rows = [{"id": i, "name": f"n{i}", "tags": [i % 7, i % 11]} for i in range(COUNT)]
by_tag = collections.defaultdict(list)
for row in rows: by_tag[row["tags"][0]].append(row)
total = sum(row["id"] for row in rows)
names = sorted(row["name"] for row in rows)
longest = max(names, key=len)
for row in rows[::100]: row["tags"].append(99)
index = {row["name"]: row for row in rows}
sizes = {tag: len(group) for tag, group in by_tag.items()}
picked = [random.choice(rows) for _ in range(COUNT // 4)]
words = collections.Counter(name[:3] for name in names)
rows.sort(key=lambda row: row["name"])
chosen = [row for row in rows if 99 in row["tags"]]
checks = all(row["id"] >= 0 for row in rows)
""".strip().splitlines()

TRIVIAL = [
    "import numpy as np\narrays = [np.ones(BYTES // 32) for _ in range(4)]",
    "rows = [{'i': i, 'l': [i]} for i in range(COUNT)]\nx = 0",
    *(f"x = x + {i}\ny_{i % 10} = x * 2" for i in range(500)),
]

GLOBALS = [
    "def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)",
    *["fib(25)"] * 5,
    *["n = 0\nfor i in range(1_000_000):\n    n += i"] * 5,
]


def notebooks(small):
    """name -> (cells, goal as a share of the run time or None). `small`: sizes for a trial of the script."""
    sizes = {"ROWS": 80_000, "COUNT": 5_000, "BYTES": 1 << 24} if small else {}

    def sized(cells, **full):
        for name, value in (full | {key: sizes.get(key, full[key]) for key in full}).items():
            cells = [cell.replace(name, str(value)) for cell in cells]
        return cells

    return {
        "pandas, 500 MB": (sized(PANDAS, ROWS=8_000_000), 0.003),
        "sklearn, 2 M x 20": (sized(SKLEARN, ROWS=2_000_000), 0.003),
        "2 M small objects": (sized(OBJECTS, COUNT=500_000), 0.03),
        "500 trivial cells": (sized(TRIVIAL, BYTES=1 << 32, COUNT=700_000), None),
        "global look-ups": (GLOBALS, None),
    }


class Off:
    """The cells alone."""

    def __init__(self):
        self.main = types.ModuleType("__main__")
        sys.modules["__main__"] = self.main
        self.names = self.main.__dict__

    def before(self, source):
        pass

    def after(self, source, seconds):
        pass

    def finish(self):
        pass

    def writes(self):
        return []


class Ours(Off):
    """The tracker as the kernel drives it."""

    def __init__(self):
        super().__init__()
        sys.path.insert(0, str(ROOT / "tests/pyobj"))
        import conftest  # noqa: F401
        from elasticpython._core import tracker

        self.tracker, self.count = tracker.Tracker(self.names), 0

    def before(self, source):
        self.count += 1
        self.tracker.before_cell(source, source, self.count)

    def after(self, source, seconds):
        self.tracker.after_cell("ok")

    def finish(self):
        self.tracker.settle()

    def writes(self):
        cells = [cell for cell in json.loads(self.tracker.history()) if not cell["outside_cell"]]
        return [[name for name in cell["writes"] if not name.startswith("<")] for cell in cells]


class Pickle(Off):
    """What a cell names is pickled before it and after it, and compared."""

    def __init__(self):
        super().__init__()
        self.written, self.bound = [], {}

    def pickled(self, name):
        value = self.names[name]
        if isinstance(value, types.ModuleType | type | types.FunctionType):
            return id(value)
        try:
            return pickle.dumps(value, 5)
        except Exception:
            return id(value)

    def user_names(self):
        return {name for name in self.names if not name.startswith("__")}

    def before(self, source):
        named = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        self.bound = {name: id(self.names[name]) for name in self.user_names()}
        self.old = {name: self.pickled(name) for name in named & self.user_names()}

    def after(self, source, seconds):
        rebound = {name for name in self.user_names() if self.bound.get(name) != id(self.names[name])}
        kept = [name for name in self.old if name in self.names]
        changed = {name for name in kept if self.old[name] != self.pickled(name)}
        self.written.append(sorted(rebound | changed))
        self.old = {}

    def writes(self):
        return self.written


class Kishu(Off):
    """Kishu's planner, which compares ID graphs, over its tracked namespace."""

    def __init__(self):
        super().__init__()
        import tempfile

        from kishu.jupyter.namespace import Namespace
        from kishu.planning.planner import CheckpointRestorePlanner
        from kishu.storage.commit_graph import KishuCommitGraph
        from kishu.storage.disk_ahg import KishuDiskAHG

        self.folder = tempfile.TemporaryDirectory()
        database = Path(self.folder.name) / "kishu.db"
        space = Namespace(dict(self.names))
        self.names = space.get_tracked_namespace()
        self.graph = KishuCommitGraph.new_var_graph(database)
        for table in (ahg := KishuDiskAHG(database), self.graph):
            if hasattr(table, "init_database"):
                table.init_database()
        self.planner, self.count = CheckpointRestorePlanner(ahg, self.graph, space), 0

    def before(self, source):
        self.planner.pre_run_cell_update()

    def after(self, source, seconds):
        self.count += 1
        self.planner.post_run_cell_update(str(self.count), source, seconds)
        self.graph.step(str(self.count))


# Cells are run by IPython's shell, and who evaluates code is part of what is watched.
exec("def run(code, names): exec(code, names)", run_as := {"__name__": "IPython.core.interactiveshell"})
run = run_as["run"]

SUBJECTS = {"off": Off, "ours": Ours, "pickle": Pickle, "kishu": Kishu}


def run_cells(subject_name, notebook, small):
    """One process's work; prints the times of each cell as JSON."""
    cells, _ = notebooks(small)[notebook]
    subject = SUBJECTS[subject_name]()
    times = []
    for source in cells:
        code = compile(source, "<cell>", "exec")
        start = time.perf_counter()
        subject.before(source)
        began = time.perf_counter()
        run(code, subject.names)
        ended = time.perf_counter()
        subject.after(source, ended - began)
        times.append((ended - began, began - start, time.perf_counter() - ended))
    start = time.perf_counter()
    subject.finish()
    print(json.dumps({"times": times, "idle": time.perf_counter() - start, "writes": subject.writes()}))


def measure(subject, notebook, options):
    if subject == "kishu" and kishu_peer.install() is None:
        return None
    command = [sys.executable, __file__, "--cells", subject, "--only", notebook]
    command += ["--small"] if options.small else []
    environment = os.environ | {"PYTHONWARNINGS": "ignore", "PYTHONPATH": str(kishu_peer.HOME)}
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=options.timeout, env=environment
        )
    except subprocess.TimeoutExpired:
        return f"more than {options.timeout} s"
    if run.returncode != 0:
        return "failed: " + (run.stderr.strip().splitlines() or ["no message"])[-1][:80]
    return json.loads(run.stdout.strip().splitlines()[-1])


def show(notebook, goal, results):
    """One table."""
    print(f"\n{notebook}" + (f" (goal: {goal:.1%} of the run time)" if goal else ""))
    print(f"  {'':10}{'cells':>10}{'added':>12}{'of run':>9}{'added p50':>11}{'worst':>10}{'idle after':>12}")
    for name, result in results.items():
        if not isinstance(result, dict):
            print(f"  {name:10}{result or 'cannot be installed here'}")
            continue
        run = sum(cell for cell, _, _ in result["times"])
        added = sorted(before + after for _, before, after in result["times"])
        print(f"  {name:10}{run:8.2f} s{sum(added) * 1e3:9.1f} ms{sum(added) / run:9.2%}"
              f"{added[len(added) // 2] * 1e3:8.3f} ms{added[-1] * 1e3:7.1f} ms"
              f"{result['idle'] * 1e3:9.0f} ms")
    ours, truth = results.get("ours"), results.get("pickle")
    if isinstance(ours, dict) and isinstance(truth, dict):
        pairs = [(set(told), set(real)) for told, real in zip(ours["writes"], truth["writes"], strict=True)]
        false = sum(len(told - real) for told, real in pairs)
        missed = [sorted(real - told) for told, real in pairs if real - told]
        told = sum(len(names) for names, _ in pairs)
        print(f"  writes: {told} told, {false} of them false; missed: {missed or 'none'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1, help="the round with the least added time counts")
    parser.add_argument("--only", help="one notebook, or the beginning of its name")
    parser.add_argument("--subjects", default="off,ours,pickle,kishu")
    parser.add_argument("--small", action="store_true", help="tiny data: a trial of this script")
    parser.add_argument("--timeout", type=float, default=900)
    parser.add_argument("--cells", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cells:
        return run_cells(options.cells, options.only, options.small)
    for notebook, (_, goal) in notebooks(options.small).items():
        if options.only and not notebook.startswith(options.only):
            continue
        results = {}
        for _ in range(options.rounds):
            for subject in options.subjects.split(","):
                result, best = measure(subject, notebook, options), results.get(subject)
                if not isinstance(best, dict) or (isinstance(result, dict) and added(result) < added(best)):
                    results[subject] = result
        show(notebook, goal, results)


def added(result):
    return sum(before + after for _, before, after in result["times"])


if __name__ == "__main__":
    main()
