"""Makes file objects that are closed, and other handles that are spent. Written by `pickling_files` and
`pickling_spent`.

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


@contextlib.contextmanager
def _opened_under_text(buffer, content):
    if hasattr(buffer, "raw"):
        raw = buffer.raw
        with _opened(raw, raw.mode, raw.closefd, content):
            buffer.__init__(raw)
            yield
        return
    attributes = dict(buffer.__dict__)   # of a compressed file
    source = "fileobj" if hasattr(buffer, "fileobj") else "filename"
    memory = io.BytesIO()
    with type(buffer)(mode="w", **{source: memory}) as packing:
        packing.write(content)
    memory.seek(0)
    buffer.__init__(mode="r", **{source: memory})
    try:
        yield
    finally:
        buffer.__dict__.clear()
        buffer.__dict__.update(attributes)


@written
def make_closed_text(buffer, encoding, errors, line_buffering, write_through, newlines):
    """`newlines` are those it met when it read; it only remembers what it has read itself."""
    met = (newlines,) if isinstance(newlines, str) else newlines or ()
    with _opened_under_text(buffer, "-".join(met).encode(encoding)):
        text = io.TextIOWrapper(buffer, encoding, errors, line_buffering=line_buffering,
                                write_through=write_through)
        if met:
            text.seek(0)
            text.read()
        text.close()
    return text


@written
def make_closed_memory_file(kind):
    file = kind()
    file.close()
    return file


@written
def make_event(is_set):
    import threading
    event = threading.Event()
    if is_set:
        event.set()
    return event


@written
def make_closed_hdf5(kind, id_kind):
    from h5py._hl.base import HLObject
    value = kind.__new__(kind)
    HLObject.__init__(value, id_kind(0))
    return value


@written
def make_closed_connection():
    import sqlite3
    connection = sqlite3.connect(":memory:")
    connection.close()
    return connection


@written
def set_connection_factories(connection, factories):
    connection.row_factory, connection.text_factory = factories


@written
def make_closed_cursor(connection, arraysize, row_factory):
    """A cursor is made of an open connection only, so this one is opened for a moment."""
    factories = connection.row_factory, connection.text_factory
    connection.__init__(":memory:")
    cursor = connection.cursor()
    connection.close()
    connection.row_factory, connection.text_factory = factories
    cursor.arraysize, cursor.row_factory = arraysize, row_factory
    return cursor
