"""What IPython itself remembers of a session: In and Out, magics, aliases, formatters, callbacks, extensions.

What is plain text goes into the checkpoint's description; what are objects of the session (a function that is
a magic, the class it prints) are pickles of their own, named "<shell> ...", so that one that cannot be stored
takes none of the others with it. Only what the user's code made is taken: what IPython and extensions
registered is there again by itself, or with the extension.
"""

import linecache
import sys
import threading
import types

from elasticpython import library_calls, library_places, library_settings, open_figures, shell_config
from elasticpython.by_type import is_a, is_plain

MARK = "<shell> "
_SOURCE_LIMIT = 1_000_000  # characters of one cell
_TRAITS = ("ast_node_interactivity", "xmode", "autocall", "pdb")
_TRANSFORMERS = ("input_transformers_cleanup", "input_transformers_post", "ast_transformers")
PROCESS_HOOKS = {
    "threading.excepthook": (threading, "excepthook"),
    "sys.unraisablehook": (sys, "unraisablehook"),
}


def taken(shell, is_report, held_elsewhere=(), stopped_cells=frozenset()) -> tuple:
    """(what is text, {name: object}). `is_report(value)`: an output of ours that nobody wants back.
    `held_elsewhere`: names of functions and classes that something outside of the session refers to.
    `stopped_cells`: the numbers of cells that did not run to their end."""
    state = {
        **_inputs_and_outputs(shell, is_report),
        "directories": [str(each) for each in shell.user_ns.get("_dh", ())],
        "aliases": _aliases(shell),
        "magic_aliases": _magic_aliases(shell),
        "traits": {name: getattr(shell, name) for name in _TRAITS if is_plain(getattr(shell, name, None))},
        "precision": shell.display_formatter.formatters["text/plain"].float_precision,
        "extensions": sorted(shell.extension_manager.loaded),
        "matplotlib_backend": matplotlib_backend(),
        "settings": shell_config.taken(shell),
        "sources": _sources(shell),
    }
    objects = {MARK + name: value for name, value in _objects(shell)}
    named = {name: each for name, each in shell.user_ns.items() if not name.startswith("_")}
    figures = open_figures.taken({name: named[name] for name in named.keys() - shell.user_ns_hidden})
    state["figures"] = list(figures)
    objects |= {f"{MARK}figure {number}": place for number, place in figures.items()}
    state["held_elsewhere"] = list(held_elsewhere)
    # {what was set, or the object it was set to: the number of the last cell that set it}
    state["set_in"] = {}
    state["set_by_cells"] = _places(shell, held_elsewhere, objects, state["set_in"])
    sources = shell.history_manager.input_hist_parsed
    calls, state["perhaps_called"] = library_calls.made_by_cells(sources, shell.user_ns, stopped_cells)
    state["set_by_calls"] = list(calls)
    state["set_in"] |= calls
    return state, objects


def _places(shell, held_elsewhere, objects: dict, set_in: dict) -> list:
    """What cells put into libraries goes to `objects`; what was set by a statement is named too, with its
    value where that is text."""
    named, sources = [], shell.history_manager.input_hist_parsed
    for (module, path), (value, number) in library_places.set_by_cells(sources, shell.user_ns).items():
        text = library_places.text_of(module, path)
        if is_plain(value) and all(isinstance(name, str) for _, name in path):
            named.append([text, module, [list(step) for step in path], value])
            set_in[text] = number
        else:
            named.append([text])
            objects[f"{MARK}place {text}"] = (module, path, _named(shell, value))
            set_in[f"{MARK}place {text}"] = number
    held = {}
    for (place, name), kind in library_places.registered_with_libraries(sources).items():
        held[f"registered {library_places.text_of(*place)} {name}"] = (*place, kind)
    if held_elsewhere:
        for (module, path), value in library_places.held_by_libraries(held_elsewhere, shell.user_ns).items():
            held[f"place {library_places.text_of(module, path)}"] = (module, path, value)
        for name, value in library_settings.called().items():
            objects[f"{MARK}called {name}"] = value
    for text, (module, path, value) in held.items():
        if MARK + text not in objects:
            objects[MARK + text] = (module, path, _named(shell, value))
            number = library_places.handed_out(value, sources)
            if number in range(len(sources)):
                set_in[MARK + text] = number
    return named


