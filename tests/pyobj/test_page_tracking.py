"""Buffers watched by their pages against buffers hashed: whatever writes to them, both find the same.

Each program of writes runs twice, with page tracking on and off. At every step the digests must be the same
in both runs, and a step that changed bytes must be seen by recheck(). Without kernel support (Linux 6.7) the
first run hashes as well, and the tests that look at what tracking saves are skipped.
"""

import ctypes
import gc
import mmap
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from walk_values import content, core_walk

PAGE = 4096
MB = 1 << 20
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.memcpy.argtypes = LIBC.memmove.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
LIBC.memset.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t)
LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
LIBC.mprotect.argtypes = LIBC.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
LIBC.mremap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p)
LIBC.mremap.restype = ctypes.c_void_p
MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS = 0x02, 0x10, 0x20
MREMAP_MAYMOVE, MREMAP_FIXED = 1, 2
READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE

available = core_walk().page_tracking()["available"]
needs_tracking = pytest.mark.skipif(not available, reason="this kernel does not offer PAGEMAP_SCAN")


@pytest.fixture(autouse=True)
def tracking_as_it_was():
    was_on = core_walk().page_tracking()["on"]
    yield
    core_walk().set_page_tracking(was_on)


def address_of(array):
    return array.ctypes.data


def some_bytes(dice, size):
    return np.frombuffer(dice.randbytes(size), np.uint8)


def somewhere(dice, array):
    """A place in the buffer: often at an end, where a page is shared with others' memory."""
    size = dice.choice([1, 8, 100, PAGE, 3 * PAGE, MB])
    begin = dice.choice([0, array.nbytes - size, dice.randrange(array.nbytes - size)])
    return begin, size


