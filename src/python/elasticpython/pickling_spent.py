"""Reducers of handles that are spent: the archive that `with ... as` has closed, a thread that has ended, an
executor that was shut down, a process that was waited for. They hold on to nothing outside any more, so they
are values: their attributes, with locks and queues of their own that nobody uses.

Each looks at the object's own attributes, never at its methods: a handle in use must not notice.
"""
import threading

from elasticpython import unpickling
from elasticpython.by_type import name_of
from elasticpython.pickling_attributes import by_attributes
from elasticpython.pickling_files import reduce_closed_file

_ENDED = ("FINISHED", "CANCELLED", "CANCELLED_AND_NOTIFIED")


class _New:
    """Stands where a spent object has a lock or the like: another one is made in its place."""

    def __init__(self, make, *arguments):
        self._reduction = make, arguments

    def __reduce__(self):
        return self._reduction


def _reduce_zip_archive(value):
    if value.fp is None:
        return by_attributes(value, _lock=_New(threading.RLock))


def _reduce_tar_archive(value):
    return by_attributes(value) if value.closed else None


def _reduce_temporary_file(value):
    own = vars(value)
    closer = own["_closer"]
    if getattr(closer, "cleanup_called", False) or getattr(closer, "close_called", False):
        # Methods that were looked up are kept among the attributes, wrapped.
        cached = {name for name, held in own.items() if callable(held) and not hasattr(type(value), name)}
        make, arguments, (state, slots), *rest = by_attributes(value)
        return make, arguments, ({name: state[name] for name in state if name not in cached}, slots), *rest


def _reduce_temporary_directory(value):
    import weakref
    if not vars(value)["_finalizer"].alive:
        return by_attributes(value, _finalizer=_New(unpickling.bare_object, weakref.finalize))


def _reduce_process(value):
    if value.returncode is not None:
        return by_attributes(value, _waitpid_lock=_New(threading.Lock))


def _is_ended(thread):
    own = vars(thread)
    alive = own["_tstate_lock"]  # held while it lives; asking `is_alive` would mark it
    return own["_started"].is_set() and (own["_is_stopped"] or alive is not None and not alive.locked())


def _reduce_thread(value):
    if not _is_ended(value):
        return None
    events = {name: _New(unpickling.make_event, event.is_set())
              for name, event in vars(value).items() if type(event) is threading.Event}
    return by_attributes(value, **events, _is_stopped=True, _tstate_lock=None, _stderr=None,
                          _invoke_excepthook=None, _elasticpython_request=None)


def _reduce_thread_executor(value):
    import queue
    if value._shutdown and all(map(_is_ended, value._threads)):
        return by_attributes(
            value, _threads=set(), _work_queue=_New(queue.SimpleQueue), _shutdown_lock=_New(threading.Lock),
            _idle_semaphore=_New(threading.Semaphore, 0))


def _reduce_process_executor(value):
    import queue
    if value._shutdown_thread and value._processes is None and value._executor_manager_thread is None:
        return by_attributes(
            value, _mp_context=None, _work_ids=_New(queue.Queue), _shutdown_lock=_New(threading.Lock),
            _idle_worker_semaphore=_New(threading.Semaphore, 0))


def _reduce_pool(value):
    handlers = value._worker_handler, value._task_handler, value._result_handler
    if value._state != "RUN" and all(map(_is_ended, handlers)):
        gone = dict.fromkeys(("_ctx", "_inqueue", "_outqueue", "_taskqueue", "_change_notifier", "_quick_put",
                              "_quick_get"))
        return by_attributes(value, **gone, _pool=[], _cache={}, _terminate=bool)


def _reduce_future(value):
    if value._state in _ENDED:
        return by_attributes(value, _condition=_New(threading.Condition))


def _reduce_hdf5_object(value):
    if not value.id.valid:
        return unpickling.make_closed_hdf5, (type(value), type(value.id))


def _is_closed_connection(connection):
    import sqlite3
    if type(connection) is not sqlite3.Connection:
        return False
    try:
        connection.total_changes
    except sqlite3.ProgrammingError as error:  # also where this is another thread than its own
        return "closed" in str(error)
    return False


def _reduce_connection(value):
    if _is_closed_connection(value):
        return unpickling.make_closed_connection, (), (value.row_factory, value.text_factory), None, None, \
            unpickling.set_connection_factories


def _reduce_cursor(value):
    if _is_closed_connection(value.connection):
        return unpickling.make_closed_cursor, (value.connection, value.arraysize, value.row_factory)


# "module.qualname" -> callable(value): its reduction, or None while it is in use. Of these very classes; a
# thread may be of a class derived from it.
_REDUCERS = {
    "zipfile.ZipFile": _reduce_zip_archive, "tarfile.TarFile": _reduce_tar_archive,
    "tempfile._TemporaryFileWrapper": _reduce_temporary_file,
    "tempfile.TemporaryDirectory": _reduce_temporary_directory,
    "subprocess.Popen": _reduce_process, "threading.Thread": _reduce_thread,
    "concurrent.futures.thread.ThreadPoolExecutor": _reduce_thread_executor,
    "concurrent.futures.process.ProcessPoolExecutor": _reduce_process_executor,
    "concurrent.futures._base.Future": _reduce_future, "multiprocessing.pool.Pool": _reduce_pool,
    "h5py._hl.files.File": _reduce_hdf5_object, "h5py._hl.group.Group": _reduce_hdf5_object,
    "h5py._hl.dataset.Dataset": _reduce_hdf5_object,
    "sqlite3.Connection": _reduce_connection, "sqlite3.Cursor": _reduce_cursor,
}


def reduce_spent(value):
    """The reduction of a handle that holds on to nothing any more; None of every other one."""
    kind = threading.Thread if issubclass(type(value), threading.Thread) else type(value)
    reducer = _REDUCERS.get(name_of(kind), reduce_closed_file)
    return reducer(value)


def reduce_memory_file(context, file):
    """A closed `BytesIO` or `StringIO`, of which nothing is left; open ones pickle by themselves."""
    if not file.closed:
        return NotImplemented
    return unpickling.make_closed_memory_file, (type(file),), (dict(vars(file)), None), None, None, \
        unpickling.set_attributes
