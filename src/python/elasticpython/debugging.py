"""What the debugger needs from Python: variables, shown plainly and richly.

The C++ side (kernel/debugger.cpp) drives debugpy and asks here for what only Python can tell.
"""

import ast
import json
import os
import re
import sys
import types

from elasticpython.messages import jsonable

_HIDDEN = {
    "__name__",
    "__doc__",
    "__package__",
    "__loader__",
    "__spec__",
    "__annotations__",
    "__builtins__",
    "__builtin__",
    "__display__",
    "get_ipython",
    "debugpy",
    "exit",
    "quit",
    "In",
    "Out",
    "_oh",
    "_dh",
    "_",
    "__",
    "___",
}
_HISTORY = re.compile(r"^_(\d|i)")


def shown(name: str) -> bool:
    """Whether a variable is the user's own rather than IPython's."""
    return name not in _HIDDEN and not _HISTORY.match(name)


class SessionVariables:
    """The variables of the namespace while no cell is stopped, as the protocol shows them."""

    def __init__(self):
        self._frames = None

    def inspect_variables(self, message):
        import debugpy  # noqa: F401  makes the pydevd it carries importable
        from _pydevd_bundle import pydevd_frame_utils
        from _pydevd_bundle.pydevd_api import PyDevdAPI
        from _pydevd_bundle.pydevd_suspended_frames import SuspendedFramesManager, _FramesTracker

        namespace = sys.modules["__main__"].__dict__
        code = types.SimpleNamespace(co_name="<module>", co_filename="<session>")
        frame = types.SimpleNamespace(
            f_back=None,
            f_locals=namespace,
            f_globals=namespace,
            f_trace=None,
            f_lineno=1,
            f_lasti=0,
            f_code=code,
        )
        self._frames = SuspendedFramesManager()
        presentation = types.SimpleNamespace(variable_presentation=PyDevdAPI.VariablePresentation())
        self._tracker = _FramesTracker(self._frames, presentation)
        self._tracker.track("session", pydevd_frame_utils.create_frames_list_from_frame(frame))
        return self.build_variables_response(message, self._children(id(frame)))

    def variables(self, message):
        return self.build_variables_response(
            message, self._children(message["arguments"]["variablesReference"])
        )

    def _children(self, reference):
        variable = self._frames.get_variable(reference)
        return [child.get_var_data() for child in variable.get_children_variables()]

    def build_variables_response(self, request, variables):
        return {
            "seq": request["seq"],
            "type": "response",
            "request_seq": request["seq"],
            "success": True,
            "command": request["command"],
            "body": {"variables": [each for each in variables or [] if shown(each["name"])]},
        }


def rich_variable(name: str):
    """The MIME bundle of a variable of the session: {"data", "metadata"}; None when it cannot be had."""
    from IPython import get_ipython

    result = get_ipython().user_expressions({name: name})[name]
    if result.get("status") != "ok":
        return None
    return {"data": jsonable(result.get("data", {})), "metadata": jsonable(result.get("metadata", {}))}


def rich_json(value) -> str:
    """The MIME bundle of a value as JSON text: called inside a stopped frame, where only text gets out."""
    from IPython import get_ipython

    data, metadata = get_ipython().display_formatter.format(value)
    return json.dumps(
        {"data": jsonable(data), "metadata": jsonable({k: v for k, v in metadata.items() if k in data})}
    )


def from_repr(text: str):
    """What `rich_json` returned, out of the repr that the debugger shows of it."""
    return json.loads(ast.literal_eval(text))


def modules() -> dict:
    """The Python modules that are loaded, as the protocol's `modules` request lists them."""
    loaded = list(sys.modules.values())
    found = []
    for index, module in enumerate(loaded):
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if origin and origin.endswith(".py"):
            found.append({"id": index, "name": module.__name__, "path": origin})
    return {"modules": found, "totalModules": len(loaded)}


def start(host: str, python: str) -> int:
    """Makes debugpy listen on a free port, which is returned, without its warnings in the user's cell."""
    before = os.environ.get("PYDEVD_DISABLE_FILE_VALIDATION")
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    try:
        import debugpy

        # Following children would make every `!command` wait for a debugger.
        debugpy.configure(python=python, subProcess=False)
        _, port = debugpy.listen((host, 0))
    finally:
        if before is None:
            del os.environ["PYDEVD_DISABLE_FILE_VALIDATION"]
        else:
            os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = before
    _keep_leading_blank_lines()
    return port


def _keep_leading_blank_lines():
    """Breakpoints count the lines of the cell as it is written; IPython strips blank ones at its start."""
    from IPython import get_ipython
    from IPython.core.inputtransformer2 import leading_empty_lines

    transforms = get_ipython().input_transformer_manager.cleanup_transforms
    if leading_empty_lines in transforms:
        transforms.remove(leading_empty_lines)
