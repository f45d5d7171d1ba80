"""Settings of libraries that a cell makes by calling a function: read whole and put back whole.

Each is a piece of the ambient state (docs/watching.md) with a name of its own: `taken` gives the values of
those whose library is loaded, as pickles; `put` sets one. The pieces that every session has are C++'s
(src/pyobj/ambient.cpp); this is where a library is known by name. What is read here is plain values and
objects of the library's own, so that no code of the user's runs. What a machine decides (how many threads)
is None as long as nobody has set it.
"""

import importlib
import logging
import sys
from typing import Callable, NamedTuple

_PROTOCOL = 4
# "stdout" and "stderr": what is there otherwise, while something else takes its place (`rerunning`).
STREAMS: dict = {}
_OWN_LOGGERS = ("elasticpython", "traitlets", "IPython", "tornado", "asyncio", "concurrent")


class Setting(NamedTuple):
    """A setting. `take(module)` gives its value, `put(module, value)` sets it; either may raise."""

    name: str
    module: str  # that must be imported
    take: Callable
    put: Callable


# --- the interpreter and the standard library ---------------------------------------------------------------


def _take_interpreter(sys_module):
    gc, socket, multiprocessing = (sys.modules.get(name) for name in ("gc", "socket", "multiprocessing"))
    return {
        "switch interval": sys_module.getswitchinterval(),
        "gc": gc.get_threshold() if gc else None,
        "socket timeout": socket.getdefaulttimeout() if socket else None,
        "start method": multiprocessing.get_start_method(allow_none=True) if multiprocessing else None,
    }


def _put_interpreter(sys_module, value):
    sys_module.setswitchinterval(value["switch interval"])
    if value["gc"]:
        importlib.import_module("gc").set_threshold(*value["gc"])
    if value["socket timeout"] is not None or "socket" in sys.modules:
        importlib.import_module("socket").setdefaulttimeout(value["socket timeout"])
    if value["start method"] is not None or "multiprocessing" in sys.modules:
        multiprocessing = importlib.import_module("multiprocessing")
        if multiprocessing.get_start_method(allow_none=True) != value["start method"]:
            multiprocessing.set_start_method(value["start method"], force=True)


def _stream_name(stream):
    """The process's own go by their own names also where they are the notebook's."""
    known = {"__stdout__": sys.__stdout__, "__stderr__": sys.__stderr__, "stdout": sys.stdout,
             "stderr": sys.stderr}
    names = [*known.items(), *STREAMS.items()]
    return next((name for name, each in names if stream is not None and stream is each), None)


def _described(handler):
    """What makes another like it: None for one of a kind that nobody here can make."""
    formatter = handler.formatter
    if handler.filters or not (formatter is None or type(formatter) is logging.Formatter):
        return None
    if type(handler) is logging.StreamHandler:
        place = _stream_name(handler.stream)
    elif type(handler) is logging.FileHandler:
        place = (handler.baseFilename, handler.encoding)
    else:
        place = None
    shown = formatter and (formatter._fmt, formatter.datefmt, type(formatter._style).__name__)
    return place and (place, handler.level, shown)


_STYLES = {"PercentStyle": "%", "StrFormatStyle": "{", "StringTemplateStyle": "$"}


def _made(description):
    place, level, shown = description
    if isinstance(place, str):
        handler = logging.StreamHandler(STREAMS.get(place) or getattr(sys, place))
    else:
        # What has been written is not to be emptied, and a file that gets no line is not to be made.
        handler = logging.FileHandler(place[0], mode="a", encoding=place[1], delay=True)
    handler.setLevel(level)
    if shown:
        handler.setFormatter(logging.Formatter(shown[0], shown[1], _STYLES[shown[2]]))
    return handler


def _state_of(logger):
    handlers = [each for each in map(_described, logger.handlers) if each]
    return logger.level, logger.propagate, logger.disabled, handlers


UNSET_LOGGER = (logging.NOTSET, True, False, [])


def logger_state(logger):
    """What `put_logger` sets; None where a handler or filter is of a kind that nobody here can make."""
    state = _state_of(logger)
    return state if len(state[-1]) == len(logger.handlers) and not logger.filters else None


def _take_logging(module):
    states = {"": _state_of(module.root)}
    # Looked at after every cell: hundreds of loggers, most of which nobody has set.
    for name, logger in module.root.manager.loggerDict.copy().items():
        if type(logger) is module.PlaceHolder or name.startswith(_OWN_LOGGERS):
            continue
        if logger.level or logger.handlers or logger.disabled or not logger.propagate:
            states[name] = _state_of(logger)
    return {
        "loggers": {name: state for name, state in states.items() if state != UNSET_LOGGER},
        "disabled": module.root.manager.disable,
        "levels": dict(module._levelToName),
    }


