// The session's Python face, as _core.session. REQUIRES: the GIL is held.
#pragma once
#include <pybind11/pybind11.h>

namespace elastic::session {

void bind_session(pybind11::module_& core);

}  // namespace elastic::session
