"""What IPython itself remembers of a session: In and Out, magics, aliases, formatters, callbacks, extensions.

What is plain text goes into the checkpoint's description; what are objects of the session (a function that is
a magic, the class it prints) are pickles of their own, named "<shell> ...", so that one that cannot be stored
takes none of the others with it. Only what the user's code made is taken: what IPython and extensions
registered is there again by itself, or with the extension.
"""

import linecache
import os
import pathlib
import sys
import threading
import types
from contextlib import suppress

from elasticpython import library_calls, library_places, library_settings, shell_config
from elasticpython.by_type import is_a, is_plain

MARK = "<shell> "
_SOURCE_LIMIT = 1_000_000  # characters of one cell
_TRAITS = ("ast_node_interactivity", "xmode", "autocall", "pdb")
_TRANSFORMERS = ("input_transformers_cleanup", "input_transformers_post", "ast_transformers")
_HOOKS = {"threading.excepthook": (threading, "excepthook"), "sys.unraisablehook": (sys, "unraisablehook")}
# What a cell can hook itself into that nobody can ask for its hooks.
_UNSEEN = {
    "atexit.register": "functions to run at exit",
    "signal.signal": "signal handlers",
    "set_custom_exc": "a handler of exceptions",
    "threading.Timer": "timers",
    "sys.addaudithook": "audit hooks",
    "set_event_loop_policy": "the policy of event loops",
    "install_opener": "an opener of URLs",
    "set_memory_pool": "Arrow's memory pool",
    "fontManager.addfont": "fonts",
    "cv2.setNumThreads": "OpenCV's threads",
    "h5py.get_config": "h5py's configuration",
    "set_default_whitespace_chars": "pyparsing's white space",
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
    for name, (module, attribute) in _HOOKS.items():
        if _is_of_session(shell, getattr(module, attribute)):
            yield f"hook {name}", getattr(module, attribute)


def _is_of_session(shell, value) -> bool:
    function = getattr(value, "__func__", value)
    if is_a(function, types.FunctionType):
        return function.__globals__ is shell.user_ns
    return type(value).__module__ == "__main__"


# --- bringing it back ---------------------------------------------------------------------------------------


def choose_backend(shell, name) -> None:
    """Makes matplotlib use this backend; raises what matplotlib raises. Nothing where it would anyway."""
    chosen = matplotlib_backend() if "matplotlib" in sys.modules else os.environ.get("MPLBACKEND")
    if not name or name == chosen:
        return
    import matplotlib

    if name.endswith("inline"):
        shell.enable_matplotlib("inline")
        return
    may_fall_back = matplotlib.rcParams["backend_fallback"]  # came back with the other settings
    matplotlib.use(name)
    matplotlib.rcParams["backend_fallback"] = may_fall_back


def put_before(shell, state: dict, first: int, number: int, replaced: list) -> list:
    """Sets what cells from the `first` on and before this one set in libraries and no later one did, where
    that is text or a call; returns the names of the objects that go there too, since the session began. What
    fails, as long as the variables are not there, is tried again by `put`. What was there is added to
    `replaced`."""
    due = {what for what, since in state.get("set_in", {}).items() if first <= since < number}
    for text, *place in state.get("set_by_cells", ()):
        if place and text in due:
            with suppress(Exception):
                replaced.append(library_places.present(*place[:2]))
                library_places.put(*place)
    for call in state.get("set_by_calls", ()):
        if call in due:
            with suppress(Exception), shell.builtin_trap:
                eval(call, shell.user_ns)
    return [what for what, since in state.get("set_in", {}).items()
            if since < number and what.startswith(MARK)]


def put_object(shell, name: str, value, replaced: list) -> None:
    """Sets one of these objects, which `put` does once more."""
    kind, _, rest = name[len(MARK) :].partition(" ")
    with suppress(Exception):
        if kind == "place":
            replaced.append(library_places.present(*value[:2]))
        _PUT[kind](shell, rest, value)


def put(shell, state: dict, objects: dict) -> list:
    """Brings back what `taken` took, after the variables; returns what could not be, as sentences."""
    _put_inputs_and_outputs(shell, state)
    _put_sources(shell, state.get("sources", {}))
    problems = []

    def attempt(what, action, *arguments):
        try:
            action(*arguments)
        except Exception as error:  # an extension's code, a magic's decorator
            problems.append(f"{what} did not come back: {type(error).__name__}: {error}")

    for name in state.get("extensions", ()):
        if name not in shell.extension_manager.loaded:
            attempt(f"extension {name}", _load_extension, shell, name)
    for name, command in state.get("aliases", ()):
        attempt(f"alias {name}", shell.alias_manager.define_alias, name, command)
    for text, *place in state.get("set_by_cells", ()):
        if place:
            attempt(text, library_places.put, *place)
        elif f"{MARK}place {text}" not in objects:
            problems.append(f"{text} was set by a cell, to a value that was not stored")
    for name, value in objects.items():
        kind, _, rest = name[len(MARK) :].partition(" ")
        attempt(name[len(MARK) :], _PUT[kind], shell, rest, value)
    with shell.builtin_trap:  # sympy asks for get_ipython, which is there while a cell runs
        for call in state.get("set_by_calls", ()):
            attempt(f"what {call} set", eval, call, shell.user_ns)
    problems += [f"what {call} set, if its cell came to it, did not come back: the cell stopped on the way, "
                 "or its arguments may have changed" for call in state.get("perhaps_called", ())]
    for name, kind, target, params in state.get("magic_aliases", ()):
        attempt(f"%{name}", shell.magics_manager.register_alias, name, target, kind, params or None)
    for name, value in state.get("traits", {}).items():
        attempt(f"the setting {name}", setattr, shell, name, value)
    if state.get("precision"):
        attempt("%precision", setattr, shell.display_formatter.formatters["text/plain"], "float_precision",
                state["precision"])
    if state.get("directories"):
        # Where IPython started is a Path, where %cd went a str.
        first, *rest = state["directories"] or [os.getcwd()]
        shell.user_ns["_dh"][:] = [pathlib.Path(first), *rest]
    attempt("matplotlib's backend", choose_backend, shell, state.get("matplotlib_backend"))
    attempt("the configuration", shell_config.put, shell, state.get("settings", {}))
    return problems


def _put_inputs_and_outputs(shell, state: dict) -> None:
    history, namespace = shell.history_manager, shell.user_ns
    inputs, raw_inputs = state.get("inputs") or [""], state.get("raw_inputs") or [""]
    # The cell that restores is in In already.
    mine = len(history.input_hist_parsed) > shell.execution_count
    latest = [*raw_inputs[1:][::-1], "", "", "", ""]
    if mine:
        latest.insert(0, history._i00)
        inputs = [*inputs, history.input_hist_parsed[-1]]
        raw_inputs = [*raw_inputs, history.input_hist_raw[-1]]
    history.input_hist_parsed[:], history.input_hist_raw[:] = inputs, raw_inputs
    shell.execution_count = len(inputs) - 1 if mine else len(inputs)
    history._i00, history._i, history._ii, history._iii = latest[:4]
    hidden = {f"_i{number}": text for number, text in enumerate(raw_inputs) if number}
    hidden |= {"_i": history._i, "_ii": history._ii, "_iii": history._iii}
    namespace.setdefault("Out", {}).clear()
    shell.push(hidden, interactive=False)
    put_outputs(shell, state)


def put_outputs(shell, state: dict) -> None:
    """`Out`, `_`, `__` and `___` show the outputs that have been loaded into the namespace."""
    namespace, hidden = shell.user_ns, {}
    outputs = namespace["Out"]
    for name in state.get("outputs", ()):
        if name in namespace:
            outputs[int(name[1:])] = hidden[name] = namespace[name]
    for name, number in zip(("_", "__", "___"), state.get("latest", ())):
        if number in outputs:
            hidden[name] = outputs[number]
            setattr(shell.displayhook, name, outputs[number])
    # IPython's own names: %who does not show them, a result may replace _.
    shell.push(hidden, interactive=False)


def _put_sources(shell, sources: dict) -> None:
    for name, (number, text) in sources.items():
        if name not in linecache.cache:
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        shell.compile._filename_map[name] = number


def _load_extension(shell, name) -> None:
    if shell.extension_manager.load_extension(name) == "no load function":
        raise ImportError("it is not an extension here")


def _put_magic(shell, rest, magic) -> None:
    kind, name = rest.split(" ", 1)
    shell.magics_manager.register_function(magic, magic_kind=kind, magic_name=name)


def _put_magics(shell, rest, cls) -> None:
    shell.register_magics(cls)


def _put_formatter(shell, rest, entry) -> None:
    kind, printer = entry
    formatter = shell.display_formatter.formatters[rest.split(" ")[0]]
    if isinstance(kind, tuple):
        formatter.for_type_by_name(*kind, printer)
    else:
        formatter.for_type(kind, printer)


def _put_event(shell, rest, callback) -> None:
    event = rest.split(" ")[0]
    if callback not in shell.events.callbacks[event]:
        shell.events.register(event, callback)


def _put_transformer(shell, rest, transformer) -> None:
    transformers = getattr(shell, rest.split(" ")[0])
    if transformer not in transformers:
        transformers.append(transformer)


def _put_hook(shell, rest, function) -> None:
    setattr(*_HOOKS[rest], function)


def _put_place(shell, rest, entry) -> None:
    module, path, value = entry
    library_places.put(module, path, _meant(shell, value), is_variable=isinstance(value, Named))


def _put_registered(shell, rest, entry) -> None:
    module, path, kind = entry
    __import__(module)
    library_places.follow(module, path).register(_meant(shell, kind))


def _meant(shell, value):
    if not isinstance(value, Named):
        return value
    return shell.user_ns[value.name] if value.name in shell.user_ns or value.value is None else value.value


def _put_called(shell, rest, value) -> None:
    library_settings.put_called(rest, value)


_PUT = {
    "place": _put_place,
    "registered": _put_registered,
    "called": _put_called,
    "magic": _put_magic,
    "magics": _put_magics,
    "formatter": _put_formatter,
    "event": _put_event,
    "transformer": _put_transformer,
    "hook": _put_hook,
}


def unseen_hooks(history, rerun, held_elsewhere) -> list:
    """Sentences on what cells registered where nobody can see it, unless they were re-run. `held_elsewhere`:
    names of functions and classes that something outside the session referred to, and does not here."""
    found = [
        (cell, call, what)
        for cell in history
        if cell["outcome"] == "ok" and cell["index"] not in rerun
        for call, what in _UNSEEN.items()
        if call in cell["source"]
    ]
    sentences = [
        f"{what} of cell {cell['index']} ({call}) are not registered here: run it again if they should be"
        for cell, call, what in found
    ]
    others = [
        name for name in held_elsewhere
        if not any(name.rpartition(".")[2].strip("<>") in cell["source"] for cell, _, _ in found)
    ]
    if others:
        sentences.append(
            f"{', '.join(others)}: something outside the session referred to it (a registration, a callback, "
            "a patched method) and does not here: run the cell that arranged this again if it should"
        )
    return sentences
