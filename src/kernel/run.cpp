#include "elastic/kernel/run.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

#include "connection.hpp"
#include "debugger.hpp"
#include "elastic/core/log.hpp"
#include "interpreter.hpp"
#include "server.hpp"
#include "signals.hpp"
#include "transport.hpp"
#include "xeus/xeus_context.hpp"
#include "xeus/xkernel.hpp"

namespace py = pybind11;

namespace elastic::kernel {
namespace {

// xkernel takes a plain function to build its server, so the one that is ready waits here for it.
std::unique_ptr<xeus::xserver> g_ready_server;

std::unique_ptr<xeus::xserver> take_ready_server(xeus::xcontext&, const xeus::xconfiguration&,
                                                 nlohmann::json::error_handler_t) {
  return std::move(g_ready_server);
}

int refuse(const Error& error) {
  std::fprintf(stderr, "elasticpython: %s\n", error.message().c_str());
  return 1;
}

// The one package the kernel cannot be without. Looked for before the descriptors are captured: the error is
// for the terminal or the server's log.
Result<Unit> find_ipython() {
  try {
    py::module_::import("elasticpython.late_imports").attr("import_ipython")();
    return success();
  } catch (py::error_already_set& error) {
    const std::string python = py::str(py::module_::import("sys").attr("executable"));
    if (!error.matches(PyExc_ModuleNotFoundError)) {
      return Error(ErrorCode::kPythonRaised,
                   "IPython of " + python + " cannot be imported: " + std::string(py::str(error.value())));
    }
    return Error(ErrorCode::kNotFound,
                 "IPython is not installed for " + python + "; run: " + python + " -m pip install ipython");
  }
}

// Static destructors and the interpreter's own end would run beside threads of the user's; what must happen
// has happened by now.
[[noreturn]] void end_process(int status) {
  std::fflush(nullptr);
  _exit(status);
}

}  // namespace

int run(const RunOptions& options) {
  Result<Connection> connection = read_connection_file(options.connection_file);
  if (!connection.ok()) return refuse(connection.error());
  // Nothing that is made on the way to the first cell becomes garbage in numbers; application.py lets the
  // collector go on before the user's own code runs.
  const bool collected = PyGC_Disable();

  Signals signals;
  auto context = std::make_unique<xeus::xcontext_impl<zmq::context_t>>();
  Result<std::unique_ptr<Transport>> transport = Transport::bind(context->m_context, *connection);
  if (!transport.ok()) {
    signals.open_main_thread();
    return refuse(transport.error());
  }
  const xeus::xconfiguration& configuration = connection->configuration;
  auto owned_server = std::make_unique<Server>(
      std::move(*transport),
      Wire(configuration.m_signature_scheme, configuration.m_key, xeus::get_user_name()), signals);
  Server& server = *owned_server;
  server.open();  // a client connects while Python imports
  if (const Result<Unit> found = find_ipython(); !found.ok()) end_process(refuse(found.error()));
  if (!server.capture_descriptors())
    log(LogLevel::kWarning, "no pipes: output of C code will not reach the notebook");
  set_log_descriptor(server.original_stderr());

  py::object python_kernel;
  std::unique_ptr<Interpreter> owned_interpreter;
  try {
    python_kernel = py::module_::import("elasticpython.kernel")
                        .attr("Kernel")(py::cast(&server, py::return_value_policy::reference),
                                        options.connection_file, py::arg("collects_garbage") = collected);
    owned_interpreter = std::make_unique<Interpreter>(python_kernel);
  } catch (const std::exception& error) {  // py::error_already_set among them
    dprintf(server.original_stderr(), "elasticpython: cannot start: %s\n", error.what());
    end_process(1);
  }
  Interpreter& interpreter = *owned_interpreter;
  server.set_handler(interpreter);
  signals.watch_termination(std::getenv("JPY_PARENT_PID") != nullptr, [&] {
    server.request_shutdown(/*restart=*/false);
    server.request_stop();
  });
  signals.open_main_thread();
  {
    py::gil_scoped_release release;
    g_ready_server = std::move(owned_server);
    const std::string python = [] {
      py::gil_scoped_acquire gil;
      return py::module_::import("sys").attr("executable").cast<std::string>();
    }();
    xeus::xkernel kernel(configuration, xeus::get_user_name(), std::move(context),
                         std::move(owned_interpreter), take_ready_server,
                         xeus::make_in_memory_history_manager(), nullptr, make_debugger, {{"python", python}},
                         nlohmann::json::error_handler_t::replace);
    std::clog.rdbuf(nullptr);  // xserver::start greets on it; Server::start_impl gives it back
    try {
      kernel.start();
    } catch (const std::exception& error) {
      log(LogLevel::kError, std::string("the main loop ended: ") + error.what());
    }
    {
      py::gil_scoped_acquire gil;
      try {
        python_kernel.attr("close")();
      } catch (py::error_already_set& error) {
        log(LogLevel::kError, std::string("closing: ") + error.what());
      }
    }
    server.drain_output();
    server.close();
    end_process(0);
  }
}

}  // namespace elastic::kernel
