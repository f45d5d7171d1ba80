"""The dumping half of the serialiser: from a group of variables to one pickle and the buffers beside it.

The pickler is cloudpickle's, driven from C++ (`src/pyobj/serializer_*.cpp`), which asks `Context.reducer_for`
once a type and keeps the answer. What differs from cloudpickle: functions stay bound to the live namespace
and share their cells, classes are rebuilt without running the code that defined them, arrays keep sharing
memory, an object that is itself another variable is a reference, and what holds on to the outside world (a
file, a socket, a lock, a thread) is refused instead of read.

Serialising runs code of the user's (`__reduce__`, `__getstate__`); walking (`_core.walk`) never does.
"""

import copyreg
import importlib
import platform
import struct
import sys
import types

import cloudpickle
import cloudpickle.cloudpickle as field

from elasticpython import inside, pickling_arrays, pickling_code, pickling_process, pickling_types
from elasticpython import unpickling, unpickling_code
from elasticpython.by_type import is_a, is_made_by_hand
from elasticpython.pickling_refusals import NotSerializable, refusal_for


class GroupPickler(cloudpickle.CloudPickler):
    """One group's pickler. `native` (C++) brings what it calls for each object, and takes what it writes."""

    def __init__(self, native, dispatch_table):
        self.persistent_id = native.persistent_id
        self.reducer_override = native.reducer_override
        self.dispatch_table = dispatch_table
        super().__init__(native, protocol=5, buffer_callback=native.buffer_callback)


class Context:
    """What reducers know of one checkpoint: the namespace, and which objects are variables of other groups.

    `native` is the C++ side (its methods `buffer_address`, `weak_referent`, and the pickler's hooks).
    """

    def __init__(self, namespace, references, native, oob_min_bytes):
        self.namespace = namespace
        self.native = native
        self.oob_min_bytes = oob_min_bytes
        self._dispatch = {**copyreg.dispatch_table, **cloudpickle.CloudPickler._dispatch_table}
        self._some_by_value = bool(field.list_registry_pickle_by_value())
        self._importable = {}
        self._kept = []  # an id is one object's only while that lives
        self._names = {}
        for name in references:
            value = namespace[name] if name in namespace else inside.at(name, namespace.__getitem__)
            if type(value) not in _ATOMS or _is_nan(value):
                self._names.setdefault(id(value), name)
                self._kept.append(value)
        self._referred = list(self._kept)
        self._of_process = pickling_process.objects()
        self._globals = {}  # id of a function's globals -> what stands for them
        for value in list(namespace.values()):
            if is_a(value, types.ModuleType) and not self.is_importable_module(value):
                self.add_module(value)
            elif type(value) is dict:
                self._globals[id(value)] = value

    def persistent_ids(self):
        """{object id: (variable or "", reference)} of what pickle writes without asking for a reducer."""
        table = {
            id(module.__dict__): ("", ("module_dict", name))
            for name, module in sys.modules.copy().items()
            if isinstance(module, types.ModuleType) and self.is_importable_module(module, name)
        }
        for value in self._referred:
            if type(value) in _CONTAINERS or _is_nan(value):
                name = self._names[id(value)]
                table.setdefault(id(value), (name, ("variable", name)))
        for text, module, name in pickling_process.markers(self.is_importable_module):
            table[id(text)] = ("", ("text", f"{module}:{name}:{text}"))
        for value, (module, path) in self._of_process:
            table[id(value)] = ("", ("attribute", f"{module}:{path}"))
        table[id(self.namespace)] = ("", ("namespace", ""))
        return table

    def variable_reductions(self):
        """{object id: (variable, reduction)} of the other objects that are variables. Classes, functions and
        modules are not among them: their reducers look first whether an import brings them."""
        table = {
            id(value): (self._names[id(value)], (unpickling.variable, (self._names[id(value)],)))
            for value in self._referred
            if type(value) not in _CONTAINERS
            and not is_a(value, (type, types.FunctionType, types.ModuleType))
        }
        table |= {id(value): ("", (unpickling.process_object, place)) for value, place in self._of_process}
        if "decimal" in sys.modules:
            context = sys.modules["decimal"].getcontext()
            self._kept.append(context)
            table[id(context)] = ("", (unpickling.decimal_context, ()))
        return table

    def pickler(self):
        return GroupPickler(self.native, self._dispatch)

    def start_group(self, names):
        self.names_in_group = frozenset(names)
        self.notes = []
        self._modules = set()
        self._used = set()
        self.storages = {}
        self.own_arrays, self.lent = {}, {}  # of objects that lend their memory (`pickling_lenders`)
        self.plain_arrays = {}  # id of an array of a subclass -> the view of it that is written

    def finish_group(self, modules, used):
        """(references, {module: version}, notes) of the group just written."""
        return sorted(self._used.union(used)), versions_of(self._modules.union(modules)), self.notes

    def reference_name(self, value):
        """The variable of another group that `value` is, or None."""
        name = self._names.get(id(value))
        if name is None or name in self.names_in_group:
            return None
        self._used.add(name)
        return name

    def variable(self, name):
        """The reduction that refers to a variable of another group."""
        self._used.add(name)
        return unpickling.variable, (name,)

    def add_module(self, module):
        """A module made by hand: functions made in it share its dict."""
        if module.__dict__ is not self.namespace:
            self._globals.setdefault(id(module.__dict__), pickling_code.ModuleDict(module))

    def globals_of(self, function):
        """The globals to write: themselves where a reference or a variable stands for them."""
        own = function.__globals__
        if own is self.namespace:
            return own
        module = sys.modules.get(own.get("__name__"))
        if isinstance(module, types.ModuleType) and module.__dict__ is own:
            self.add_module(module)
        return self._globals.setdefault(id(own), pickling_code.OwnGlobals(own))

    def share_attributes(self, value, reduction):
        """`reduction` of an object whose `__dict__` something else holds (`vars(x)`, a state that all
        instances share): that dict stays its `__dict__`."""
        make, arguments, state, items, pairs, setter = (*reduction, None, None, None)[:6]
        attributes, slots = state if isinstance(state, tuple) else (state, None)
        try:
            own = object.__getattribute__(value, "__dict__")
        except AttributeError:
            return reduction
        plain = setter is None or setter is unpickling.set_attributes
        if own is not attributes or not plain or hasattr(type(value), "__setstate__"):
            return reduction
        if type(type(value).__dict__.get("__dict__")) is types.MemberDescriptorType:
            raise NotSerializable(value, "object whose attributes are a dict that something else holds too")
        return make, arguments, (attributes, slots), items, pairs, unpickling.adopt_dict

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def is_importable_module(self, module, name=None):
        name = name or module.__name__
        return (
            module.__dict__ is not self.namespace
            and name != "__main__"
            and sys.modules.get(name) is module
            and not is_made_by_hand(module)
            and not (self._some_by_value and field._is_registered_pickle_by_value(module))
        )

    def is_importable(self, value):
        """True for a class or function that `import` brings in another process."""
        known = self._importable.get(id(value))
        if known is None:
            known = self._find(value) is value
            self._importable[id(value)] = known
            self._kept.append(value)
        if known:
            self._modules.add(value.__module__.partition(".")[0])
        return known

    def _find(self, value):
        name = getattr(value, "__module__", None) or ""
        module = sys.modules.get(name) or _imported_late(name)
        if not isinstance(module, types.ModuleType) or not self.is_importable_module(module, name):
            return None
        found = module
        for part in value.__qualname__.split("."):
            try:
                found = getattr(found, part)
            except Exception:  # a module's `__getattr__` may raise anything
                return None
        return found

    def reducer_for(self, kind):
        """How objects of type `kind` are reduced: a callable(context, object), None for their own
        `__reduce_ex__`, NotImplemented for what pickle does otherwise."""
        if issubclass(kind, type):
            return pickling_code.reduce_class
        reducer = refusal_for(kind) or pickling_code.REDUCERS.get(kind) or pickling_types.REDUCERS.get(kind)
        if reducer is None and kind in self._dispatch:
            return NotImplemented
        return reducer or pickling_arrays.reducer_for(kind) or pickling_types.reducer_for(self, kind)


