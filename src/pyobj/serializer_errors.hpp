// Python's exceptions as errors of the serialiser. Each takes the pending exception and leaves none.
#pragma once
#include "elastic/pyobj/serializer.hpp"

namespace elastic::pyobj {

// `root` is the variable that was being written, `last_seen` the object the pickler saw last.
Error dump_error(const GilHeld& gil, const std::string& name, Borrowed root, Borrowed last_seen);
Error load_error(const GilHeld& gil, const std::string& name);
// For what is ours and should not fail: an import of our package, a table.
Error internal_error(const GilHeld& gil, std::string_view doing);

}  // namespace elastic::pyobj
