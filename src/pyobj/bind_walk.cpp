// _core.walk: the walk's Python face, for the package and for tests.
#include <pybind11/stl.h>

#include "elastic/pyobj/bindings.hpp"
#include "elastic/pyobj/page_tracking.hpp"
#include "elastic/pyobj/walk.hpp"

namespace elastic::pyobj {
namespace py = pybind11;
namespace {

std::vector<WalkTarget> targets_of(const Walk& walk, const GilHeld& gil,
                                   const std::optional<std::vector<std::string>>& names) {
  std::vector<WalkTarget> all = walk.all_targets(gil);
  if (!names) return all;
  std::vector<WalkTarget> chosen;
  for (const std::string& name : *names) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const WalkTarget& target) { return target.name == name; });
    if (found == all.end()) throw py::key_error(name);
    chosen.push_back(*found);
  }
  return chosen;
}

const char* name_of(Change change) {
  switch (change) {
    case Change::kUnchanged:
      return "unchanged";
    case Change::kMaybeChanged:
      return "maybe_changed";
    case Change::kOpaque:
      return "opaque";
    case Change::kUnknown:
      return "unknown";
    case Change::kGivenUp:
      return "given up";
  }
  return "unknown";
}

// 0: whenever it is done.
Deadline in_us(std::int64_t budget_us) {
  if (budget_us == 0) return {};
  return std::chrono::steady_clock::now() + std::chrono::microseconds(budget_us);
}

py::object state_of(const Walk& walk, const std::string& name) {
  const VariableState* state = walk.state(name);
  if (!state) return py::none();
  py::dict result;
  result["content"] = state->content.to_hex();
  result["identity"] = state->identity;
  result["size_bytes"] = state->size_bytes;
  result["references"] = state->references;
  result["opaque"] = state->opaque;
  result["opaque_type"] = state->opaque_type;
  result["unstable"] = state->unstable;
  return result;
}

py::dict tracking_as_dict() {
  const PageTracking tracking = page_tracking();
  py::dict result;
  result["available"] = tracking.available;
  result["on"] = tracking.on;
  result["buffers"] = tracking.buffers;
  result["hashed_bytes"] = tracking.hashed_bytes;
  return result;
}

}  // namespace

void bind_walk(py::module_& core) {
  py::module_ module =
      core.def_submodule("walk", "Digests, change detection and sharing of a namespace's variables.");
  py::class_<Walk>(module, "Walk")
      .def(py::init([](const py::dict& names, std::uint64_t log_floor_bytes, double log_share) {
             return std::make_unique<Walk>(GilHeld::assume(), Borrowed(names.ptr()),
                                           WalkOptions{log_floor_bytes, log_share});
           }),
           py::arg("namespace"), py::arg("log_floor_bytes") = std::uint64_t{64} << 20,
           py::arg("log_share") = 0.02)
      .def(
          "walk",
          [](Walk& walk, const std::optional<std::vector<std::string>>& names, std::int64_t budget_us) {
            const GilHeld gil = GilHeld::assume();
            const auto targets = targets_of(walk, gil, names);
            return walk.walk(gil, targets, in_us(budget_us));
          },
          py::arg("names") = py::none(), py::arg("budget_us") = 0,
          "Walks the named variables (all by default); the number finished within the budget (0: no limit).")
      .def(
          "recheck",
          [](Walk& walk, const std::optional<std::vector<std::string>>& names, std::int64_t budget_us) {
            const GilHeld gil = GilHeld::assume();
            const auto targets = targets_of(walk, gil, names);
            const auto changes = walk.recheck(gil, targets, in_us(budget_us));
            py::dict result;
            for (std::size_t i = 0; i < targets.size(); ++i)
              result[py::str(targets[i].name)] = name_of(changes[i]);
            return result;
          },
          py::arg("names") = py::none(), py::arg("budget_us") = 0,
          "name -> 'unchanged' | 'maybe_changed' | 'opaque' | 'unknown' | 'given up'.")
      .def("state", &state_of, py::arg("name"), "What the last walk of the variable found, or None.")
      .def(
          "stands_apart",
          [](const Walk& walk, const std::string& name) {
            const GilHeld gil = GilHeld::assume();
            for (const WalkTarget& target : walk.all_targets(gil))
              if (target.name == name) return walk.stands_apart(gil, target.object);
            throw py::key_error(name);
          },
          py::arg("name"))
      .def_static(
          "estimate_us",
          [](py::handle value) { return Walk::estimate(GilHeld::assume(), value.ptr()).count(); },
          py::arg("value"), "About how many microseconds the walk of the value takes.")
      .def(
          "co_variables", [](const Walk& walk) { return walk.co_variables(GilHeld::assume()); },
          "Groups of names that share mutable state.")
      .def(
          "forget", [](Walk& walk, const std::string& name) { walk.forget(GilHeld::assume(), name); },
          py::arg("name"))
      .def(
          "recheck_bytes", [](const Walk& walk, const std::string& name) { return walk.recheck_bytes(name); },
          py::arg("name"), "How many bytes recheck() would read to answer for the variable.")
      .def_property_readonly("log_size_bytes", &Walk::log_size_bytes);
  module.def("page_tracking", &tracking_as_dict, "Whether large buffers are watched by their pages.");
  module.def("set_page_tracking", &set_page_tracking, py::arg("on"),
             "Turns page tracking on or off in this process; whether it is on afterwards.");
  module.def(
      "look_at_pages_before_fork", &look_at_pages_before_fork,
      "For a child that is to know what its parent knew of large buffers; nothing may write meanwhile.");
  module.def("watch_pages_in_child", &watch_pages_in_child, "The child's part of it, right after the fork.");
}

}  // namespace elastic::pyobj
