"""What is never pickled, because it is a handle on something outside: reading it would disturb that thing,
and a copy would not be it. Decided by type, before any method of the object is called; only of known classes
is it looked up whether the handle is spent (`pickling_spent`), since then it holds on to nothing."""
from elasticpython.by_type import name_of
from elasticpython.pickling_spent import reduce_spent


class NotSerializable(Exception):
    """`culprit` cannot be stored; the message says what it is."""

    def __init__(self, culprit, reason):
        super().__init__(reason)
        self.culprit = culprit


# "module.qualname" of a base class -> what its instances are called. By name, so that nothing is imported.
_HANDLES = {
    "_io.FileIO": "open file", "_io.TextIOWrapper": "open file", "_io.BufferedReader": "open file",
    "elasticpython.streams.NotebookStream": "open file",
    "_io.BufferedWriter": "open file", "_io.BufferedRandom": "open file", "_io.BufferedRWPair": "open file",
    "gzip.GzipFile": "open file", "bz2.BZ2File": "open file", "lzma.LZMAFile": "open file",
    "zipfile.ZipFile": "open archive", "tarfile.TarFile": "open archive",
    "tempfile._TemporaryFileWrapper": "temporary file", "tempfile.SpooledTemporaryFile": "temporary file",
    "tempfile.TemporaryDirectory": "temporary directory",
    "mmap.mmap": "memory map",
    "h5py._hl.base.HLObject": "open HDF5 file", "netCDF4._netCDF4.Dataset": "open file",
    "_socket.socket": "socket", "ssl.SSLContext": "SSL context",
    "_thread.lock": "lock", "_thread.RLock": "lock", "_thread._local": "thread-local data",
    "threading.Thread": "thread", "threading.Condition": "lock", "threading.Event": "lock",
    "threading.Semaphore": "lock", "threading.Barrier": "lock", "queue.Queue": "queue",
    "_queue.SimpleQueue": "queue", "concurrent.futures._base.Executor": "executor",
    "concurrent.futures._base.Future": "future", "multiprocessing.process.BaseProcess": "process",
    "multiprocessing.pool.Pool": "process pool", "multiprocessing.connection._ConnectionBase": "connection",
    "subprocess.Popen": "process", "asyncio.events.AbstractEventLoop": "event loop",
    "_asyncio.Future": "asyncio future", "_asyncio.Task": "asyncio task",
    "builtins.generator": "generator object", "builtins.coroutine": "coroutine object",
    "builtins.async_generator": "async generator object", "builtins.frame": "frame object",
    "builtins.traceback": "traceback object", "builtins.PyCapsule": "capsule of a C library",
    "sqlite3.Connection": "database connection", "sqlite3.Cursor": "database cursor",
    "sqlite3.dbapi2.Connection": "database connection", "duckdb.DuckDBPyConnection": "database connection",
    "sqlalchemy.engine.base.Engine": "database engine",
    "sqlalchemy.engine.base.Connection": "database connection",
    "select.epoll": "epoll object", "selectors.BaseSelector": "selector", "_contextvars.Context": "context",
    "_contextvars.Token": "context token", "_contextvars.ContextVar": "context variable",
    "ipywidgets.widgets.widget.Widget": "widget", "comm.base_comm.BaseComm": "comm",
    "ipykernel.comm.comm.BaseComm": "comm",
    "IPython.core.interactiveshell.InteractiveShell": "IPython shell",
    # Quantities are of one registry each, which a copy would not be (`pickling_types`).
    "pint.facets.plain.registry.GenericPlainRegistry": "registry of units",
    "requests.sessions.Session": "HTTP session", "paramiko.client.SSHClient": "SSH connection",
}


def is_ctypes(kind):
    """True for types of ctypes' data, by the metaclasses that C has for them."""
    return any(type(base).__module__ == "_ctypes" for base in kind.__mro__)


def refusal_for(kind):
    """A reducer that refuses, where `kind` derives from a handle; else None."""
    for base in kind.__mro__:
        what = _HANDLES.get(name_of(base))
        if what is not None:
            return _Refusal(what)
    return None


class _Refusal:
    def __init__(self, what):
        self._what = what

    def __call__(self, context, value):
        if self._what == "open file":
            standard = _standard_stream(value)
            if standard is not None:
                return standard
        spent = reduce_spent(value)
        if spent is not None:
            return spent
        raise NotSerializable(value, self._what)


def _standard_stream(value):
    """sys.stdout and its like are had by name: they are the process's, not the variable's."""
    import sys
    for name in ("stdout", "stderr", "stdin", "__stdout__", "__stderr__", "__stdin__"):
        if getattr(sys, name, None) is value:
            return getattr, (sys, name)
    return None
