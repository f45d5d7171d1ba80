#include "kernel/wire.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "xeus/xzmq_serializer.hpp"

namespace elastic::kernel {
namespace {

Wire make_wire() { return Wire("hmac-sha256", "secret", "tester"); }

xeus::xmessage message_of(const Wire& wire, Json content) {
  return xeus::xmessage({"identity"}, wire.header("execute_request"), Json::object(), Json::object(),
                        std::move(content), {{'b', 'u', 'f'}});
}

TEST(WireTest, DatesHaveSixDigitsOfMicroseconds) {
  const std::regex iso8601(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(std::regex_match(iso8601_now(), iso8601)) << iso8601_now();
}

TEST(WireTest, AMessageComesBackAsItWas) {
  const Wire wire = make_wire();
  const Result<xeus::xmessage> decoded = wire.decode(wire.encode(message_of(wire, {{"code", "1+1"}})));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message();
  EXPECT_EQ(decoded->content()["code"], "1+1");
  EXPECT_EQ(decoded->identities(), xeus::xmessage::guid_list{"identity"});
  ASSERT_EQ(decoded->buffers().size(), 1u);
  EXPECT_EQ(decoded->header()["username"], "tester");
}

TEST(WireTest, FramesAreThoseOfXeus) {
  const Wire wire = make_wire();
  const std::string large(1 << 20, 'x');
  const auto message = [&wire, header = wire.header("execute_reply")](const std::string& text) {
    return xeus::xmessage({"one", "two"}, header, {{"msg_id", "1"}}, {{"a", 1}}, {{"text", text}},
                          {{'b', 'u', 'f'}, {}, xeus::binary_buffer(1 << 20, 'y')});
  };
  const auto authentication = xeus::make_xauthentication("hmac-sha256", "secret");
  for (const std::string& text : {std::string("small"), large}) {
    EXPECT_EQ(wire.encode(message(text)), xeus::xzmq_serializer::serialize(message(text), *authentication));
    const auto published = [&] {
      return xeus::xpub_message("topic", wire.header("stream"), {}, {}, {{"text", text}}, {});
    };
    zmq::multipart_t frames = wire.encode(published());
    const auto read = xeus::xzmq_serializer::deserialize_iopub(frames, *authentication);
    EXPECT_EQ(read.topic(), "topic");
    EXPECT_EQ(read.content()["text"], text);
  }
}

TEST(WireTest, RefusesAnotherKey) {
  const Wire wire = make_wire();
  const Wire other("hmac-sha256", "guess", "tester");
  EXPECT_FALSE(wire.decode(other.encode(message_of(other, Json::object()))).ok());
}

TEST(WireTest, RefusesAnySingleFlippedByteOfASignedFrame) {
  const Wire wire = make_wire();
  for (std::size_t frame = 2; frame < 7; ++frame) {  // signature, header, parent header, metadata, content
    zmq::multipart_t frames = wire.encode(message_of(wire, {{"code", "x"}}));
    auto* bytes = static_cast<char*>(frames.at(frame).data());
    bytes[0] ^= 1;
    EXPECT_FALSE(wire.decode(std::move(frames)).ok()) << "frame " << frame;
  }
}

TEST(WireTest, RefusesEveryTruncation) {
  const Wire wire = make_wire();
  for (std::size_t kept = 0; kept < 7; ++kept) {
    zmq::multipart_t frames = wire.encode(message_of(wire, Json::object()));
    while (frames.size() > kept) frames.remove();
    EXPECT_FALSE(wire.decode(std::move(frames)).ok()) << kept << " frames";
  }
}

TEST(WireTest, ReadsTheDatesThatClientsWrite) {
  EXPECT_EQ(seconds_of("1970-01-02T00:00:01.5Z"), 86401.5);
  EXPECT_EQ(seconds_of("1970-01-02T00:00:01.500000+00:00"), 86401.5);
  EXPECT_EQ(seconds_of("1970-01-02T00:00:01-01:30"), 86401 + 5400);
  EXPECT_GT(seconds_of(iso8601_now()).value_or(0), 1.7e9);
  for (const char* bad : {"", "1970", "1970-01-02T00:00:01", "1970-01-02T00:00:01X"})
    EXPECT_FALSE(seconds_of(bad)) << bad;
}

TEST(WireTest, RefusesAShortSignature) {
  const Wire wire = make_wire();
  zmq::multipart_t frames = wire.encode(message_of(wire, Json::object()));
  frames.at(2) = zmq::message_t(std::string("ab"));
  EXPECT_FALSE(wire.decode(std::move(frames)).ok());
}

TEST(WireTest, TextThatIsNotUtf8IsSentAllTheSame) {
  const Wire wire = make_wire();
  const Result<xeus::xmessage> decoded = wire.decode(wire.encode(message_of(wire, {{"text", "\xff"}})));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->content()["text"], "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace elastic::kernel
