#include "interpreter.hpp"

#include <utility>

#include "elastic/core/log.hpp"
#include "pybind11_json/pybind11_json.hpp"

namespace py = pybind11;

namespace elastic::kernel {
namespace {

Json error_reply(const std::string& name, const std::string& value) {
  return {{"status", "error"}, {"ename", name}, {"evalue", value}, {"traceback", Json::array()}};
}

}  // namespace

Interpreter::Interpreter(py::object kernel) : kernel_(std::move(kernel)) {
  for (const py::handle type : kernel_.attr("handled_types")) handled_.insert(type.cast<std::string>());
  kernel_info_ = kernel_.attr("kernel_info")().cast<Json>();
}

Interpreter::~Interpreter() {
  py::gil_scoped_acquire gil;
  kernel_ = py::object();
}

template <class... Arguments>
Json Interpreter::call(const char* method, Arguments&&... arguments) {
  py::gil_scoped_acquire gil;
  try {
    return kernel_.attr(method)(std::forward<Arguments>(arguments)...).template cast<Json>();
  } catch (py::error_already_set& error) {
    log(LogLevel::kError, std::string(method) + ": " + error.what());
    return error_reply(py::str(error.type().attr("__name__")), py::str(error.value()));
  } catch (const std::exception& error) {
    log(LogLevel::kError, std::string(method) + ": " + error.what());
    return error_reply("KernelError", error.what());
  }
}

bool Interpreter::handles(const std::string& type) const { return handled_.contains(type); }

RequestHandler::Reply Interpreter::handle(const RequestPtr& request) {
  Reply reply;
  if (request->type() == "execute_request") {
    // jupyter_client: the time a client shows as the cell's start, and what ipyparallel reads.
    reply.metadata = {{"started", iso8601_now()}, {"dependencies_met", true}};
  }
  py::gil_scoped_acquire gil;
  reply.content = call("handle", request);
  if (reply.metadata.contains("started")) reply.metadata["status"] = reply.content.value("status", "error");
  return reply;
}

void Interpreter::run_main_loop() { call("serve"); }

void Interpreter::going_down(bool restart) { call("going_down", restart); }

Json Interpreter::execute_request_impl(int, const std::string&, bool, bool, Json, bool) {
  return error_reply("KernelError", "execute requests are answered by Server, not by xkernel_core");
}

Json Interpreter::complete_request_impl(const std::string& code, int cursor_pos) {
  return call("complete", code, cursor_pos);
}

Json Interpreter::inspect_request_impl(const std::string& code, int cursor_pos, int detail_level) {
  return call("inspect", code, cursor_pos, detail_level);
}

Json Interpreter::is_complete_request_impl(const std::string& code) { return call("is_complete", code); }

Json Interpreter::internal_request_impl(const Json& message) {
  return call("start_debugpy", message.value("host", ""), message.value("python", ""));
}

}  // namespace elastic::kernel
