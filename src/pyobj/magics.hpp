// What a magic does with names. REQUIRES: the GIL is held.
#pragma once
#include "elastic/pyobj/ref.hpp"
#include "pyobj/code_names.hpp"

namespace elastic::pyobj {

// Replaces the magics of `names` by what they do: code they are handed is compiled and scanned, of the rest
// the words count. Magics in that code are replaced in turn.
void expand_magics(const GilHeld&, CodeNames& names, Borrowed transform);

}  // namespace elastic::pyobj