def _imported_late(name):
    """The submodule of a library that a class says it is of, though another one made it and nobody has asked
    for this one yet: `numpy.rec` of `numpy.recarray`. None for others."""
    package = sys.modules.get(name.partition(".")[0])
    if "." not in name or not isinstance(package, types.ModuleType) or is_made_by_hand(package):
        return None
    try:
        return importlib.import_module(name)
    except Exception:  # a name may be anything, and a module raise what it likes
        return None


_ATOMS = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis), type(NotImplemented))
_CONTAINERS = (list, dict, tuple, set, frozenset, bytearray)


def _is_nan(value):
    """A NaN is found in a dict or a list by its identity, which other groups have to share."""
    return type(value) is float and value != value


def environment():
    """What a reader of the checkpoint has to match, or to explain a failure by."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "bytecode_magic": unpickling_code.MAGIC.hex(),
        "byteorder": sys.byteorder,
        "word_bits": str(struct.calcsize("P") * 8),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
    }


def _cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
            return next(models, "")
    except OSError:
        return ""


_versions = {}


def version_of(module):
    """A top-level module's version as it says itself, else as its distribution does, else ""."""
    known = _versions.get(module)
    if known is None:
        loaded = sys.modules.get(module)
        known = getattr(loaded, "__version__", None)
        if not isinstance(known, str):
            by_hand = loaded is not None and is_made_by_hand(loaded)
            known = "" if by_hand else _distribution_version(module)
        _versions[module] = known
    return known


def _distribution_version(module):
    from importlib import metadata  # slow: 10 ms

    try:
        return metadata.version(module)
    except (metadata.PackageNotFoundError, ValueError):  # a class may name anything as its module
        return ""


def versions_of(modules):
    """{top-level module: version} without the standard library, whose version is Python's."""
    return {
        module: version_of(module)
        for module in sorted(modules)
        if module not in sys.stdlib_module_names and module not in ("", "__main__", "elasticpython")
    }


__all__ = ["Context", "GroupPickler", "NotSerializable", "environment", "versions_of"]
