"""The serialiser's contract within one process: buffers, references, errors, interrupts, leaks."""
import gc
import signal
import sys
import threading
import types

import pytest
from serializer_fixtures import package_path, serializer   # noqa: F401

np = pytest.importorskip("numpy")


def namespace_of(code, **values):
    namespace = {"__name__": "__main__", "__builtins__": __builtins__, **values}
    exec(code, namespace)
    return namespace


def load(serializer, pickled, namespace=None, resolve=None):   # noqa: F811
    namespace = {} if namespace is None else namespace
    loader = serializer.Loader(namespace, resolve or namespace.__getitem__)
    return loader.load(pickled.names, pickled.pickle, [bytearray(buffer) for buffer in pickled.buffers])


def test_large_buffers_are_handed_out_where_they_are(serializer):   # noqa: F811
    array = np.arange(100_000.)
    pickled = serializer.Dumper({"a": array}).dump(["a"])
    [buffer] = pickled.buffers
    assert np.frombuffer(buffer).ctypes.data == array.ctypes.data
    assert pickled.pickle_bytes < 1000 and pickled.buffer_bytes == array.nbytes


def test_a_loaded_array_lives_in_the_memory_it_was_given(serializer):   # noqa: F811
    pickled = serializer.Dumper({"a": np.arange(100_000.)}).dump(["a"])
    memory = bytearray(pickled.buffers[0])
    loaded = serializer.Loader({}, None.__class__).load(["a"], pickled.pickle, [memory])["a"]
    loaded[0] = 5.5
    assert np.frombuffer(memory)[0] == 5.5
    with pytest.raises(BufferError):
        memory.append(0)   # held by the array
    del loaded
    gc.collect()
    memory.append(0)


def test_pinned_memory_cannot_be_resized_until_the_pickle_is_gone(serializer):   # noqa: F811
    array = np.arange(50_000.)
    pickled = serializer.Dumper({"a": array}).dump(["a"])
    count = sys.getrefcount(array)
    threading.Thread(target=lambda holder: holder.clear(), args=([pickled],)).start()
    del pickled
    gc.collect()
    assert sys.getrefcount(array) < count


def test_threshold_keeps_small_buffers_in_the_pickle(serializer):   # noqa: F811
    namespace = {"a": np.zeros(1000)}
    assert len(serializer.Dumper(namespace, out_of_band_min_bytes=8000).dump(["a"]).buffers) == 1
    assert len(serializer.Dumper(namespace, out_of_band_min_bytes=8001).dump(["a"]).buffers) == 0


def test_references_and_modules_are_reported(serializer):   # noqa: F811
    namespace = namespace_of("class A: pass\nd = {}\nimport numpy as np\nx = [A(), d, np.float32(1)]")
    pickled = serializer.Dumper(namespace, ["A", "d", "np"]).dump(["x"])
    assert pickled.references == ["A", "d"]
    assert pickled.modules == {"numpy": np.__version__}


def test_an_alias_is_a_reference_to_the_first_name(serializer):   # noqa: F811
    namespace = namespace_of("def f(): return 1\ng = f")
    dumper = serializer.Dumper(namespace, ["f", "g"])
    assert dumper.dump(["f"]).references == []
    assert dumper.dump(["g"]).references == ["f"]


def test_missing_variable_and_missing_reference(serializer):   # noqa: F811
    with pytest.raises(serializer.SerializerError) as raised:
        serializer.Dumper({"a": 1}).dump(["b"])
    assert raised.value.code == "not_found"
    namespace = namespace_of("class A: pass\nx = A()")
    pickled = serializer.Dumper(namespace, ["A"]).dump(["x"])
    with pytest.raises(serializer.SerializerError) as raised:
        load(serializer, pickled)
    assert raised.value.code == "not_found" and "A" in str(raised.value)


def test_too_few_buffers_and_cut_pickles_are_errors(serializer):   # noqa: F811
    namespace = {"a": [np.arange(10_000.), {"k": [1, 2, "x" * 100]}]}
    pickled = serializer.Dumper(namespace).dump(["a"])
    data = pickled.pickle
    loader = serializer.Loader({}, dict().get)
    with pytest.raises(serializer.SerializerError):
        loader.load(["a"], data, [])
    for size in range(len(data)):
        with pytest.raises(serializer.SerializerError):
            loader.load(["a"], data[:size], [bytearray(80_000)])
    with pytest.raises(serializer.SerializerError):
        loader.load(["a", "b"], data, [bytearray(80_000)])


