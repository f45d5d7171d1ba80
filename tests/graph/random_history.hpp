// Random histories for tests, from a seed; of every kind of entry, with late changes and pruning.
#pragma once
#include <cstdint>

#include "elastic/graph/history.hpp"

namespace elastic::graph {

History random_history(std::uint64_t seed, int cells);

}  // namespace elastic::graph
