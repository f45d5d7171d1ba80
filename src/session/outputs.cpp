#include <utility>

#include "elastic/session/session.hpp"
#include "session/dumped.hpp"

namespace elastic::session {

using nlohmann::json;
using pyobj::Borrowed;
using pyobj::Dumper;
using pyobj::GilHeld;
using pyobj::Owned;
using pyobj::Pickled;

namespace {

constexpr std::uint64_t kOutputLimitBytes = 64 << 20;

// What the values of outputs share with the inside of variables, as references (elasticpython.inside).
Result<std::vector<std::string>> shared_parts(Borrowed user_namespace,
                                              const std::vector<std::pair<std::string, Borrowed>>& outputs,
                                              const std::vector<std::string>& variables) {
  const Owned module = Owned::steal(PyImport_ImportModule("elasticpython.inside"));
  const Owned values = Owned::steal(PyList_New(0)), names = Owned::steal(PyDict_New());
  bool ok = module && values && names;
  for (const auto& [name, from] : outputs) {
    PyObject* value = ok ? PyDict_GetItemString(from.get(), name.c_str()) : nullptr;
    if (value && PyList_Append(values.get(), value) < 0) ok = false;
  }
  for (const std::string& name : variables) {
    PyObject* value = ok ? PyDict_GetItemString(user_namespace.get(), name.c_str()) : nullptr;
    if (value && PyDict_SetItemString(names.get(), name.c_str(), value) < 0) ok = false;
  }
  const Owned paths = Owned::steal(
      ok ? PyObject_CallMethod(module.get(), "shared", "OO", values.get(), names.get()) : nullptr);
  std::vector<std::string> found;
  if (paths && pyobj::append_texts(Borrowed(paths), found)) return found;
  const bool interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt) != 0;
  PyErr_Clear();
  if (interrupted) return Error(ErrorCode::kCancelled, "interrupted");
  return std::vector<std::string>();  // then they are copies
}

}  // namespace

// What is no variable and comes back all the same: values of outputs, and objects of the shell's.
Result<> Session::dump_outputs(const GilHeld& gil, const CheckpointOptions& options,
                               const std::vector<std::string>& had, DumpedSession& dumped) {
  std::vector<std::pair<std::string, Borrowed>> wanted;
  if (options.shell.contains("outputs"))
    for (const json& each : options.shell["outputs"])
      wanted.emplace_back(each.get<std::string>(), namespace_);
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0;
       options.objects && PyDict_Next(options.objects.get(), &position, &key, &value);)
    if (const char* name = PyUnicode_AsUTF8(key)) wanted.emplace_back(name, options.objects);
  PyErr_Clear();
  if (wanted.empty()) return success();
  ELASTIC_ASSIGN(const std::vector<std::string> parts, shared_parts(namespace_, wanted, had));
  std::vector<std::string> references = had;
  references.insert(references.end(), parts.begin(), parts.end());
  ELASTIC_ASSIGN(Dumper dumper, Dumper::create(gil, namespace_, references));
  for (const auto& [name, values] : wanted) {
    Result<Pickled> output = dumper.dump(gil, {name}, values);
    if (!output.ok() && output.error().code() == ErrorCode::kCancelled) return output.error();
    if (!output.ok() || output->pickle_bytes() + output->buffer_bytes() > kOutputLimitBytes)
      dumped.report["outputs_left_out"].push_back(name);
    else
      dumped.outputs.push_back(std::move(*output));
  }
  return success();
}

}  // namespace elastic::session
