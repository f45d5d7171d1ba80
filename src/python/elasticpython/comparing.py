"""Whether two pickles of the same variables hold the same state, and where they first differ.

A restored object may differ from the original in what its type does not store (caches, canvases, callbacks)
and still be the same to everybody who asks it. So what was stored is compared with what the type stores of
the restored object now. Two pickles of equal state need not be equal bytes: which equal strings are one
object is an accident of interning, and sets come in any order. They are therefore read into trees, without
importing or running anything they name, and the trees are compared: types, values, order, and who shares
what with whom.
"""

import io
import pickle
import struct

from elasticpython import comparing_arrays

# A pickle above either is compared by its bytes only: reading takes 1 to 5 us an object.
MAX_BYTES = 64 << 20
MAX_OBJECTS = 1_500_000
_MATCHED_IN_SETS = 64
_ATOMS = (int, float, complex, str, bytes, bool, type(None))
# What a library keeps for itself: matplotlib draws anew what is stale, which is all that was just loaded, and
# numbers callbacks as it makes them.
_DRAWING = {"_stale", "_cid_gen", "_parents", "_invalid", "_inverted"}
_NOT_STATE = {"matplotlib": _DRAWING, "mpl_toolkits": _DRAWING}
# What is called with an object and its state.
_SETTER, _ADOPTER = "elasticpython.unpickling.set_derived_state", "elasticpython.unpickling.adopt_dict"
# Which argument names the object, and is none of its state.
_TRACKERS = {"make_class": 4, "make_enum": 4, "tracked": 0}


class _Name:
    """A class or function that the pickle names."""

    def __init__(self, module, name):
        self.text = f"{module}.{name}"
        self.tracker = _TRACKERS.get(name) if module == "elasticpython.unpickling" else None

    def __call__(self, *arguments):
        if self.text in (_SETTER, _ADOPTER) and isinstance(arguments[0], _Object):
            state = arguments[1]
            if self.text == _ADOPTER and state[1] is None:  # whether something else holds the dict, too
                [state, _] = state
            arguments[0].__setstate__(state)
        return _Object(self, arguments)


class _Object:
    """What calling a name with arguments gives, and what is done to it afterwards."""

    def __init__(self, maker, arguments, keywords=None):
        if isinstance(maker, _Name) and maker.tracker is not None:
            arguments = (*arguments[: maker.tracker], *arguments[maker.tracker + 1 :])
        self.maker, self.arguments, self.keywords = maker, arguments, keywords
        self.state, self.items, self.pairs = [], [], []

    def __setstate__(self, state):
        self.state.append(state)

    def append(self, item):
        self.items.append(item)

    def add(self, item):
        self.items.append(item)

    def __setitem__(self, key, value):
        self.pairs.append((key, value))

    def __call__(self, *arguments):
        return _Object(self, arguments)


class _Buffer:
    """Memory beside the pickle."""

    def __init__(self, memory, readonly=False):
        self.memory, self.readonly = memory, readonly


class _TooLarge(Exception):
    """Reading goes on for longer than it is worth."""


class _Reader(pickle._Unpickler):
    """Reads a pickle into lists, dicts, atoms and the classes above."""

    dispatch = dict(pickle._Unpickler.dispatch)
    objects = 0

    def find_class(self, module, name):
        return _Name(module, name)

    def _count(self, more):
        self.objects += more
        if self.objects > MAX_OBJECTS:
            raise _TooLarge

    def load_memoize(self):
        self._count(1)
        super().load_memoize()

    dispatch[pickle.MEMOIZE[0]] = load_memoize

    def pop_mark(self):
        self._count(len(self.stack))
        return super().pop_mark()

    def persistent_load(self, reference):
        return _Object("reference", (reference,))

    def load_newobj(self):
        arguments = self.stack.pop()
        self.stack[-1] = _Object(self.stack[-1], arguments)

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_newobj_ex(self):
        keywords = self.stack.pop()
        arguments = self.stack.pop()
        self.stack[-1] = _Object(self.stack[-1], arguments, keywords)

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def load_build(self):
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, _Object):
            self.stack[-1] = target = _Object("built", (target,))
        target.__setstate__(state)

    dispatch[pickle.BUILD[0]] = load_build

    def load_readonly_buffer(self):
        self.stack[-1] = _Buffer(self.stack[-1].memory, True)

    dispatch[pickle.READONLY_BUFFER[0]] = load_readonly_buffer


def read(names, content, buffers):
    """{name: tree} of a group's pickle. Raises _TooLarge."""
    if len(content) > MAX_BYTES:
        raise _TooLarge
    reader = _Reader(io.BytesIO(content), buffers=(_Buffer(memoryview(each)) for each in buffers))
    return {name: reader.load() for name in names}