class Mapped:
    """Memory of its own mapping, with an array over it that does not begin on a page."""

    def __init__(self, size, advice=None):
        self.length = size + 4 * PAGE
        self.address = LIBC.mmap(None, self.length, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        if advice is not None:
            assert LIBC.madvise(self.address, self.length, advice) == 0
        memory = (ctypes.c_ubyte * size).from_address(self.address + 24)
        self.array = np.ctypeslib.as_array(memory)
        self.inner = self.address + PAGE  # a page that is the array's alone

    def close(self):
        self.array = None
        LIBC.munmap(self.address, self.length)


class Program:
    """The buffers of one run, and everything that can happen to them."""

    def __init__(self, seed, tmp_path):
        self.dice = random.Random(seed)
        self.tmp_path = tmp_path
        self.mapped = Mapped(6 * MB)
        self.huge = Mapped(8 * MB, mmap.MADV_HUGEPAGE)
        self.shared = mmap.mmap(-1, 5 * MB)
        self.file = tmp_path / "file"
        self.file.write_bytes(self.dice.randbytes(5 * MB))
        self.private_map = np.memmap(self.file, np.uint8, "c")
        self.names = {
            "owned": np.zeros(700_000),
            "column": np.asfortranarray(np.ones((300_000, 3))),
            "bytes": bytearray(5 * MB + 17),
            "mapped": self.mapped.array,
            "huge": self.huge.array,
            "shared": np.frombuffer(self.shared, np.uint8),
            "file": np.memmap(self.file, np.uint8, "r+"),
            "small": np.zeros(10),
        }
        self.names["view"] = self.names["owned"].view(np.uint8)[1000:-1000]
        self.names["again"] = self.names["mapped"][:]

    def raw(self, *names):
        every = ["owned", "mapped", "huge", "bytes", "view", "file", "shared"]
        value = self.names[self.dice.choice(names or every)]
        if isinstance(value, bytearray):
            return np.frombuffer(value, np.uint8)
        return value.view(np.uint8)

    def numpy_slice(self):
        array = self.raw()
        begin, size = somewhere(self.dice, array)
        array[begin : begin + size] = some_bytes(self.dice, size)

    def numpy_in_place(self):
        array = self.names[self.dice.choice(["owned", "column", "mapped", "huge"])]
        array += 1

    def numpy_one_element_of_a_column(self):
        self.names["column"][self.dice.randrange(300_000), 1] = self.dice.random()

    def the_same_value_again(self):
        array = self.raw()
        begin, size = somewhere(self.dice, array)
        array[begin : begin + size] = array[begin : begin + size].copy()

    def c_memcpy(self):
        array = self.raw()
        begin, size = somewhere(self.dice, array)
        LIBC.memcpy(address_of(array) + begin, self.dice.randbytes(size), size)

    def c_memmove_within(self):
        array = self.raw()
        begin, size = somewhere(self.dice, array)
        LIBC.memmove(address_of(array) + begin, address_of(array) + (array.nbytes - size) // 2, size)

    def read_from_a_file(self):
        array = self.raw()
        begin, size = somewhere(self.dice, array)
        source = self.tmp_path / "source"
        source.write_bytes(self.dice.randbytes(size))
        with open(source, "rb", buffering=0) as file:
            assert file.readinto(memoryview(array)[begin : begin + size]) == size

    def read_from_a_pipe(self):
        array = self.raw()
        begin = self.dice.randrange(array.nbytes - 1000)
        receive, send = os.pipe()
        os.write(send, self.dice.randbytes(1000))
        assert os.readv(receive, [memoryview(array)[begin : begin + 1000]]) == 1000
        os.close(receive)
        os.close(send)

    def write_through_proc(self):
        array = self.raw("owned", "mapped", "huge")
        begin, size = somewhere(self.dice, array)
        memory = os.open("/proc/self/mem", os.O_RDWR)
        os.pwrite(memory, self.dice.randbytes(size), address_of(array) + begin)
        os.close(memory)

    def other_threads(self):
        def write(array, begin, size, value):
            LIBC.memset(address_of(array) + begin, value, size)

        arrays = [self.raw("owned"), self.raw("mapped"), self.raw("huge")]
        plans = [(array, *somewhere(self.dice, array), self.dice.randrange(256)) for array in arrays]
        threads = [threading.Thread(target=write, args=plan) for plan in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def child(self):
        """A child's writes are its own, but for shared memory and files; so are the parent's after it."""
        array, value = self.raw("owned", "mapped", "huge", "shared", "file"), self.dice.randrange(256)
        pid = os.fork()
        if pid == 0:
            array[:] = value
            os._exit(0)
        os.waitpid(pid, 0)
        self.numpy_slice()

    def write_to_the_file(self):
        with open(self.file, "r+b", buffering=0) as file:
            file.seek(self.dice.randrange(4 * MB))
            file.write(self.dice.randbytes(self.dice.choice([1, PAGE])))

    def free_and_reuse(self):
        shape, fill = (700_000,), self.dice.random()
        del self.names["view"], self.names["owned"]
        gc.collect()
        self.names["owned"] = np.full(shape, fill)
        self.names["view"] = self.names["owned"].view(np.uint8)[1000:-1000]

    def zeros_not_yet_touched(self):
        del self.names["view"], self.names["owned"]
        self.names["owned"] = np.zeros(700_000)
        self.names["view"] = self.names["owned"].view(np.uint8)[1000:-1000]

    def grow(self):
        """realloc, and with it mremap."""
        self.names["bytes"].extend(self.dice.randbytes(self.dice.choice([1, PAGE, MB])))

    def shrink(self):
        if len(self.names["bytes"]) > 5 * MB:
            del self.names["bytes"][self.dice.randrange(4 * MB, 5 * MB) :]

    def give_pages_back(self):
        where = self.dice.choice([self.mapped, self.huge])
        pages = self.dice.choice([1, 3, 512, 1024])
        begin = where.inner + PAGE * self.dice.randrange(where.array.nbytes // PAGE - pages - 1)
        assert LIBC.madvise(begin, pages * PAGE, mmap.MADV_DONTNEED) == 0

    def map_others_memory_there(self):
        begin = self.mapped.inner + PAGE * self.dice.randrange(1000)
        fresh = LIBC.mmap(begin, 7 * PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
        assert fresh == begin

    def map_a_file_there(self):
        begin = self.mapped.inner + PAGE * self.dice.randrange(1000)
        source = self.tmp_path / "mapped there"
        source.write_bytes(self.dice.randbytes(3 * PAGE))
        with open(source, "rb") as file:
            fresh = LIBC.mmap(begin, 3 * PAGE, READ_WRITE, MAP_PRIVATE | MAP_FIXED, file.fileno(), 0)
        assert fresh == begin

    def move_pages_there(self):
        other = LIBC.mmap(None, 5 * PAGE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        LIBC.memset(other, self.dice.randrange(256), 5 * PAGE)
        begin = self.mapped.inner + PAGE * self.dice.randrange(1000)
        flags = MREMAP_MAYMOVE | MREMAP_FIXED
        assert LIBC.mremap(other, 5 * PAGE, 5 * PAGE, flags, begin) == begin

    def forbid_and_allow_writing(self):
        assert LIBC.mprotect(self.mapped.inner, MB, mmap.PROT_READ) == 0
        assert LIBC.mprotect(self.mapped.inner, MB, READ_WRITE) == 0
        if self.dice.random() < 0.5:
            LIBC.memset(self.mapped.inner, self.dice.randrange(256), 100)

    def nothing(self):
        pass

    OPERATIONS = (
        numpy_slice, numpy_in_place, numpy_one_element_of_a_column, the_same_value_again, c_memcpy,
        c_memmove_within, read_from_a_file, read_from_a_pipe, write_through_proc, other_threads, child,
        write_to_the_file, free_and_reuse, zeros_not_yet_touched, grow, shrink, give_pages_back,
        map_others_memory_there, map_a_file_there, move_pages_there, forbid_and_allow_writing, nothing,
    )  # fmt: skip

    def bytes_now(self):
        return {name: bytes(value) if isinstance(value, bytearray) else value.tobytes()
                for name, value in self.names.items()}  # fmt: skip

    def close(self):
        self.names.clear()
        self.mapped.close()
        self.huge.close()


def run_program(seed, steps, tracked, tmp_path):
    """The digests of all variables after each step."""
    core_walk().set_page_tracking(tracked)
    program = Program(seed, tmp_path)
    walk = core_walk().Walk(program.names)
    walk.walk()
    digests = []
    try:
        for step in range(steps):
            names = [name for name in program.names if program.dice.random() < 0.7]
            before = program.bytes_now()
            operation = program.dice.choice(Program.OPERATIONS)
            operation(program)
            after = program.bytes_now()
            changes = walk.recheck(names)
            for name in names:
                if before[name] != after[name]:
                    assert changes[name] == "maybe_changed", (seed, step, operation.__name__, name)
            walk.walk(names)
            digests.append((operation.__name__, {name: walk.state(name)["content"] for name in names}))
            settled = walk.recheck(names)
            assert set(settled.values()) == {"unchanged"}, (seed, step, operation.__name__, settled)
            # What was not looked at in this step is behind: the next step compares with the bytes of now.
            walk.walk([name for name in program.names if name not in names])
    finally:
        program.close()
    return digests


PROGRAMS = int(os.environ.get("ELASTICPYTHON_PAGE_PROGRAMS", "6"))


@pytest.mark.parametrize("seed", [random.SystemRandom().randrange(2**32) for _ in range(PROGRAMS)])
def test_random_writes_are_found_the_same(seed, tmp_path):
    print("seed", seed)
    assert run_program(seed, 20, True, tmp_path) == run_program(seed, 20, False, tmp_path)


@pytest.mark.parametrize("operation", Program.OPERATIONS, ids=lambda operation: operation.__name__)
def test_each_way_of_writing_is_found_the_same(operation, tmp_path):
    def run(tracked):
        core_walk().set_page_tracking(tracked)
        program = Program(7, tmp_path)
        walk = core_walk().Walk(program.names)
        walk.walk()
        digests = []
        for _ in range(4):
            before = program.bytes_now()
            operation(program)
            after = program.bytes_now()
            changes = walk.recheck()
            missed = [name for name in before if before[name] != after[name] and changes[name] == "unchanged"]
            assert missed == []
            walk.walk()
            digests.append({name: walk.state(name)["content"] for name in program.names})
        program.close()
        return digests

    assert run(True) == run(False)


def test_writes_while_it_is_walked_are_seen_afterwards():
    array = np.zeros(16 * MB, np.uint8)
    walk = core_walk().Walk({"v": array})
    running = threading.Event()

    def write():
        running.set()
        for i in range(300):
            LIBC.memset(address_of(array) + (i * 7919 * PAGE) % (15 * MB), i % 256, 3 * PAGE)

    thread = threading.Thread(target=write)
    thread.start()
    running.wait()
    for _ in range(20):
        walk.walk()
    thread.join()
    walk.walk()
    assert walk.state("v")["content"] == content(array.copy())


def hashed_by(action):
    before = core_walk().page_tracking()["hashed_bytes"]
    action()
    return core_walk().page_tracking()["hashed_bytes"] - before


@needs_tracking
def test_what_was_not_written_is_not_read_again():
    core_walk().set_page_tracking(True)
    array = np.ones(64 * MB, np.uint8)
    walk = core_walk().Walk({"v": array, "w": array.reshape(64, MB)})
    assert hashed_by(walk.walk) >= array.nbytes
    assert hashed_by(walk.recheck) == 0 and hashed_by(walk.walk) == 0
    assert walk.recheck_bytes("v") < MB
    array[9 * MB] = 7
    assert walk.recheck_bytes("v") >= 4 * MB
    assert hashed_by(walk.recheck) <= 16 * MB  # the block, or two if the page lies in both; two views
    assert walk.recheck() == {"v": "maybe_changed", "w": "maybe_changed"}


@needs_tracking
def test_a_large_array_is_hashed_in_several_turns():
    array = np.arange(40 * MB, dtype="u1")
    walk = core_walk().Walk({"v": [array, [1]], "w": array[:-1]})
    turns = 1
    while walk.walk(["v"], budget_us=1) == 0:
        turns += 1
        assert turns <= 40 // 4 + 1  # a block in each, at least
    assert walk.state("v")["content"] == content([array, [1]])
    assert hashed_by(lambda: walk.recheck(["v"])) == 0
    array[20 * MB] += 1
    assert walk.recheck(["v"]) == {"v": "maybe_changed"}


@needs_tracking
def test_a_write_between_two_turns_is_seen():
    array = np.zeros(40 * MB, dtype="u1")
    walk = core_walk().Walk({"v": array})
    walk.walk(budget_us=1)
    array[2 * MB] = 1  # in the first block, which is hashed by now
    while walk.walk(budget_us=1) == 0:
        pass
    assert walk.state("v")["content"] == content(array)


def test_a_large_array_whose_pages_are_not_watched_is_not_begun():
    core_walk().set_page_tracking(False)
    array = np.zeros(40 * MB, dtype="u1")
    walk = core_walk().Walk({"v": array})
    assert hashed_by(lambda: walk.walk(budget_us=1000)) == 0
    assert walk.walk() == 1


@needs_tracking
def test_a_column_of_texts_is_not_read_again():
    column = pa.array([f"name {i}" for i in range(1_000_000)], pa.large_string())
    walk = core_walk().Walk({"v": column})
    walk.walk()
    walk.recheck()  # the stamp's own buffer
    assert hashed_by(lambda: walk.recheck()) == 0


@needs_tracking
def test_a_buffer_rewritten_all_the_time_is_left_unprotected():
    core_walk().set_page_tracking(True)
    array = np.zeros(8 * MB, np.uint8)
    walk = core_walk().Walk({"v": array})
    walk.walk()
    for _ in range(4):
        array += 1
        walk.walk()
    assert hashed_by(walk.recheck) == array.nbytes  # unprotected: found out by hashing, and protected again
    assert hashed_by(walk.recheck) == array.nbytes
    assert hashed_by(walk.recheck) == 0


def test_a_child_hashes():
    core_walk().set_page_tracking(True)
    array = np.zeros(8 * MB, np.uint8)
    walk = core_walk().Walk({"v": array})
    walk.walk()
    pid = os.fork()
    if pid == 0:
        right = not core_walk().page_tracking()["on"] and walk.recheck() == {"v": "unchanged"}
        array[5] = 1
        os._exit(0 if right and walk.recheck() == {"v": "maybe_changed"} else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert walk.recheck() == {"v": "unchanged"}
    array[5] = 1
    assert walk.recheck() == {"v": "maybe_changed"}


def test_more_buffers_than_are_watched():
    core_walk().set_page_tracking(True)
    memory = np.zeros(8 * MB, np.uint8)
    names = {f"v{i}": memory[i * 7 : i * 7 + 4 * MB] for i in range(1100)}
    first = list(names)[:30]
    walk = core_walk().Walk(names)
    walk.walk(first)
    core_walk().Walk({name: names[name] for name in list(names)[30:]}).walk()
    assert core_walk().page_tracking()["buffers"] <= 1024
    assert set(walk.recheck(first).values()) == {"unchanged"}
    memory[4 * MB - 1] = 1
    assert set(walk.recheck(first).values()) == {"maybe_changed"}


def test_the_environment_turns_it_off():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import walk_values;"
        "print(walk_values.core_walk().page_tracking())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent)],
        env=os.environ | {"ELASTICPYTHON_PAGE_TRACKING": "0"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "'on': False" in run.stdout and f"'available': {available}" in run.stdout
