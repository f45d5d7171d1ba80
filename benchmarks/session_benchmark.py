"""Checkpoint and restore of whole sessions, beside dill, joblib, cloudpickle, Kishu and `cat`.

    .venv/bin/python benchmarks/session_benchmark.py [--scale 0.1] [--only NAME...] [--data NAME...]
                                                     [--directory D] [--json FILE]

Each figure is of a process of its own. "checkpoint" ends when the contender says it is done (ours: with the
bytes synced to the disk, the others: without); "restore" starts in a process that has the libraries imported
and ends when the variables are usable. Peak memory is what the process holds beyond what it held before, at
most (VmHWM). "again" is a second checkpoint after a change of 1 kB; contenders that know no increments write
everything; "resumed" is the same after a restore in a new process. "lazily" is ours again with `lazy=True`:
until the prompt is there. Below each kind of data are the ratios: how many times as long each contender takes
as ours, and ours as `cat`.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import types

import kishu_peer

# name -> (cells, a change of 1 kB, what is compared after a restore, modules that are imported before timing)
DATA = {
    "frame of 800 MB": (
        ["import numpy as np, pandas as pd",
         "frame = pd.DataFrame(np.random.default_rng(0).random((int(5_000_000 * SCALE), 20)))"],
        "frame.iloc[:128, 3] = 0.0", "float(frame.iloc[::1000].sum().sum())", ["numpy", "pandas"]),
    "10 arrays, 2 GB": (
        ["import numpy as np", "rng = np.random.default_rng(1)",
         "arrays = [rng.random(int(25_000_000 * SCALE)) for _ in range(10)]; del rng"],
        "arrays[4][:128] = 0.0", "float(sum(a[::1000].sum() for a in arrays))", ["numpy"]),
    "2 M small objects": (
        ["objects = [{'i': i, 'f': i * .5, 's': f's{i}'} for i in range(int(500_000 * SCALE))]"],
        "kilobyte = list(range(128))", "len(objects) + objects[7]['f']", []),
    "forest": (
        ["import numpy as np", "from sklearn.ensemble import RandomForestRegressor",
         "x = np.random.default_rng(2).random((int(20_000 * SCALE), 10)); y = x.sum(axis=1)",
         "forest = RandomForestRegressor(100, random_state=0, n_jobs=1).fit(x, y)"],
        "kilobyte = list(range(128))", "float(forest.predict(x[:50]).sum())",
        ["numpy", "sklearn.ensemble"]),
    "10,000 small variables": (
        ["for i in range(int(10_000 * SCALE)): globals()[f'v{i}'] = [i, str(i), {'n': i / 7}]"],
        "v7.append(list(range(128)))", "len(v8) + v9[0]", []),
}


def namespace():
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    return main


def user_values(names):
    return {name: value for name, value in names.items()
            if not name.startswith("_") and not isinstance(value, types.ModuleType) and name != "SCALE"}


class Plain:
    """A contender that writes one file; the cells are run by exec."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "dumped")
        self.main = namespace()
        self.names = self.main.__dict__

    def run(self, cell):
        exec(cell, self.names)

    def value(self, expression):
        return eval(expression, self.names)


class Dill(Plain):
    def checkpoint(self):
        import dill
        dill.dump_module(self.path, module=self.main)

    def restore(self):
        import dill
        dill.load_module(self.path, module=self.main)


class Joblib(Plain):
    def checkpoint(self):
        import joblib
        joblib.dump(user_values(self.names), self.path)

    def restore(self):
        import joblib
        self.names.update(joblib.load(self.path))


class Cloudpickle(Plain):
    def checkpoint(self):
        import cloudpickle
        with open(self.path, "wb") as file:
            cloudpickle.dump(user_values(self.names), file)

    def restore(self):
        import cloudpickle
        with open(self.path, "rb") as file:
            self.names.update(cloudpickle.load(file))


