"""What a namespace holds, written down so that two processes can be compared: values, aliases, shared memory.

Independent of the product's own walk on purpose: what that does not see must show here. A portrait is a list
of lines for each variable. Objects with an identity get a number when they are met first, in the order of
the names, so an alias is a line that says so; numpy memory that several arrays share is told by offsets.
"""

import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import io
import logging
import re
import sys
import types
from collections import OrderedDict
from pathlib import PurePath

ATOMS = (type(None), bool, int, float, complex, str, bytes, range, slice, type(...), type(NotImplemented))
IMMUTABLE = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, fractions.Fraction, PurePath)
LONG = 200
# Attributes that differ in each run: how long a fit took, memory that nobody fills, addresses, threads.
NOISE = re.compile(r"(fit|score)_time_?$|^_tmp_like_exog$|^_ident$|^_native_id$|^_stop_words_id$")
ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


def short(text):
    """Text as it is, or its beginning and a digest of all."""
    if len(text) <= LONG:
        return text
    return f"{text[:60]}... {len(text)} {digest(text.encode('utf-8', 'replace'))}"


def digest(data):
    """A digest of bytes-like data."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()


class Painter:
    """Paints one namespace; `paint(name, value)` adds a variable."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.numbers = {}
        self.alive = []
        self.lines = []
        self.arrays = []
        self.unstable = set()

    def variable(self, name, value):
        """The lines of one variable."""
        self.lines = []
        self.paint(name, value)
        return self.lines

    def say(self, path, what):
        self.lines.append(f"{path}: {what}")

    def is_new(self, path, value, what):
        """False for an object that was met before, which is said."""
        number = self.numbers.get(id(value))
        if number is not None:
            self.say(path, f"again #{number}")
            return False
        self.numbers[id(value)] = len(self.numbers)
        self.alive.append(value)
        self.say(path, f"{what} #{self.numbers[id(value)]}")
        return True

    def paint(self, path, value):
        kind = type(value)
        if kind in ATOMS:
            self.say(path, f"{kind.__name__} {short(repr(value))}")
        elif kind is tuple or (isinstance(value, tuple) and not hasattr(value, "__dict__")):
            self.say(path, f"{kind.__name__} of {len(value)}")
            self.each(path, value)
        elif isinstance(value, IMMUTABLE):  # which of two equal ones it is, is nothing a cell should ask
            self.say(path, f"{kind.__name__} {short(str(value))}")
        elif isinstance(value, enum.Enum):
            self.say(path, f"{kind.__qualname__}.{value.name}")
        elif isinstance(value, types.ModuleType):
            self.say(path, f"module {value.__name__}")
        elif kind in (types.BuiltinFunctionType, types.MethodWrapperType, types.WrapperDescriptorType,
                      types.MethodDescriptorType, types.GetSetDescriptorType, types.MemberDescriptorType):
            owner = getattr(value, "__self__", None)
            self.say(path, f"builtin {value.__qualname__}")
            if owner is not None and not isinstance(owner, (types.ModuleType, type)):
                self.paint(f"{path}.__self__", owner)
        elif isinstance(value, type):
            self.paint_class(path, value)
        elif kind is types.FunctionType:
            self.paint_function(path, value)
        else:
            self.paint_object(path, value, kind)

    def each(self, path, values):
        for index, value in enumerate(values):
            self.paint(f"{path}[{index}]", value)

    def paint_mapping(self, path, items):
        for key, value in items:
            if type(key) is str and NOISE.search(key):
                self.say(f"{path}[{key}]", type(value).__name__)
            elif type(key) in ATOMS:
                self.paint(f"{path}[{short(repr(key))}]", value)
            else:
                self.paint(f"{path}.key", key)
                self.paint(f"{path}.value", value)

    def paint_set(self, path, values):
        def order(value):
            plain = type(value) in ATOMS or type(value) is tuple
            return type(value).__name__, ADDRESS.sub("", repr(value)) if plain else ""

        self.each(path, sorted(values, key=order))

    def paint_class(self, path, value):
        if value.__module__ != "__main__":
            self.say(path, f"class {value.__module__}.{value.__qualname__}")
        elif self.is_new(path, value, f"class {value.__qualname__}"):
            self.each(f"{path}.__bases__", value.__bases__)
            hidden = {"__dict__", "__weakref__", "__abstractmethods__", "_abc_impl", "__doc__", "__module__",
                      "__annotations__", "__slotnames__", "__dataclass_params__", "__dataclass_fields__"}
            for name in sorted(set(vars(value)) - hidden):
                if not isinstance(vars(value)[name], types.MemberDescriptorType):
                    self.paint(f"{path}.{name}", vars(value)[name])

    def paint_function(self, path, value):
        if value.__module__ != "__main__" and value.__globals__ is not self.namespace:
            self.say(path, f"function {value.__module__}.{value.__qualname__}")
            if "<lambda>" not in value.__qualname__ and "<locals>" not in value.__qualname__:
                return
        elif self.is_interchangeable(value):
            self.say(path, f"function {value.__qualname__}")
        elif not self.is_new(path, value, f"function {value.__qualname__}"):
            return
        self.say(path, f"at home {value.__globals__ is self.namespace}")
        self.paint_code(path, value.__code__)
        self.paint(f"{path}.__defaults__", value.__defaults__)
        self.paint(f"{path}.__kwdefaults__", value.__kwdefaults__)
        self.paint_mapping(f"{path}.__dict__", value.__dict__.items())
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or ()):
            if self.is_new(f"{path}.<{name}>", cell, "cell"):
                try:
                    self.paint(f"{path}.<{name}>", cell.cell_contents)
                except ValueError:
                    self.say(f"{path}.<{name}>", "empty")

    def is_interchangeable(self, function):
        """Without state and a variable of its own: docs/session.md says that it may come back as two."""
        state = (function.__dict__, function.__closure__, function.__defaults__, function.__kwdefaults__)
        return not any(state) and all(each is not function for each in self.namespace.values())

    def paint_code(self, path, code):
        constants = [each for each in code.co_consts if not isinstance(each, types.CodeType)]
        self.say(f"{path}.code", f"{digest(code.co_code)} {code.co_names} {short(repr(constants))}")
        for each in code.co_consts:
            if isinstance(each, types.CodeType):
                self.paint_code(f"{path}.{each.co_name}", each)

    def paint_object(self, path, value, kind):
        library = kind.__module__.split(".")[0]
        label = f"{kind.__module__}.{kind.__qualname__}"
        if library in LIBRARIES and LIBRARIES[library](self, path, value, label):
            return
        if not self.is_new(path, value, label):
            return
        special = SPECIAL.get(kind)
        if special is not None:
            special(self, path, value)
            return
        if isinstance(value, (list, tuple)):
            self.each(path, list.__iter__(value) if isinstance(value, list) else tuple.__iter__(value))
        elif isinstance(value, dict):
            items = OrderedDict.items if isinstance(value, OrderedDict) else dict.items
            self.paint_mapping(path, list(items(value)))
        elif isinstance(value, (set, frozenset)):
            self.paint_set(path, value)
        elif isinstance(value, (str, bytes, int, float, complex)):
            self.say(path, short(repr(value)))
        if kind in (list, dict, set, frozenset):
            return
        if isinstance(value, BaseException):
            self.each(f"{path}.args", value.args)
        self.paint_state(path, value, kind)

    def paint_state(self, path, value, kind):
        """Attributes; where there are none to see, what the object's own pickling says."""
        seen = False
        attributes = getattr(value, "__dict__", None)
        if type(attributes) is dict:
            seen = True
            for name in sorted(attributes, key=str):
                if isinstance(value, logging.Logger) and name in ("manager", "_cache"):
                    continue  # all loggers, also of what this process imported; levels asked for
                if not NOISE.search(str(name)):
                    self.paint(f"{path}.{name}", attributes[name])
        for base in kind.__mro__:
            slots = base.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                member = base.__dict__.get(name)
                if isinstance(member, types.MemberDescriptorType) and name not in ("__weakref__", "__dict__"):
                    seen = True
                    try:
                        self.paint(f"{path}.{name}", member.__get__(value))
                    except AttributeError:
                        self.say(f"{path}.{name}", "unset")
        if seen or isinstance(value, (list, dict, set, frozenset, tuple)):
            return
        try:
            reduced = value.__reduce_ex__(4)
        except Exception:
            self.say(path, "cannot be looked into")
            return
        if isinstance(reduced, str):
            self.say(path, reduced)
            return
        maker, arguments, *rest = reduced
        self.say(path, f"made by {getattr(maker, '__name__', maker)}")
        if maker is not copyreg.__newobj__ or len(arguments) > 1:
            self.each(f"{path}.args", arguments)
        if rest and rest[0] is not None:
            self.paint(f"{path}.state", rest[0])
        if len(rest) > 1 and rest[1] is not None:
            self.each(f"{path}.items", list(rest[1]))
        if len(rest) > 2 and rest[2] is not None:
            self.paint_mapping(f"{path}.dict", list(rest[2]))

    def shared_memory(self):
        """Lines that say which arrays overlap in memory, and where."""
        lines, group, end = [], [], -1
        for low, high, path in sorted(self.arrays):
            if low >= end and group:
                lines += describe_group(group)
                group = []
            group.append((low, high, path))
            end = max(end, high)
        return sorted(lines + describe_group(group))


