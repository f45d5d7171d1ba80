// What the Python half of the kernel sees of the C++ half: requests, and a Server to publish through.
#include <pybind11/stl.h>

#include "debugger.hpp"
#include "elastic/kernel/run.hpp"
#include "pybind11_json/pybind11_json.hpp"
#include "server.hpp"

namespace py = pybind11;

namespace elastic::kernel {
namespace {

// UTF-8 of any str. Lone surrogates, which print() accepts and UTF-8 does not, become "\udc80" and the like.
std::string utf8_of(const py::handle& text) {
  Py_ssize_t size = 0;
  if (const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size))
    return std::string(bytes, static_cast<std::size_t>(size));
  PyErr_Clear();
  const auto encoded =
      py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "backslashreplace"));
  if (!encoded) throw py::error_already_set();
  return encoded;
}

py::list buffers_of(const Request& request) {
  py::list buffers;
  for (const xeus::binary_buffer& buffer : request.message.buffers())
    buffers.append(py::memoryview(py::bytes(buffer.data(), buffer.size())));
  return buffers;
}

py::dict message_of(const Request& request) {
  const Json& header = request.message.header();
  py::dict message;
  message["header"] = header.get<py::object>();
  message["msg_id"] = py::str(header.value("msg_id", ""));
  message["msg_type"] = py::str(request.type());
  message["parent_header"] = request.message.parent_header().get<py::object>();
  message["metadata"] = request.message.metadata().get<py::object>();
  message["content"] = request.message.content().get<py::object>();
  message["buffers"] = buffers_of(request);
  return message;
}

xeus::buffer_sequence to_buffers(const py::handle& sequence) {
  xeus::buffer_sequence buffers;
  if (sequence.is_none()) return buffers;
  for (const py::handle each : sequence) {
    // Not contiguous, or of items wider than a byte: bytes() lays it out.
    const py::bytes flat(py::module_::import("builtins").attr("bytes")(each));
    const std::string_view view = flat;
    buffers.emplace_back(view.begin(), view.end());
  }
  return buffers;
}

void publish(Server& server, const std::string& type, const py::object& content, const py::object& metadata,
             const py::object& buffers, const RequestPtr& parent) {
  if (Signals::in_forked_child()) return;  // a child has no sockets
  Json content_json = content.cast<Json>();
  Json metadata_json = metadata.is_none() ? Json::object() : metadata.cast<Json>();
  xeus::buffer_sequence parts = to_buffers(buffers);
  py::gil_scoped_release release;
  server.publish(type, std::move(content_json), std::move(metadata_json), std::move(parts), parent);
}

std::string read_line(Server& server, const std::string& prompt, bool password, const RequestPtr& parent) {
  {
    py::gil_scoped_release release;
    server.send_input_request(prompt, password, parent);
  }
  for (;;) {
    std::optional<std::string> line;
    {
      py::gil_scoped_release release;
      line = server.wait_for_input();
    }
    if (line) return *std::move(line);
    if (PyErr_CheckSignals() < 0)
      throw py::error_already_set();  // KeyboardInterrupt, raised in the user's call
  }
}

}  // namespace

void bind_kernel(py::module_& core) {
  py::module_ m =
      core.def_submodule("kernel", "The kernel's C++ half: sockets, queues, signals, captured output.");

  py::class_<Request, std::shared_ptr<Request>>(m, "Request", "A message from a client.")
      .def(py::init([](const py::object& header) {
             return std::make_shared<Request>(
                 xeus::xmessage({}, header.cast<Json>(), Json::object(), Json::object(), Json::object(), {}));
           }),
           py::arg("header"), "A parent that is known by its header only.")
      .def_property_readonly("type", &Request::type)
      .def_property_readonly("content",
                             [](const Request& r) { return r.message.content().get<py::object>(); })
      .def_property_readonly("metadata",
                             [](const Request& r) { return r.message.metadata().get<py::object>(); })
      .def_property_readonly("header", [](const Request& r) { return r.message.header().get<py::object>(); })
      .def_property_readonly("message", &message_of,
                             "The whole message as jupyter_client's Session would show it.");

  const auto no_gil = py::call_guard<py::gil_scoped_release>();
  py::class_<Server, std::unique_ptr<Server, py::nodelete>>(m, "Server",
                                                            "Output, input and the queues of requests.")
      .def("publish", &publish, py::arg("type"), py::arg("content"), py::arg("metadata") = py::none(),
           py::arg("buffers") = py::none(), py::arg("parent") = nullptr)
      .def("write",
           [](Server& server, const std::string& stream, const py::str& text, const RequestPtr& parent) {
             const std::string bytes = utf8_of(text);
             py::gil_scoped_release release;
             server.write_stream(stream, bytes, parent);
           })
      .def("flush", &Server::flush_streams, no_gil)
      .def("drain_output", &Server::drain_output, no_gil)
      .def(
          "set_cell", [](Server& server, std::shared_ptr<Request> cell) { server.set_cell(std::move(cell)); },
          no_gil)
      .def("read_line", &read_line, py::arg("prompt"), py::arg("password"), py::arg("parent"))
      .def("expect_interrupt", &Server::expect_interrupt)
      .def("forget_interrupt", &Server::forget_interrupt)
      .def("begin_cell", &Server::begin_cell)
      .def("end_cell", &Server::end_cell)
      .def("handle_next", &Server::handle_next, no_gil)
      .def("handle_waiting_comms", &Server::handle_waiting_comms, no_gil)
      .def_property_readonly("asked", &Server::asked)
      .def_property_readonly("wake_descriptor", &Server::wake_descriptor)
      .def_property_readonly("original_stderr", &Server::original_stderr)
      .def_property_readonly("stopping", &Server::stopping)
      .def("request_stop", &Server::request_stop, no_gil);

  m.def("cell_file_name", &cell_file_name, py::arg("code"),
        "The file name that a cell's code is compiled under.");
  m.def(
      "run", [](const std::string& connection_file) { return run({connection_file}); },
      py::arg("connection_file"),
      "Serves the connection; ends the process. Returns an exit status when it could not start.");
}

}  // namespace elastic::kernel