def put_logger(logger, state):
    level, logger.propagate, logger.disabled, wanted = state
    if logger.level != level:
        logger.setLevel(level)
    present = [(_described(handler), handler) for handler in logger.handlers]
    if [description for description, _ in present if description] == wanted:
        return
    # The same handlers as far as they are there: a variable may hold one.
    others = [handler() for handler in reversed(logging._handlerList)]
    others = [each for each in others if each and each not in logger.handlers]
    spare = present[::-1] + [(_described(each), each) for each in others]
    chosen = []
    for description in wanted:
        found = next((each for known, each in spare if known == description and each not in chosen), None)
        chosen.append(found or _made(description))
    logger.handlers[:] = [each for description, each in present if not description] + chosen


def _put_logging(module, value):
    for level, name in value["levels"].items():
        if module._levelToName.get(level) != name:
            module.addLevelName(level, name)
    if module.root.manager.disable != value["disabled"]:
        module.disable(value["disabled"])
    now = _take_logging(module)["loggers"]
    for name in {**now, **value["loggers"]}:
        wanted = value["loggers"].get(name, UNSET_LOGGER)
        if now.get(name, UNSET_LOGGER) != wanted:
            put_logger(module.getLogger(name) if name else module.root, wanted)


def _take_csv(module):
    dialects = {name: module.get_dialect(name) for name in module.list_dialects()}
    fields = ("delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting",
              "skipinitialspace", "strict")
    return (
        module.field_size_limit(),
        {name: {field: getattr(each, field) for field in fields} for name, each in dialects.items()},
    )


def _put_csv(module, value):
    limit, dialects = value
    module.field_size_limit(limit)
    now = _take_csv(module)[1]
    for name in now.keys() - dialects.keys():
        module.unregister_dialect(name)
    for name, fields in dialects.items():
        if now.get(name) != fields:
            module.register_dialect(name, **fields)


# --- plotting -----------------------------------------------------------------------------------------------


def _take_matplotlib(module):
    colors, core = sys.modules.get("matplotlib.colors"), sys.modules.get("matplotlib.style.core")
    core = core or sys.modules.get("matplotlib.style")
    maps, sequences = getattr(module, "colormaps", None), getattr(module, "color_sequences", None)
    known = getattr(colors, "ColorSequenceRegistry", None)
    cmaps, builtin = getattr(maps, "_cmaps", {}), getattr(maps, "_builtin_cmaps", ())
    return {
        "colormaps": {
            name: value
            for name, value in (cmaps.items() if len(cmaps) > len(builtin) else ())
            if name not in builtin and type(value).__module__ == "matplotlib.colors"
        },
        "sequences": {
            name: [*value]
            for name, value in getattr(sequences, "_color_sequences", {}).items()
            if name not in known._BUILTIN_COLOR_SEQUENCES
        },
        "styles": {
            name: dict(value)
            for name, value in getattr(core, "library", {}).items()
            if name not in getattr(core, "_base_library", ())
        },
    }


def _put_matplotlib(module, value):
    """What a library registered while it was imported stays: a session cannot have been without it."""
    for name, colormap in value["colormaps"].items():
        if name not in module.colormaps or module.colormaps[name] != colormap:
            module.colormaps.register(colormap, name=name, force=True)
    for name, sequence in value["sequences"].items():
        if name not in module.color_sequences or module.color_sequences[name] != sequence:
            module.color_sequences.register(name, sequence)
    if value["styles"]:
        style = importlib.import_module("matplotlib.style")
        for name, parameters in value["styles"].items():
            if name not in style.library:
                style.library[name] = module.RcParams(parameters)


_ALTAIR = ("data_transformers", "renderers", "themes")


def _altair_registries(module):
    found = {name: module.__dict__.get(name) for name in _ALTAIR}
    found["themes"] = found["themes"] or getattr(sys.modules.get("altair.theme"), "_themes", None)
    return {name: each for name, each in found.items() if each is not None}


def _take_altair(module):
    return {
        name: (each._active_name, dict(each._options), dict(each._global_settings))
        for name, each in _altair_registries(module).items()
    }


def _put_altair(module, value):
    for name, registry in _altair_registries(module).items():
        active, options, shared = value.get(name, ("", {}, {}))
        if active and (registry._active_name, registry._options) != (active, options):
            registry.enable(active, **options)
        registry._global_settings.update(shared)


# --- computing ----------------------------------------------------------------------------------------------


def _put_xarray(module, value):
    known = {name: each for name, each in value.items() if module.OPTIONS.get(name, each) != each}
    module.set_options(**known)


