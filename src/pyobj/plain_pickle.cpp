#include "pyobj/plain_pickle.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace elastic::pyobj {
namespace {

// What follows an operation: so many bytes, or a length of so many bytes and then what it counts.
struct Operand {
  bool plain = false;
  std::uint8_t bytes = 0;
  bool is_length = false;
};

constexpr std::array<Operand, 256> operands() {
  std::array<Operand, 256> table{};
  const auto set = [&](std::string_view operations, std::uint8_t bytes, bool is_length = false) {
    for (const char each : operations) table[static_cast<unsigned char>(each)] = {true, bytes, is_length};
  };
  // MARK POP POP_MARK NONE NEWTRUE NEWFALSE, EMPTY_*, APPEND(S) SETITEM(S) ADDITEMS, TUPLE* FROZENSET MEMOIZE
  set("(01N\x88\x89)]}\x8f"
      "aesu\x90t\x85\x86\x87\x91\x94",
      0);
  set("\x80Kh", 1);  // PROTO BININT1 BINGET
  set("M", 2);       // BININT2
  set("Jj", 4);      // BININT LONG_BINGET
  set("G\x95", 8);   // BINFLOAT FRAME
  set("\x8c"
      "C\x8a",
      1, true);        // SHORT_BINUNICODE SHORT_BINBYTES LONG1
  set("XB", 4, true);  // BINUNICODE BINBYTES
  return table;
}

constexpr std::array<Operand, 256> kOperands = operands();
constexpr std::byte kStop{'.'};

}  // namespace

bool is_plain_pickle(std::span<const std::byte> pickle) {
  while (!pickle.empty()) {
    const std::byte operation = pickle.front();
    pickle = pickle.subspan(1);
    if (operation == kStop) return pickle.empty();
    const Operand& operand = kOperands[static_cast<std::size_t>(operation)];
    if (!operand.plain || pickle.size() < operand.bytes) return false;
    std::uint64_t bytes = operand.bytes;
    for (unsigned i = 0; operand.is_length && i < operand.bytes; ++i)
      bytes += static_cast<std::uint64_t>(pickle[i]) << (8 * i);
    if (pickle.size() < bytes) return false;
    pickle = pickle.subspan(bytes);
  }
  return false;
}

}  // namespace elastic::pyobj