def describe_group(group):
    if len(group) < 2:
        return []
    start = group[0][0]
    return [" ".join(f"{path}+{low - start}" for low, _, path in sorted(group, key=lambda each: each[2]))]


# --- types of the standard library that their attributes do not show -------------------------------------


def paint_generator(painter, path, value):
    frame = getattr(value, "gi_frame", None) or getattr(value, "cr_frame", None)
    code = getattr(value, "gi_code", None) or value.cr_code
    painter.say(path, f"{code.co_qualname} {'ended' if frame is None else frame.f_lasti}")
    if frame is not None:
        painter.paint_mapping(f"{path}.locals", sorted(frame.f_locals.items()))


def paint_method(painter, path, value):
    painter.paint(f"{path}.__self__", value.__self__)
    painter.paint(f"{path}.__func__", value.__func__)


def paint_property(painter, path, value):
    for name in ("fget", "fset", "fdel"):
        painter.paint(f"{path}.{name}", getattr(value, name))


def paint_connection(painter, path, value):
    painter.say(path, f"open transaction {value.in_transaction}, rows {value.row_factory}")
    painter.each(f"{path}.dump", list(value.iterdump()))


def paint_text(painter, path, value):
    if value.closed:
        painter.say(path, "closed")
    else:
        painter.say(path, f"{value.tell()} {short(repr(value.getvalue()))}")


