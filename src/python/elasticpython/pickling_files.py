"""Reducers of file objects that are closed: what `with open(...) as f` leaves behind. They hold on to nothing
outside any more, so they are values: a name, a mode, an encoding."""
import io

from elasticpython import unpickling
from elasticpython.by_type import name_of
from elasticpython.pickling_attributes import by_attributes

_BUFFERS = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)
_COMPRESSED = {"gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile"}


def reduce_closed_file(file):
    """None unless `file` is closed and of Python's own classes all the way down: a subclass, or what a text
    wrapper was laid over, may do anything when it is asked whether it is closed."""
    kind = type(file)
    if _is_compressed(file):
        # Without what compressed or read ahead.
        return by_attributes(file, compress=None, _buffer=None) if file.closed else None
    if kind is io.TextIOWrapper and _is_compressed(_buffer_of(file)):
        return _reduce_text(file) if file.closed else None
    raw = _raw_file(file)
    if type(raw) is not io.FileIO or not raw.closed:
        return None
    if kind is io.TextIOWrapper:
        return _reduce_text(file)
    if kind is io.FileIO:
        make, arguments = unpickling.make_closed_file, (file.mode, file.closefd)
    else:
        make, arguments = unpickling.make_closed_buffer, (kind, raw)
    return make, arguments, (dict(file.__dict__), None), None, None, unpickling.set_attributes


def _reduce_text(file):
    arguments = (file.buffer, file.encoding, file.errors, file.line_buffering, file.write_through,
                 file.newlines)
    state = dict(file.__dict__), None
    return unpickling.make_closed_text, arguments, state, None, None, unpickling.set_attributes


def _is_compressed(file):
    return name_of(type(file)) in _COMPRESSED


def _buffer_of(text):
    try:
        return text.buffer
    except ValueError:   # newer versions of Python say so of a detached layer
        return None


def _raw_file(file):
    """The innermost of the layers; None where one was detached or is not Python's own."""
    if type(file) is io.TextIOWrapper:
        file = _buffer_of(file)
        if type(file) not in _BUFFERS:
            return None
    try:
        return file.raw if type(file) in _BUFFERS else file
    except ValueError:
        return None
