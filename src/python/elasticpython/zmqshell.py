"""Stands in for `ipykernel.zmqshell`: libraries look for it in `sys.modules` (tqdm), or ask whether the shell
is one of its class. What else ipykernel's own has comes from there, where it is installed."""

import functools
import importlib.util
from importlib.machinery import PathFinder

from elasticpython.shell import NotebookDisplayPublisher as ZMQDisplayPublisher  # noqa: F401
from elasticpython.shell import NotebookShell as ZMQInteractiveShell  # noqa: F401


def __getattr__(name):
    module = None if name.startswith("__") else _of_ipykernel()
    try:
        return getattr(module, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


@functools.cache
def _of_ipykernel():
    try:
        package = importlib.import_module("ipykernel")
    except ImportError:
        return None
    spec = PathFinder.find_spec("ipykernel.zmqshell", package.__path__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
