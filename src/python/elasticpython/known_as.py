"""What libraries, configuration files and people know a notebook's kernel by.

Whether it runs in a notebook, code asks of the name of the shell's class (rich, and the answer everybody
pastes), of its module (pandas, scooby, tqdm: see zmqshell.py), of the names in `sys.modules`, of the class of
`sys.stdout` (click, loguru), of ipykernel's application or of its configuration (transformers). A kernel that
people can switch to gives the answer that means yes."""

import functools
import importlib
import sys

from elasticpython import on_import
from elasticpython.late_imports import stand_ins


def known_as(name: str, module: str | None = None):
    """A class decorator: the class goes by ipykernel's name for it, and says that it is from `module`."""

    def renamed(cls):
        cls.__name__ = cls.__qualname__ = name
        if module is not None:
            cls.__module__ = module
        return cls

    return renamed


def answer_for(connection_file: str) -> None:
    """Has ipykernel's functions and classes, where it is installed, find this kernel and what is its."""

    def find_file(connect):
        original = connect.get_connection_file

        @functools.wraps(original)
        def get_connection_file(app=None):
            return connection_file if app is None else original(app)

        connect.get_connection_file = get_connection_file

    from elasticpython import old_comms, zmqshell  # which need this module

    _import_ipykernel()
    sys.modules.update({"ipykernel.comm": old_comms, "ipykernel.zmqshell": zmqshell})
    on_import.change("ipykernel.connect", find_file)
    on_import.change("ipykernel.kernelapp", _find_application)
    on_import.change("ipykernel.iostream", _find_streams)


def _import_ipykernel():
    """Imports the package, where it is installed, without the one module that it takes functions from: that
    imports a whole client."""
    with stand_ins("ipykernel.connect") as late:
        vars(late["ipykernel.connect"])["__all__"] = []
        try:
            import ipykernel
        except ImportError:
            return

    def of_connect(name):
        if name.startswith("__"):
            raise AttributeError(f"module 'ipykernel' has no attribute {name!r}")
        return getattr(importlib.import_module("ipykernel.connect"), name)

    ipykernel.__getattr__ = of_connect


def _find_application(kernelapp):
    from elasticpython.application import Application

    kernelapp.IPKernelApp = Application


def _find_streams(iostream):
    from elasticpython.streams import NotebookStream

    iostream.OutStream.register(NotebookStream)
