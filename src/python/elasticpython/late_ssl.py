"""asyncio, with OpenSSL brought in when something asks for a secure connection and not before.

asyncio imports `ssl` and `asyncio.sslproto` for what few notebooks do; they are a tenth of a kernel's start
and nearly 2 MB of its memory.
"""

import importlib
import importlib.util
import sys
import types

_LATE = ("ssl", "asyncio.sslproto")


class LateModule(types.ModuleType):
    """Stands for a module where another has imported it. `sys.modules` does not know it: whoever imports the
    module gets the real one, and so does whoever uses an attribute of this one, under the lock of imports."""

    def __getattr__(self, name):
        return getattr(importlib.import_module(self.__name__), name)

    def __setattr__(self, name, value):
        setattr(importlib.import_module(self.__name__), name, value)

    def __delattr__(self, name):
        delattr(importlib.import_module(self.__name__), name)

    def __dir__(self):
        return dir(importlib.import_module(self.__name__))


def import_asyncio() -> types.ModuleType:
    """Imports asyncio, which holds stand-ins where it would hold `ssl` and `asyncio.sslproto`, unless these
    are there or cannot be had. To be called while no other thread imports anything."""
    if "asyncio" in sys.modules or "ssl" in sys.modules or importlib.util.find_spec("_ssl") is None:
        return importlib.import_module("asyncio")
    late = {name: LateModule(name) for name in _LATE}
    sys.modules.update(late)
    try:
        asyncio = importlib.import_module("asyncio")
    finally:
        for name in late:
            del sys.modules[name]
    asyncio.sslproto = late["asyncio.sslproto"]  # as a real import of it would set
    return asyncio
