"""What `%config`, `%xmode`, `%pprint` and `%autoreload` set: IPython's configuration, of this session only.

`%config` is read from `In`, which tells the traits that a cell set, not those of the user's configuration
files; their values are asked for. All of it is text.
"""

import ast
import re

_SET = re.compile(r"run_line_magic\('config', ['\"]\s*(\w+)\.(\w+)")
_RELOADING = ("enabled", "check_all", "autoload_obj", "modules", "skip_modules")


def taken(shell) -> dict:
    return {
        "config": _configured(shell),
        "traceback": getattr(shell.InteractiveTB, "mode", None),
        "pretty": shell.display_formatter.formatters["text/plain"].pprint,
        "autoreload": _reloading(shell),
    }


def _configured(shell) -> list:
    """[class, trait, the value as Python's text]"""
    sources = shell.history_manager.input_hist_parsed
    found = (each for source in sources if "'config'" in source for each in _SET.findall(source))
    values = []
    for name, trait in dict.fromkeys(found):
        value = shell.config.get(name, {}).get(trait)
        try:
            if ast.literal_eval(repr(value)) == value:
                values.append([name, trait, repr(value)])
        except (ValueError, SyntaxError):
            continue
    return values


def _reloader(shell):
    magic = shell.magics_manager.magics["line"].get("autoreload")
    return getattr(getattr(magic, "__self__", None), "_reloader", None)


def _reloading(shell):
    reloader = _reloader(shell)
    return reloader and {name: getattr(reloader, name) for name in _RELOADING if hasattr(reloader, name)}


def put(shell, state: dict) -> None:
    """Brings back what `taken` took, once extensions are loaded and the backend is chosen."""
    _configure(shell, state.get("config", ()))
    if state.get("traceback") and shell.InteractiveTB.mode != state["traceback"]:
        shell.InteractiveTB.set_mode(mode=state["traceback"])
    if "pretty" in state:
        shell.display_formatter.formatters["text/plain"].pprint = state["pretty"]
    reloader = _reloader(shell)
    for name, value in (state.get("autoreload") or {}).items() if reloader else ():
        setattr(reloader, name, value)


def _configure(shell, values) -> None:
    from traitlets.config.loader import Config

    config = Config()
    for name, trait, text in values:
        config[name][trait] = ast.literal_eval(text)
    errors = []
    for configurable in shell.configurables if values else ():
        try:
            configurable.update_config(config)
        except Exception as error:  # a trait's own check; the others are set all the same, as %config does
            errors.append(error)
    if errors:
        raise errors[0]
