#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <cstring>

#include "elastic/pyobj/bindings.hpp"
#include "elastic/pyobj/serializer.hpp"

namespace py = pybind11;

namespace elastic::pyobj {
namespace {

// SerializerError(message), with the code's name in `.code`.
[[noreturn]] void raise(const Error& error) {
  py::object kind = py::module_::import("elasticpython._core").attr("serializer").attr("SerializerError");
  py::object exception = kind(error.message());
  exception.attr("code") = std::string(name_of(error.code()));
  PyErr_SetObject(kind.ptr(), exception.ptr());
  throw py::error_already_set();
}

template <class T>
T unwrap(Result<T> result) {
  if (!result.ok()) raise(result.error());
  return std::move(result).value();
}

py::object object_of(Owned owned) { return py::reinterpret_steal<py::object>(owned.release()); }

py::bytes joined(const Pickled& pickled) {
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(pickled.pickle_bytes()));
  if (bytes == nullptr) throw py::error_already_set();
  char* target = PyBytes_AS_STRING(bytes);
  for (const PinnedBuffer& piece : pickled.pickle) {
    std::memcpy(target, piece.bytes().data(), piece.bytes().size());
    target += piece.bytes().size();
  }
  return py::reinterpret_steal<py::bytes>(bytes);
}

std::vector<LoadBuffer> load_buffers(const py::iterable& exporters) {
  std::vector<LoadBuffer> buffers;
  for (py::handle exporter : exporters) {
    auto view = std::make_shared<py::buffer_info>(
        py::reinterpret_borrow<py::buffer>(exporter).request(/*writable=*/true));
    buffers.push_back(
        {{static_cast<std::byte*>(view->ptr), static_cast<std::size_t>(view->size * view->itemsize)}, view});
  }
  return buffers;
}

Loader make_loader(const py::dict& user_namespace, py::function resolve) {
  return unwrap(Loader::create(
      GilHeld::assume(), user_namespace.ptr(),
      [resolve = std::move(resolve)](const GilHeld&, const std::string& name) -> Result<Owned> {
        try {
          return Owned::steal(resolve(name).release().ptr());
        } catch (py::error_already_set& raised) {
          return Error(ErrorCode::kNotFound, raised.what());
        }
      }));
}

py::object load(Loader& loader, const std::vector<std::string>& names, const py::bytes& pickle,
                const py::iterable& buffers) {
  std::string_view bytes = pickle;
  return object_of(unwrap(loader.load(GilHeld::assume(), names,
                                      {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()},
                                      load_buffers(buffers))));
}

}  // namespace

void bind_serializer(py::module_& core) {
  py::module_ serializer =
      core.def_submodule("serializer", "Groups of variables to bytes and buffers, and back.");
  py::exception<std::runtime_error>(serializer, "SerializerError");

  py::class_<PinnedBuffer>(serializer, "PinnedBuffer", py::buffer_protocol())
      .def_buffer([](PinnedBuffer& pinned) {
        auto bytes = pinned.bytes();
        return py::buffer_info(const_cast<std::byte*>(bytes.data()), 1, "B", 1,
                               {static_cast<py::ssize_t>(bytes.size())}, {py::ssize_t{1}}, /*readonly=*/true);
      });

  py::class_<Pickled>(serializer, "Pickled")
      .def_readonly("names", &Pickled::names)
      .def_property_readonly("pickle", &joined)
      .def_property_readonly(
          "buffers",
          [](py::object self) {
            py::list views;
            for (PinnedBuffer& buffer : self.cast<Pickled&>().buffers)
              views.append(py::cast(&buffer, py::return_value_policy::reference_internal, self));
            return views;
          })
      .def_readonly("references", &Pickled::references)
      .def_readonly("modules", &Pickled::modules)
      .def_readonly("notes", &Pickled::notes)
      .def_property_readonly("pickle_bytes", &Pickled::pickle_bytes)
      .def_property_readonly("buffer_bytes", &Pickled::buffer_bytes);

  py::class_<Dumper>(serializer, "Dumper")
      .def(py::init([](const py::dict& user_namespace, const std::vector<std::string>& references,
                       std::size_t out_of_band_min_bytes) {
             return unwrap(Dumper::create(GilHeld::assume(), user_namespace.ptr(), references,
                                          {out_of_band_min_bytes}));
           }),
           py::arg("namespace"), py::arg("references") = std::vector<std::string>(),
           py::arg("out_of_band_min_bytes") = DumpOptions().out_of_band_min_bytes)
      .def("dump", [](Dumper& dumper, const std::vector<std::string>& names) {
        return unwrap(dumper.dump(GilHeld::assume(), names));
      });

  py::class_<Loader>(serializer, "Loader")
      .def(py::init(&make_loader), py::arg("namespace"), py::arg("resolve"))
      .def("load", &load, py::arg("names"), py::arg("pickle"), py::arg("buffers") = py::list());

  serializer.def("check_loads", [](const py::dict& user_namespace, const Pickled& pickled) {
    unwrap(check_loads(GilHeld::assume(), user_namespace.ptr(), pickled));
  });
  serializer.def("environment", [] { return unwrap(serializer_environment(GilHeld::assume())); });
}

}  // namespace elastic::pyobj
