// The connection file a Jupyter client hands to a kernel.
// Source: Jupyter client documentation, "Connection files"; the Curve keys are jupyter_client's (8.9 and
// later).
#pragma once
#include <string>

#include "elastic/core/result.hpp"
#include "xeus/xkernel_configuration.hpp"

namespace elastic::kernel {

struct Connection {
  std::string file;                    // the path it was read from
  xeus::xconfiguration configuration;  // transport, ip, ports (as text), signature scheme and key
  std::string curve_secret_key;        // Z85; empty: sockets are not encrypted
};

// Reads and checks the whole file: every error says in one line what is wrong and what to do.
Result<Connection> read_connection_file(const std::string& path);

}  // namespace elastic::kernel
