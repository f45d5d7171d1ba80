"""What an object is, without asking it.

`isinstance` asks whatever is not plainly an instance for its `__class__`: a proxy then runs its own code,
makes what it was to make late, or raises, as `weakref.proxy` does whose object has gone."""


def is_a(value, kinds) -> bool:
    """Whether the type of `value` is one of `kinds` or derived from one; as `isinstance` but for proxies."""
    return issubclass(type(value), kinds)


def is_plain(value) -> bool:
    """Whether it is a text, a number or None."""
    return is_a(value, (str, int, float, bool, type(None)))


def is_made_by_hand(module) -> bool:
    """Whether nothing was imported to have it: `types.ModuleType("settings")`, Cython's `_cython_3_1_2`."""
    own = module.__dict__  # looked into directly: a module's own `__getattr__` may import others
    return own.get("__spec__") is None and own.get("__file__") is None


def name_of(kind) -> str:
    """By which a type is known where its module need not be imported."""
    return f"{kind.__module__}.{kind.__qualname__}"