def test_check_loads_finds_what_does_not_and_leaves_the_session(serializer):   # noqa: F811
    namespace = namespace_of("class Bad:\n    def __init__(self): self.x = 1\n"
                             "    def __setstate__(self, s): raise ValueError('no')\n"
                             "class Good: pass\nbad = Bad()\ngood = [Good()]", numbers=np.arange(9000.))
    before = dict(namespace)
    dumper = serializer.Dumper(namespace, ["Bad", "Good"])
    serializer.check_loads(namespace, dumper.dump(["good"]))
    serializer.check_loads(namespace, dumper.dump(["numbers"]))
    with pytest.raises(serializer.SerializerError) as raised:
        serializer.check_loads(namespace, dumper.dump(["bad"]))
    assert raised.value.code == "python_raised" and "ValueError: no" in str(raised.value)
    assert namespace == before


def test_byte_code_of_another_python_is_an_unsupported_version(serializer, monkeypatch):   # noqa: F811
    pickled = serializer.Dumper(namespace_of("def f(): return 1")).dump(["f"])
    monkeypatch.setattr("elasticpython.unpickling_code.MAGIC", b"else")
    with pytest.raises(serializer.SerializerError) as raised:
        load(serializer, pickled)
    assert raised.value.code == "unsupported_version"


def test_a_module_that_is_missing_is_named(serializer):   # noqa: F811
    module = types.ModuleType("gone_module")
    module.__file__ = "gone_module.py"
    exec("class C: pass", module.__dict__)
    sys.modules["gone_module"] = module
    pickled = serializer.Dumper({"x": module.C()}).dump(["x"])
    del sys.modules["gone_module"]
    with pytest.raises(serializer.SerializerError, match="gone_module"):
        load(serializer, pickled)


def test_a_failed_group_leaves_the_dumper_usable(serializer):   # noqa: F811
    namespace = {"bad": [np.zeros(10_000), (i for i in ())], "good": [1, [2]]}
    dumper = serializer.Dumper(namespace)
    count = sys.getrefcount(namespace["bad"][0])
    with pytest.raises(serializer.SerializerError):
        dumper.dump(["bad"])
    pickled = dumper.dump(["good"])
    assert load(serializer, pickled) == {"good": [1, [2]]} and pickled.buffers == []
    after = sys.getrefcount(namespace["bad"][0])
    assert after == count


def test_groups_do_not_share_a_memo(serializer):   # noqa: F811
    shared = [1]
    dumper = serializer.Dumper({"a": [shared], "b": [shared]})
    first, second = dumper.dump(["a"]), dumper.dump(["b"])
    assert load(serializer, second) == {"b": [[1]]} and load(serializer, first) == {"a": [[1]]}


def test_a_plain_group_has_nothing_of_the_one_before_it(serializer):   # noqa: F811
    shared = [1]
    dumper = serializer.Dumper({"f": np.mean, "a": np.arange(3), "shared": shared, "x": [shared, "a"]},
                               references=["f", "shared"])
    assert "numpy" in dumper.dump(["a"]).modules
    plain = dumper.dump(["x"])
    assert (plain.references, plain.modules, plain.notes) == (["shared"], {}, [])
    assert "numpy" in dumper.dump(["a"]).modules


@pytest.mark.parametrize("deep", [False, True])
def test_an_interrupt_cancels_and_leaves_nothing(serializer, deep):   # noqa: F811
    value = [[i] for i in range(3_000_000)]
    for _ in range(20_000 if deep else 0):
        value = [value]
    dumper = serializer.Dumper({"x": value, "y": 1})
    # A thread that sends the signal would have to wait for the GIL, which is not let go meanwhile.
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(serializer.SerializerError) as raised:
        dumper.dump(["x"])
    signal.signal(signal.SIGALRM, before)
    assert raised.value.code == "cancelled"
    assert load(serializer, dumper.dump(["y"])) == {"y": 1}
    while deep and value:   # taken apart, since deallocating it is not what is tested
        value = value.pop() if len(value) == 1 else None


def test_deep_nesting_leaves_the_recursion_limit_alone(serializer):   # noqa: F811
    value = None
    for _ in range(50_000):
        value = {"next": value}
    limit = sys.getrecursionlimit()
    pickled = serializer.Dumper({"x": value}).dump(["x"])
    assert sys.getrecursionlimit() == limit
    loaded = load(serializer, pickled)["x"]
    depth = 0
    while loaded is not None:
        loaded, depth = loaded["next"], depth + 1
    assert depth == 50_000
    with pytest.raises(RecursionError):
        (lambda f: f(f))(lambda f: f(f))


def test_a_class_loaded_beside_the_live_one_is_a_class_of_its_own(serializer):   # noqa: F811
    namespace = namespace_of("class A:\n    n = 1")
    pickled = serializer.Dumper(namespace).dump(["A"])
    loaded = load(serializer, pickled, {})["A"]
    assert loaded is not namespace["A"]
    loaded.n = 2
    assert namespace["A"].n == 1


