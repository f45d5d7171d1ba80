// The door through the environment's own interpreter: `import elasticpython._core`.
#include <pybind11/pybind11.h>

#include "elastic/kernel/bind_tracker.hpp"
#include "elastic/kernel/run.hpp"
#include "elastic/pyobj/bindings.hpp"
#include "elastic/session/bindings.hpp"

// Shared with the embedding program, which has no PyInit__core.
void init_core(pybind11::module_& core) {
  core.doc() = "ElasticPython's C++ side. Private: import elasticpython instead.";
  elastic::pyobj::bind_walk(core);
  elastic::pyobj::bind_analysis(core);
  elastic::pyobj::bind_serializer(core);
  elastic::session::bind_session(core);
  elastic::kernel::bind_tracker(core);
  elastic::kernel::bind_kernel(core);
}

#ifndef ELASTIC_EMBEDDED
PYBIND11_MODULE(_core, core) { init_core(core); }
#endif
