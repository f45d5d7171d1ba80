"""Checkpoints that digest only what was written since the one before: whatever writes to a large buffer, each
checkpoint holds what was there.

Random programs of writes run in one process; each checkpoint is restored in another and compared by a digest
of the bytes. Where the kernel does not watch pages (before Linux 6.7) everything is digested, and the same
must come out.
"""

import random

import pytest

SETUP = """
import ctypes, gc, hashlib, os, threading
import numpy as np
import pandas as pd
ctypes.memmove.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t
with open("noise", "wb") as noise: noise.write(os.urandom(1 << 16))
def told(value):
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return hashlib.sha256(b"".join(np.asarray(each).tobytes() for each in values)).hexdigest()
"""
START = """
a = np.arange(1_100_000.)
b = np.zeros((3, 700_000), np.int32)
pair = [np.ones(600_000), a[: 1 << 19]]
frame = pd.DataFrame({"x": np.arange(700_000.), "y": np.arange(700_000)})
block = pd.DataFrame(np.zeros((200_000, 4)))
text = bytes(5_000_000)
"""
WRITES = [
    "a[{near}] = {value}",
    "a[{near} : {near} + 200_000] += 1",
    "b[1, {near}] = {value}",
    "b.T[5] = {value}",
    "b.reshape(-1)[-1] = {value}",
    "pair[0][:3] = {value}",
    "pair[1][0] = {value}",
    "pair.append(pair.pop(0))",
    "a = a.copy()",
    "a, pair[0] = a * 1, pair[0]",
    "del a; gc.collect(); a = np.full(1_100_000, float({value}))",
    "a = a[::-1].copy(); gc.collect()",
    "frame.loc[{near}, 'x'] = {value}",
    "frame['y'] = frame['y'] + 1",
    "block.iloc[{near} % 200_000, 2] = {value}",
    "block.to_numpy(copy=False)",
    "text = bytes([{value}]) * 5_000_000",
    "ctypes.memmove(a.ctypes.data + {near}, bytes([{value}]) * 4096, 4096)",
    "threading.Thread(target=a.__setitem__, args=({near}, {value})).run()",
    "thread = threading.Thread(target=a.fill, args=({value},)); thread.start(); thread.join(); del thread",
    "with open('noise', 'rb', buffering=0) as file: file.readinto(memoryview(a).cast('B')[{near}:][:65536])",
    "a[{near}] = a[{near}]",
    "saved = a[7]; a[7] = -1; a[7] = saved",
    "a.sort()",
]
NAMES = ["a", "b", "pair", "frame", "block", "text"]


def digests(process):
    return {name: process.value(f"told({name})") for name in NAMES}


@pytest.mark.parametrize("seed", range(6))
def test_each_checkpoint_holds_what_was_there(start, tmp_path, seed):
    dice = random.Random(seed)
    first, second = start(), start()
    first.run(SETUP, START)
    second.run(SETUP)
    for _ in range(8):
        writes = [
            dice.choice(WRITES).format(near=dice.randrange(500_000), value=dice.randrange(100))
            for _ in range(dice.randrange(3))
        ]
        if writes:
            first.run(*writes)
        first.checkpoint(tmp_path / "store", plan="store-all")
        second.restore(tmp_path / "store", verify=True)
        assert digests(second) == digests(first), writes


def test_a_target_that_was_left_out_is_written_whole(start, tmp_path):
    first, second = start(), start()
    first.run(SETUP, START)
    for place, target in enumerate(["one", "two", "one", "two"]):
        first.run(f"a[{place}] = -{place}")
        first.checkpoint(tmp_path / target, plan="store-all")
    for target, expected in [("one", [0, -1, -2, 3]), ("two", [0, -1, -2, -3])]:
        second.restore(tmp_path / target, verify=True)
        assert second.value("a[:4].tolist()") == expected


def test_a_store_that_is_gone_is_written_whole_again(start, tmp_path):
    import shutil

    first, second = start(), start()
    first.run(SETUP, START)
    first.checkpoint(tmp_path / "store", plan="store-all")
    shutil.rmtree(tmp_path / "store")
    first.run("a[5] = -5")
    first.checkpoint(tmp_path / "store", plan="store-all")
    second.run(SETUP)
    second.restore(tmp_path / "store", verify=True)
    assert digests(second) == digests(first)


def test_a_failed_checkpoint_teaches_nothing(start, tmp_path):
    first, second = start(), start()
    first.run(SETUP, START)
    first.checkpoint(tmp_path / "store", plan="store-all")
    first.run("a[5] = -5")
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    first.run(f"%checkpoint {blocked}", fails=True)
    first.run("a[6] = -6")
    first.checkpoint(tmp_path / "store", plan="store-all")
    second.run(SETUP)
    second.restore(tmp_path / "store", verify=True)
    assert digests(second) == digests(first)


def test_what_is_mapped_from_a_store_is_hashed_once_by_a_checkpoint(start, tmp_path):
    """Nobody watches its pages: a stamp of it would be made of two more looks at all of it."""
    first, second = start(), start()
    first.run(SETUP, "a = np.arange(4_000_000.)")
    first.checkpoint(tmp_path / "store", plan="store-all")
    second.restore(tmp_path / "store")
    second.run("a[5] = -5")
    while not second.call("idle"):
        pass
    hashed = "__import__('elasticpython')._core.walk.page_tracking()['hashed_bytes']"
    before = second.value(hashed)
    second.checkpoint(tmp_path / "store", plan="store-all")
    assert second.value(hashed) - before <= 33_000_000
    first.restore(tmp_path / "store", verify=True)
    assert first.value("a[4:6].tolist()") == [4, -5]
