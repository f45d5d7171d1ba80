"""Numbers that limit a checkpoint, as the user gave them: checked before anything is written or removed."""

import math

from elasticpython import CheckpointError

SECONDS = 1e12  # more than anything lasts, and still a number of microseconds in 64 bits
BYTES = 2**63
COUNT = 2**32 - 1


def limit(name, value, most):
    """`value` as a number from 0 to `most`, which is as good as no limit; None for None.

    Raises CheckpointError.
    """
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, (str, bytes)) else float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0:
        raise CheckpointError(f"{name} has to be a number that is not negative, not {value!r:.60}")
    return min(number, most)


def count(name, value):
    """Of what stays, where one always does."""
    number = whole(name, value, COUNT)
    return COUNT if number is None else max(number, 1)


def whole(name, value, most):
    """The same for what is counted."""
    number = limit(name, value, most)
    return None if number is None else int(number)


def days(name, value):
    """In seconds."""
    number = limit(name, value, SECONDS)
    return None if number is None else min(number * 86400.0, SECONDS)
