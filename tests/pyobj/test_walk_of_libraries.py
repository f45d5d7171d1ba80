"""Objects that libraries keep in memory of their own and the walk reads all the same: none is opaque, each
way of changing one is seen by recheck() and by a second walk, using one is no change, and what a pickle
brings back has the same content."""

import copy
import gc
import pickle
import random
import sys

import numpy as np
import pytest
from walk_values import core_walk


def content_of(value):
    """The content digest, of what nothing in it is opaque."""
    walk = core_walk().Walk({"v": value})
    walk.walk()
    state = walk.state("v")
    assert state["opaque_type"] == ""
    return state["content"]


def check_seen(value, change):
    """The change is seen at once, as one of the content."""
    walk = core_walk().Walk({"v": value})
    walk.walk()
    before = walk.state("v")
    assert not before["opaque"] and walk.recheck() == {"v": "unchanged"}
    change(value)
    assert walk.recheck() == {"v": "maybe_changed"}
    walk.walk()
    assert walk.state("v")["content"] != before["content"]


def check_no_change(value, use):
    """Neither the content nor, as far as recheck() tells, anything else."""
    walk = core_walk().Walk({"v": value})
    walk.walk()
    before = walk.state("v")
    kept = use(value)
    assert walk.recheck() == {"v": "unchanged"}
    walk.walk()
    assert walk.state("v")["content"] == before["content"]
    del kept


class Dice(random.Random):
    """With a state beside the generator's."""

    sides = 6


# ---- random.Random

DRAWS_OF_RANDOM = {
    "random": lambda r: r.random(),
    "getrandbits": lambda r: r.getrandbits(3),
    "randrange": lambda r: r.randrange(10),
    "shuffle": lambda r: r.shuffle([1, 2, 3]),
    "choices": lambda r: r.choices("abc", k=2),
    "gauss": lambda r: r.gauss(0, 1),
    "seed": lambda r: r.seed(4),
    "setstate": lambda r: r.setstate(random.Random(9).getstate()),
    "bound method": lambda r: (lambda f: f())(r.random),
    "through map": lambda r: list(map(r.randint, [1], [6])),
}


@pytest.mark.parametrize("kind", [random.Random, Dice])
@pytest.mark.parametrize("name", DRAWS_OF_RANDOM)
def test_a_draw_of_random_is_seen(kind, name):
    check_seen(kind(3), DRAWS_OF_RANDOM[name])
    check_seen([kind(3).random], lambda v: DRAWS_OF_RANDOM[name](v[0].__self__))


def test_the_second_number_of_a_pair_and_what_a_subclass_adds_are_seen():
    pair = random.Random(3)
    pair.gauss(0, 1)
    check_seen(pair, lambda r: r.gauss(0, 1))  # takes what was kept: the twister stays
    check_seen(Dice(3), lambda r: setattr(r, "sides", 20))
    check_no_change(random.Random(3), lambda r: (r.getstate(), repr(r), copy.copy(r)))


def test_random_comes_back_as_it_was():
    value = random.Random(3)
    value.gauss(0, 1)
    assert content_of(pickle.loads(pickle.dumps(value))) == content_of(value) != content_of(random.Random(4))


# ---- numpy's

