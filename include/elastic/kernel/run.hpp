// The kernel's one entry, behind both doors: the module `elasticpython` and the program
// `elasticpython-kernel`.
#pragma once
#include <pybind11/pybind11.h>

#include <string>

namespace elastic::kernel {

struct RunOptions {
  std::string connection_file;
};

// Serves the connection until the kernel is shut down, then ends the process: it returns only when it could
// not start, with the exit status, after one line on stderr that says why. REQUIRES: main thread, GIL held,
// no other thread of ours running.
int run(const RunOptions& options);

// Adds the submodule `_core.kernel`: Request, Server, and run for the module door.
void bind_kernel(pybind11::module_& core);

}  // namespace elastic::kernel
