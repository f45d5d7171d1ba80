"""Objects that belong to the process or to a library rather than to the variable that holds one:
`os.environ`, matplotlib's `rcParams`, the NaN that numpy calls `nan`. A copy would not be the object that
others look at, or compare with by `is`. What such an object holds is put back as ambient state
(`src/pyobj/ambient.cpp`)."""
import sys
import types

# (module, attribute)
_STATE = (("os", "environ"), ("sys", "path"), ("sys", "modules"), ("warnings", "filters"),
          ("random", "_inst"), ("numpy.random.mtrand", "_rand"), ("matplotlib", "rcParams"),
          ("pandas._config.config", "_global_config"))
# A float NaN equals nothing: whether it is in a list, or a key of a dict, is decided by its identity.
_NUMBERS = (("math", "nan"), ("numpy", "nan"), ("json.decoder", "NaN"))
_SENTINELS = (("traitlets.traitlets", "All"), ("traitlets.traitlets", "Undefined"))
_LONGEST = 64


def objects():
    """[(object, (module, path))] of those whose modules are imported; a path's "/" leads into a dict."""
    found = []
    for module, name in (*_STATE, *_NUMBERS, *_SENTINELS):
        owner = sys.modules.get(module)
        value = vars(owner).get(name) if isinstance(owner, types.ModuleType) else None
        if value is not None:
            found.append((value, (module, name)))
            if name == "_global_config":
                found += _inner_dicts(value, module, name)
    return found


def _inner_dicts(options, module, path):
    for name, value in options.items():
        if type(value) is dict:
            yield value, (module, f"{path}/{name}")
            yield from _inner_dicts(value, module, f"{path}/{name}")


_markers = {}  # name of a module -> [(text, its name there)]


def markers(is_importable):
    """[(text, module, name)] of constants like argparse's "==SUPPRESS==", which stand for something and are
    asked for by `is`. A module is looked at once: its constants are not expected to change."""
    for module_name, module in sys.modules.copy().items():
        if module_name not in _markers and isinstance(module, types.ModuleType) \
                and is_importable(module, module_name):
            _markers[module_name] = [(value, name) for name, value in list(vars(module).items())
                                     if type(value) is str and name.isupper() and is_marker(value)]
    return [(text, module, name) for module, texts in _markers.items() for text, name in texts]


def is_marker(text):
    """As `src/pyobj/serializer_hooks.cpp` decides it."""
    return 4 < len(text) <= _LONGEST and text.isascii() and not text[0].isalnum() \
        and (text[0] == text[-1] or (text[0], text[-1]) == ("<", ">")) and any(map(str.isalnum, text)) \
        and not text.isidentifier() and not text[0].isspace()
