#include "debugger.hpp"

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <future>
#include <iostream>
#include <thread>
#include <utility>

#include "elastic/core/log.hpp"
#include "pybind11_json/pybind11_json.hpp"
#include "xeus-python/xdebugger.hpp"
#include "xeus/xdap_tcp_client.hpp"
#include "xeus/xmiddleware.hpp"
#include "xeus/xsystem.hpp"
#include "zmq.hpp"

namespace py = pybind11;

namespace elastic::kernel {
namespace {

using Json = nlohmann::json;

// xeus-python names its folder of cell files after its own process name; clients learn it from debugInfo.
std::string cell_file_prefix() { return xeus::get_tmp_prefix("xpython"); }
constexpr char kCellFileSuffix[] = ".py";
constexpr char kHost[] = "127.0.0.1";
constexpr std::chrono::seconds kEndOfConnection{5};
// An adapter that does not answer must not keep the control thread, and interrupts and shutdown with it. An
// expression evaluated in a stopped frame may well take seconds.
constexpr int kAnswerWithinMs = 20'000;

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

// One connection to debugpy, on a thread of its own from start to disconnect.
class DebugpyClient final : public xeus::xdap_tcp_client {
 public:
  DebugpyClient(zmq::context_t& context, const xeus::xconfiguration& configuration,
                const std::string& user_name, const std::string& session_id, const event_callback& on_event)
      : xeus::xdap_tcp_client(
            context, configuration, xeus::get_socket_linger(),
            xeus::xdap_tcp_configuration(xeus::dap_tcp_type::client, xeus::dap_init_type::parallel, user_name,
                                         session_id),
            on_event) {}

 private:
  void handle_event(Json message) override { forward_event(std::move(message)); }
};

// xeus-python's debugger, with what it lacks: variables shown richly and copied while a cell is stopped,
// cells dumped anew, answers instead of exceptions, and an end to each connection before the next begins.
//
// xpyt::debugger detaches the thread of its connection and uses one client, with the same sockets, for all of
// them: an `initialize` soon after a `disconnect` races with that thread, which then takes the new
// connection's sockets down, and the debugger waits for ever. Here each connection has a client and a thread
// of its own, and `stop` waits for both.
class Debugger final : public xpyt::debugger {
 public:
  Debugger(xeus::xcontext& context, const xeus::xconfiguration& configuration, const std::string& user_name,
           const std::string& session_id, const Json& debugger_configuration)
      : xpyt::debugger(context.get_wrapped_context<zmq::context_t>(), configuration, user_name, session_id,
                       debugger_configuration),
        context_(context.get_wrapped_context<zmq::context_t>()),
        configuration_(configuration),
        user_name_(user_name),
        session_id_(session_id),
        python_(debugger_configuration.value("python", "")) {
    register_request_handler(
        "attach", [this](const Json& m) { return attach(m); }, true);
    register_request_handler(
        "inspectVariables", [this](const Json& m) { return from_python("inspect_variables", m); }, false);
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
  // xdebugger_base: `initialize` came. False: debugpy cannot be had, or a former connection does not end.
  bool start(zmq::socket_t& header_socket, zmq::socket_t& request_socket) override {
    if (client_ended_.valid() || !listen()) return false;
    for (zmq::socket_t* socket : {&request_socket, &header_socket}) {
      socket->set(zmq::sockopt::rcvtimeo, kAnswerWithinMs);
      // After an answer that did not come another question may be asked, and the late answer is dropped.
      socket->set(zmq::sockopt::req_relaxed, true);
      socket->set(zmq::sockopt::req_correlate, true);
    }
    const std::string requests = xeus::get_controller_end_point("debugger");
    const std::string headers = xeus::get_controller_end_point("debugger_header");
    request_socket.bind(requests);
    header_socket.bind(headers);
    auto client = std::make_shared<DebugpyClient>(context_, configuration_, user_name_, session_id_,
                                                  get_event_callback());
    const std::string debugpy = "tcp://" + std::string(kHost) + ":" + std::to_string(port_);
    std::packaged_task<void()> connection([client, debugpy, requests, headers] {
      client->start_debugger(debugpy, xeus::get_publisher_end_point(), requests, headers);
    });
    client_ended_ = connection.get_future();
    std::thread(std::move(connection)).detach();
    request_socket.send(zmq::message_t("REQ", 3), zmq::send_flags::none);  // answered once it is connected
    zmq::message_t acknowledged;
    xeus::create_directory(cell_file_prefix());
    return request_socket.recv(acknowledged).has_value();
  }

  // `disconnect` was answered, after which the client takes its sockets down. Were it stuck (debugpy gone in
  // the middle of a question), the debugger could not be used again, but the kernel could.
  void stop(zmq::socket_t& header_socket, zmq::socket_t& request_socket) override {
    if (client_ended_.wait_for(kEndOfConnection) == std::future_status::ready)
      client_ended_ = {};
    else
      log(LogLevel::kError, "the debugger's connection does not end; restart the kernel to debug again");
    request_socket.unbind(xeus::get_controller_end_point("debugger"));
    header_socket.unbind(xeus::get_controller_end_point("debugger_header"));
  }

  // Makes debugpy listen, once in the life of the kernel; false when it cannot.
  bool listen() {
    if (port_ != 0) return true;
    const Json answer = get_control_messenger().send_to_shell({{"python", python_}, {"host", kHost}});
    if (answer.value("status", "error") != "ok") {
      log(LogLevel::kError, "debugpy: " + answer.value("evalue", ""));
      return false;
    }
    py::gil_scoped_acquire gil;
    variables_ = py::module_::import("elasticpython.debugging").attr("SessionVariables")();
    port_ = answer.at("port");
    return true;
  }

  Json attach(const Json& request) {
    Json ours = request;
    ours["arguments"]["connect"] = {{"host", kHost}, {"port", port_}};
    ours["arguments"]["logToFile"] = true;
    return forward_message(ours);
  }

  Json from_python(const char* method, const Json& request) {
    if (port_ == 0) return refusal_of(request, "the debugger was not started");
    py::gil_scoped_acquire gil;
    return variables_.attr(method)(request).cast<Json>();
  }

  Json variables_request_impl(const Json& request) override {
    if (get_stopped_threads().empty()) return from_python("variables", request);
    const Json answer = xeus::xdebugger_base::variables_request_impl(request);
    py::gil_scoped_acquire gil;
    return variables_.attr("build_variables_response")(request, answer["body"]["variables"]).cast<Json>();
  }

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

  zmq::context_t& context_;
  const xeus::xconfiguration configuration_;
  const std::string user_name_, session_id_, python_;
  int port_ = 0;                    // where debugpy listens; 0: not yet
  std::future<void> client_ended_;  // valid from start to stop, and for ever where the client does not end
  py::object variables_;            // an elasticpython.debugging.SessionVariables, once debugpy listens
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
    } catch (const Json::parse_error&) {  // of no bytes at all: see forward_message
      reply = refused(message, "debugpy did not answer in time");
    } catch (const std::exception& error) {
      reply = refused(message, error.what());
    }
    std::clog.rdbuf(shown);
    std::clog.clear();
    return reply;
  }

  static Json refused(const Json& message, const std::string& why) {
    const Json request{{"seq", message.value("seq", 0)}, {"command", message.value("command", "")}};
    log(LogLevel::kWarning, "debug request " + message.value("command", "") + ": " + why);
    return refusal_of(request, why);
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
