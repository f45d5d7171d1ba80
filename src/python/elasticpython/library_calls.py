"""Calls by which cells set something that nobody can be asked for: made once more at the end of a restore.

Only functions that do nothing but set, and that may be called twice; only as statements of a cell by
themselves, with literals, what modules hold, and objects of the session for arguments: a number or a text
that a variable holds may have been another one then.
"""

import ast
import functools
import types

from elasticpython.cell_text import is_literal, statements_of

SETTERS = frozenset({
    "_tracemalloc.start",
    "astropy.units.core.add_enabled_aliases",
    "astropy.units.core.add_enabled_equivalencies",
    "astropy.units.core.add_enabled_units",
    "astropy.units.core.set_enabled_aliases",
    "astropy.units.core.set_enabled_equivalencies",
    "astropy.units.core.set_enabled_units",
    "astropy.visualization.units.quantity_support",
    "bokeh.io.output.output_file",
    "bokeh.io.output.output_notebook",
    "calendar.setfirstweekday",
    "faulthandler.enable",
    "gc.disable",
    "gc.enable",
    "joblib.parallel.parallel_config",
    "matplotlib_inline.backend_inline.set_matplotlib_formats",
    "mimetypes.add_type",
    "nest_asyncio.apply",
    "nest_asyncio2.apply",
    "pandas.plotting._misc.register",
    "pint.set_application_registry",
    "plotly.offline.offline.init_notebook_mode",
    "posix.umask",
    "pyarrow.lib.set_cpu_count",
    "resource.setrlimit",
    "scipy.fft._backend.set_global_backend",
    "sympy.interactive.printing.init_printing",
    "torch.set_num_threads",
    "zoneinfo._tzpath.reset_tzpath",
})
# Modules whose functions give the same for the same arguments, and change nothing.
_MAKERS = frozenset({"astropy.units.equivalencies"})
_WORDS = frozenset(name.rpartition(".")[2] for name in SETTERS) | {"register_matplotlib_converters"}
_FUNCTIONS = {"function", "builtin_function_or_method", "method", "cython_function_or_method",
              "_lru_cache_wrapper"}


@functools.lru_cache(maxsize=8192)
def _calls_in(source: str) -> tuple:
    if not any(word in source for word in _WORDS):
        return ()
    values = [each.value for each in statements_of(source) if isinstance(each, (ast.Expr, ast.Assign))]
    return tuple(each for each in values if isinstance(each, ast.Call))


def made_by_cells(sources, namespace, stopped=frozenset()) -> tuple:
    """({call as text: the number of its cell}, in their order, and of those that are the same the last; the
    calls that were perhaps made, or with what is not known any more). `stopped`: the numbers of cells
    that did not run to their end."""
    calls, perhaps = {}, {}
    for number, source in enumerate(sources):
        for call in _calls_in(source):
            if not _is_setter(_value_of(call.func, namespace)):
                continue
            text = ast.unparse(call)
            if number in stopped or not _has_same_arguments(call, namespace):
                perhaps[text] = None
                continue
            calls.pop(text, None)
            calls[text] = number
    return calls, [text for text in perhaps if text not in calls]


def _value_of(node, namespace):
    """What a dotted name leads to through modules and classes; None for anything else."""
    if isinstance(node, ast.Name):
        return namespace.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    holder = _value_of(node.value, namespace)
    return getattr(holder, node.attr, None) if isinstance(holder, (types.ModuleType, type)) else None


def _is_setter(function) -> bool:
    if type(function).__name__ not in _FUNCTIONS and not issubclass(type(function), type):
        return False  # nor is it asked for anything
    owner = getattr(function, "__module__", None) or getattr(
        getattr(function, "__self__", None), "__name__", "")
    return f"{owner}.{getattr(function, '__qualname__', '')}" in SETTERS


def _has_same_arguments(call, namespace) -> bool:
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    return all(_is_same_now(each, namespace) for each in arguments)


def _is_same_now(node, namespace) -> bool:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(_is_same_now(each, namespace) for each in node.elts)
    if isinstance(node, ast.Attribute):
        return _value_of(node, namespace) is not None
    if isinstance(node, ast.Call):
        maker = _value_of(node.func, namespace)
        return type(maker).__name__ in _FUNCTIONS and maker.__module__ in _MAKERS \
            and _has_same_arguments(node, namespace)
    if isinstance(node, ast.Name):
        plain = (str, bytes, int, float, complex, tuple, list, dict, set, type(None))
        return node.id in namespace and not isinstance(namespace[node.id], plain)
    return is_literal(node)
