"""What cells put into libraries: attributes they set (`Image.MAX_IMAGE_PIXELS = None`), and functions and
classes of the session that a library holds (a patched method, a registered accessor, an entry of a table).

A place is (module, path): the name of a loaded module, and steps that lead from it to what was set, each
["attr", name], ["item", key] or ["list", index]. Nothing is watched: the attributes are those that a cell's
code assigns, read from `In`; the holders of the session's code are found by asking who refers to it, where
reference counts say that somebody does. Both take the values as they are when they are asked for.
"""

import _abc
import abc
import ast
import builtins
import functools
import gc
import math
import re
import sys
import types

from elasticpython.by_type import is_a, is_made_by_hand
from elasticpython.cell_text import statements_of

_CHANGES = ("append", "extend", "insert", "remove", "update", "add", "discard", "setdefault", "pop", "clear")
_ASSIGNS = re.compile(r"[\w\])]\s*\.\s*\w+[^=\n]*=|setattr|\.(" + "|".join(_CHANGES) + r")\(")
# Their state is the process's, or comes back by itself (shell_state, the ambient state).
_LEFT_OUT = {
    ("sys", name)
    for name in ("stdout", "stderr", "stdin", "displayhook", "excepthook", "path", "modules",
                 "unraisablehook", "ps1", "ps2", "last_type", "last_value", "last_traceback")
} | {("os", "environ"), ("threading", "excepthook"), ("warnings", "filters")}
_AMBIENT_TYPES = {"RcParams", "_Environ", "DictWrapper"}
# What these hold of the session's is theirs to let go of, is a cache, or comes back with the shell.
_OTHERS_BUSINESS = {
    "__main__", "elasticpython", "IPython", "traitlets", "ipykernel", "ipywidgets", "comm", "threading",
    "weakref", "_weakrefset", "atexit", "functools", "typing", "ctypes", "abc", "asyncio", "concurrent",
    "logging", "signal", "gc", "types", "linecache", "inspect", "xeus", "debugpy", "pytest",
}
_WRAPPERS = (property, staticmethod, classmethod, functools.partial, functools.partialmethod,
             types.MethodType)
_DEEPEST = 3
_LARGEST = 1000  # entries of a table that are looked at for tables


# --- attributes that a cell sets ----------------------------------------------------------------------------


