"""Stands in for `ipykernel.comm`, for libraries from before the `comm` package.

ipykernel's own class would look for ipykernel's kernel."""

__all__ = ["Comm", "CommManager"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import comm  # noqa: F401  imports the next one, unless it is there

    from elasticpython import comms

    return getattr(comms, name)
