// Reads and effects, as tests and tools see them: _core.analysis.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "elastic/pyobj/bindings.hpp"
#include "elastic/pyobj/effects.hpp"
#include "elastic/pyobj/reads.hpp"
#include "elastic/pyobj/user_names.hpp"

namespace elastic::pyobj {
namespace {

namespace py = pybind11;

py::dict as_dict(const Access& access) {
  py::dict reads;
  for (const auto& [name, why] : access.reads) reads[py::str(name)] = why.text();
  py::dict result;
  result["reads"] = reads;
  result["surely_binds"] = std::vector<std::string>(access.surely_binds.begin(), access.surely_binds.end());
  result["maybe_binds"] = std::vector<std::string>(access.maybe_binds.begin(), access.maybe_binds.end());
  result["maybe_deletes"] =
      std::vector<std::string>(access.maybe_deletes.begin(), access.maybe_deletes.end());
  result["imports"] = std::vector<std::string>(access.imports.begin(), access.imports.end());
  result["everything"] = access.everything;
  result["handles_code"] = access.handles_code;
  result["compiled"] = access.compiled;
  return result;
}

py::dict as_dict(CellEffects& effects) {
  py::list done;
  for (const Effect& effect : effects.effects)
    done.append(py::make_tuple(std::string(name_of(effect.kind)), effect.detail));
  py::list inputs;
  for (const InputFile& input : effects.inputs) {
    inputs.append(py::make_tuple(input.path, input.size_bytes, input.modified_ns, input.digest.to_hex()));
  }
  py::dict result;
  result["effects"] = done;
  result["inputs"] = inputs;
  result["codes"] = effects.codes.size();
  result["texts"] = effects.texts;
  result["names"] = effects.names;
  result["imported"] = effects.imported;
  return result;
}

// `Reads` over a dict that it keeps alive.
class PyReads {
 public:
  explicit PyReads(py::dict names) : names_(std::move(names)), reads_(Borrowed(names_.ptr())) {}
  py::dict of_source(const std::string& source, const py::object& transform, bool before_cell) {
    return as_dict(reads_.of_source(GilHeld::assume(), source, Borrowed(transform.ptr()),
                                    before_cell ? Look::kBeforeCell : Look::kThrough));
  }
  py::dict of_code(const py::object& code) {
    return as_dict(reads_.of_code(GilHeld::assume(), Borrowed(code.ptr())));
  }
  void forget(const std::string& name) { reads_.forget(name); }
  void forget_all() { reads_.forget_all(); }

 private:
  py::dict names_;
  Reads reads_;
};

}  // namespace

void bind_analysis(py::module_& core) {
  py::module_ analysis = core.def_submodule("analysis", "What cells read and do, for tests.");
  py::class_<PyReads>(analysis, "Reads")
      .def(py::init<py::dict>())
      .def("of_source", &PyReads::of_source, py::arg("source"), py::arg("transform") = py::none(),
           py::arg("before_cell") = false)
      .def("of_code", &PyReads::of_code)
      .def("forget", &PyReads::forget)
      .def("forget_all", &PyReads::forget_all);
  analysis.def("is_user_name", [](const std::string& name) { return is_user_name(name); });
  analysis.def("begin_effects", [] {
    install_audit_hook(GilHeld::assume());
    begin_effects(GilHeld::assume());
  });
  analysis.def("end_effects", [] {
    CellEffects effects = end_effects(GilHeld::assume());
    return as_dict(effects);
  });
}

}  // namespace elastic::pyobj