def first_difference(names, before, after):
    """The first difference between two (pickle, buffers) as a sentence, or None if they hold the same."""
    try:
        trees = [read(names, *each) for each in (before, after)]
    except _TooLarge:
        return f"what it stores is {len(after[0])} bytes that are not the {len(before[0])} bytes stored"
    except (pickle.UnpicklingError, TypeError, ValueError, AttributeError, IndexError, KeyError) as error:
        return f"the pickles cannot be compared ({error})"
    comparison = _Comparison()
    for name in names:
        found = comparison.run(name, trees[0][name], trees[1][name])
        if found:
            return found
    return None


def _read_inner(content):
    """The tree of a pickle inside a pickle, in a tuple; None where `content` is none."""
    try:
        return (_Reader(io.BytesIO(content)).load(),)
    except Exception:   # bytes that begin as a pickle does may make any opcode fail
        return None


class _Comparison:
    def __init__(self):
        self._partners = ({}, {})  # of what has an identity: object of one tree -> that of the other
        self._kept = []
        self._arrays = comparing_arrays.Comparison()

    def run(self, path, before, after):
        """A sentence, or None."""
        todo = [(path, before, after)]
        while todo:
            path, before, after = todo.pop()
            parts = self._parts(path, before, after)
            if isinstance(parts, str):
                return parts
            todo.extend(reversed(parts))
        return None

    def _parts(self, path, before, after):
        """What of the two has to be equal, or a sentence."""
        if type(before) is not type(after):
            return f"{path} is {_described(after)}, was {_described(before)}"
        if isinstance(before, bytes) and before != after and before[:1] == after[:1] == pickle.PROTO:
            inner = [_read_inner(each) for each in (before, after)]
            if None not in inner:   # what a library has pickled for itself
                return [(f"{path}(...)", *inner)]
        if isinstance(before, _ATOMS):
            return [] if _same_atom(before, after) else f"{path} is {_short(after)}, was {_short(before)}"
        if isinstance(before, _Name):
            same = before.text == after.text
            return [] if same else f"{path} is {after.text}, was {before.text}"
        if isinstance(before, _Buffer):
            return self._buffers(path, before, after)
        if not isinstance(before, tuple) and not (_is_value(before) and _is_value(after)):
            partners, owners = self._partners
            if id(before) in partners or id(after) in owners:
                one = partners.get(id(before)) == id(after)
                return [] if one else f"{path} is not shared with what it was shared with"
            partners[id(before)], owners[id(after)] = id(after), id(before)
            self._kept.append((before, after))
        if isinstance(before, (list, tuple)):
            return self._sequences(path, before, after)
        if isinstance(before, dict):
            return self._pairs(path, list(before.items()), list(after.items()))
        if isinstance(before, (set, frozenset)):
            return self._sets(path, before, after)
        if isinstance(before, _Object):
            return self._objects(path, before, after)
        return [] if before == after else f"{path} is {_short(after)}, was {_short(before)}"

    def _sequences(self, path, before, after, label="[{}]"):
        if len(before) != len(after):
            return f"{path} has {len(after)} elements, had {len(before)}"
        return [(path + label.format(i), *pair) for i, pair in enumerate(zip(before, after))]

    def _pairs(self, path, before, after, label="[{}]"):
        if len(before) != len(after):
            gone = _keys(before) - _keys(after)
            new = _keys(after) - _keys(before)
            what = [f"without {', '.join(sorted(gone)[:3])}"] if gone else []
            what += [f"with {', '.join(sorted(new)[:3])}"] if new else []
            return f"{path} has {len(after)} entries, had {len(before)}: now {' and '.join(what)}"
        parts = []
        for (key, value), (new_key, new_value) in zip(before, after):
            parts.append((f"a key of {path}", key, new_key))
            parts.append((path + label.format(_key(key)), value, new_value))
        return parts

    def _sets(self, path, before, after):
        if len(before) != len(after):
            return f"{path} has {len(after)} elements, had {len(before)}"
        rest, unmatched = list(after), []
        for each in before:
            if isinstance(each, _ATOMS) and each in after:
                rest.remove(each) if len(rest) <= _MATCHED_IN_SETS else None
            else:
                unmatched.append(each)
        if all(isinstance(each, _ATOMS) for each in before):
            return f"{path} is without {_short(unmatched[0])}" if unmatched else []
        if len(before) > _MATCHED_IN_SETS:
            return list(zip([f"an element of {path}"] * len(before), before, after))
        for each in unmatched:
            partner = next((one for one in rest if _Comparison().run("", each, one) is None), None)
            if partner is None:
                return f"an element of {path} is not what it was"
            rest.remove(partner)
        return []

    def _objects(self, path, before, after):
        if comparing_arrays.is_array(before) and comparing_arrays.is_array(after):
            found = self._arrays.run(path, before, after)
            if found is not None:
                return found
        if getattr(before.maker, "text", "") == "elasticpython.unpickling.memmap":
            return f"{path} shows a file, which may hold something else than it did"
        if _is_arrow_memory(before) and _is_arrow_memory(after):
            # Whether Arrow may write into it depends on where it came from.
            return [(path, bytes(before.arguments[0]), bytes(after.arguments[0]))]
        if _arrow_nulls(before) == 0 and _arrow_nulls(after) == 0:
            # Which of its elements are there is told by a bitmap, or, where all are, by none.
            (mine,), (other,) = before.arguments, after.arguments
            kinds = mine[:4], mine[4][1:], mine[5:]
            return [(f"{path}(...)[{number}]", *pair) for number, pair in enumerate(
                zip(kinds, (other[:4], other[4][1:], other[5:])))]
        parts = [(f"the type of {path}", before.maker, after.maker)]
        if isinstance(before.maker, str):
            parts = [] if before.maker == after.maker else [(path, before.maker, after.maker)]
        parts.append((f"{path}(...)", before.arguments, after.arguments))
        parts.append((f"{path}(...)", before.keywords, after.keywords))
        for mine, other in zip(before.state, after.state):
            parts += self._states(path, mine, other, _not_state(before))
        for more in (
            self._sequences(path, before.state, after.state, "")
            if len(before.state) != len(after.state)
            else [],
            self._sequences(path, before.items, after.items),
            self._pairs(path, before.pairs, after.pairs),
        ):
            if isinstance(more, str):
                return more
            parts += more
        return parts

    def _states(self, path, before, after, left_out):
        """Attributes by their name, where a state is what Python makes of an instance."""
        pairs = [(before, after)]
        if isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after) == 2:
            pairs = list(zip(before, after))
        if left_out == "masked array" and before[-1:] == (None,):  # the fill value is made when it loads
            pairs = [(before[:-1], after[:-1])]
        parts = []
        for pair in pairs:
            mine, other = pair
            named = [isinstance(each, dict) and all(isinstance(key, str) for key in each) for each in pair]
            if not all(named) or mine.keys() != other.keys():
                parts.append((path, mine, other))
                continue
            parts += [
                (f"{path}.{name}", value, other[name])
                for name, value in mine.items()
                if name not in left_out
            ]
        return parts

    def _buffers(self, path, before, after):
        if before.memory.nbytes != after.memory.nbytes:
            return f"{path} has {after.memory.nbytes} bytes, had {before.memory.nbytes}"
        mine, other = before.memory.cast("B"), after.memory.cast("B")
        for start in range(0, len(mine), 1 << 16):
            piece, new = bytes(mine[start : start + (1 << 16)]), bytes(other[start : start + (1 << 16)])
            if piece != new:
                place = start + next(i for i, pair in enumerate(zip(piece, new)) if pair[0] != pair[1])
                return f"the memory of {path} differs from byte {place} on"
        return []


