// Little-endian fields: appending them to a buffer, and taking them from one without ever leaving it.
//
// ByteReader answers out-of-bounds with zeros and remembers it: take everything, then ask ok() once.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>

#include "elastic/store/file_system.hpp"

namespace elastic::store {

class ByteWriter {
 public:
  explicit ByteWriter(std::vector<std::byte>& out) : out_(out) {}

  template <class Integer>
  void integer(Integer value) {
    for (std::size_t i = 0; i < sizeof value; ++i) out_.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
  void u8(std::uint8_t value) { out_.push_back(static_cast<std::byte>(value)); }
  void u16(std::uint16_t value) { integer(value); }
  void u32(std::uint32_t value) { integer(value); }
  void u64(std::uint64_t value) { integer(value); }
  void zeros(std::size_t count) { out_.resize(out_.size() + count); }
  void bytes(ConstBytes from) {
    out_.resize(out_.size() + from.size());
    std::copy(from.begin(), from.end(), out_.end() - static_cast<std::ptrdiff_t>(from.size()));
  }
  void text(std::string_view from) { bytes(as_bytes(from)); }

 private:
  std::vector<std::byte>& out_;
};

class ByteReader {
 public:
  explicit ByteReader(ConstBytes from) : left_(from) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return left_.size(); }

  ConstBytes bytes(std::uint64_t count) {
    if (count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const ConstBytes taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  template <class Integer>
  Integer integer() {
    Integer value = 0;
    const ConstBytes from = bytes(sizeof value);
    for (std::size_t i = 0; i < from.size(); ++i)
      value |= static_cast<Integer>(static_cast<Integer>(from[i]) << (8 * i));
    return value;
  }
  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }

  template <std::size_t n>
  std::array<std::byte, n> array() {
    std::array<std::byte, n> out{};
    const ConstBytes from = bytes(n);
    std::copy(from.begin(), from.end(), out.begin());
    return out;
  }
  // Reserved bytes: true if they are all zero.
  bool zeros(std::size_t count) {
    const ConstBytes from = bytes(count);
    return from.size() == count &&
           std::all_of(from.begin(), from.end(), [](std::byte b) { return b == std::byte{0}; });
  }
  bool matches(std::string_view text) { return as_text(bytes(text.size())) == text; }

 private:
  ConstBytes left_;
  bool ok_ = true;
};

}  // namespace elastic::store
