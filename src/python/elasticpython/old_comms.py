"""Stands in for `ipykernel.comm`, for libraries from before the `comm` package.

ipykernel's own classes would look for ipykernel's kernel. Their modules are there all the same: the rest of
ipykernel imports them."""

from importlib.machinery import PathFinder

__all__ = ["Comm", "CommManager"]


def __getattr__(name):
    if name == "__path__":
        import ipykernel

        return PathFinder.find_spec("ipykernel.comm", ipykernel.__path__).submodule_search_locations
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import comm  # noqa: F401  imports the next one, unless it is there

    from elasticpython import comms

    return getattr(comms, name)