SOURCES = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"]
DRAWS = {
    "random": lambda g: g.random(),
    "many": lambda g: g.standard_normal(700),
    "float32": lambda g: g.random(dtype=np.float32),  # one half of 64 bits is kept for the next
    "integers": lambda g: g.integers(10, size=3),
    "bytes": lambda g: g.bytes(3),
    "choice": lambda g: g.choice([1, 2, 3]),
    "shuffle": lambda g: g.shuffle([1, 2, 3]),
    "permutation": lambda g: g.permutation(5),
    "poisson": lambda g: g.poisson(3.0),
    "in place": lambda g: g.random(out=np.zeros(3)),
    "raw": lambda g: g.bit_generator.random_raw(),
    "from C": lambda g: g.bit_generator.ctypes.next_uint64(g.bit_generator.ctypes.state),
    "state set": lambda g: setattr(g.bit_generator, "state", type(g.bit_generator)(99).state),
    "spawn": lambda g: g.spawn(2),
    "spawn of the seed": lambda g: g.bit_generator.seed_seq.spawn(1),
    "bound method": lambda g: (lambda f: f())(g.random),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", DRAWS)
def test_a_draw_of_a_generator_is_seen(source, name):
    def make():
        return np.random.Generator(getattr(np.random, source)(5))

    draw = DRAWS[name]
    check_seen(make(), draw)
    generator = make()
    check_seen([generator.bit_generator], lambda _: draw(generator))


@pytest.mark.parametrize("source", SOURCES)
def test_half_of_the_bits_that_was_kept_is_part_of_a_generator(source):
    generator = np.random.Generator(getattr(np.random, source)(5))
    generator.integers(1 << 31, dtype=np.int32)
    check_seen(generator, lambda g: g.integers(1 << 31, dtype=np.int32))
    check_no_change(generator, lambda g: (repr(g), g.bit_generator.state, copy.copy(g)))


@pytest.mark.parametrize("source", [name for name in SOURCES if name not in ("MT19937", "SFC64")])
def test_a_jump_of_a_generator_is_seen(source):
    check_seen(getattr(np.random, source)(5), lambda b: b.advance(10))
    check_no_change(getattr(np.random, source)(5), lambda b: b.jumped())


@pytest.mark.parametrize("source", SOURCES)
def test_a_generator_comes_back_as_it_was(source):
    def make(seed):
        return np.random.Generator(getattr(np.random, source)(seed))

    generator = make(np.random.SeedSequence([5, 6], spawn_key=(1,)))
    generator.spawn(1)
    generator.random(dtype=np.float32)
    assert content_of(pickle.loads(pickle.dumps(generator))) == content_of(generator)
    assert len({content_of(make(seed)) for seed in (5, 6, [5], (5, 6))}) == 4


DRAWS_OF_STATE = {
    "rand": lambda s: s.rand(3),
    "randint": lambda s: s.randint(10),
    "shuffle": lambda s: s.shuffle([1, 2, 3]),
    "normal": lambda s: s.normal(),
    "seed": lambda s: s.seed(8),
    "set_state": lambda s: s.set_state(np.random.RandomState(9).get_state()),
    "raw": lambda s: s._bit_generator.random_raw(),
    "bound method": lambda s: (lambda f: f())(s.rand),
}


@pytest.mark.parametrize("name", DRAWS_OF_STATE)
@pytest.mark.parametrize("seed", [5, np.random.PCG64(5)])
def test_a_draw_of_a_random_state_is_seen(name, seed):
    if name in ("seed", "set_state") and seed != 5:
        pytest.skip("of a Mersenne twister only")
    check_seen(np.random.RandomState(copy.deepcopy(seed)), DRAWS_OF_STATE[name])


def test_the_second_number_of_a_pair_of_a_random_state_is_seen():
    state = np.random.RandomState(5)
    state.randn()
    check_seen(state, lambda s: s.randn())  # takes what was kept: the twister stays
    check_no_change(state, lambda s: (s.get_state(), repr(s)))
    assert content_of(pickle.loads(pickle.dumps(state))) == content_of(state)


@pytest.mark.parametrize("held, draw", [
    (np.random.mtrand._rand, np.random.rand), ([np.random.mtrand._rand], np.random.randn),
    ([random.random], random.random)])
def test_a_draw_of_the_generators_of_all_is_one_of_the_identity(held, draw):
    """Their states are ambient, and each process has its own: what refers to one came back the same."""
    walk = core_walk().Walk({"v": held})
    walk.walk()
    before = walk.state("v")
    assert not before["opaque"] and walk.recheck() == {"v": "unchanged"}
    draw()
    assert walk.recheck() == {"v": "maybe_changed"}
    walk.walk()
    after = walk.state("v")
    assert after["content"] == before["content"] and after["identity"] != before["identity"]


def test_the_words_of_a_seed_are_followed():
    words = [1, 2]
    generator = np.random.default_rng(np.random.SeedSequence(words))
    check_seen(generator, lambda g: g.bit_generator.seed_seq.entropy.append(3))


class Counted(np.random.PCG64):
    """A source whose state is more than its base knows."""

    @property
    def state(self):
        raise AssertionError("code of the user's ran while watching")


def test_a_source_in_python_stays_opaque_and_is_not_asked():
    for value in (Counted(5), np.random.Generator(Counted(5)), np.random.RandomState(Counted(5))):
        walk = core_walk().Walk({"v": value})
        walk.walk()
        assert walk.state("v")["opaque"] and walk.recheck() == {"v": "opaque"}


def test_generators_that_draw_from_one_source_are_linked():
    source = np.random.PCG64(5)
    names = {"a": np.random.Generator(source), "b": np.random.Generator(source), "c": np.random.default_rng()}
    walk = core_walk().Walk(names)
    walk.walk()
    groups = sorted(sorted(group) for group in walk.co_variables())
    assert groups == [["a", "b"], ["c"]]


def test_what_draws_from_a_source_in_c_is_linked_with_it():
    generator = np.random.default_rng(5)
    before = content_of(generator)
    walk = core_walk().Walk({"g": generator, "draw": generator.bit_generator.ctypes, "c": []})
    walk.walk()
    assert sorted(sorted(group) for group in walk.co_variables()) == [["c"], ["draw", "g"]]
    assert walk.state("g")["content"] == before


def test_reading_generators_leaks_nothing():
    values = [np.random.default_rng(5), np.random.RandomState(5), random.Random(5)]
    walk = core_walk().Walk({"v": values})
    counts = []
    for _ in range(3):
        walk.walk()
        walk.recheck()
        gc.collect()
        counts.append((len(gc.get_objects()), sys.getrefcount(values[0].bit_generator)))
    assert counts[1][1] == counts[2][1] and counts[2][0] - counts[1][0] < 5


# ---- functions of numpy

FUNCTIONS = [np.median, np.concatenate, np.linalg.norm, np.fft.fft]


def test_functions_of_numpy_are_told_by_name():
    assert len({content_of([function]) for function in FUNCTIONS}) == len(FUNCTIONS)
    check_no_change([np.median], lambda v: v[0]([1, 2]))
    check_seen([np.median], lambda v: v.__setitem__(0, np.mean))
    walk = core_walk().Walk({"a": np.median, "b": [np.median]})
    walk.walk()
    assert len(walk.co_variables()) == 2


def test_a_function_made_with_numpys_decorator_is_not():
    def dispatch(a):
        return (a,)

    def mine(a, kept=[1]):
        return kept

    mine.__module__ = "numpy"  # as its decorator is told to have it
    made = np._core.overrides.array_function_dispatch(dispatch, verify=False)(mine)
    walk = core_walk().Walk({"v": made})
    walk.walk()
    assert walk.state("v")["opaque"] and walk.recheck() == {"v": "opaque"}
