#include "elastic/kernel/bind_tracker.hpp"

#include <memory>
#include <stdexcept>

#include "elastic/session/tracker.hpp"

namespace elastic::kernel {
namespace {

namespace py = pybind11;
using pyobj::Borrowed;
using pyobj::GilHeld;

template <class T>
T take(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().to_string());
  return std::move(result).value();
}

graph::Outcome outcome_named(const std::string& name) {
  for (const auto outcome : {graph::Outcome::kOk, graph::Outcome::kError, graph::Outcome::kInterrupted}) {
    if (graph::name_of(outcome) == name) return outcome;
  }
  throw std::invalid_argument("no outcome is called " + name);
}

// A Tracker over a dict that it keeps alive.
class PyTracker {
 public:
  PyTracker(py::dict names, py::object transform)
      : names_(std::move(names)),
        tracker_(GilHeld::assume(), Borrowed(names_.ptr()), system_clock(), Borrowed(transform.ptr())) {}

  void before_cell(const std::string& source, const std::string& transformed, int execution_count) {
    take(tracker_.before_cell(GilHeld::assume(), {source, transformed, execution_count, "", {}}));
  }
  void after_cell(const std::string& outcome) {
    take(tracker_.after_cell(GilHeld::assume(), outcome_named(outcome)));
  }
  bool catch_up(double seconds, bool wanted) {
    const auto until =
        std::chrono::steady_clock::now() + std::chrono::microseconds(static_cast<long>(seconds * 1e6));
    return take(tracker_.catch_up(GilHeld::assume(), {until, [wanted] { return wanted; }}));
  }
  void settle() { take(tracker_.settle(GilHeld::assume())); }
  void set_reply_budget(double seconds) {
    tracker_.set_reply_budget_us(static_cast<std::int64_t>(seconds * 1e6));
  }
  std::string history() const { return tracker_.history_json().dump(); }
  py::bytes unfinished() {
    graph::History history;
    take(tracker_.record_unfinished(GilHeld::assume(), history));
    take(history.verify());
    return history.save();
  }
  void verify() const { take(tracker_.history().verify()); }
  std::string why(const std::string& name) const { return tracker_.why(GilHeld::assume(), name); }
  py::object ambient_value(const std::string& name, unsigned cell) const {
    const auto variable = tracker_.history().find_variable(name);
    const std::string* value = variable ? tracker_.ambient_value(*variable, CellIndex{cell}) : nullptr;
    return value != nullptr ? py::object(py::bytes(*value)) : py::none();
  }
  void put_ambient(const std::string& name, const py::bytes& value) {
    take(tracker_.put_ambient(GilHeld::assume(), name, value));
  }

 private:
  py::dict names_;
  session::Tracker tracker_;
};

}  // namespace

void bind_tracker(py::module_& core) {
  py::module_ tracker = core.def_submodule("tracker", "The tracker, for tests.");
  py::class_<PyTracker>(tracker, "Tracker")
      .def(py::init<py::dict, py::object>(), py::arg("names"), py::arg("transform") = py::none())
      .def("before_cell", &PyTracker::before_cell)
      .def("after_cell", &PyTracker::after_cell)
      .def("catch_up", &PyTracker::catch_up, py::arg("seconds"), py::arg("wanted") = false)
      .def("settle", &PyTracker::settle)
      .def("set_reply_budget", &PyTracker::set_reply_budget)
      .def("history", &PyTracker::history)
      .def("unfinished", &PyTracker::unfinished)
      .def("verify", &PyTracker::verify)
      .def("why", &PyTracker::why)
      .def("ambient_value", &PyTracker::ambient_value)
      .def("put_ambient", &PyTracker::put_ambient);
}

}  // namespace elastic::kernel
