#include "debugger.hpp"

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <utility>

#include "pybind11_json/pybind11_json.hpp"
#include "xeus-python/xdebugger.hpp"
#include "xeus/xsystem.hpp"
#include "zmq.hpp"

namespace py = pybind11;

namespace elastic::kernel {
namespace {

using Json = nlohmann::json;

// xeus-python names its folder of cell files after its own process name; clients learn it from debugInfo.
std::string cell_file_prefix() { return xeus::get_tmp_prefix("xpython"); }
constexpr char kCellFileSuffix[] = ".py";

Json response_to(const Json& request) {
  return {{"type", "response"},
          {"request_seq", request.at("seq")},
          {"success", true},
          {"command", request.at("command")},
          {"body", Json::object()}};
}

Json refusal_of(const Json& request, const std::string& why) {
  Json reply = response_to(request);
  reply["success"] = false;
  reply["message"] = why;
  return reply;
}

// xeus-python's debugger, with what it lacks: variables shown richly and copied while a cell is stopped,
// cells dumped anew, and answers instead of exceptions.
class Debugger final : public xpyt::debugger {
 public:
  Debugger(xeus::xcontext& context, const xeus::xconfiguration& configuration, const std::string& user_name,
           const std::string& session_id, const Json& debugger_configuration)
      : xpyt::debugger(context.get_wrapped_context<zmq::context_t>(), configuration, user_name, session_id,
                       debugger_configuration) {
    register_request_handler(
        "debugInfo", [this](const Json& m) { return debug_info(m); }, false);
    register_request_handler(
        "dumpCell", [this](const Json& m) { return dump_cell(m); }, false);
    register_request_handler(
        "richInspectVariables", [this](const Json& m) { return rich_inspect(m); }, false);
    register_request_handler(
        "copyToGlobals", [this](const Json& m) { return copy_to_globals(m); }, true);
    register_request_handler(
        "modules", [this](const Json& m) { return modules(m); }, false);
  }

 private:
  Json debug_info(const Json& request) {
    Json reply = debug_info_request(request);
    reply["body"]["copyToGlobals"] = true;
    return reply;
  }

  Json dump_cell(const Json& request) {
    const std::string code = request.at("arguments").at("code");
    const std::string path = cell_file_name(code);
    xeus::create_directory(cell_file_prefix());
    std::ofstream(path) << code;
    Json reply = response_to(request);
    reply["body"]["sourcePath"] = path;
    return reply;
  }

  Json rich_inspect(const Json& request) {
    const Json& arguments = request.at("arguments");
    const std::string name = arguments.at("variableName");
    Json reply = response_to(request);
    reply["body"] = {{"data", Json::object()}, {"metadata", Json::object()}};
    if (name == "special variables" || name == "function variables") return reply;
    Json bundle;
    if (get_stopped_threads().empty()) {
      py::gil_scoped_acquire gil;
      bundle = py::module_::import("elasticpython.debugging").attr("rich_variable")(name).cast<Json>();
    } else {
      // The frame is debugpy's to evaluate in; the bundle comes back as the repr of a JSON text.
      Json ask = {{"type", "request"},
                  {"command", "evaluate"},
                  {"seq", request.at("seq").get<int>() + 1},
                  {"arguments",
                   {{"expression", "__import__('elasticpython.debugging').debugging.rich_json(" + name + ")"},
                    {"frameId", arguments.value("frameId", 0)},
                    {"context", "clipboard"}}}};
      const Json answer = forward_message(ask);
      if (!answer.value("success", false))
        return refusal_of(request, answer.value("message", "cannot be evaluated"));
      py::gil_scoped_acquire gil;
      bundle = py::module_::import("elasticpython.debugging")
                   .attr("from_repr")(answer["body"].value("result", ""))
                   .cast<Json>();
    }
    if (bundle.is_null()) return refusal_of(request, "no variable " + name);
    reply["body"] = std::move(bundle);
    return reply;
  }

  Json copy_to_globals(const Json& request) {
    const Json& arguments = request.at("arguments");
    const Json ask = {
        {"type", "request"},
        {"command", "setExpression"},
        {"seq", request.at("seq").get<int>() + 1},
        {"arguments",
         {{"expression", "globals()['" + arguments.at("dstVariableName").get<std::string>() + "']"},
          {"value", arguments.at("srcVariableName")},
          {"frameId", arguments.value("srcFrameId", 0)}}}};
    Json reply = forward_message(ask);
    reply["command"] = "copyToGlobals";
    reply["request_seq"] = request.at("seq");
    return reply;
  }

  Json modules(const Json& request) {
    py::gil_scoped_acquire gil;
    Json reply = response_to(request);
    reply["body"] = py::module_::import("elasticpython.debugging").attr("modules")().cast<Json>();
    return reply;
  }
};

// Every debug request gets an answer, and what xeus says on std::clog stays out of the cell.
class Guard final : public xeus::xdebugger {
 public:
  explicit Guard(std::unique_ptr<xeus::xdebugger> inner) : inner_(std::move(inner)) {}

 private:
  Json process_request_impl(const Json& header, const Json& message) override {
    inner_->register_control_messenger(get_control_messenger());
    std::streambuf* const shown = std::clog.rdbuf(nullptr);
    Json reply;
    try {
      reply = inner_->process_request(header, message);
    } catch (const std::exception& error) {
      const Json request{{"seq", message.value("seq", 0)}, {"command", message.value("command", "")}};
      reply = refusal_of(request, error.what());
    }
    std::clog.rdbuf(shown);
    std::clog.clear();
    return reply;
  }

  std::unique_ptr<xeus::xdebugger> inner_;
};

}  // namespace

std::string cell_file_name(const std::string& code) {
  return xeus::get_cell_tmp_file(cell_file_prefix(), code, kCellFileSuffix);
}

std::unique_ptr<xeus::xdebugger> make_debugger(xeus::xcontext& context,
                                               const xeus::xconfiguration& configuration,
                                               const std::string& user_name, const std::string& session_id,
                                               const Json& debugger_configuration) {
  return std::make_unique<Guard>(
      std::make_unique<Debugger>(context, configuration, user_name, session_id, debugger_configuration));
}

}  // namespace elastic::kernel
