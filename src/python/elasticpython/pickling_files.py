"""Reducers of file objects that are closed: what `with open(...) as f` leaves behind. They hold on to nothing
outside any more, so they are values: a name, a mode, an encoding."""
import io

from elasticpython import unpickling

_BUFFERS = (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)


def reduce_closed_file(file):
    """None unless `file` is closed and of Python's own classes all the way down: a subclass, or what a text
    wrapper was laid over, may do anything when it is asked whether it is closed."""
    kind = type(file)
    raw = _raw_file(file)
    if type(raw) is not io.FileIO or not raw.closed:
        return None
    state = (dict(file.__dict__), None)
    if kind is io.FileIO:
        make, arguments = unpickling.make_closed_file, (file.mode, file.closefd)
    elif kind is io.TextIOWrapper:
        make, arguments = unpickling.make_closed_text, (
            file.buffer, file.encoding, file.errors, file.line_buffering, file.write_through, file.newlines)
    else:
        make, arguments = unpickling.make_closed_buffer, (kind, raw)
    return make, arguments, state, None, None, unpickling.set_attributes


def _raw_file(file):
    """The innermost of the layers; None where one was detached or is not Python's own."""
    try:
        if type(file) is io.TextIOWrapper:
            file = file.buffer if type(file.buffer) in _BUFFERS else None
        return file.raw if type(file) in _BUFFERS else file
    except ValueError:   # newer versions of Python say so of a detached layer
        return None
