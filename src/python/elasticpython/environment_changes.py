"""What is not as it was where a checkpoint was made: versions, the machine."""

import importlib.util
import sys

from elasticpython import pickling


def environment_changes(then: dict, modules: dict, restored) -> list:
    """`then`: the environment of the checkpoint; `modules`: {name: {"version", "variables"}} of what its
    pickles name; `restored`: the variables that are asked about. Returns [{"what", "then", "now",
    "variables"}]."""
    now = pickling.environment()
    changes = [
        {"what": what, "then": then[what], "now": now[what], "variables": []}
        for what in sorted(then.keys() & now.keys() - {"bytecode_magic"})  # Python's version says it
        if then[what] != now[what]
    ]
    for module, entry in sorted(modules.items()):
        if not entry["version"]:
            continue
        version = pickling.version_of(module)
        if module not in sys.modules and importlib.util.find_spec(module) is None:
            version = "not installed"
        if version and version != entry["version"]:
            names = sorted(name for name in set(entry["variables"]) if name in restored)
            changes.append({"what": module, "then": entry["version"], "now": version, "variables": names})
    return changes