@functools.lru_cache(maxsize=8192)
def _assigned(source: str) -> tuple:
    """(the assigned paths: root name and steps; those of what a method changes; {name: (module, attribute)}
    of `from module import`)."""
    if not _ASSIGNS.search(source) and "import" not in source:
        return (), (), {}
    paths, changed, imported = [], [], {}
    for node in _at_top(statements_of(source)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported |= {each.asname or each.name: (node.module, each.name) for each in node.names}
        elif isinstance(node, ast.Assign):
            paths += [path for target in node.targets for path in _paths_of(target)]
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            paths += _paths_of(node.target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr":
            match node.args:
                case [owner, ast.Constant(str(name)), _]:
                    paths += _paths_of(ast.Attribute(owner, name))
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", None) in _CHANGES:
            changed += _paths_of(node.func.value)
    return tuple(paths), tuple(changed), imported


def _at_top(statements: list):
    """The nodes that run when the cell does."""
    waiting = list(statements)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            waiting[:0] = ast.iter_child_nodes(node)


def _paths_of(target) -> list:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [path for each in target.elts for path in _paths_of(each)]
    steps = []
    while not isinstance(target, ast.Name):
        if isinstance(target, ast.Attribute):
            steps.insert(0, ("attr", target.attr))
        elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
            steps.insert(0, ("item", target.slice.value))
        else:
            return []
        target = target.value
    return [(target.id, tuple(steps))] if any(kind == "attr" for kind, _ in steps) else []


def set_by_cells(sources, namespace) -> dict:
    """{place: (value, the number of the last cell that set it)} of what the cells assigned outside of the
    session's own objects, and of the lists, dicts and sets there whose methods they called, as it is now."""
    paths, imported, entered = {}, {}, {}
    for number, source in enumerate(sources):
        assigned, changed, names = _assigned(source)
        imported |= names
        for path in changed:
            paths[path] = (paths.get(path, (True,))[0], number)
        paths |= dict.fromkeys(assigned, (False, number))
    found = {}
    for (root, steps), (is_table, number) in sorted(paths.items(), key=lambda entry: entry[1][1]):
        home = _home_of(root, namespace.get(root), imported)
        if home is None:
            continue
        module, before = home
        path = before + steps
        try:
            value = follow(module, path)
        except Exception:  # deleted since, or a property that does not give it now
            continue
        if _is_entered_by_hand(module, path, value):
            entered[module, path] = value, number
        elif (module, path[0][1]) in _LEFT_OUT or not _is_of_library(module, path[:-1]):
            continue
        elif not is_table or type(value) in (list, dict, set):
            found[module, path] = value, number
    return entered | found  # a value may be found by importing such a module


def _is_entered_by_hand(module, path, value) -> bool:
    """Whether it is `sys.modules["settings"] = types.ModuleType("settings")`."""
    return (module == "sys" and len(path) == 2 and path[0] == ("attr", "modules")
            and is_a(value, types.ModuleType) and is_made_by_hand(value))


def _home_of(name, value, imported):
    """The module that `name` leads to, and the path of its value in there; None for what is the session's."""
    if is_a(value, types.ModuleType):
        loaded = sys.modules.get(value.__name__) is value and not is_made_by_hand(value)
        return (value.__name__, ()) if loaded else None
    if is_a(value, type):
        module, path = value.__module__, tuple(("attr", part) for part in value.__qualname__.split("."))
    elif name in imported:
        module, path = imported[name][0], (("attr", imported[name][1]),)
    else:
        return None
    try:
        return (module, path) if module != "__main__" and follow(module, path) is value else None
    except Exception:
        return None


def _is_of_library(module, path) -> bool:
    """Whether all that the path leads through is: not an instance of a class of the session's."""
    if module == "__main__":
        return False
    for length in range(len(path) + 1):
        try:
            holder = follow(module, path[:length])
        except Exception:
            return False
        kind = type(holder)
        if kind.__module__ == "__main__" or kind.__name__ in _AMBIENT_TYPES:
            return False
    return True


def follow(module: str, path):
    value = sys.modules[module]
    for kind, name in path:
        value = getattr(value, name) if kind == "attr" else value[name]
    return value


def text_of(module: str, path) -> str:
    """How a program would say it, with builtins' own names."""
    words = "" if module == builtins.__name__ else module
    for kind, name in path:
        shown = getattr(name, "__qualname__", None) or repr(name)
        words += f".{name}" if kind == "attr" and words else name if kind == "attr" else f"[{shown}]"
    return words


# --- code of the session that a library holds ---------------------------------------------------------------


def held_by_libraries(names, namespace) -> dict:
    """{place: value} of functions and classes of the session with one of these names, their instances and
    what wraps them, where a library's module, class, or table has them."""
    names = set(names)
    code = [each for each in _code_of(namespace) if _name_of(each) in names]
    if not code or len(code) > 1000:
        return {}
    modules = {
        id(vars(module)): name
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType) and module.__name__ == name and not is_made_by_hand(module)
        and name.partition(".")[0] not in _OTHERS_BUSINESS
    }
    search = _Search(modules, namespace)
    search.climb(code)
    return search.found


def _code_of(namespace) -> list:
    """The session's functions and classes. Among hundreds of thousands of objects: no call for each."""
    objects = gc.get_objects()
    functions = [each for each in objects
                 if type(each) is types.FunctionType and each.__globals__ is namespace]
    return functions + [each for each in _made_by(type, objects) if each.__module__ == "__main__"]


def _made_by(metaclass, objects) -> list:
    """The classes among the objects."""
    kinds = {kind for kind in set(map(type, objects)) if issubclass(kind, metaclass)}
    return [each for each in objects if type(each) in kinds]


def _name_of(code) -> str:
    return code.__qualname__.rpartition(".")[2] if "<locals>" in code.__qualname__ else code.__qualname__


def handed_out(value, sources) -> float:
    """The number of the last cell that may have given a library this code of the session's: that defines it,
    or names it other than to call it. Infinite where that is not told."""
    inner = [value, type(value), *(getattr(value, name, None) for name in ("__func__", "fget", "func"))]
    inner += vars(value).values() if hasattr(value, "__dict__") and not is_a(value, type) else ()
    names = {each.__name__ for each in inner if is_a(each, (type, types.FunctionType))
             and each.__module__ == "__main__"} - {"<lambda>"}
    last = max((number for number, source in enumerate(sources)
                if any(name in source for name in names) and names & _handed_on(source)), default=math.inf)
    return last if names else math.inf


@functools.lru_cache(maxsize=8192)
def _handed_on(source) -> set:
    """The names that a cell defines as functions and classes, or uses other than to call them."""
    nodes = [node for statement in statements_of(source) for node in ast.walk(statement)]
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in nodes if isinstance(node, kinds)} | {
        node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in called}


