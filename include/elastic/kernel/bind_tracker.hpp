// The tracker's Python face, as _core.tracker: for tests, which drive it from a plain IPython shell.
// REQUIRES: the GIL is held.
#pragma once
#include <pybind11/pybind11.h>

namespace elastic::kernel {

void bind_tracker(pybind11::module_& core);

}  // namespace elastic::kernel
