"""Python values as the content of a message."""

import binascii
import datetime
import math
import numbers

_INT64_MIN, _UINT64_MAX = -(2**63), 2**64 - 1


def jsonable(value):
    """`value` with nothing in it that JSON cannot carry.

    Bytes become base64 (images), dates ISO 8601, numbers of other libraries plain ones, NaN and infinities
    their repr, lone surrogates backslash escapes, and any other object its repr, since a message must not
    be lost for one odd value.
    """
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {_text(str(key)): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if isinstance(value, numbers.Integral):
        value = int(value)
        return value if _INT64_MIN <= value <= _UINT64_MAX else float(value)
    if isinstance(value, numbers.Real):
        value = float(value)
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return binascii.b2a_base64(value, newline=False).decode("ascii")
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    return _text(repr(value))


def text_of(error: BaseException) -> str:
    """What an exception says; where its `__str__` raises, what Python says then."""
    try:
        return str(error)
    except Exception:
        return "<exception str() failed>"


def _text(text: str) -> str:
    try:
        if not text.isascii():  # which needs no look at the text, where encoding copies it
            text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return str(text)
