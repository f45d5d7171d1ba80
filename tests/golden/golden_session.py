"""The session of tests/golden/session_v*.file. `python tests/golden/golden_session.py FILE` writes one anew:
when the format's version is raised, under a new name, and never over what is there."""

import sys
import tempfile
from pathlib import Path

CELLS = [
    "from dataclasses import dataclass\nimport abc, enum, functools, collections",
    """
class Meta(type):
    def __new__(meta, name, bases, body):
        return super().__new__(meta, name, bases, {**body, "made": True})
class Base(metaclass=Meta):
    def who(self): return "base"
class Derived(Base):
    __slots__ = ("n",)
    def who(self): return "derived of " + super().who()
    @property
    def twice(self): return 2 * self.n
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
@dataclass(frozen=True)
class Square(Shape):
    side: int
    def area(self): return self.side ** 2
class Colour(enum.Enum):
    RED = 1
    ALSO_RED = 1
    BLUE = 2
Pair = collections.namedtuple("Pair", "x y")
""",
    """
def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    def now(): return n
    return up, now
up, now = counter(); up()
def twice(f):
    @functools.wraps(f)
    def run(*arguments): return 2 * f(*arguments)
    return run
@twice
def add(x): return x + offset
offset = 1
""",
    "thing = Derived(); thing.n = 4; square = Square(3); colour = Colour.ALSO_RED; pair = Pair(1, [2])",
    "inner = [1]; outer = {'inner': inner, 'pair': pair}; text = 'naïve'; loop = []; loop.append(loop)",
]
# Expression -> value, in this order: calls change the state.
EXPECTED = {
    "[thing.who(), thing.twice, type(thing) is Derived, Derived.made, type(Derived) is Meta]":
        ["derived of base", 8, True, True, True],
    "[square.area(), square == Square(3), isinstance(square, Shape)]": [9, True, True],
    "[colour is Colour.RED, Colour(2).name, list(pair), type(pair) is Pair]":
        [True, "BLUE", [1, [2]], True],
    "[up(), now(), add(1), add.__name__]": [2, 2, 4, "add"],
    "[outer['inner'] is inner, outer['pair'] is pair, loop[0] is loop, text]": [True, True, True, "naïve"],
}


def main(path):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "session"))
    import processes

    with tempfile.TemporaryDirectory() as directory:
        process = processes.Process(Path(directory))
        process.run(*CELLS)
        process.checkpoint(Path(directory) / "store", plan="store-all", export=path)
        process.kill()


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
