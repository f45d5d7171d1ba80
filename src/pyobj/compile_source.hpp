// Source text to a code object, quietly: no warning is shown, no exception is left, the audit hook is told to
// look away. REQUIRES: the GIL is held.
#pragma once
#include <string>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

// Null where the text is not Python (top-level await is).
Owned compile_source(const GilHeld&, const std::string& source);

// transform(text), or the text itself where the transform is null, raises, or gives no string.
std::string transformed(const GilHeld&, const std::string& text, Borrowed transform);

}  // namespace elastic::pyobj
