"""What a kernel's start would import for what few notebooks do, brought in when something asks for it.

asyncio imports `ssl`, `asyncio.sslproto` and `locale`, IPython and what it needs `tempfile`, `urllib.parse`,
`gettext`, `pprint` and `logging.config`, each with a tail of its own: a fifth of a start, and 3 MB of memory.
"""

import importlib
import importlib.util
import sys
import types
from contextlib import contextmanager


class LateModule(types.ModuleType):
    """Stands for a module where another has imported it. Once that one is there `sys.modules` does not know
    the stand-in: whoever imports the module gets the real one, and so does whoever uses an attribute of this
    one, under the lock of imports."""

    def __getattr__(self, name):
        if name == "__path__" and sys.modules.get(self.__name__) is self:  # the import system, not a user
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __setattr__(self, name, value):
        setattr(self._real(), name, value)

    def __delattr__(self, name):
        delattr(self._real(), name)

    def __dir__(self):
        return dir(self._real())

    def _real(self):
        _remove(self)  # where it is used before the import that it stands for is over
        return importlib.import_module(self.__name__)


def _remove(stand_in):
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]


@contextmanager
def stand_ins(*names, **functions):
    """While it is open, an import of one of the modules `names` that are not there yet gets a `LateModule`.

    `functions`, {name: module}: `from module import name` gets a function that imports the module when it is
    called. To be open only while code of libraries runs and no other thread imports anything."""
    late = {name: LateModule(name) for name in (*names, *functions.values()) if name not in sys.modules}
    for name, module in functions.items():
        if module in late:
            vars(late[module])[name] = _late_function(late[module], name)
    sys.modules.update(late)
    try:
        yield late
    finally:
        for stand_in in late.values():
            _remove(stand_in)


def _late_function(stand_in, name):
    def late(*arguments, **keywords):
        return getattr(stand_in._real(), name)(*arguments, **keywords)

    return late


def import_asyncio() -> types.ModuleType:
    """Imports asyncio, without OpenSSL until something asks for a secure connection."""
    if "asyncio" in sys.modules or "ssl" in sys.modules or importlib.util.find_spec("_ssl") is None:
        return importlib.import_module("asyncio")
    with stand_ins("ssl", "asyncio.sslproto", "locale") as late:
        asyncio = importlib.import_module("asyncio")
    asyncio.sslproto = late["asyncio.sslproto"]  # as a real import of it would set
    return asyncio


def import_ipython() -> types.ModuleType:
    """Imports IPython, without what only a logger that speaks, the address of a path, a parser's help and a
    configuration that is shown need."""
    late = {"dictConfig": "logging.config", "quote_from_bytes": "urllib.parse", "pformat": "pprint"}
    with stand_ins(**late, gettext="gettext", ngettext="gettext"):
        importlib.import_module("IPython.core.application")
    return sys.modules["IPython"]