def registered_with_libraries(sources) -> dict:
    """{(place of an abstract class of a library's, name): class of the session's registered with it}, as by
    `Sequence.register(Mine)`."""
    if not any(".register" in source for source in sources):
        return {}
    found = {}
    for abstract in _made_by(abc.ABCMeta, gc.get_objects()):
        home = _home_of("", abstract, {}) if abstract.__module__ != "__main__" else None
        for reference in _abc._get_dump(abstract)[0] if home else ():
            kind = reference()
            if kind is not None and kind.__module__ == "__main__":
                found[home, kind.__qualname__] = kind
    return found


class _Search:
    """Goes from the session's code to those who refer to it."""

    def __init__(self, modules: dict, namespace: dict):
        self.found: dict = {}
        self._modules = modules
        self._tables: dict = {}
        for name in modules.values():
            for attribute, value in list(vars(sys.modules[name]).items()):
                kind = type(value)
                if (kind is dict or issubclass(kind, (dict, list))) and not attribute.startswith("__"):
                    self._add_table(value, name, (("attr", attribute),))
        self._seen = {id(namespace), id(self.found)}

    def _add_table(self, table, module, path) -> None:
        """With the tables in it, as pandas keeps its options."""
        self._tables[id(table)] = (module, path, table)
        if type(table) is dict and len(path) <= _DEEPEST and len(table) <= _LARGEST:
            for key, value in list(table.items()):
                if type(value) is dict and type(key) is str and id(value) not in self._tables:
                    self._add_table(value, module, (*path, ("item", key)))

    def climb(self, code: list) -> None:
        values, depth = code, 0
        while values and depth < _DEEPEST:
            held = {id(value): value for value in values}
            referrers = gc.get_referrers(*values)
            self._seen |= {id(values), id(held), id(referrers)}
            higher = [above for each in referrers if id(each) not in self._seen
                      for above in self._look_at(each, held) if id(above) not in self._seen]
            self._seen |= {id(each) for each in higher}
            values, depth = higher, depth + 1

    def _look_at(self, holder, held: dict) -> list:
        """Notes the places it has; gives what may be in a place itself."""
        if id(holder) in self._modules:
            module = self._modules[id(holder)]
            for name, value in list(holder.items()):
                if id(value) in held and isinstance(name, str):
                    self.found[module, (("attr", name),)] = value
        elif id(holder) in self._tables:
            self._note_entries(holder, held)
        elif type(holder) is dict:
            owners = gc.get_referrers(holder)
            self._note_attributes(holder, owners, held)
            return [each for each in owners if _wraps(each) and getattr(each, "__dict__", None) is holder]
        elif _wraps(holder) or (type(holder).__module__ == "__main__" and not is_a(holder, type)):
            return [holder]
        return []

    def _note_entries(self, table, held: dict) -> None:
        module, before, _ = self._tables[id(table)]
        if isinstance(table, list):
            for index, value in enumerate(table):
                if id(value) in held:
                    self.found[module, (*before, ("list", index))] = value
            return
        for key, value in list(table.items()):
            if _is_own(key, held) or id(value) in held:
                self.found[module, (*before, ("item", key))] = value

    def _note_attributes(self, attributes: dict, owners: list, held: dict) -> None:
        for owner in owners:
            if not is_a(owner, type) or str(owner.__module__).partition(".")[0] in _OTHERS_BUSINESS:
                continue
            home = _home_of("", owner, {})
            if home is None or gc.get_referents(vars(owner))[0] is not attributes:
                continue
            for name, value in list(attributes.items()):
                if id(value) in held:
                    self.found[home[0], (*home[1], ("attr", name))] = value


def _wraps(holder) -> bool:
    """Also what libraries make for a class's attribute: accessors of pandas, xarray and polars."""
    kind = type(holder)
    return is_a(holder, _WRAPPERS) or (hasattr(kind, "__get__") and kind.__module__ != "builtins")


def _is_own(key, held: dict) -> bool:
    return id(key) in held or (is_a(key, tuple) and any(id(each) in held for each in key))
