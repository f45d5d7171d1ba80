// Python objects over memory that is not Python's: the bytes being loaded, and the mappings arrays will live
// in.
#pragma once
#include "elastic/pyobj/serializer.hpp"

namespace elastic::pyobj {

// An object that exports `buffer` as writable memory and keeps its owner. Null with a pending exception on
// failure.
Owned exporter_of(const GilHeld& gil, LoadBuffer buffer);

// A file-like object (`read`, `readline`, `readinto`) over `bytes`, which must outlive its use: the
// unpickler's source, without the copy of everything that BytesIO would be.
Owned reader_of(const GilHeld& gil, std::span<const std::byte> bytes);

}  // namespace elastic::pyobj