class Named:
    """Stands for the value of a variable, which a library has too. What other pickles refer to (code, a
    module) is there as such, for a cell that needs it before the variable is bound."""

    def __init__(self, name, value):
        self.name = name
        self.value = value if is_a(value, (type, types.FunctionType, types.ModuleType)) else None


def _named(shell, value):
    if is_plain(value):
        return value
    names = [name for name, each in shell.user_ns.items() if each is value and not name.startswith("_")]
    return Named(min(names), value) if names else value


def _sources(shell) -> dict:
    """By the file name that its code has: the number of a cell and its text, for tracebacks and `f??`."""
    lines = {name: linecache.cache.get(name, (0, None, ()))[2] for name in shell.compile._filename_map}
    return {
        name: [shell.compile._filename_map[name], "".join(each)]
        for name, each in lines.items()
        if each and sum(map(len, each)) <= _SOURCE_LIMIT
    }


def _inputs_and_outputs(shell, is_report) -> dict:
    namespace = shell.user_ns
    kept = {
        number: value
        for number, value in namespace.get("Out", {}).items()
        if isinstance(number, int) and namespace.get(f"_{number}") is value and not is_report(value)
    }
    latest = [
        next((number for number, value in kept.items() if value is namespace.get(name)), None)
        for name in ("_", "__", "___")
    ]
    history = shell.history_manager
    return {
        "inputs": list(history.input_hist_parsed),
        "raw_inputs": list(history.input_hist_raw),
        "outputs": [f"_{number}" for number in kept],
        "latest": latest,
    }


def _aliases(shell) -> list:
    known = {name for name, _ in [*shell.alias_manager.default_aliases, *shell.alias_manager.user_aliases]}
    return [[name, command] for name, command in shell.alias_manager.aliases if name not in known]


def _magic_aliases(shell) -> list:
    return [
        [name, kind, magic.magic_name, magic.magic_params or ""]
        for kind, magics in shell.magics_manager.magics.items()
        for name, magic in magics.items()
        if type(magic).__name__ == "MagicAlias" and name not in ("ed", "hist", "rep")
    ]


def matplotlib_backend():
    """The backend that was chosen; asking matplotlib itself would choose one."""
    matplotlib = sys.modules.get("matplotlib")
    chosen = dict.get(getattr(matplotlib, "rcParams", {}), "backend")
    return chosen if isinstance(chosen, str) else None


def _objects(shell):
    classes = {}
    for kind, magics in shell.magics_manager.magics.items():
        for name, magic in magics.items():
            if isinstance(magic, types.MethodType) and type(magic.__self__).__module__ == "__main__":
                classes[type(magic.__self__).__name__] = type(magic.__self__)
            elif _is_of_session(shell, magic):
                yield f"magic {kind} {name}", magic
    for name, cls in classes.items():
        yield f"magics {name}", cls
    for mime, formatter in shell.display_formatter.formatters.items():
        printers = [*formatter.type_printers.items(), *formatter.deferred_printers.items()]
        for number, (kind, printer) in enumerate(printers):
            if _is_of_session(shell, printer):
                yield f"formatter {mime} {number}", (kind, printer)
    for event, callbacks in shell.events.callbacks.items():
        for number, callback in enumerate(callbacks):
            if _is_of_session(shell, callback):
                yield f"event {event} {number}", callback
    for name in _TRANSFORMERS:
        for number, transformer in enumerate(getattr(shell, name, ())):
            if _is_of_session(shell, transformer):
                yield f"transformer {name} {number}", transformer
    for name, (module, attribute) in PROCESS_HOOKS.items():
        if _is_of_session(shell, getattr(module, attribute)):
            yield f"hook {name}", getattr(module, attribute)
    # Python's own record of `x: int = 1`, which is no variable of the user's.
    annotations = shell.user_ns.get("__annotations__")
    if type(annotations) is dict and annotations:
        yield "annotations", annotations


def _is_of_session(shell, value) -> bool:
    function = getattr(value, "__func__", value)
    if is_a(function, types.FunctionType):
        return function.__globals__ is shell.user_ns
    return type(value).__module__ == "__main__"
