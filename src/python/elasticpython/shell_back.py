"""Brings back what `shell_state` took of IPython and of libraries, and says what nobody can ask for."""

import linecache
import os
import pathlib
import sys
from contextlib import suppress

from elasticpython import library_places, library_places_back, library_settings, open_figures, shell_config
from elasticpython.shell_state import MARK, PROCESS_HOOKS, Named, matplotlib_backend

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
                replaced.append(library_places_back.present(*place[:2]))
                library_places_back.put(*place)
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
            replaced.append(library_places_back.present(*value[:2]))
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
            attempt(text, library_places_back.put, *place)
        elif f"{MARK}place {text}" not in objects:
            problems.append(f"{text} was set by a cell, to a value that was not stored")
    figures = {}
    for name, value in objects.items():
        kind, _, rest = name[len(MARK) :].partition(" ")
        if kind == "figure":
            figures[int(rest)] = value
        else:
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
        first, *rest = state["directories"]
        shell.user_ns["_dh"][:] = [pathlib.Path(first), *rest]
    attempt("matplotlib's backend", choose_backend, shell, state.get("matplotlib_backend"))
    if "figures" in state:
        attempt("pyplot's figures",
                lambda: problems.extend(open_figures.put(state["figures"], figures, shell.user_ns)))
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
    count = len(inputs) - 1 if mine else len(inputs)
    if count < shell.execution_count:
        # The numbers to come were used already, and IPython's database has each number of a session once.
        history.end_session()
        history.new_session()
    history.input_hist_parsed[:], history.input_hist_raw[:] = inputs, raw_inputs
    shell.execution_count = count
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
    setattr(*PROCESS_HOOKS[rest], function)


def _put_place(shell, rest, entry) -> None:
    module, path, value = entry
    library_places_back.put(module, path, _meant(shell, value), is_variable=isinstance(value, Named))


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


def _put_annotations(shell, rest, annotations) -> None:
    shell.user_ns["__annotations__"] = annotations


_PUT = {
    "annotations": _put_annotations,
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
