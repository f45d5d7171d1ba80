// The debugger: debugpy behind the protocol's debug_request. All that stands on xeus-python is in these two
// files; a build without it loses the debugger and nothing else.
#pragma once
#include <memory>
#include <string>

#include "nlohmann/json.hpp"
#include "xeus/xdebugger.hpp"
#include "xeus/xeus_context.hpp"
#include "xeus/xkernel_configuration.hpp"

namespace elastic::kernel {

// An xkernel debugger_builder. Source: Jupyter's debugger protocol (JEP 47) over the Debug Adapter Protocol.
std::unique_ptr<xeus::xdebugger> make_debugger(xeus::xcontext& context,
                                               const xeus::xconfiguration& configuration,
                                               const std::string& user_name, const std::string& session_id,
                                               const nlohmann::json& debugger_configuration);

// The file name that code of a cell is compiled under, which is where a client sets its breakpoints.
std::string cell_file_name(const std::string& code);

}  // namespace elastic::kernel