def _put_dask(module, value):
    config = module.config
    if config != value:
        config.clear()
        config.update(value)


def _take_polars(module):
    return {name: get() for name, get in module._POLARS_CFG_DIRECT_VARS.items()}


def _put_polars(module, value):
    now = _take_polars(module)
    for name, wanted in value.items():
        if now.get(name, wanted) != wanted:
            getattr(module.Config, name)(wanted)
    # What is kept in the environment came back with it.
    getattr(importlib.import_module("polars._plr"), "config_reload_env_vars", lambda: None)()


_PRINTING = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")


def _take_torch(torch):
    options = sys.modules["torch._tensor_str"].PRINT_OPTS if "torch._tensor_str" in sys.modules else None
    return {
        "dtype": str(torch.get_default_dtype()).rpartition(".")[2],
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "print": {name: getattr(options, name, None) for name in _PRINTING} if options else None,
    }


def _put_torch(torch, value):
    if str(torch.get_default_dtype()).rpartition(".")[2] != value["dtype"]:
        torch.set_default_dtype(getattr(torch, value["dtype"]))
    torch.set_grad_enabled(value["grad"])
    if torch.are_deterministic_algorithms_enabled() != value["deterministic"]:
        torch.use_deterministic_algorithms(value["deterministic"])
    if value["print"]:
        options = importlib.import_module("torch._tensor_str").PRINT_OPTS
        for name, wanted in value["print"].items():
            setattr(options, name, wanted)


def _take_numba(numba):
    # Asking would start its threads, which nobody needs who has set nothing.
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    if parallel is None or not parallel._is_initialized:
        return None
    chosen = numba.get_num_threads()
    return None if chosen == numba.config.NUMBA_NUM_THREADS else chosen


def _put_numba(numba, value):
    if value != _take_numba(numba):
        most = numba.config.NUMBA_NUM_THREADS
        numba.set_num_threads(min(value or most, most))


SETTINGS = (
    Setting("<interpreter settings>", "sys", _take_interpreter, _put_interpreter),
    Setting("<logging levels>", "logging", _take_logging, _put_logging),
    Setting("<csv dialects>", "csv", _take_csv, _put_csv),
    Setting("<matplotlib registries>", "matplotlib", _take_matplotlib, _put_matplotlib),
    Setting("<altair registries>", "altair", _take_altair, _put_altair),
    Setting("<xarray options>", "xarray.core.options", lambda module: dict(module.OPTIONS), _put_xarray),
    Setting("<dask config>", "dask.config", lambda module: module.config, _put_dask),
    Setting("<polars config>", "polars.config", _take_polars, _put_polars),
    Setting("<torch settings>", "torch", _take_torch, _put_torch),
    Setting("<numba threads>", "numba", _take_numba, _put_numba),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def taken() -> dict:
    """{name: pickle} of the settings whose libraries are loaded."""
    import _pickle as pickle  # what is asked before the first cell needs no more of it: 1 % of a start

    values = {}
    for setting in SETTINGS:
        module = sys.modules.get(setting.module)
        if module is None:
            continue
        try:
            values[setting.name] = pickle.dumps(setting.take(module), _PROTOCOL)
        except Exception:  # a library that is half imported, or is of another version
            continue
    return values


def knows(name: str) -> bool:
    return name in _BY_NAME


def put(name: str, value: bytes) -> None:
    """Sets a setting to a value that `taken` gave; imports its library, which was loaded then."""
    import pickle

    setting = _BY_NAME[name]
    setting.put(importlib.import_module(setting.module), pickle.loads(value))


# --- functions of the session that a setting holds ----------------------------------------------------------


def _formatters(numpy) -> dict:
    formatters = numpy.get_printoptions().get("formatter") or {}
    return {kind: each for kind, each in formatters.items() if getattr(each, "__module__", "") == "__main__"}


def _put_formatters(numpy, value):
    numpy.set_printoptions(formatter={**(numpy.get_printoptions().get("formatter") or {}), **value})


_CALLED = {
    "formatter of numpy.set_printoptions": (_formatters, _put_formatters),
    "numpy.seterrcall": (lambda numpy: numpy.geterrcall(), lambda numpy, value: numpy.seterrcall(value)),
}


def called() -> dict:
    """{name: value} of what numpy was given to call, where nobody but numpy can be asked for it."""
    numpy = sys.modules.get("numpy")
    if not hasattr(numpy, "geterrcall"):
        return {}
    values = {name: take(numpy) for name, (take, _) in _CALLED.items()}
    return {name: value for name, value in values.items() if value}


def put_called(name: str, value) -> None:
    _CALLED[name][1](importlib.import_module("numpy"), value)
