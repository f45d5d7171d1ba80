"""Small random programs, run plainly and through checkpoint and restore: the values, the aliases and what the
next cells do must be the same, under every plan. A failure prints its seed: RANDOM_PROGRAM_SEED=N runs
that alone.
"""

import os
import random

import pytest

PLANS = ["optimal", "paper", "store-all", "recompute-all"]
SEEDS = [int(os.environ["RANDOM_PROGRAM_SEED"])] if "RANDOM_PROGRAM_SEED" in os.environ else range(12)
NAMES = ["a", "b", "c", "d", "_e", "f1"]

PRELUDE = """
import random
def bump(thing, n=1):
    thing.append(n); return thing
class Box:
    def __init__(self, inside): self.inside = inside
    def put(self, value): self.inside = value; return self
"""

# What a value is made of, with aliases told by the order in which objects are first met.
LOOK = """
def _look(value, seen):
    if isinstance(value, (int, float, str, type(None))): return value
    if isinstance(value, tuple): return ['tuple', [_look(each, seen) for each in value]]  # no identity
    if id(value) in seen: return ['again', seen[id(value)]]
    seen[id(value)] = len(seen)
    if isinstance(value, dict): return ['dict', [[key, _look(each, seen)] for key, each in value.items()]]
    if isinstance(value, list): return ['list', [_look(each, seen) for each in value]]
    if isinstance(value, Box): return ['Box', type(value) is Box, _look(value.inside, seen)]
    if callable(value): return ['callable', value.__name__]
    return ['object', type(value).__name__]
def _look_at_all(names):
    seen = {}
    return [[name, _look(globals()[name], seen)] for name in names if name in globals()]
"""


def statement(choose):
    """One statement; most work whatever the names are bound to, and those that do not raise."""
    x, y, z = (choose.choice(NAMES) for _ in range(3))
    number = choose.randrange(10)
    return choose.choice(
        [
            f"{x} = {number}",
            f"{x} = [{number}, {number + 1}]",
            f"{x} = {{'k': {number}}}",
            f"{x} = {y}",
            f"{x} = [{y}, {z}]",
            f"{x} = ({y}, {z})",
            f"{x} = Box({y})",
            f"{x}.put({y})",
            f"{x}.append({y})",
            f"bump({x}, {number})",
            f"{x} = bump({y})",
            f"{x}['k'] = {y}",
            f"{x} = {y}['k']",
            f"{x} = {y}.inside",
            f"{x}.inside.append({number})",
            f"del {x}",
            f"{x} = lambda: {y}",
            f"{x} = {y}()",
            f"random.seed({number})",
            f"{x} = random.random()",
            f"{x} = random.sample(range(9), 2)",
            f"{x} = {y} + {z}",
            f"{x} += [{number}]",
            f"for _ in range(2): {x}.append(len({x}))",
            f"globals()['{x}'] = {number}",
            f"exec('{x} = {number}')",
            f"def {x}(): return {y}",
            f"{x} = (i for i in range({number}))",
        ]
    )


def program(seed):
    """Cells of one to three statements."""
    choose = random.Random(seed)
    return [
        "\n".join(statement(choose) for _ in range(choose.randint(1, 3)))
        for _ in range(choose.randint(4, 14))
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_program_goes_on_after_a_restore_as_if_nothing_had_happened(start, tmp_path, seed):
    cells = program(seed)
    cut = random.Random(seed).randint(1, len(cells) - 1)
    look = f"_look_at_all({NAMES!r})"
    plain = start()
    plain.run(PRELUDE, LOOK, *cells[:cut], fails=True)
    reports = {plan: plain.checkpoint(tmp_path / plan, plan=plan) for plan in PLANS}
    before = dict(plain.value(look))
    plain.run(*cells[cut:], fails=True)
    after = plain.value(look)
    for plan in PLANS:
        restored = start()
        report = restored.restore(tmp_path / plan)
        lost = {name for name, entry in report["variables"].items() if entry["status"] == "lost"}
        assert lost == {
            name for name, entry in reports[plan]["variables"].items() if entry["action"] == "lost"
        }
        if lost:
            expected = {name: value for name, value in before.items() if name not in lost}
            assert set(dict(restored.value(look))) == set(expected), f"seed {seed}, plan {plan}"
            continue
        assert dict(restored.value(look)) == before, f"seed {seed}, plan {plan}, {cells[:cut]}"
        restored.run(*cells[cut:], fails=True)
        assert restored.value(look) == after, f"seed {seed}, plan {plan}, {cells} cut at {cut}"
        restored.kill()