def _not_state(tree):
    """What of an object's state does not count."""
    named = [each.text for each in (tree.maker, *tree.arguments) if isinstance(each, _Name)]
    if "numpy.ma.core._mareconstruct" in named:
        return "masked array"
    libraries = {text.partition(".")[0] for text in named}
    return next((names for library, names in _NOT_STATE.items() if library in libraries), ())


def _is_arrow_memory(tree):
    return (isinstance(tree.maker, _Name) and tree.maker.text == "pyarrow.lib.py_buffer"
            and isinstance(tree.arguments[0], (bytes, bytearray)))


def _arrow_nulls(tree):
    """How many elements of an Arrow array are missing; None for anything else."""
    if not isinstance(tree.maker, _Name) or tree.maker.text != "pyarrow.lib._restore_array":
        return None
    _type, _length, nulls, _offset, buffers, *_rest = tree.arguments[0]
    return nulls if isinstance(buffers, list) and buffers else None


def _is_expression(tree):
    """An expression of SymPy's, which never changes: it makes one or several as its caches are filled."""
    if isinstance(tree, _Object) and tree.maker == "built":
        tree = tree.arguments[0]
    maker = tree.maker if isinstance(tree, _Object) else None
    return isinstance(maker, _Name) and maker.text.startswith(("sympy.core.", "sympy.functions."))


def _is_value(tree):
    """True for what has no identity to speak of: a date, a dtype; made of atoms only; or an expression."""
    if _is_expression(tree):
        return True
    if not isinstance(tree, _Object) or tree.items or tree.pairs or tree.keywords:
        return False
    parts = [*tree.arguments, *tree.state]
    while parts:
        part = parts.pop()
        if isinstance(part, tuple):
            parts += part
        elif not isinstance(part, (*_ATOMS, _Name)):
            return False
    return True


def _same_atom(before, after):
    if isinstance(before, float):
        return struct.pack("d", before) == struct.pack("d", after)
    return before == after if not isinstance(before, complex) else repr(before) == repr(after)


def _short(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _described(value):
    if isinstance(value, _Object):
        return f"a {value.maker.text}" if isinstance(value.maker, _Name) else "an object"
    return _short(value) if isinstance(value, _ATOMS) else f"a {type(value).__name__}"


def _key(key):
    return _short(key) if isinstance(key, _ATOMS) else "..."


def _keys(pairs):
    return {_key(key) for key, _ in pairs}