class Shell:
    """A contender that watches an IPython shell."""

    def __init__(self, directory):
        from IPython.core.interactiveshell import InteractiveShell
        self.main = namespace()
        self.directory = directory
        self.shell = InteractiveShell.instance(user_module=self.main, user_ns=self.main.__dict__)

    @property
    def names(self):   # Kishu puts its own mapping there
        return self.shell.user_ns

    def value(self, expression):
        return eval(expression, self.names)


class Kishu(Shell):
    """Kishu commits after each cell; here all cells since the last checkpoint count as one."""

    def __init__(self, directory):
        super().__init__(directory)
        self.kishu, self.result = kishu_peer.Attached(self.shell, directory), None

    def run(self, cell):
        if self.result is None:
            self.kishu.before_cell()
        self.result = self.shell.run_cell(cell, store_history=True)
        self.result.raise_error()

    def checkpoint(self):
        self.kishu.commit(self.result)
        self.result = None

    def restore(self):
        self.kishu.checkout_newest()


class Elastic(Shell):
    def __init__(self, directory):
        super().__init__(directory)
        import elasticpython
        from elasticpython.session import ShellSession
        self.elasticpython = elasticpython
        self.session = ShellSession(self.shell)

    def run(self, cell):
        with self.session.cell(cell, self.shell.transform_cell(cell)) as running:
            result = self.shell.run_cell(cell)
            running.ended(result.error_in_exec)
        result.raise_error()
        while not self.session.idle():   # what a kernel does after the reply
            pass

    def checkpoint(self):
        return self.elasticpython.checkpoint(self.directory, plan="store-all").to_dict()

    def restore(self, lazy=False):
        self.elasticpython.restore(self.directory, lazy=lazy)


CONTENDERS = {"elasticpython": Elastic, "dill": Dill, "joblib": Joblib, "cloudpickle": Cloudpickle,
              "kishu": Kishu}


