// How much a look at large memory has to read.
#pragma once

namespace elastic::pyobj {

// Of large memory whose pages can be watched. What is sealed is watched from here on and need not be read: a
// recheck() answers for it, and another walk that hashes gives the content. Contents of two walks can be
// compared if both hashed, or both did not.
enum class MemoryLook {
  kHash,
  kSeal,     // what would have to be hashed
  kSealAll,  // all of it: as a walk before did
};

}  // namespace elastic::pyobj