def paint_file(painter, path, value):
    place = "closed" if value.closed else value.tell() if value.seekable() else "a stream"
    painter.say(path, f"{value.name} {value.mode} {place}")


def paint_wrapped(painter, path, value):
    painter.paint(f"{path}.__func__", value.__func__)


def paint_random(painter, path, value):
    painter.say(path, f"state {digest(repr(value.getstate()).encode())}")


def paint_type_only(painter, path, value):
    pass


def special_types():
    import _io
    import random
    import sqlite3
    import threading

    kinds = {
        types.GeneratorType: paint_generator,
        types.CoroutineType: paint_generator,
        types.MethodType: paint_method,
        property: paint_property,
        staticmethod: paint_wrapped,
        classmethod: paint_wrapped,
        sqlite3.Connection: paint_connection,
        sqlite3.Cursor: paint_type_only,
        random.Random: paint_random,
        io.StringIO: paint_text,
        io.BytesIO: paint_text,
        _io.TextIOWrapper: paint_file,
        _io.BufferedReader: paint_file,
        _io.BufferedWriter: paint_file,
        type(threading.Lock()): lambda painter, path, value: painter.say(path, str(value.locked())),
        types.MappingProxyType: lambda painter, path, value: painter.paint_mapping(path, dict(value).items()),
        types.CodeType: lambda painter, path, value: painter.paint_code(path, value),
        functools.singledispatch(lambda: None).__class__: Painter.paint_function,
    }
    kinds.pop(types.FunctionType, None)
    return kinds


SPECIAL = special_types()


# --- libraries whose own view of a value says more than its attributes -------------------------------------


def paint_numpy(painter, path, value, label):
    import numpy

    if isinstance(value, numpy.dtype):
        painter.say(path, f"dtype {value}")
    elif isinstance(value, numpy.generic):
        painter.say(path, f"{label} {value!r}")
    elif isinstance(value, numpy.ufunc):
        painter.say(path, f"ufunc {value.__name__}")
    elif isinstance(value, numpy.random.Generator):
        if painter.is_new(path, value, label):
            painter.paint(f"{path}.bits", value.bit_generator)
    elif isinstance(value, numpy.random.BitGenerator):
        if painter.is_new(path, value, label):
            painter.paint(f"{path}.state", value.state)
    elif isinstance(value, numpy.random.RandomState):
        if painter.is_new(path, value, label):
            painter.paint(f"{path}.state", value.get_state())
    elif isinstance(value, numpy.ndarray):
        if not painter.is_new(path, value, f"{label} {value.dtype.str} {value.shape}"):
            return True
        painter.say(path, f"writeable {value.flags.writeable}")
        paint_elements(painter, path, value)
        if isinstance(value, numpy.ma.MaskedArray):
            painter.paint(f"{path}.mask", numpy.asarray(value.mask).tolist())
            painter.paint(f"{path}.fill_value", value.fill_value)
            return True
        elif value.dtype != object and value.nbytes:
            low, high = numpy.lib.array_utils.byte_bounds(value)
            painter.arrays.append((low, high, path))
            painter.alive.append(value)
        if type(value) is not numpy.ndarray and getattr(value, "__dict__", None):
            painter.paint_mapping(f"{path}.__dict__", sorted(value.__dict__.items()))
    else:
        return False
    return True


