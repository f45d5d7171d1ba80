// A module of the user's own, with the source that the session has loaded. Pure: no Python.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "elastic/core/digest.hpp"

namespace elastic::pyobj {

struct OwnSource {
  std::string module{};
  std::string path{};
  std::int64_t size_bytes = 0;
  Digest digest{};                       // all zero above kInputDigestBytes
  std::vector<std::string> variables{};  // that lead to its code or state
  bool operator==(const OwnSource&) const = default;
};

}  // namespace elastic::pyobj
