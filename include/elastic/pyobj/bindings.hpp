// The Python faces of this layer's parts, for the package `elasticpython` and for its tests.
//
// Each adds its functions to a submodule of `elasticpython._core` of its own: _core.walk, _core.analysis,
// _core.serializer. REQUIRES: the GIL is held.
#pragma once
#include <pybind11/pybind11.h>

namespace elastic::pyobj {

void bind_walk(pybind11::module_& core);
void bind_analysis(pybind11::module_& core);
void bind_serializer(pybind11::module_& core);

}  // namespace elastic::pyobj