def paint_elements(painter, path, array):
    """What an array holds, without its place in memory."""
    import numpy

    if array.dtype.names:
        for name in array.dtype.names:
            paint_elements(painter, f"{path}[{name}]", array[name])
    elif array.dtype == object:
        painter.each(path, array.ravel().tolist())
    elif array.dtype.kind == "T":
        painter.say(path, short(repr(array.tolist())))
    elif array.size <= 8:
        painter.say(path, f"elements {array.tolist()!r}")
    else:
        painter.say(path, f"elements {digest(numpy.ascontiguousarray(array).tobytes())}")


def paint_column(painter, path, values):
    """An array of pandas. Its memory is pandas' own affair: it copies on write."""
    import numpy
    import pandas

    if isinstance(values, pandas.Categorical):
        painter.say(path, f"categories ordered {values.ordered}")
        paint_column(painter, f"{path}.categories", values.categories.array)
        paint_elements(painter, path, numpy.asarray(values.codes))
    elif values.dtype == object:
        painter.each(path, list(values))
    elif isinstance(values.dtype, numpy.dtype) and values.dtype.kind in "biufcmM":
        paint_elements(painter, path, numpy.asarray(values))
    else:
        painter.say(path, short(repr(list(values))))


def paint_pandas(painter, path, value, label):
    import pandas

    if isinstance(value, pandas.DataFrame):
        if painter.is_new(path, value, f"{label} {value.shape} {value.attrs or ''}"):
            painter.paint(f"{path}.index", value.index)
            painter.paint(f"{path}.columns", value.columns)
            for position in range(value.shape[1]):
                column = value.iloc[:, position]
                painter.say(f"{path}[{position}]", f"{column.dtype}")
                paint_column(painter, f"{path}[{position}]", column.array)
    elif isinstance(value, pandas.Series):
        if painter.is_new(path, value, f"{label} {value.dtype} {value.name!r} {value.attrs or ''}"):
            painter.paint(f"{path}.index", value.index)
            paint_column(painter, path, value.array)
    elif isinstance(value, pandas.MultiIndex):
        painter.say(path, f"{label} {list(value.names)} {short(repr(list(value)))}")
    elif isinstance(value, pandas.Index):
        # An index cannot change: whether two frames share one is nothing a cell can see.
        painter.say(path, f"{label} {value.dtype} {value.name!r} {getattr(value, 'freq', None)}")
        paint_column(painter, path, value.array)
    elif isinstance(value, pandas.api.extensions.ExtensionArray):
        if painter.is_new(path, value, f"{label} {value.dtype}"):
            paint_column(painter, path, value)
    elif label.startswith(("pandas._libs.tslibs", "pandas.core.dtypes")) or value is pandas.NA:
        painter.say(path, f"{label} {value!r}")
    elif getattr(value, "obj", None) is not None:  # a group-by, a window
        if painter.is_new(path, value, label):
            painter.paint(f"{path}.obj", value.obj)
    else:
        return False
    return True


def paint_matplotlib(painter, path, value, label):
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

    if isinstance(value, Figure):
        if painter.is_new(path, value, f"{label} {value.get_size_inches().tolist()} {len(value.axes)} axes"):
            pixels = io.BytesIO()
            value.savefig(pixels, format="rgba", dpi=40)
            painter.say(path, f"pixels {digest(pixels.getvalue())}")
            painter.each(f"{path}.axes", value.axes)
    elif isinstance(value, Artist):
        if painter.is_new(path, value, label):
            painter.paint(f"{path}.figure", value.get_figure(root=True))
            painter.paint(f"{path}.axes", getattr(value, "axes", None))
    elif label.startswith("matplotlib.colors") or label.startswith("matplotlib.container"):
        return False
    else:
        painter.say(path, label)
    return True


def paint_text_form(form):
    def paint(painter, path, value, label):
        text = form(value)
        if text is None:
            return False
        if painter.is_new(path, value, label):
            painter.say(path, short(text))
        return True

    return paint


def sympy_text(value):
    import sympy

    return sympy.srepr(value) if isinstance(value, (sympy.Basic, sympy.MatrixBase)) else None


