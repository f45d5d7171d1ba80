"""Writing large buffers against `cat` of the same bytes to the same disk, turn by turn.

    .venv/bin/python benchmarks/write_benchmark.py [--rounds 9] [--scale 0.1] [--data NAME...]
                                                   [--directory D] [--json FILE]

One run of each says nothing on a disk whose speed changes from second to second (`session_benchmark.py`
shows it). Here a checkpoint into a new store and a `cat` of what it wrote, from the page cache, take turns
in a process that holds the data, in changing order, with the disk idle before each; what counts is the
median of all rounds. Ours ends when its bytes are synced; `cat` is timed without and with fsync.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import session_benchmark

BUFFERS = ["frame of 800 MB", "10 arrays, 2 GB"]


def quiet(directory):
    """Nothing is on its way to the disk."""
    descriptor = os.open(directory, os.O_RDONLY)
    os.sync()
    os.fsync(descriptor)
    os.close(descriptor)


def timed_checkpoint(contender, directory):
    store = tempfile.mkdtemp(dir=directory)
    contender.directory = store
    quiet(directory)
    start = time.perf_counter()
    contender.checkpoint()
    return time.perf_counter() - start, store


def timed_cat(sources, directory):
    target = os.path.join(directory, "copy")
    subprocess.run(["cat", *sources], stdout=subprocess.DEVNULL, check=True)  # all of it in the page cache
    quiet(directory)
    start = time.perf_counter()
    with open(target, "wb") as file:
        subprocess.run(["cat", *sources], stdout=file, check=True)
        unsynced = time.perf_counter() - start
        os.fsync(file.fileno())
    synced = time.perf_counter() - start
    os.unlink(target)
    return unsynced, synced


def child(data, directory, scale, rounds):
    cells, _, _, modules = session_benchmark.DATA[data]
    for module in modules:
        __import__(module)
    contender = session_benchmark.Elastic(directory)
    contender.names["SCALE"] = scale
    for cell in cells:
        contender.run(cell)
    samples = {"ours_s": [], "cat_s": [], "cat_synced_s": []}
    _, kept = timed_checkpoint(contender, directory)  # imports, and what `cat` is to copy
    sources = session_benchmark.files_in(kept)
    for turn in range(rounds):
        for ours in (True, False) if turn % 2 else (False, True):
            if ours:
                seconds, store = timed_checkpoint(contender, directory)
                samples["ours_s"].append(seconds)
                shutil.rmtree(store)
            else:
                unsynced, synced = timed_cat(sources, directory)
                samples["cat_s"].append(unsynced)
                samples["cat_synced_s"].append(synced)
    print(json.dumps(samples), flush=True)
    os._exit(0)


def show(data, samples):
    for name, seconds in samples.items():
        print(
            f"{data:18} {name:13} median {statistics.median(seconds):.3f}  "
            f"best {min(seconds):.3f}  worst {max(seconds):.3f}"
        )
    ours = statistics.median(samples["ours_s"])
    ratios = {name: ours / statistics.median(samples[name]) for name in ("cat_s", "cat_synced_s")}
    print(
        f"{data:18} ours to cat: {ratios['cat_s']:.2f} not synced, {ratios['cat_synced_s']:.2f} synced",
        flush=True,
    )


def main():
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--scale", type=float, default=1.0)
    arguments.add_argument("--data", nargs="*", choices=BUFFERS, default=BUFFERS)
    arguments.add_argument("--directory", help="on the disk to be measured")
    arguments.add_argument("--json")
    arguments.add_argument("--child", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.child:
        child(chosen.child, chosen.directory, chosen.scale, chosen.rounds)
    results = {}
    for data in chosen.data:
        with tempfile.TemporaryDirectory(dir=chosen.directory) as directory:
            command = [sys.executable, __file__, "--child", data, "--directory", directory]
            command += ["--scale", str(chosen.scale), "--rounds", str(chosen.rounds)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            results[data] = json.loads(done.stdout.splitlines()[-1])
        show(data, results[data])
    if chosen.json:
        pathlib.Path(chosen.json).write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
