#include "kernel/stream_buffer.hpp"

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace elastic::kernel {
namespace {

using Sent = std::vector<std::tuple<std::string, std::string, RequestPtr>>;

RequestPtr some_request() { return std::make_shared<const Request>(xeus::xmessage()); }

class StreamBufferTest : public testing::Test {
 protected:
  Sent sent;
  StreamBuffer buffer{[this](const std::string& stream, std::string text, const RequestPtr& parent) {
    sent.emplace_back(stream, std::move(text), parent);
  }};
};

TEST_F(StreamBufferTest, JoinsWhatBelongsTogether) {
  const RequestPtr cell = some_request();
  buffer.write("stdout", "a", cell);
  buffer.write("stdout", "b", cell);
  EXPECT_TRUE(sent.empty());
  buffer.flush();
  EXPECT_EQ(sent, (Sent{{"stdout", "ab", cell}}));
}

TEST_F(StreamBufferTest, AnotherStreamOrCellSendsWhatWasWaiting) {
  const RequestPtr first = some_request(), second = some_request();
  buffer.write("stdout", "a", first);
  buffer.write("stderr", "b", first);
  buffer.write("stderr", "c", second);
  buffer.flush();
  EXPECT_EQ(sent, (Sent{{"stdout", "a", first}, {"stderr", "b", first}, {"stderr", "c", second}}));
}

TEST_F(StreamBufferTest, WhatIsPublishedComesAfterTheTextBeforeIt) {
  buffer.write("stdout", "a", nullptr);
  std::size_t sent_before = 0;
  buffer.in_order([&] { sent_before = sent.size(); });
  EXPECT_EQ(sent_before, 1u);
}

TEST_F(StreamBufferTest, LargeTextDoesNotWait) {
  buffer.write("stdout", std::string(1 << 20, 'x'), nullptr);
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(std::get<1>(sent[0]).size(), 1u << 20);
}

TEST_F(StreamBufferTest, NothingIsSentTwiceOrEmpty) {
  buffer.write("stdout", "", nullptr);
  buffer.flush();
  buffer.write("stdout", "a", nullptr);
  buffer.flush();
  buffer.flush();
  EXPECT_EQ(sent.size(), 1u);
}

}  // namespace
}  // namespace elastic::kernel