def polars_text(value):
    import polars

    if isinstance(value, polars.DataFrame):
        return repr((value.schema, value.to_dict(as_series=False)))
    if isinstance(value, polars.Series):
        return repr((value.name, value.dtype, value.to_list()))
    return ADDRESS.sub("0x", str(value))


def pillow_text(value):
    import PIL.Image

    if isinstance(value, PIL.Image.Image):
        return f"{value.mode} {value.size} {digest(value.tobytes())}"
    return None


def lightgbm_text(value):
    import lightgbm

    return value.model_to_string() if isinstance(value, lightgbm.Booster) else None


def arrow_text(value):
    import pyarrow

    if isinstance(value, (pyarrow.Table, pyarrow.Array, pyarrow.ChunkedArray, pyarrow.RecordBatch)):
        return f"{value.type if hasattr(value, 'type') else value.schema} {value.to_pylist()!r}"
    return str(value)


def paint_widget(painter, path, value, label):
    import ipywidgets

    if not isinstance(value, ipywidgets.Widget):
        return False
    if painter.is_new(path, value, label):
        for name in sorted(set(value.keys) - {"comm", "log"}):
            painter.paint(f"{path}.{name}", getattr(value, name))
    return True


LIBRARIES = {
    "numpy": paint_numpy,
    "pandas": paint_pandas,
    "matplotlib": paint_matplotlib,
    "mpl_toolkits": paint_matplotlib,
    "sympy": paint_text_form(sympy_text),
    "polars": paint_text_form(polars_text),
    "pyarrow": paint_text_form(arrow_text),
    "PIL": paint_text_form(pillow_text),
    "lightgbm": paint_text_form(lightgbm_text),
    "ipywidgets": paint_widget,
}


# --- the whole ---------------------------------------------------------------------------------------------


def ambient_state():
    """State that cells read and write without a name."""
    import os
    import random
    import warnings

    state = {
        "random": random.getstate(),
        "environment": {name: os.environ[name] for name in sorted(os.environ) if name.startswith("BOOK_")},
        "directory": os.getcwd(),
        "path": [each for each in sys.path if "book" in each],
        "decimal": (decimal.getcontext().prec, decimal.getcontext().rounding),
        "warnings": [(each[0], each[2].__name__) for each in warnings.filters],
    }
    numpy = sys.modules.get("numpy")
    if numpy:
        state["numpy random"] = numpy.random.get_state()
        state["numpy errors"] = numpy.geterr()
        state["numpy print"] = {name: str(value) for name, value in numpy.get_printoptions().items()}
    pandas = sys.modules.get("pandas")
    if pandas:
        state["pandas"] = {name: pandas.get_option(name) for name in ("display.max_rows", "display.precision",
                                                                      "mode.chained_assignment")}
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib:
        state["matplotlib"] = {name: str(value) for name, value in sorted(dict.items(matplotlib.rcParams))
                               if name != "backend"}
    return state


def portrait(shell, without=()):
    """{name: lines} for the user's variables, outputs, ambient state and shared memory. `without`: variables
    that are left out, as if they had been deleted."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20000)
    ambient = ambient_state()  # first: painting may import or draw
    try:
        namespace = shell.user_ns
        painter = Painter(namespace)
        lines = {}
        for name in sorted(set(namespace) - set(shell.user_ns_hidden) - set(without)):
            if not re.fullmatch(r"_i?\d*|_+|_i+|_dh|_oh|_ih|_exit_code|__\w+__", name):
                lines[name] = painter.variable(name, namespace[name])
        # How it looks: that an output is a variable, or part of one, is not promised.
        for number, value in namespace["Out"].items():
            lines[f"<Out[{number}]>"] = [f"{type(value).__qualname__} {short(ADDRESS.sub('', repr(value)))}"]
        lines["<In>"] = [short(each) for each in namespace["In"]]
        lines["<memory>"] = painter.shared_memory()
        lines["<ambient>"] = Painter(namespace).variable("ambient", ambient)
        return lines
    finally:
        sys.setrecursionlimit(limit)


def differences(before, after):
    """What two portraits disagree on, a line or two for each variable."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        left, right = before.get(name), after.get(name)
        if left == right:
            continue
        if left is None or right is None:
            found.append(f"{name}: {'not there before' if left is None else 'not there after'}")
            continue
        pair = next((pair for pair in zip(left, right) if pair[0] != pair[1]), None)
        found.append(f"{name}: {pair[0]!r} became {pair[1]!r}" if pair else
                     f"{name}: {len(left)} lines became {len(right)}")
    return found
