"""Makes arrays, frames and tensors over memory they share. Written by `pickling_arrays`."""
import math
import os

from elasticpython.unpickling_written import written


@written
def array_view(owner, dtype, shape, strides, offset, writeable):
    """An array over the memory of `owner`, which is an array, a bytearray or a memoryview."""
    import numpy
    if isinstance(owner, numpy.ndarray):
        if writeable and not owner.flags.writeable:  # it was made so when it had this view
            owner.flags.writeable = True
            try:
                return array_view(owner, dtype, shape, strides, offset, True)
            finally:
                owner.flags.writeable = False
        flat = owner if owner.dtype.kind in "biufc" else _flat(numpy, owner)
        view = numpy.ndarray(shape, dtype, flat, offset, strides)
    else:
        view = numpy.ndarray(shape, dtype, owner, offset, strides)
    if view.flags.writeable != writeable:
        view.flags.writeable = writeable
    return view


def _flat(numpy, owner):
    """Its memory as what numpy makes arrays over: bytes, but for references, of which it gives out none."""
    flat = owner.ravel(order="K")
    if not numpy.shares_memory(flat, owner):
        return owner
    return flat if owner.dtype.hasobject else flat.view(numpy.uint8)


@written
def readonly_array(array):
    array.flags.writeable = False
    return array


@written
def array_subclass(cls, array, attributes):
    instance = array.view(cls)
    if attributes:
        instance.__dict__.update(attributes)
    return instance


@written
def memmap(filename, dtype, mode, offset, shape, order):
    """A file mapped as it was; nothing is created, and a file that is too short is not made longer."""
    import numpy
    needed = offset + math.prod(shape) * dtype.itemsize
    if os.stat(filename).st_size < needed:
        raise ValueError(f"{filename} is shorter than the {needed} bytes that were mapped")
    array = numpy.memmap(filename, dtype, "r" if mode == "r" else "r+", offset, shape, order)
    array.mode = mode
    return array


@written
def part_of_memmap(owner, *view):
    import numpy
    part = array_view(owner, *view).view(numpy.memmap)
    for name in ("_mmap", "filename", "offset", "mode"):
        setattr(part, name, getattr(owner, name))
    return part


@written
def share_references(block, references):
    """pandas' copy-on-write: blocks and indexes over one memory know of each other."""
    if references is None:
        return
    if hasattr(block, "refs"):
        block.refs = references
        references.add_reference(block)
    else:
        block._references = references
        references.add_index_reference(block)


@written
def set_single_manager(manager, state):
    own, references = state
    manager.__setstate__(own)
    share_references(manager.blocks[0], references)


def _keep_attributes(owner, names, own=()):
    """Those of `names`, in their order: pandas' own loading adds some (`_typ`, `_freq`), moves others, and
    leaves out those in `own`."""
    attributes = owner.__dict__ | dict(own)
    owner.__dict__.clear()
    owner.__dict__.update({name: attributes[name] for name in names if name in attributes})


@written
def set_pandas_state(owner, state):
    loaded, names, *own = state
    owner.__setstate__(loaded)
    _keep_attributes(owner, names, *own)


@written
def set_index_state(index, state):
    references, names, *own = state
    share_references(index, references)
    _keep_attributes(index, names, *own)


@written
def make_block_references():
    try:
        from pandas._libs.internals import BlockValuesRefs
    except ImportError:   # pandas 1 keeps no such record
        return None
    return BlockValuesRefs()


def untyped_storage(tensor):
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    return tensor.storage().untyped()   # torch 1


@written
def torch_storage(memory, device):
    """All bytes of a storage as a tensor of bytes, on its device, or on the CPU where there is none such."""
    import torch
    if not memoryview(memory).nbytes:
        return torch.empty(0, dtype=torch.uint8)
    tensor = torch.frombuffer(memory, dtype=torch.uint8)
    try:
        return tensor if device == "cpu" else tensor.to(device)
    except (RuntimeError, AssertionError):
        return tensor


@written
def array_over_storage(memory, dtype, shape, strides, offset, writeable):
    """What `tensor.numpy()` gave: an array over a tensor's storage."""
    return array_view(memory.cpu().numpy(), dtype, shape, strides, offset, writeable)


def lent_memory(lender, name):
    """The array of all the memory that an attribute shows and `lender` owns, or None."""
    import numpy
    array = getattr(lender, name)
    while isinstance(array, numpy.ndarray):
        if array.base is lender:
            return array if array.flags.c_contiguous and not array.dtype.hasobject else None
        array = array.base
    return None


@written
def array_over_lender(lender, name, dtype, shape, strides, offset, writeable):
    """What an attribute gave: an array over memory of an object of an extension type."""
    memory = lent_memory(lender, name)
    if memory is None:
        raise TypeError(f"{type(lender).__name__}.{name} does not show the object's memory any more")
    return array_view(memory, dtype, shape, strides, offset, writeable)


@written
def torch_tensor(memory, dtype, offset, size, stride, requires_grad, attributes):
    import torch
    tensor = torch.empty(0, dtype=dtype, device=memory.device)
    tensor.set_(untyped_storage(memory), offset, size, stride)
    tensor.requires_grad_(requires_grad)
    tensor.__dict__.update(attributes)
    return tensor