def status_kb(field):
    for line in open("/proc/self/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise KeyError(field)


def measured(work):
    """(seconds, peak megabytes beyond what there was, what it returned)."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")   # VmHWM starts anew
    before_kb, start = status_kb("VmRSS"), time.perf_counter()
    result = work()
    return time.perf_counter() - start, max(0, status_kb("VmHWM") - before_kb) / 1024, result


def files_in(directory):
    return [os.path.join(at, name) for at, _, names in os.walk(directory) for name in names]


def size_of(directory):
    return sum(os.path.getsize(path) for path in files_in(directory))


def child_checkpoint(contender, cells, change, expression, directory):
    for cell in cells:
        contender.run(cell)
    state_mb = status_kb("VmRSS") / 1024
    value = contender.value(expression)
    seconds, peak_mb, _ = measured(contender.checkpoint)
    figures = {"checkpoint_s": seconds, "checkpoint_peak_mb": peak_mb, "bytes": size_of(directory),
               "process_mb": state_mb, "value": value}
    contender.run(change)
    seconds, peak_mb, report = measured(contender.checkpoint)
    figures["again_s"] = seconds
    figures["again_bytes"] = (report or {}).get("bytes_written", size_of(directory))
    figures["changed_value"] = contender.value(expression)
    return figures


def child_restore(contender, change, expression):
    seconds, peak_mb, _ = measured(contender.restore)
    figures = {"restore_s": seconds, "restore_peak_mb": peak_mb, "value": contender.value(expression)}
    contender.run(change)
    return figures | {"resumed_s": measured(contender.checkpoint)[0]}


def child_restore_lazily(contender, change, expression):
    seconds, peak_mb, _ = measured(lambda: contender.restore(lazy=True))
    contender.session.load_rest()
    return {"lazily_s": seconds, "lazily_peak_mb": peak_mb, "lazily_value": contender.value(expression)}


def in_child(python, arguments):
    environment = os.environ | {"PYTHONPATH": str(kishu_peer.HOME)}
    done = subprocess.run([python, __file__, *arguments], stdout=subprocess.PIPE, text=True, env=environment)
    lines = done.stdout.splitlines()
    return json.loads(lines[-1]) if done.returncode == 0 and lines else {"failed": done.returncode}


def cat(directory):
    """Seconds in which `cat` copies the same bytes, without and with fsync."""
    source = files_in(directory)
    target = os.path.join(directory, "copy")
    subprocess.run(["cat", *source], stdout=subprocess.DEVNULL)   # from the page cache
    os.sync()
    start = time.perf_counter()
    with open(target, "wb") as file:
        subprocess.run(["cat", *source], stdout=file)
        unsynced = time.perf_counter() - start
        os.fsync(file.fileno())
    synced = time.perf_counter() - start
    os.unlink(target)
    return unsynced, synced


def run(chosen):
    results = {}
    contenders = chosen.only or list(CONTENDERS)
    if "kishu" in contenders and not kishu_peer.install():
        print("kishu cannot be installed here")
        contenders.remove("kishu")
    for data in chosen.data or DATA:
        for name in contenders:
            directory = tempfile.mkdtemp(dir=chosen.directory)
            try:
                common = [data, directory, str(chosen.scale)]
                figures = in_child(sys.executable, ["--child", "checkpoint", name, *common])
                if name == "elasticpython" and "failed" not in figures:
                    figures["cat_s"], figures["cat_synced_s"] = cat(directory)
                if "failed" not in figures:
                    figures |= in_child(sys.executable, ["--child", "restore", name, *common])
                if name == "elasticpython" and "failed" not in figures:
                    figures |= in_child(sys.executable, ["--child", "lazily", name, *common])
                values = {figures.pop(key, None) for key in ("value", "changed_value", "lazily_value")}
                figures["same"] = len(values - {None}) == 1
                results.setdefault(data, {})[name] = figures
                print(f"{data:24} {name:14} " + "  ".join(
                    f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}"
                    for key, value in figures.items()), flush=True)
            finally:
                shutil.rmtree(directory, ignore_errors=True)
        print_ratios(data, results[data])
    return results


def print_ratios(data, results):
    """How many times as long the others take as ours, and ours as `cat`."""
    ours = results.get("elasticpython", {"failed": True})
    if "failed" in ours:
        return
    print(f"{data:24} ratio: ours to cat " + ", ".join(
        f"{name} {ours['checkpoint_s'] / ours[key]:.2f}" for name, key in
        [("unsynced", "cat_s"), ("synced", "cat_synced_s")]))
    for name, figures in results.items():
        if name != "elasticpython" and "failed" not in figures:
            print(f"{data:24} ratio: {name} to ours " + ", ".join(
                f"{what} {figures[of] / ours[to]:.2f}" for what, of, to in
                [("checkpoint", "checkpoint_s", "checkpoint_s"), ("again", "again_s", "again_s"),
                 ("resumed", "resumed_s", "resumed_s"), ("restore", "restore_s", "restore_s"),
                 ("lazily", "restore_s", "lazily_s")]), flush=True)


def child(step, name, data, directory, scale):
    cells, change, expression, modules = DATA[data]
    for module in modules:
        __import__(module)
    import cloudpickle  # noqa: F401
    contender = CONTENDERS[name](directory)
    contender.names["SCALE"] = float(scale)
    steps = {"restore": child_restore, "lazily": child_restore_lazily}
    figures = (child_checkpoint(contender, cells, change, expression, directory) if step == "checkpoint"
               else steps[step](contender, change, expression))
    sys.stdout.flush()
    print(json.dumps(figures), flush=True)
    os._exit(0)   # taking 2 GB down is nobody's figure


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("--only", nargs="*", choices=CONTENDERS)
    arguments.add_argument("--data", nargs="*", choices=DATA)
    arguments.add_argument("--directory", help="on the disk to be measured")
    arguments.add_argument("--json")
    arguments.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.child:
        child(*chosen.child)
    results = run(chosen)
    if chosen.json:
        pathlib.Path(chosen.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
