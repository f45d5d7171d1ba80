"""Random object graphs come back the same: by value, by type and by who shares what with whom."""
import os
import random

import pytest
from serializer_fixtures import package_path, serializer   # noqa: F401

np = pytest.importorskip("numpy")

CLASSES = """
class Node:
    def __init__(self): self.made = True
class Slotted:
    __slots__ = ("left", "right")
class Named(dict): pass
"""


class Graph:
    """Makes objects that refer to objects made before, and sometimes back."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.namespace = {"__name__": "__main__", "__builtins__": __builtins__}
        exec(CLASSES, self.namespace)
        self.made = []

    def atom(self):
        return self.random.choice([None, True, 7, -2 ** 70, 1.5, "text", "", b"bytes", 2j, (), "x" * 300])

    def any(self):
        return self.random.choice(self.made) if self.made and self.random.random() < 0.6 else self.atom()

    def make(self):
        makers = [self.list, self.dict, self.tuple, self.node, self.slotted, self.named, self.set, self.array,
                  self.view, self.closure, self.method, self.bytes, self.object_array]
        self.made.append(self.random.choice(makers)())

    def list(self):
        return [self.any() for _ in range(self.random.randrange(4))]

    def tuple(self):
        return tuple(self.any() for _ in range(self.random.randrange(4)))

    def dict(self):
        return {self.random.choice(["a", "b", 1, (1, 2), None]): self.any() for _ in range(3)}

    def node(self):
        node = self.namespace["Node"]()
        node.child = self.any()
        return node

    def slotted(self):
        slotted = self.namespace["Slotted"]()
        slotted.left = self.any()
        return slotted

    def named(self):
        named = self.namespace["Named"](k=self.any())
        named.extra = self.any()
        return named

    def set(self):
        return {self.random.randrange(9) for _ in range(3)}

    def bytes(self):
        return bytearray(self.random.randbytes(self.random.choice([3, 40_000])))

    def array(self):
        return np.arange(self.random.choice([6, 12, 6000])).astype(self.random.choice(["f8", "i4", "M8[s]"]))

    def object_array(self):
        array = np.empty(2, dtype=object)
        array[0] = self.any()
        return array

    def view(self):
        arrays = [made for made in self.made if type(made) is np.ndarray and made.ndim == 1 and len(made) > 2]
        if not arrays:
            return self.array()
        return self.random.choice(arrays)[self.random.choice([slice(1, None), slice(None, None, -1),
                                                              slice(None, None, 2)])]

    def closure(self):
        scope = dict(self.namespace)
        exec("def make(x):\n    def f(): return x\n    return f", scope)
        function = scope["make"](self.any())
        return type(function)(function.__code__, self.namespace, "f", None, function.__closure__)

    def method(self):
        return self.node().__repr__ if self.random.random() < 0.5 else [].append

    def tie_a_knot(self):
        holder = self.random.choice(self.made)
        if type(holder) is list:
            holder.append(self.any())
        elif type(holder) in (dict, self.namespace["Named"]):
            holder["knot"] = self.any()
        elif type(holder) is self.namespace["Node"]:
            holder.knot = self.any()


def shape_of(roots):
    """The graph as a list of tokens: objects are numbered as they are met, memory by its owner and offset."""
    tokens, numbers, kept, todo = [], {}, [], list(reversed(roots))
    while todo:
        value = todo.pop()
        kind = type(value)
        if value is None or kind in (bool, int, float, complex, str, bytes) or kind is tuple and not value:
            tokens.append((kind.__name__, value))
            continue
        if id(value) in numbers:
            tokens.append(("seen", numbers[id(value)]))
            continue
        numbers[id(value)] = len(numbers)
        kept.append(value)
        below = []
        detail = ()
        if kind in (list, tuple):
            below = list(value)
        elif isinstance(value, dict):
            below = [part for item in value.items() for part in item]
        elif kind is set:
            detail = tuple(sorted(value))
        elif kind is bytearray:
            detail = bytes(value)
        elif kind is np.ndarray:
            detail = (value.dtype.str, value.shape)   # strides and owners: see sharing_of
            below = value.tolist() if value.dtype.hasobject else []
            detail += (() if value.dtype.hasobject else value.tobytes(),)
        elif hasattr(value, "__closure__"):
            below = [cell.cell_contents for cell in value.__closure__]
        elif hasattr(value, "__self__"):
            detail, below = value.__name__, [value.__self__]
        for attribute in ("__dict__",):
            below += [part for item in getattr(value, attribute, {}).items() for part in item]
        below += [getattr(value, name) for name in getattr(kind, "__slots__", ()) if hasattr(value, name)]
        tokens.append((kind.__name__, len(below), detail))
        todo += reversed(below)
    return tokens


def sharing_of(roots):
    """Which pairs of the arrays among the roots share memory."""
    arrays = [value for value in roots if type(value) is np.ndarray]
    return [np.shares_memory(a, b) for i, a in enumerate(arrays) for b in arrays[i + 1:]]


FIRST = int(os.environ.get("ELASTIC_SEED", "20240601"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + 150))
def test_a_random_graph_comes_back(seed, serializer):   # noqa: F811
    print(f"ELASTIC_SEED={seed}")
    graph = Graph(seed)
    for _ in range(graph.random.randrange(3, 40)):
        graph.make()
        if graph.random.random() < 0.3:
            graph.tie_a_knot()
    names = [f"v{number}" for number in range(len(graph.made))]
    namespace = graph.namespace
    namespace.update(zip(names, graph.made))
    pickled = serializer.Dumper(namespace, ["Node", "Slotted", "Named"]).dump(names)
    restored = {"__name__": "__main__", "__builtins__": __builtins__}
    exec(CLASSES, restored)
    loader = serializer.Loader(restored, restored.__getitem__)
    restored.update(loader.load(names, pickled.pickle, [bytearray(buffer) for buffer in pickled.buffers]))
    before = [namespace[name] for name in names]
    after = [restored[name] for name in names]
    assert shape_of(after) == shape_of(before)
    assert sharing_of(after) == sharing_of(before)
    for function in after:
        if hasattr(function, "__closure__"):
            assert function.__globals__ is restored
