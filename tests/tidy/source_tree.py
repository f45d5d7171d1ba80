"""The source tree as the tidy tests see it: which files belong to which layer, and what they include."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The arrows of docs/architecture.md: what a layer may include, itself aside.
BELOW = {
    "core": set(),
    "graph": {"core"},
    "plan": {"core", "graph"},
    "store": {"core"},
    "pyobj": {"core", "graph"},
    "session": {"core", "graph", "plan", "store", "pyobj"},
    "kernel": {"core", "graph", "plan", "store", "pyobj", "session"},
}
LAYERS = list(BELOW)

# Libraries that only some layers may know, by how their headers are called.
OUTSIDE = {
    "CPython": (r"Python\.h|pybind11/|frameobject\.h|structmember\.h|datetime\.h", {"pyobj", "kernel"}),
    "xeus": (r"xeus|xeus-python|xpyt", {"kernel"}),
    "ZeroMQ": (r"zmq", {"kernel"}),
    "OpenSSL": (r"openssl/", {"kernel", "store"}),
    "xxHash": (r"xxhash", {"core", "store"}),
    "compression": (r"zstd|lz4", {"store"}),
    "Boost": (r"boost/", {"plan"}),
}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


def sources(layer):
    """The C++ files of a layer: public headers, private headers, definitions."""
    return sorted((ROOT / "include/elastic" / layer).glob("**/*.hpp")) + sorted(
        path for path in (ROOT / "src" / layer).glob("**/*") if path.suffix in (".cpp", ".hpp"))


def cpp_tests(layer):
    """The C++ tests of a layer."""
    return sorted(path for path in (ROOT / "tests" / layer).glob("**/*") if path.suffix in (".cpp", ".hpp"))


def all_sources():
    """Every C++ file of every layer."""
    return [path for layer in LAYERS for path in sources(layer)]


def includes(path):
    """What a file includes, as written between the quotes or brackets."""
    return _INCLUDE.findall(path.read_text())


def layer_of_include(path, include):
    """The layer that an include of `path` leads to, or None for a library's or the standard's header."""
    match = re.match(r"elastic/(\w+)/", include)
    if match:
        return match.group(1)
    for place in (path.parent / include, ROOT / "src" / include, ROOT / "tests" / include):
        if place.is_file():
            parts = place.resolve().relative_to(ROOT).parts
            if parts[0] in ("src", "tests"):
                return parts[1]
            return parts[2]
    return None


def shown(path):
    """A path as a person names it."""
    return str(Path(path).relative_to(ROOT))
