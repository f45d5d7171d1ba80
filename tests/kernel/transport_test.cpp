#include "kernel/transport.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <future>

namespace elastic::kernel {
namespace {

class TransportTest : public testing::Test {
 protected:
  TransportTest() {
    directory = testing::TempDir() + "transport_test" + std::to_string(getpid());  // tests run side by side
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    connection.configuration.m_transport = "ipc";
    connection.configuration.m_ip = directory + "/k";
    connection.configuration.m_shell_port = "1";
    connection.configuration.m_control_port = "2";
    connection.configuration.m_stdin_port = "3";
    connection.configuration.m_iopub_port = "4";
    connection.configuration.m_hb_port = "5";
  }

  std::string address(int port) const { return "ipc://" + directory + "/k-" + std::to_string(port); }

  static Transport::Handlers silent() {
    return {[](Channel, zmq::multipart_t) {}, [] {},
            [](const std::string& topic) { return zmq::multipart_t("welcome " + topic); },
            [](zmq::multipart_t event) { return event; }};
  }

  std::string directory;
  Connection connection;
  zmq::context_t context;
};

TEST_F(TransportTest, ATakenAddressIsNamed) {
  auto first = Transport::bind(context, connection);
  ASSERT_TRUE(first.ok()) << first.error().message();
  zmq::context_t other;
  connection.configuration.m_transport = "tcp";
  connection.configuration.m_ip = "127.0.0.1";
  zmq::socket_t holder(other, zmq::socket_type::router);
  holder.bind("tcp://127.0.0.1:*");
  const std::string endpoint = holder.get(zmq::sockopt::last_endpoint);
  connection.configuration.m_shell_port = endpoint.substr(endpoint.rfind(':') + 1);
  zmq::context_t third;
  const auto second = Transport::bind(third, connection);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().message().find(connection.configuration.m_shell_port), std::string::npos);
  (*first)->start(silent());
}

TEST_F(TransportTest, HeartbeatsComeBack) {
  auto transport = Transport::bind(context, connection);
  ASSERT_TRUE(transport.ok());
  (*transport)->start(silent());
  zmq::socket_t client(context, zmq::socket_type::req);
  client.connect(address(5));
  client.send(zmq::buffer(std::string("ping")), zmq::send_flags::none);
  zmq::message_t pong;
  ASSERT_TRUE(client.recv(pong));
  EXPECT_EQ(pong.to_string(), "ping");
  client.close();
  (*transport)->stop();
}

TEST_F(TransportTest, SubscribersAreWelcomedAndLoseNothing) {
  auto transport = Transport::bind(context, connection);
  ASSERT_TRUE(transport.ok());
  (*transport)->start(silent());
  zmq::socket_t client(context, zmq::socket_type::sub);
  client.set(zmq::sockopt::rcvhwm, 0);
  client.set(zmq::sockopt::subscribe, "");
  client.connect(address(4));
  zmq::message_t welcome;
  ASSERT_TRUE(client.recv(welcome));
  EXPECT_EQ(welcome.to_string(), "welcome ");
  constexpr int kMany = 20000;  // twenty times the default high-water mark
  for (int i = 0; i < kMany; ++i) (*transport)->send(Channel::kIopub, zmq::multipart_t(std::to_string(i)));
  for (int i = 0; i < kMany; ++i) {
    zmq::message_t message;
    ASSERT_TRUE(client.recv(message));
    ASSERT_EQ(message.to_string(), std::to_string(i));
  }
  client.close();
  (*transport)->stop();
}

TEST_F(TransportTest, AfterArrivalsSeesWhatWasSentBefore) {
  auto transport = Transport::bind(context, connection);
  ASSERT_TRUE(transport.ok());
  std::atomic<int> arrived{0};
  auto handlers = silent();
  handlers.received = [&](Channel channel, zmq::multipart_t) { arrived += channel == Channel::kShell; };
  (*transport)->start(std::move(handlers));
  zmq::socket_t client(context, zmq::socket_type::dealer);
  client.connect(address(1));
  for (int i = 0; i < 100; ++i) client.send(zmq::buffer(std::string("m")), zmq::send_flags::none);
  while (arrived == 0) std::this_thread::yield();
  std::promise<int> count;
  (*transport)->after_arrivals([&] { count.set_value(arrived); });
  EXPECT_GT(count.get_future().get(), 0);
  client.close();
  (*transport)->stop();
}

}  // namespace
}  // namespace elastic::kernel
