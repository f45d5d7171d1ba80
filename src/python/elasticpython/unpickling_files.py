"""Makes file objects that are closed. Written by `pickling_files`.

A closed layer cannot be made as one: each asks the layer below what it can do, which answers only while it is
open. So the innermost is opened for a moment, on memory without a name: the path it once had is not touched,
whatever is there by now.
"""
import contextlib
import io
import os

from elasticpython.unpickling_written import written


@contextlib.contextmanager
def _opened(raw, mode, closefd, content=b""):
    attributes = dict(raw.__dict__)
    raw.__dict__.clear()   # Python marks a closed file there
    descriptor = os.memfd_create("closed-file", os.MFD_CLOEXEC)
    os.pwrite(descriptor, content, 0)
    raw.__init__(descriptor, mode, closefd)
    try:
        yield
    finally:
        raw.close()
        if not closefd:
            os.close(descriptor)
        raw.__dict__.clear()   # the name is the descriptor's
        raw.__dict__.update(attributes)


@written
def make_closed_file(mode, closefd):
    raw = io.FileIO.__new__(io.FileIO)
    with _opened(raw, mode, closefd):
        return raw


@written
def make_closed_buffer(kind, raw):
    with _opened(raw, raw.mode, raw.closefd):
        buffer = kind(raw)
        buffer.close()
    return buffer


@written
def make_closed_text(buffer, encoding, errors, line_buffering, write_through, newlines):
    """`newlines` are those it met when it read; it only remembers what it has read itself."""
    raw = buffer.raw
    met = (newlines,) if isinstance(newlines, str) else newlines or ()
    with _opened(raw, raw.mode, raw.closefd, "-".join(met).encode(encoding)):
        buffer.__init__(raw)
        text = io.TextIOWrapper(buffer, encoding, errors, line_buffering=line_buffering,
                                write_through=write_through)
        if met:
            text.seek(0)
            text.read()
        text.close()
    return text