def test_a_restored_session_can_be_dumped_and_restored_again(serializer):   # noqa: F811
    code = ("from enum import Enum\nimport functools\nclass Base:\n    def f(self): return 1\n"
            "class A(Base):\n"
            "    def f(self): return super().f() + K\nclass Color(Enum):\n    RED = 1\n"
            "def make():\n    n = [0]\n    return lambda: n\nK = 4\na = A()\na.color = Color.RED\n"
            "g = make()\n"
            "@functools.lru_cache\ndef h(x): return x * K\n")
    namespace = namespace_of(code)
    names = ["Base", "A", "Color", "make", "K", "a", "g", "h"]
    sizes = []
    for _ in range(4):
        restored = {"__name__": "__main__", "__builtins__": __builtins__}
        dumper = serializer.Dumper(namespace, ["Base", "A", "Color", "make"])
        loader = serializer.Loader(restored, restored.__getitem__)
        total = 0
        for name in names:
            pickled = dumper.dump([name])
            total += pickled.pickle_bytes
            restored.update(loader.load(pickled.names, pickled.pickle, []))
        sizes.append(total)
        assert restored["a"].f() == 5 and restored["a"].color is restored["Color"].RED
        assert restored["g"]() == [0] and restored["h"](2) == 8 and restored["A"].f.__globals__ is restored
        namespace = restored
    assert len(set(sizes[1:])) == 1, sizes   # nothing is added by being restored


def test_the_same_objects_give_the_same_bytes(serializer):   # noqa: F811
    namespace = namespace_of("class A: pass\nx = [A(), {'k': (1, 2)}, {1, 2}]\ndef f(a, b=2): return a + b")
    dumper = serializer.Dumper(namespace, ["A"])
    for name in ("x", "A", "f"):
        assert dumper.dump([name]).pickle == dumper.dump([name]).pickle == \
            serializer.Dumper(namespace, ["A"]).dump([name]).pickle


def test_dumping_and_loading_leak_nothing(serializer):   # noqa: F811
    namespace = namespace_of("class A:\n    def __init__(self): self.x = [1]\na = [A() for _ in range(20)]\n"
                             "def f(): return a\n", array=np.zeros(9000))

    def once():
        dumper = serializer.Dumper(namespace, ["A"])
        for name in ("a", "f", "array", "A"):
            load(serializer, dumper.dump([name]), dict(namespace))
        with pytest.raises(serializer.SerializerError):
            serializer.Dumper({"x": [(i for i in ())]}).dump(["x"])
        gc.collect()
        return len(gc.get_objects())

    once()
    counts = [once() for _ in range(6)]
    assert counts[-1] - counts[1] < 20, counts


def test_environment_says_what_a_reader_must_match(serializer):   # noqa: F811
    facts = serializer.environment()
    assert facts["byteorder"] == sys.byteorder and facts["word_bits"] == "64"
    assert facts["python"].startswith("3.")


def test_loaders_written_into_checkpoints_keep_their_names(serializer):   # noqa: F811
    """The names are part of the format: this list only ever grows."""
    from elasticpython import unpickling
    assert set(unpickling.WRITTEN) >= {
        "array_subclass", "array_view", "class_dict", "class_member", "dead_weakref",
        "dict_view", "enum_member", "field_kind", "import_module",
        "make_block_references", "make_cell", "make_class", "make_closed_buffer",
        "make_closed_connection", "make_closed_cursor", "make_closed_file", "make_closed_hdf5",
        "make_closed_memory_file", "make_closed_text", "make_code", "make_constrained_type", "make_enum",
        "make_event",
        "make_exception", "make_function", "make_globals", "make_logger", "make_lru_cache", "make_memoryview",
        "make_module", "make_new_type", "make_proxy", "make_type_parameter", "make_weakref", "module_dict",
        "readonly_array",
        "set_attributes", "set_cell", "set_class_state", "set_connection_factories", "set_enum_state",
        "set_exception_state", "set_figure_state",
        "set_function_state", "set_module_state", "set_single_manager", "share_references",
        "set_traits_state", "slice_memoryview",
        "torch_storage", "torch_tensor", "tracked", "variable"}


def test_views_stay_views_however_often_they_are_written_and_loaded(serializer):   # noqa: F811
    for size in (1000, 1_000_000):   # in the pickle, and beside it
        names = {"a": np.zeros(size)}
        names["b"], names["s"] = names["a"][:10], names["a"][::3]
        for _ in range(3):
            pickled = serializer.Dumper(names, []).dump(list(names))
            names = load(serializer, pickled)
            names["b"][0] += 1
            assert names["a"][0] == names["s"][0] == names["b"][0]
        assert pickled.buffer_bytes < 9 * size   # once


def test_views_of_an_array_of_a_subclass_share_what_is_loaded(serializer):   # noqa: F811
    base = np.zeros(100).view(np.recarray)
    names = {"a": np.asarray(base[:10]), "b": np.asarray(base[:20])}
    loaded = load(serializer, serializer.Dumper(names, []).dump(["a", "b"]))
    loaded["a"][0] = 1
    assert loaded["b"][0] == 1
