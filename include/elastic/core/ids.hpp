// Strong integer ids: a CellIndex is never mistaken for a VariableId.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace elastic {

template <class Tag>
struct StrongId {
  std::uint32_t value = 0;
  auto operator<=>(const StrongId&) const = default;
};

// The n-th cell execution of a session, from 0, in the order they started. Not the prompt number: a cell that
// is run twice is two cell executions.
using CellIndex = StrongId<struct CellIndexTag>;
// A name in the user namespace (or of a piece of ambient state); stable over the session.
using VariableId = StrongId<struct VariableIdTag>;
// A variable as one cell execution left it (the paper's VS).
using SnapshotId = StrongId<struct SnapshotIdTag>;

}  // namespace elastic

template <class Tag>
struct std::hash<elastic::StrongId<Tag>> {
  std::size_t operator()(elastic::StrongId<Tag> id) const noexcept {
    return std::hash<std::uint32_t>{}(id.value);
  }
};
