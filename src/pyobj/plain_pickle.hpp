// Tells a pickle that can only make plain values: numbers, texts, bytes, and lists, tuples, dicts and sets of
// them.
//
// Loading one imports nothing, calls nothing and refers to nothing, so it needs none of what a restore keeps
// ready for the others, which takes several times as long as a small pickle itself. No Python: the bytes
// alone are looked at. Threads: any.
#pragma once
#include <cstddef>
#include <span>

namespace elastic::pyobj {

// Whether `pickle` is one pickle, from its first byte to its last, of nothing but such operations. What is
// wrong in another way (an empty stack, an unhashable key) is the unpickler's to find.
bool is_plain_pickle(std::span<const std::byte> pickle);

}  // namespace elastic::pyobj
