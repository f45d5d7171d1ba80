"""What the serialiser costs beside pickle in-band, cloudpickle, dill and joblib, on the same objects.

    PYTHONPATH=<package> python benchmarks/serializer_benchmark.py [--json FILE] [--megabytes N]

"dump" ends with all bytes in a file (of /dev/shm, or the directory of --directory), so that out-of-band
buffers are counted as written too; "load" ends with a usable object, whose buffers are a private mapping of
that file.
"""
import argparse
import gc
import importlib
import json
import mmap
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd
from elasticpython._core import serializer


class Point:
    def __init__(self, number):
        self.number = number
        self.label = f"p{number}"


def subjects(megabytes):
    numbers = np.random.default_rng(0)
    rows = megabytes * 1_000_000 // 160
    yield f"frame of {megabytes} MB", pd.DataFrame(numbers.random((rows, 20)))
    yield f"10 arrays, {megabytes} MB", [numbers.random(megabytes * 12_500) for _ in range(10)]
    yield "2 M small objects", [{"i": i, "f": i * .5, "s": f"s{i}"} for i in range(500_000)]
    yield "200,000 instances", [Point(i) for i in range(200_000)]


class Elastic:
    """The pickle in one file, the buffers page-aligned in another, which is mapped when loading."""

    name = "elasticpython"
    references = ["Point"]

    def dump(self, value, path):
        pickled = serializer.Dumper({"value": value, "Point": Point}, self.references).dump(["value"])
        with open(path, "wb") as file:
            file.write(pickled.pickle)
        self.places = []
        with open(path + ".buffers", "wb") as file:
            for buffer in pickled.buffers:
                at = file.seek(-(-file.tell() // mmap.PAGESIZE) * mmap.PAGESIZE)
                self.places.append((at, at + file.write(buffer)))

    def load(self, path):
        with open(path, "rb") as file:
            data = file.read()
        buffers = []
        if self.places:
            with open(path + ".buffers", "rb") as file:
                whole = memoryview(mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE,
                                             prot=mmap.PROT_READ | mmap.PROT_WRITE))
            buffers = [whole[start:stop] for start, stop in self.places]
        return serializer.Loader({}, {"Point": Point}.__getitem__).load(["value"], data, buffers)["value"]


class Library:
    def __init__(self, name, **options):
        self.name = name
        self.module = importlib.import_module(name)
        self.options = options

    def dump(self, value, path):
        if self.name == "joblib":
            self.module.dump(value, path)
            return
        with open(path, "wb") as file:
            self.module.dump(value, file, **self.options)

    def load(self, path):
        if self.name == "joblib":
            return self.module.load(path)
        with open(path, "rb") as file:
            return self.module.load(file)


CONTENDERS = {
    "elasticpython": Elastic, "pickle": lambda: Library("pickle", protocol=5),
    "cloudpickle": lambda: Library("cloudpickle"), "dill": lambda: Library("dill"),
    "joblib": lambda: Library("joblib"),
}


def timed(work):
    gc.collect()
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def measure(contender, value, directory):
    path = os.path.join(directory, "dumped")
    dump_s, _ = timed(lambda: contender.dump(value, path))
    size_bytes = sum(os.path.getsize(os.path.join(directory, name)) for name in os.listdir(directory))
    load_s, loaded = timed(lambda: contender.load(path))
    del loaded
    for name in os.listdir(directory):
        os.unlink(os.path.join(directory, name))
    return {"dump_s": dump_s, "load_s": load_s, "bytes": size_bytes}


def cat(size_bytes, directory):
    """Writing the same bytes and nothing else: the limit."""
    block = memoryview(os.urandom(1 << 20))
    path = os.path.join(directory, "limit")

    def write():
        with open(path, "wb", buffering=0) as file:
            for _ in range(size_bytes >> 20):
                file.write(block)

    seconds, _ = timed(write)
    os.unlink(path)
    return seconds


def run_all(name, chosen):
    """One contender on everything, in a process of its own: importing dill changes how joblib pickles."""
    contender = CONTENDERS[name]()
    results = {}
    for subject, value in subjects(chosen.megabytes):
        with tempfile.TemporaryDirectory(dir=chosen.directory) as directory:
            numbers = measure(contender, value, directory)
            numbers["same_bytes_alone_s"] = cat(numbers["bytes"], directory)
        results[subject] = numbers
        print(f"{subject:22} {name:14} dump {numbers['dump_s']:8.3f} s   load {numbers['load_s']:8.4f} s   "
              f"{numbers['bytes'] / 1e6:8.1f} MB   the bytes alone {numbers['same_bytes_alone_s']:.3f} s",
              flush=True)
        del value
    return results


def main():
    arguments = argparse.ArgumentParser(description=__doc__,
                                        formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", help="where the numbers go as JSON")
    arguments.add_argument("--megabytes", type=int, default=800)
    arguments.add_argument("--directory", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    arguments.add_argument("--only", choices=CONTENDERS, help="in this process")
    chosen = arguments.parse_args()
    if chosen.only:
        results = run_all(chosen.only, chosen)
    else:
        results = {}
        for name in CONTENDERS:
            with tempfile.NamedTemporaryFile("r") as file:
                command = [sys.executable, __file__, "--only", name, "--json", file.name,
                           "--megabytes", str(chosen.megabytes)]
                command += ["--directory", chosen.directory] if chosen.directory else []
                subprocess.run(command, check=False)
                results[name] = json.loads(file.read() or "null")
    if chosen.json:
        with open(chosen.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
