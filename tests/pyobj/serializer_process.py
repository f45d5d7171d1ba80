"""One side of the round trips, run as a process: `serializer_process.py dump|load FILE REPORT`.

dump: runs each case's cell in a `__main__` of its own, pickles its variables and writes them all to FILE.
load: loads them into new namespaces and runs the checks. REPORT (JSON): {case: null or what went wrong}.
"""
import importlib.util
import json
import os
import pickle
import sys
import tempfile
import traceback
import types
from importlib import metadata

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from serializer_cases import CASES   # noqa: E402
from elasticpython._core import serializer   # noqa: E402


def new_namespace():
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    exec("pass", module.__dict__)   # brings __builtins__, as the shell's namespace has it
    return module.__dict__


def variables_of(namespace):
    return [name for name in namespace if not (name.startswith("__") and name.endswith("__"))]


def references_of(case, namespace):
    return [name for name in variables_of(namespace) if name in case.references
            or isinstance(namespace[name], (type, types.FunctionType, types.ModuleType))]


def groups_of(case, namespace):
    groups = [list(group) for group in case.linked]
    grouped = {name for group in groups for name in group}
    return groups + [[name] for name in variables_of(namespace) if name not in grouped]


def dump(case):
    namespace = new_namespace()
    exec(compile(case.cell, f"<{case.name}>", "exec"), namespace)
    dumper = serializer.Dumper(namespace, references_of(case, namespace))
    written, notes = [], []
    for group in groups_of(case, namespace):
        try:
            pickled = dumper.dump(group)
        except serializer.SerializerError as error:
            [name] = group
            expected = case.refuses.get(name)
            said = f"{error.code}: {error}"
            assert expected is not None and said.startswith(expected), f"expected {expected!r}, got {said!r}"
            continue
        assert not set(group) & set(case.refuses), f"{group} was not refused"
        notes += pickled.notes
        written.append((pickled.names, pickled.pickle, [bytes(buffer) for buffer in pickled.buffers]))
    assert case.notes in "\n".join(notes), notes
    check_untouched(case, namespace)
    if not case.only_loaded:
        exec(compile(case.check, f"<check of {case.name}>", "exec"), namespace)
    return written


def check_untouched(case, namespace):
    if case.name == "refuses_an_open_file_and_leaves_it":
        assert open("written.txt").read() == "kept"
        assert namespace["f"].tell() == 4 and namespace["r"].read() == "pt"
    if case.name == "trap_open_file_in_an_object":
        assert open("log.txt").read() == "line"


def load(case, written):
    namespace = new_namespace()
    groups = {name: group for group in written for name in group[0]}
    failed = []

    def resolve(name):
        if name not in namespace:
            bring(groups[name])
        return namespace[name]

    def bring(group):
        names, data, buffers = group
        namespace.update(loader.load(names, data, [bytearray(buffer) for buffer in buffers]))

    loader = serializer.Loader(namespace, resolve)
    for group in written:
        if group[0][0] not in namespace:
            try:
                bring(group)
            except serializer.SerializerError as error:
                failed.append(f"{error.code}: {error}")
    assert bool(failed) == ("not in globals()" in case.check), failed
    groups.clear()
    del written[:]
    exec(compile(case.check, f"<check of {case.name}>", "exec"), namespace)


def main(side, path, report_path):
    report, everything = {}, {}
    if side == "load":
        with open(path, "rb") as file:
            everything = pickle.load(file)
    os.chdir(tempfile.mkdtemp())
    for case in CASES:
        if any(importlib.util.find_spec(module) is None for module in case.needs):
            report[case.name] = "skip: needs " + ", ".join(case.needs)
            continue
        if case.modern and metadata.version("numpy") < "2":
            report[case.name] = "skip: needs numpy 2 and pandas 3"
            continue
        try:
            if side == "dump":
                everything[case.name] = dump(case)
            elif case.name in everything:
                load(case, everything.pop(case.name))
            report[case.name] = None
        except ModuleNotFoundError as missing:
            report[case.name] = f"skip: {missing}"
        except BaseException:
            report[case.name] = f"{side}: {traceback.format_exc()}"
        with open(report_path, "w") as file:   # after each: a crash shows which case it was
            json.dump(report, file)
    if side == "dump":
        with open(path, "wb") as file:
            pickle.dump(everything, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
