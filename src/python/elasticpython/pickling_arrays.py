"""Reducers of arrays and frames: big buffers beside the pickle, shared memory shared afterwards."""
import pickle
import sys
import types

from elasticpython import pickling_lenders, pickling_memmaps, unpickling, unpickling_arrays
from elasticpython.by_type import name_of
from elasticpython.pickling_refusals import is_ctypes


def reduce_array(context, array):
    owner = _owner(array)
    lender = getattr(array if owner is None else owner, "base", None)
    if name_of(type(lender)) == "torch.Tensor":
        return _reduce_over_storage(context, array, lender)
    if lender is not None:
        lent = pickling_lenders.reduce_lent(context, array, array if owner is None else owner, lender)
        if lent is not None:
            return lent
    stands_for_owner = owner is not None and context.plain_arrays.get(id(owner)) is array
    if owner is not None and not stands_for_owner and _is_shared(array, owner):
        return _reduce_view(context, array, owner)
    contiguous = array.flags.c_contiguous or array.flags.f_contiguous
    if array.nbytes >= context.oob_min_bytes and contiguous and not array.dtype.hasobject:
        return array.__reduce_ex__(5)
    if not array.flags.writeable:
        return unpickling.readonly_array, (array.copy(order="K"),)
    return array.__reduce__()   # owns its memory when loaded, as it did: it can be resized


def _owner(array):
    """What the memory belongs to: the last array of the chain of bases, or a buffer of the user's below that;
    None for the array itself. What else is below it (bytes that were read, memory that was mapped when the
    array was restored, a library's) is seen through arrays only."""
    numpy = sys.modules["numpy"]
    owner, base = None, array.base
    while True:
        if isinstance(base, numpy.ndarray):
            owner, base = base, base.base
        elif type(base).__name__ == "DummyArray":  # as_strided's go-between
            base = base.base
        elif type(base) is memoryview and type(base.obj).__name__ == "_memoryviewslice":  # Cython's
            base = base.obj.base
        elif type(base) in (bytearray, memoryview) or is_ctypes(type(base)):
            return base
        else:
            base = _lent_by_attribute(numpy, base, array)
            if base is None:
                return owner


def _lent_by_attribute(numpy, lender, array):
    """The array that an object of Python's own gave out with its `__array_interface__`, or None."""
    if lender is None or type(lender).__dictoffset__ == 0:
        return None
    address = array.__array_interface__["data"][0]
    for value in list(object.__getattribute__(lender, "__dict__").values()):
        if isinstance(value, numpy.ndarray) and value is not array:
            first, end = numpy.lib.array_utils.byte_bounds(value) if hasattr(numpy.lib, "array_utils") \
                else numpy.byte_bounds(value)
            if first <= address and address + array.nbytes <= end:
                return value
    return None


def _is_shared(array, owner):
    """Whether anybody could tell a copy from a view. Nobody can where the array alone holds its base; but a
    strided view over most of that is still written as a view, which spares the copy."""
    numpy = sys.modules["numpy"]
    if not isinstance(owner, numpy.ndarray) or pickling_memmaps.can_be_mapped_again(owner):
        return True
    held_by_others = sys.getrefcount(owner) > 3   # the view, our caller's name, and the argument; then others
    if held_by_others:
        return True
    contiguous = array.flags.c_contiguous or array.flags.f_contiguous
    return not contiguous and not array.dtype.hasobject and owner.nbytes <= 2 * array.nbytes


def _reduce_view(context, array, owner):
    numpy = sys.modules["numpy"]
    if isinstance(owner, numpy.ndarray):
        start = owner.__array_interface__["data"][0]
        if type(owner) is not numpy.ndarray and not pickling_memmaps.can_be_mapped_again(owner) \
                and reducer_for(type(owner)) is not reduce_reducing_subclass:
            owner = _plain_array_of(context, owner)
    else:
        start = context.native.buffer_address(owner)
    offset = array.__array_interface__["data"][0] - start if array.size else 0
    return unpickling.array_view, (owner, array.dtype, array.shape, array.strides, offset,
                                   array.flags.writeable)


def reduce_memmap(context, array):
    """Of a file that can be mapped again; what was computed from one is an array like others."""
    if array._mmap is None:
        return reduce_array_subclass(context, array)
    owner = _owner(array)
    if owner is None:
        return pickling_memmaps.reduce_whole(array)
    pickling_memmaps.refuse_unless_it_can(array, owner)
    return unpickling.part_of_memmap, _reduce_view(context, array, owner)[1]


def _plain_array_of(context, owner):
    """The memory of an array of a subclass: one object for it and all views, or each would get a copy."""
    return context.plain_arrays.setdefault(id(owner), owner.view(sys.modules["numpy"].ndarray))


