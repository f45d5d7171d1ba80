"""What a client asks about the kernel, code, history and the machine: the contents of the replies.

Each answers one request of the protocol and changes nothing. Completion and inspection may run user code
(properties, `__dir__`), so all are called on the main thread; UsageMeter is the control thread's.
"""

import os
import socket
import sys

from IPython.utils.tokenutil import token_at_cursor

from elasticpython.messages import jsonable


def kernel_info(implementation: str, implementation_version: str, banner: str) -> dict:
    """kernel_info_reply."""
    version = ".".join(map(str, sys.version_info[:3]))
    return {
        "status": "ok",
        "implementation": implementation,
        "implementation_version": implementation_version,
        "banner": banner,
        "debugger": True,
        "supported_features": ["debugger"],
        "help_links": [
            {
                "text": "Python Reference",
                "url": f"https://docs.python.org/{sys.version_info.major}.{sys.version_info.minor}",
            },
            {"text": "IPython Reference", "url": "https://ipython.readthedocs.io/en/stable/"},
            {"text": "NumPy Reference", "url": "https://docs.scipy.org/doc/numpy/reference/"},
            {"text": "SciPy Reference", "url": "https://docs.scipy.org/doc/scipy/reference/"},
            {"text": "Matplotlib Reference", "url": "https://matplotlib.org/contents.html"},
            {"text": "SymPy Reference", "url": "http://docs.sympy.org/latest/index.html"},
            {"text": "pandas Reference", "url": "https://pandas.pydata.org/pandas-docs/stable/"},
        ],
        "language_info": {
            "name": "python",
            "version": version,
            "mimetype": "text/x-python",
            "file_extension": ".py",
            "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
            "pygments_lexer": f"ipython{sys.version_info[0]}",
            "nbconvert_exporter": "python",
        },
    }


def complete(shell, code: str, cursor_pos: int) -> dict:
    """complete_reply. `cursor_pos` counts characters; -1: the end."""
    from IPython.core.completer import provisionalcompleter, rectify_completions  # as late as the completer

    cursor_pos = len(code) if cursor_pos < 0 else cursor_pos
    with provisionalcompleter():
        found = list(rectify_completions(code, shell.Completer.completions(code, cursor_pos)))
    details = [
        {
            "start": each.start,
            "end": each.end,
            "text": each.text,
            "type": each.type,
            "signature": each.signature,
        }
        for each in found
    ]
    return jsonable(
        {
            "status": "ok",
            "matches": [each.text for each in found],
            "cursor_start": found[0].start if found else cursor_pos,
            "cursor_end": found[0].end if found else cursor_pos,
            "metadata": {"_jupyter_types_experimental": details},
        }
    )


def inspect(shell, code: str, cursor_pos: int, detail_level: int) -> dict:
    """inspect_reply. `cursor_pos` as for `complete`."""
    name = token_at_cursor(code, len(code) if cursor_pos < 0 else cursor_pos)
    try:
        data = shell.object_inspect_mime(name, detail_level=detail_level)
    except KeyError:
        return {"status": "ok", "found": False, "data": {}, "metadata": {}}
    if not shell.enable_html_pager:
        data.pop("text/html", None)
    return jsonable({"status": "ok", "found": True, "data": data, "metadata": {}})


def is_complete(shell, code: str) -> dict:
    """is_complete_reply."""
    status, indent = shell.input_transformer_manager.check_complete(code)
    return {"status": status, "indent": " " * indent} if status == "incomplete" else {"status": status}


def history(shell, content: dict) -> dict:
    """history_reply to the content of a history_request."""
    manager = shell.history_manager
    raw, output = content.get("raw", True), content.get("output", False)
    kind = content.get("hist_access_type", "tail")
    if kind == "tail":
        found = manager.get_tail(content.get("n"), raw=raw, output=output, include_latest=True)
    elif kind == "range":
        found = _history_range(manager, content, raw, output)
    elif kind == "search":
        found = manager.search(
            content.get("pattern") or "*",
            raw=raw,
            output=output,
            n=content.get("n"),
            unique=content.get("unique", False),
        )
    else:
        found = []
    return jsonable({"status": "ok", "history": list(found)})


def _history_range(manager, content: dict, raw: bool, output: bool) -> list:
    session = content.get("session", 0)
    # IPython knows the session that is running as 0 only; one that asks by number is answered by number.
    running = session == manager.session_number
    found = manager.get_range(
        0 if running else session, content.get("start", 0), content.get("stop"), raw=raw, output=output
    )
    return [(session, *entry[1:]) if running else entry for entry in found]


class UsageMeter:
    """usage_reply, as jupyter-resource-usage shows it: bytes and percents, children included.

    psutil tells a process's share of the processor since it was last asked, so processes are remembered.
    """

    def __init__(self):
        self._family = []

    def read(self) -> dict:
        import psutil  # here and not above: a kernel starts faster without it

        def tolerant(figure):
            """The figure of a process, or 0 where the process has gone meanwhile."""
            try:
                return figure() or 0
            except psutil.Error:
                return 0

        process = psutil.Process()
        # Equal are processes of the same id and start, so that an id used again is another process.
        known = {each: each for each in self._family}
        family = [known.get(each, each) for each in [process, *process.children(recursive=True)]]
        self._family = family
        return jsonable(
            {
                "hostname": socket.gethostname(),
                "pid": os.getpid(),
                "kernel_cpu": sum(tolerant(each.cpu_percent) for each in family),
                "kernel_memory": sum(tolerant(lambda each=each: each.memory_info().rss) for each in family),
                "host_cpu_percent": psutil.cpu_percent(),
                "cpu_count": psutil.cpu_count(),
                "host_virtual_memory": psutil.virtual_memory()._asdict(),
            }
        )
