// _core.session: Session for the package's Python half. Options and reports are dicts; errors are
// SessionError, whose `code` is the name of the error's code, except an interrupt, which is
// KeyboardInterrupt.
#include <poll.h>
#include <pybind11/stl.h>

#include <sstream>

#include "elastic/session/bindings.hpp"
#include "elastic/session/session.hpp"
#include "elastic/store/command_line.hpp"
#include "session/background_writer.hpp"
#include "session/listing.hpp"
#include "session/place.hpp"

namespace py = pybind11;

namespace elastic::session {
namespace {

using nlohmann::json;
using pyobj::GilHeld;

[[noreturn]] void raise(const Error& error) {
  if (error.code() == ErrorCode::kCancelled) {
    PyErr_SetNone(PyExc_KeyboardInterrupt);
    throw py::error_already_set();
  }
  py::object kind = py::module_::import("elasticpython._core").attr("session").attr("SessionError");
  py::object exception = kind(error.message());
  exception.attr("code") = std::string(name_of(error.code()));
  PyErr_SetObject(kind.ptr(), exception.ptr());
  throw py::error_already_set();
}

bool is_readable(int descriptor) {
  pollfd wanted{descriptor, POLLIN, 0};  // a negative descriptor is never ready
  return poll(&wanted, 1, 0) > 0;
}

template <class T>
T unwrap(Result<T> result) {
  if (!result.ok()) raise(result.error());
  return std::move(result).value();
}

// Through text: reports are small beside what they report on.
// By the classes themselves: `json.dumps` is what programs replace.
json json_of(const py::handle& object) {
  const py::object encoder = py::module_::import("json.encoder").attr("JSONEncoder")();
  return json::parse(encoder.attr("encode")(object).cast<std::string>());
}

py::object object_of(const json& value) {
  return py::module_::import("json.decoder")
      .attr("JSONDecoder")()
      .attr("decode")(value.dump(-1, ' ', false, json::error_handler_t::replace));
}

// The driver as Python implements it: run_cell(index, source, execution_count) -> None or the exception.
class PythonDriver final : public Driver {
 public:
  explicit PythonDriver(py::object driver) : driver_(std::move(driver)) {}

  Result<RerunOutcome> run_cell(const GilHeld&, CellIndex index, const graph::CellExecution& cell) override {
    return guarded<RerunOutcome>([&]() -> Result<RerunOutcome> {
      const py::object error = driver_.attr("run_cell")(index.value, cell.source, cell.execution_count);
      if (error.is_none()) return RerunOutcome{};
      return RerunOutcome{true, std::string(py::str(py::type::of(error).attr("__name__"))) + ": " +
                                    std::string(py::str(error))};
    });
  }

  Result<> waits_for_writer(const GilHeld&, std::uint64_t bytes_done, std::uint64_t bytes_total) override {
    return told([&] { driver_.attr("waits_for_writer")(bytes_done, bytes_total); });
  }
  Result<> goes_on(const GilHeld&) override {
    return told([&] { driver_.attr("goes_on")(); });
  }
  Result<> writes(const GilHeld&, std::uint64_t bytes_done, std::uint64_t bytes_total) override {
    return told([&] { driver_.attr("writes")(bytes_done, bytes_total); });
  }
  Result<> announced(const GilHeld&) override {
    return told([&] { driver_.attr("announced")(); });
  }
  Result<> pickled(const GilHeld&, bool takes_long) override {
    return told([&] { driver_.attr("pickled")(takes_long); });
  }
  Result<> reads(const GilHeld&, std::uint64_t bytes_done, std::uint64_t bytes_total) override {
    return told([&] { driver_.attr("reads")(bytes_done, bytes_total); });
  }
  Result<> reruns(const GilHeld&, CellIndex cell, std::size_t number, std::size_t count,
                  std::int64_t left_us) override {
    const double left = static_cast<double>(left_us) / 1e6;
    return told([&] { driver_.attr("reruns")(cell.value, number, count, left); });
  }
  Result<> restore_begins(const GilHeld&, const json& shell) override {
    return told([&] { driver_.attr("restore_begins")(object_of(shell)); });
  }
  Result<> keep_object(const GilHeld&, const std::string& name, pyobj::Borrowed value) override {
    return told([&] { driver_.attr("keep_object")(name, py::handle(value.get())); });
  }
  Result<std::set<std::string>> objects_before(const GilHeld&, const graph::CellExecution& cell) override {
    return guarded<std::set<std::string>>([&]() -> Result<std::set<std::string>> {
      const py::object names = driver_.attr("objects_before")(cell.execution_count);
      std::set<std::string> found;
      for (const py::handle name : names) found.insert(name.cast<std::string>());
      return found;
    });
  }
  Result<> put_object(const GilHeld&, const std::string& name, pyobj::Borrowed value) override {
    return told([&] { driver_.attr("put_object")(name, py::handle(value.get())); });
  }
  Result<> restore_commits(const GilHeld&) override {
    return told([&] { driver_.attr("restore_commits")(); });
  }