def reduce_dtype(context, dtype):
    """One of numpy's own as the object that all arrays share: pickle would make another, and `asarray` then
    makes a view where it would have returned the array itself."""
    numpy = sys.modules["numpy"]
    of_numpy = dtype.kind in "?biufcmMOSUV" and dtype.names is None and dtype.metadata is None
    if of_numpy and numpy.dtype(dtype.str) is dtype:
        return numpy.dtype, (dtype.str,)
    return dtype.__reduce__()


def reduce_array_subclass(context, array):
    numpy = sys.modules["numpy"]
    attributes = getattr(array, "__dict__", None)
    owner = _owner(array)
    if owner is None:
        owner = array
    if isinstance(owner, numpy.ndarray) and _looks_at_all_of(array, owner):
        # As it is when it has been loaded: a restored array is written as the original was.
        plain = owner if type(owner) is numpy.ndarray else _plain_array_of(context, owner)
    else:
        plain = array.view(numpy.ndarray)
    return _reduce_subclass(array, plain, attributes)


def _reduce_subclass(array, plain, attributes):
    """Its attributes are set when it is there: they may lead to it."""
    make = unpickling.array_subclass, (type(array), plain, None)
    return (*make, (attributes, None), None, None, unpickling.set_attributes) if attributes else make


def reduce_reducing_subclass(context, array):
    """Of a class that says itself how it is pickled (astropy's quantities), which copies: a view of an array
    that others see stays a view of it, with its attributes."""
    owner = _owner(array)
    shared = isinstance(owner, sys.modules["numpy"].ndarray) and _is_shared(array, owner)
    if shared or any(name_of(base) == "astropy.table.column.BaseColumn" for base in type(array).__mro__):
        return _reduce_subclass(array, array.view(sys.modules["numpy"].ndarray), array.__dict__)
    return array.__reduce_ex__(5)


def _looks_at_all_of(array, owner):
    its, owners = array.__array_interface__, owner.__array_interface__
    same_layout = all(its[key] == owners[key] for key in ("data", "shape", "strides"))
    return same_layout and array.dtype == owner.dtype


def reduce_block(context, block):
    """A pandas block with the record of who else looks at its memory, which copy-on-write relies on."""
    make, arguments = block.__reduce__()[:2]
    return make, arguments, block.refs, None, None, unpickling.share_references


def reduce_single_manager(context, manager):
    """A series' block, which pandas pickles by its values alone."""
    make, arguments, state = manager.__reduce_ex__(5)[:3]
    references = getattr(manager.blocks[0], "refs", None)
    if references is None:
        return make, arguments, state
    return make, arguments, (state, references), None, None, unpickling.set_single_manager


# What pandas' own loading sets, or makes again when it is asked for.
_PANDAS_OWN = {"_mgr", "_attrs", "_flags", "_typ", "_item_cache", "_cache", "_cacher", "_is_copy", "_index"}


# Whose values are kept as attributes of pandas' objects. Others set their own there, which may not pickle
# (patsy's `design_info`), and pandas drops them: its objects come back without these, as ever.
_KEPT = {"builtins", "__main__", "numpy", "pandas", "datetime", "decimal", "pathlib", "collections"}


def _is_kept(value):
    return type(value).__module__.partition(".")[0] in _KEPT


def reduce_index(context, index):
    make, arguments = index.__reduce__()[:2]
    names = tuple(index.__dict__)
    own = {name: value for name, value in index.__dict__.items()
           if not name.startswith("_") and _is_kept(value)}
    # Not by attribute: a RangeIndex has no memory to share.
    state = index.__dict__.get("_references"), names, *([own] if own else ())
    return make, arguments, state, None, None, unpickling.set_index_state


def reduce_with_names(context, owner):
    """Series, frames and column types: pandas loads them with other attributes, or in another order, and
    without those that were set on them (`df.source = "census"`)."""
    reduced = owner.__reduce_ex__(5)
    if len(reduced) < 3 or not isinstance(reduced[2], dict) or not hasattr(owner, "__setstate__"):
        return reduced
    make, arguments, state = reduced[:3]
    own = {name: value for name, value in owner.__dict__.items()
           if name not in state and name not in _PANDAS_OWN and _is_kept(value)
           and not _is_pandas_accessor(owner, name, value)}
    state = state, tuple(owner.__dict__), *([own] if own else ())
    return make, arguments, state, None, None, unpickling.set_pandas_state


def _is_pandas_accessor(owner, name, value):
    """`s.str`, `s.dt`: pandas before 3 keeps them, once they were asked for."""
    known = getattr(type(owner), "_accessors", ())
    return name in known and type(value).__module__.partition(".")[0] == "pandas"


