#include "kernel/connection.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace elastic::kernel {
namespace {

class ConnectionTest : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = testing::TempDir() + "connection-" + std::to_string(getpid()) + ".json";
    std::ofstream(path) << text;
    return path;
  }

  static constexpr char kPorts[] =
      R"("shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 65535)";
};

TEST_F(ConnectionTest, ReadsEverythingAClientWrites) {
  const std::string path =
      write(std::string("{") + kPorts +
            R"(, "ip": "127.0.0.1", "transport": "ipc", "key": "k", "signature_scheme": "hmac-sha256",
                                      "curve_secretkey": "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6", "kernel_name": "elasticpython"})");
  const Result<Connection> connection = read_connection_file(path);
  ASSERT_TRUE(connection.ok()) << connection.error().message();
  EXPECT_EQ(connection->configuration.m_transport, "ipc");
  EXPECT_EQ(connection->configuration.m_hb_port, "65535");
  EXPECT_EQ(connection->configuration.m_key, "k");
  EXPECT_EQ(connection->curve_secret_key, "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6");
  EXPECT_EQ(connection->file, path);
}

TEST_F(ConnectionTest, AnEmptyKeySwitchesSigningOff) {
  const Result<Connection> connection =
      read_connection_file(write(std::string("{") + kPorts + R"(, "key": ""})"));
  ASSERT_TRUE(connection.ok());
  EXPECT_EQ(connection->configuration.m_signature_scheme, "none");
}

TEST_F(ConnectionTest, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "not a JSON object"},
      {"[1]", "not a JSON object"},
      {"{", "not a JSON object"},
      {"{}", "'shell_port'"},
      {R"({"shell_port": "1"})", "'shell_port'"},
      {std::string("{") + kPorts + R"(, "transport": "udp"})", "'udp'"},
      {std::string("{") + kPorts + R"(, "key": 1})", "'key'"},
      {std::string("{") + kPorts + R"(, "key": "k", "signature_scheme": "hmac-md5"})", "'hmac-md5'"},
      {R"({"shell_port": 70000})", "not a port"}};
  for (const auto& [text, expected] : cases) {
    const Result<Connection> connection = read_connection_file(write(text));
    ASSERT_FALSE(connection.ok()) << text;
    EXPECT_NE(connection.error().message().find(expected), std::string::npos) << connection.error().message();
    EXPECT_EQ(connection.error().message().find('\n'), std::string::npos);
  }
}

TEST_F(ConnectionTest, AMissingFileIsNotFound) {
  const Result<Connection> connection = read_connection_file("/nowhere/kernel.json");
  ASSERT_FALSE(connection.ok());
  EXPECT_EQ(connection.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace elastic::kernel
