// torch's tensors: not read, so opaque, but known by the storage they are views of. torch is asked through
// the C methods of torch._C._TensorBase; for torch.Tensor and Parameter themselves only, since those of other
// classes may lead to Python code (`__torch_function__`).
#include <optional>

#include "pyobj/walk/c_attributes.hpp"
#include "pyobj/walk/shows.hpp"

namespace elastic::pyobj::walk {
namespace {

std::optional<std::int64_t> number_of(const Owned& value) {
  if (!value || !PyLong_Check(value.get())) return std::nullopt;
  const long long number = PyLong_AsLongLong(value.get());
  if (number == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    return std::nullopt;
  }
  return number;
}

// How many items lie between the first and the last; nothing for an empty tensor.
std::optional<std::int64_t> items_spanned(const Owned& size, const Owned& stride) {
  if (!size || !stride || !PyTuple_Check(size.get()) || !PyTuple_Check(stride.get())) return std::nullopt;
  if (PyTuple_GET_SIZE(size.get()) != PyTuple_GET_SIZE(stride.get())) return std::nullopt;
  std::int64_t last = 0;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(size.get()); ++i) {
    const auto length = number_of(Owned::share(Borrowed(PyTuple_GET_ITEM(size.get(), i))));
    const auto step = number_of(Owned::share(Borrowed(PyTuple_GET_ITEM(stride.get(), i))));
    if (!length || !step || *length == 0) return std::nullopt;
    last += (*length - 1) * *step;
  }
  return last + 1;
}

}  // namespace

void show_tensor(PyObject* tensor, Parts& parts) {
  show_opaque(tensor, parts);
  if (!parts.digests()) return;
  const Owned nothing = Owned::steal(PyTuple_New(0));
  if (!nothing) return PyErr_Clear();
  const auto ask = [&](std::string_view method) { return c_call(tensor, method, nothing.get()); };
  const auto data = number_of(ask("data_ptr"));
  const auto offset = number_of(ask("storage_offset"));
  const auto item_bytes = number_of(ask("element_size"));
  const auto items = items_spanned(ask("size"), ask("stride"));
  if (!data || *data == 0 || !offset || !item_bytes || !items) return;  // sparse, without memory, empty
  // From where the storage begins, so that views of different parts of one storage meet there.
  const auto begin = static_cast<std::uintptr_t>(*data - *offset * *item_bytes);
  const auto end = static_cast<std::uintptr_t>(*data + *items * *item_bytes);
  parts.extent({begin, end});
  parts.size(end - begin);
}

}  // namespace elastic::pyobj::walk