def reduce_arrow_backed(context, array):
    """A column over Arrow with the chunks it has, which pandas would join."""
    make, arguments, state = array.__reduce_ex__(5)[:3]
    return make, arguments, state | {"_pa_array": array._pa_array}


def reduce_block_references(context, references):
    return unpickling.make_block_references, ()


class TorchStorage:
    """Stands for a tensor's storage, of which torch makes a new object whenever it is asked."""

    def __init__(self, memory):
        self.memory = memory   # all of it, as a tensor of bytes


def _stand_in_for(context, storage, device):
    """One object a storage and group."""
    torch = sys.modules["torch"]
    stand_in = context.storages.get(storage.data_ptr()) if storage.nbytes() else None
    if stand_in is None:
        memory = torch.empty(0, dtype=torch.uint8, device=device)
        memory.set_(storage, 0, (storage.nbytes(),), (1,))
        stand_in = context.storages[storage.data_ptr()] = TorchStorage(memory)
    return stand_in


def _reduce_over_storage(context, array, tensor):
    stand_in = _stand_in_for(context, unpickling_arrays.untyped_storage(tensor), tensor.device)
    offset = array.__array_interface__["data"][0] - stand_in.memory.data_ptr() if array.size else 0
    return unpickling.array_over_storage, (stand_in, array.dtype, array.shape, array.strides, offset,
                                           array.flags.writeable)


def reduce_tensor(context, tensor):
    """Tensors over one storage stay so, and the storage goes beside the pickle: torch's own way copies it
    through a stream."""
    torch = sys.modules["torch"]
    plain = (tensor.layout is torch.strided and not tensor.is_quantized and not tensor.is_conj()
             and not tensor.is_neg() and tensor.is_leaf and not tensor._backward_hooks
             and tensor.device.type in ("cpu", "cuda"))
    if not plain:
        return NotImplemented
    stand_in = _stand_in_for(context, unpickling_arrays.untyped_storage(tensor), tensor.device)
    return unpickling.torch_tensor, (stand_in, tensor.dtype, tensor.storage_offset(), tuple(tensor.size()),
                                     tensor.stride(), tensor.requires_grad, tensor.__dict__)


def reduce_torch_storage(context, stand_in):
    memory = stand_in.memory
    return unpickling.torch_storage, (pickle.PickleBuffer(memory.cpu().numpy()), str(memory.device))


_BY_BASE = {
    "pandas._libs.internals.BlockValuesRefs": reduce_block_references,
    "pandas.core.internals.managers.SingleBlockManager": reduce_single_manager,
    "pandas.core.indexes.base.Index": reduce_index,
    "pandas.Index": reduce_index,
    "pandas.core.arrays.arrow.array.ArrowExtensionArray": reduce_arrow_backed,
    "pandas.arrays.ArrowExtensionArray": reduce_arrow_backed,
    "pandas.DataFrame": reduce_with_names,
    "pandas.Series": reduce_with_names,
    "pandas.core.frame.DataFrame": reduce_with_names,
    "pandas.core.series.Series": reduce_with_names,
    "pandas.core.dtypes.dtypes.PandasExtensionDtype": reduce_with_names,
}


def reducer_for(kind):
    numpy = sys.modules.get("numpy")
    if numpy is not None and issubclass(kind, numpy.ndarray):
        if kind is numpy.ndarray:
            return reduce_array
        if kind is numpy.memmap:
            return reduce_memmap
        # Masked arrays pickle as a copy, and lose what is not data or mask: whether the mask is hard.
        masked = getattr(sys.modules.get("numpy.ma"), "MaskedArray", numpy.ndarray)
        plain = any(all(getattr(kind, name) is getattr(base, name)
                        for name in ("__reduce__", "__reduce_ex__", "__setstate__"))
                    for base in (numpy.ndarray, masked))
        if plain:
            return reduce_array_subclass
        slotted = any(isinstance(value, types.MemberDescriptorType)
                      for base in kind.__mro__ for value in vars(base).values())
        return reduce_reducing_subclass if kind.__dictoffset__ and not slotted else None
    if numpy is not None and issubclass(kind, numpy.dtype):
        return reduce_dtype
    if kind is TorchStorage:
        return reduce_torch_storage
    if name_of(kind) == "torch.Tensor":
        return reduce_tensor
    for base in kind.__mro__:
        name = name_of(base)
        if name == "pandas._libs.internals.Block":
            return reduce_block if hasattr(kind, "refs") else None
        if name in _BY_BASE:
            return _BY_BASE[name]
    return None