 private:
  template <class Call>
  static Result<> told(Call call) {
    ELASTIC_TRY(guarded<bool>([&]() -> Result<bool> {
      call();
      return true;
    }));
    return success();
  }
  template <class T, class Call>
  static Result<T> guarded(Call call) {
    try {
      return call();
    } catch (py::error_already_set& raised) {
      if (raised.matches(PyExc_KeyboardInterrupt)) return Error(ErrorCode::kCancelled, "interrupted");
      return Error(ErrorCode::kPythonRaised, raised.what());
    }
  }

  py::object driver_;
};

struct BoundSession {
  BoundSession(const py::dict& user_namespace, py::object driver_object, const py::object& transform)
      : driver(std::move(driver_object)),
        session(GilHeld::assume(), user_namespace.ptr(), system_clock(), driver, transform.ptr()) {}
  PythonDriver driver;
  Session session;
};

graph::Outcome outcome_of(const std::string& name) {
  for (const auto outcome : {graph::Outcome::kOk, graph::Outcome::kError, graph::Outcome::kInterrupted})
    if (graph::name_of(outcome) == name) return outcome;
  throw py::value_error("no such outcome: " + name);
}

std::set<std::string> names_of(const py::object& names) {
  std::set<std::string> set;
  for (const py::handle each : names) set.insert(each.cast<std::string>());
  return set;
}

std::optional<std::int64_t> limit_us(const py::object& seconds) {
  if (seconds.is_none()) return std::nullopt;
  return static_cast<std::int64_t>(seconds.cast<double>() * 1e6);
}

CheckpointOptions checkpoint_options(const py::dict& from) {
  CheckpointOptions options;
  options.directory = from["directory"].cast<std::string>();
  options.label = from["label"].cast<std::string>();
  options.planner = from["plan"].cast<std::string>();
  options.alpha = from["alpha"].cast<double>();
  if (const py::object bytes = from["max_bytes"]; !bytes.is_none())
    options.limits.bytes = bytes.cast<std::uint64_t>();
  options.limits.write_us = limit_us(from["deadline"]);
  options.limits.restore_us = limit_us(from["restore_within"]);
  if (const py::object ratio = from["cpu_ratio"]; !ratio.is_none()) options.cpu_ratio = ratio.cast<double>();
  options.marks = from["marks"].cast<std::vector<std::pair<std::string, std::string>>>();
  options.never_rerun_cells = from["never_rerun_cells"].cast<std::set<std::uint32_t>>();
  options.keep_newest = from["keep"].cast<std::uint32_t>();
  options.keep_us = limit_us(from["keep_seconds"]);
  if (const py::object bytes = from["keep_bytes"]; !bytes.is_none())
    options.keep_bytes = bytes.cast<std::uint64_t>();
  options.export_to = from["export"].cast<std::string>();
  options.force = from["force"].cast<bool>();
  options.plan_only = from["plan_only"].cast<bool>();
  options.in_background = from["in_background"].cast<bool>();
  options.while_idle = from["while_idle"].cast<bool>();
  options.as_heir_us = static_cast<std::int64_t>(from["as_heir_seconds"].cast<double>() * 1e6);
  options.shell = json_of(from["shell"]);
  const py::object objects = from["objects"];
  options.objects = pyobj::Owned::share(pyobj::Borrowed(objects.ptr()));
  return options;
}

RestoreOptions restore_options(const py::dict& from) {
  RestoreOptions options;
  options.directory = from["directory"].cast<std::string>();
  options.label = from["label"].cast<std::string>();
  options.at = from["at"].cast<std::string>();
  options.trust = from["trust"].cast<bool>();
  options.safe = from["safe"].cast<bool>();
  options.dry_run = from["dry_run"].cast<bool>();
  options.verify = from["verify"].cast<bool>();
  options.rerun_effects = from["rerun_effects"].cast<bool>();
  options.lazy = from["lazy"].cast<bool>();
  if (!from["only"].is_none()) options.only = names_of(from["only"]);
  if (!from["skip"].is_none()) options.skip = names_of(from["skip"]);
  return options;
}

// The `elasticpython` program, with what it cannot do: open a URL.
int run_command(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  int status = 1;
  {
    const py::gil_scoped_release released;
    auto key = store::load_or_create_key(store::system_files(), store::default_key_path());
    store::CommandEnvironment environment{
        store::system_files(), system_clock(), std::nullopt, out, err, open_store};
    if (key.ok()) environment.key = *key;
    status = store::run_command_line(arguments, environment);
  }
  const py::module_ sys = py::module_::import("sys");
  sys.attr("stdout").attr("write")(out.str());
  sys.attr("stderr").attr("write")(err.str());
  return status;
}

py::object list_checkpoints_at(const std::string& place) {
  Result<nlohmann::json> listed = nlohmann::json();
  {
    const py::gil_scoped_release released;
    listed = list_checkpoints(place);
  }
  return object_of(unwrap(std::move(listed)));
}

}  // namespace

void bind_session(py::module_& core) {
  py::module_ m = core.def_submodule("session", "One user namespace, its history, its checkpoints.");
  py::exception<std::runtime_error>(m, "SessionError");
  m.def("list_checkpoints", &list_checkpoints_at, py::arg("place"), "Oldest first (session/listing.hpp).");
  m.def(
      "leave_kernel", [](const std::vector<int>& kept) { leave_kernel(kept); }, py::arg("kept"),
      "Makes a forked child a process of its own, without the kernel's sockets and pipes.");
  m.def(
      "end_process_in",
      [](double seconds) {
        if (auto done = end_process_in(static_cast<std::int64_t>(seconds * 1e6)); !done.ok())
          raise(done.error());
      },
      py::arg("seconds"), "Has this process killed then; 0: not.");
  m.def("run_command", &run_command, py::arg("arguments"), "The exit status of the command line's.");

  py::class_<BoundSession>(m, "Session")
      .def(py::init<const py::dict&, py::object, const py::object&>(), py::arg("namespace"),
           py::arg("driver"), py::arg("transform"))
      .def("no_code_yet", [](BoundSession& self) { self.session.no_code_yet(GilHeld::assume()); })
      .def(
          "cell_starting",
          [](BoundSession& self, const std::string& source, const std::string& transformed,
             std::int32_t execution_count, const std::string& cell_id, std::vector<std::string> tags) {
            self.session.cell_starting(GilHeld::assume(),
                                       {source, transformed, execution_count, cell_id, std::move(tags)});
          },
          py::arg("source"), py::arg("transformed"), py::arg("execution_count"), py::arg("cell_id"),
          py::arg("tags"))
      .def(
          "cell_finished",
          [](BoundSession& self, const std::string& outcome) {
            self.session.cell_finished(GilHeld::assume(), outcome_of(outcome));
          },
          py::arg("outcome"))
      .def(
          "idle",
          [](BoundSession& self, double seconds, int wake_descriptor) {
            return self.session.idle(GilHeld::assume(), static_cast<std::int64_t>(seconds * 1e6),
                                     [wake_descriptor] { return is_readable(wake_descriptor); });
          },
          py::arg("seconds"), py::arg("wake_descriptor"),
          "True when nothing is left to do. What could not go on later takes longer, until there is "
          "something "
          "to read from the descriptor; none: -1.")
      .def(
          "checkpoint",
          [](BoundSession& self, const py::dict& options) {
            return unwrap(self.session.checkpoint(GilHeld::assume(), checkpoint_options(options)));
          },
          py::arg("options"), "The report, as JSON.")
      .def(
          "restore",
          [](BoundSession& self, const py::dict& options) {
            return unwrap(self.session.restore(GilHeld::assume(), restore_options(options)));
          },
          py::arg("options"), "The report, as JSON.")
      .def(
          "mark",
          [](BoundSession& self, const std::string& variable, const std::string& wish) {
            if (auto done = self.session.mark(variable, wish); !done.ok()) raise(done.error());
          },
          py::arg("variable"), py::arg("wish"))
      .def(
          "why",
          [](BoundSession& self, const std::string& name) {
            return self.session.why(GilHeld::assume(), name);
          },
          py::arg("name"))
      .def_property_readonly("deferred", [](BoundSession& self) { return self.session.deferred(); })
      .def(
          "load_for_cell",
          [](BoundSession& self, const std::string& transformed) {
            if (auto done = self.session.load_for_cell(GilHeld::assume(), transformed); !done.ok())
              raise(done.error());
          },
          py::arg("transformed"))
      .def("load_next", [](BoundSession& self) { self.session.load_next(GilHeld::assume()); })
      .def("load_rest",
           [](BoundSession& self) {
             if (auto done = self.session.load_rest(GilHeld::assume()); !done.ok()) raise(done.error());
           })
      .def("code_held_elsewhere",
           [](BoundSession& self) { return self.session.code_held_elsewhere(GilHeld::assume()); })
      .def_property_readonly("lost_late", [](BoundSession& self) { return self.session.lost_late(); })
      .def("take_damage", [](BoundSession& self) { return self.session.take_damage(); })
      .def("marks", [](BoundSession& self) { return object_of(self.session.marks()); })
      .def("history",
           [](BoundSession& self) { return object_of(unwrap(self.session.history(GilHeld::assume()))); })
      .def("history_so_far", [](BoundSession& self) { return object_of(self.session.history_so_far()); })
      .def_property_readonly("stopped_cells", [](BoundSession& self) { return self.session.stopped_cells(); })
      .def_property_readonly("has_news", [](BoundSession& self) { return self.session.has_news(); });
}

}  // namespace elastic::session
