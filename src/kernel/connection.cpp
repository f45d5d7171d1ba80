#include "connection.hpp"

#include <zmq.h>

#include <cstdint>
#include <fstream>
#include <sstream>
#include <utility>

#include "nlohmann/json.hpp"

namespace elastic::kernel {
namespace {

using Json = nlohmann::json;

Error bad(const std::string& path, const std::string& what) {
  return Error(ErrorCode::kInvalidArgument,
               "connection file " + path + " " + what +
                   "; start the kernel through a Jupyter client, which writes one");
}

Result<std::string> port_of(const Json& document, const char* key, const std::string& path) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_number_integer())
    return bad(path, std::string("has no number '") + key + "'");
  const auto port = found->get<long long>();
  if (port < 0 || port > 65535) return bad(path, std::string("has a '") + key + "' that is not a port");
  return std::to_string(port);
}

Result<std::string> text_of(const Json& document, const char* key, const std::string& fallback,
                            const std::string& path) {
  const auto found = document.find(key);
  if (found == document.end()) return fallback;
  if (!found->is_string()) return bad(path, std::string("has a '") + key + "' that is not text");
  return found->get<std::string>();
}

bool is_curve_key(const std::string& text) {
  std::uint8_t key[32];
  return text.size() == 40 && zmq_z85_decode(key, text.c_str()) != nullptr;
}

}  // namespace

Result<Connection> read_connection_file(const std::string& path) {
  std::ifstream stream(path);
  if (!stream)
    return Error(ErrorCode::kNotFound,
                 "connection file " + path + " cannot be read; check the path after -f");
  std::ostringstream text;
  text << stream.rdbuf();
  const Json document = Json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return bad(path, "is not a JSON object");

  Connection connection;
  connection.file = path;
  xeus::xconfiguration& configuration = connection.configuration;
  ELASTIC_ASSIGN(configuration.m_transport, text_of(document, "transport", "tcp", path));
  if (configuration.m_transport != "tcp" && configuration.m_transport != "ipc") {
    return bad(path, "asks for transport '" + configuration.m_transport + "', only tcp and ipc are known");
  }
  ELASTIC_ASSIGN(configuration.m_ip, text_of(document, "ip", "127.0.0.1", path));
  const std::pair<const char*, std::string xeus::xconfiguration::*> ports[] = {
      {"shell_port", &xeus::xconfiguration::m_shell_port},
      {"control_port", &xeus::xconfiguration::m_control_port},
      {"stdin_port", &xeus::xconfiguration::m_stdin_port},
      {"iopub_port", &xeus::xconfiguration::m_iopub_port},
      {"hb_port", &xeus::xconfiguration::m_hb_port}};
  for (const auto& [key, member] : ports) {
    ELASTIC_ASSIGN(configuration.*member, port_of(document, key, path));
  }
  ELASTIC_ASSIGN(configuration.m_key, text_of(document, "key", "", path));
  ELASTIC_ASSIGN(configuration.m_signature_scheme,
                 text_of(document, "signature_scheme", "hmac-sha256", path));
  if (configuration.m_key.empty()) {
    configuration.m_signature_scheme = "none";  // the protocol: an empty key switches signing off
  } else if (configuration.m_signature_scheme != "hmac-sha256") {
    return bad(path, "asks for signature scheme '" + configuration.m_signature_scheme +
                         "', only hmac-sha256 is known");
  }
  for (const char* key : {"curve_publickey", "curve_secretkey"}) {
    ELASTIC_ASSIGN(connection.curve_secret_key, text_of(document, key, "", path));
    if (!connection.curve_secret_key.empty() && !is_curve_key(connection.curve_secret_key)) {
      return bad(path, std::string("has a '") + key + "' that is not 40 characters of Z85");
    }
  }
  return connection;
}

}  // namespace elastic::kernel
