// Vectors of ids as sorted sets.
#pragma once
#include <algorithm>
#include <vector>

#include "elastic/core/ids.hpp"

namespace elastic::graph {

template <class T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// REQUIRES: sorted.
inline bool contains(const std::vector<VariableId>& sorted, VariableId variable) {
  return std::binary_search(sorted.begin(), sorted.end(), variable);
}

}  // namespace elastic::graph
