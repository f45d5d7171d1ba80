// xeus's interpreter interface over the Python half of the kernel (elasticpython.kernel.Kernel).
//
// Threads: every method takes the GIL itself and must be called without it.
#pragma once
#include <pybind11/pybind11.h>

#include <set>
#include <string>

#include "server.hpp"
#include "xeus/xinterpreter.hpp"

namespace elastic::kernel {

class Interpreter final : public xeus::xinterpreter, public RequestHandler {
 public:
  // `kernel` is an elasticpython.kernel.Kernel. REQUIRES: the GIL is held.
  explicit Interpreter(pybind11::object kernel);
  ~Interpreter() override;

  bool handles(const std::string& type) const override;
  Reply handle(const RequestPtr& request) override;
  void run_main_loop() override;
  void going_down(bool restart) override;

 private:
  void configure_impl() override {}
  Json execute_request_impl(int, const std::string&, bool, bool, Json, bool) override;
  Json complete_request_impl(const std::string& code, int cursor_pos) override;
  Json inspect_request_impl(const std::string& code, int cursor_pos, int detail_level) override;
  Json is_complete_request_impl(const std::string& code) override;
  Json kernel_info_request_impl() override { return kernel_info_; }  // any thread, also while a cell runs
  void shutdown_request_impl() override {}                           // Server answers shutdown_request
  Json internal_request_impl(const Json& message) override;

  // The result of kernel.<method>(*arguments); an exception becomes an error reply and a log line.
  template <class... Arguments>
  Json call(const char* method, Arguments&&... arguments);

  pybind11::object kernel_;
  std::set<std::string> handled_;
  Json kernel_info_;
};

}  // namespace elastic::kernel
