// Several requests under way at once, where a place answers slowly but many at a time.
#pragma once
#include <cstddef>
#include <functional>

#include "elastic/core/result.hpp"

namespace elastic::store {

// Calls `request` with 0 .. count - 1, up to `width` at once, in no order; the calling thread is one of those
// that do. After an error no further request begins; the first error is returned. REQUIRES: not the GIL.
Result<> in_flight(std::size_t count, std::size_t width, const std::function<Result<>(std::size_t)>& request);

}  // namespace elastic::store
