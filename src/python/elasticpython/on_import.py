"""Changes to modules of other people's, made when somebody imports them: no kernel imports them to start."""

import sys


class _Finder:
    """Finds a module as the finders beside it do, and sees to it that it is changed."""

    def __init__(self):
        self.changes = {}

    def find_spec(self, name, path=None, target=None):
        if name not in self.changes:
            return None
        for finder in list(sys.meta_path):
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                spec.loader = _Loader(spec.loader, self.changes[name])
                return spec
        return None


class _Loader:
    """Goes before a module's own loader until the module is there, which then knows of that one only."""

    def __init__(self, loader, change):
        self._loader = loader
        self._change = change

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._change(module)


_finder = _Finder()


def change(name: str, how) -> None:
    """Calls `how(module)` when the module of that name has run and nobody has seen it yet, each time that is
    imported or reloaded; at once as well if it is there already."""
    if name in sys.modules:
        how(sys.modules[name])
    _finder.changes[name] = how
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
