// What a session asks of whoever drives it: the kernel today, an extension in a stock ipykernel tomorrow.
//
// Threads: every call holds the GIL, on the thread that runs cells. Errors: kCancelled for an interrupt of
// the user's, anything else for a failure of the driver's own; what a re-run cell raises is no error but an
// outcome.
#pragma once
#include <string>

#include "elastic/core/result.hpp"
#include "elastic/graph/cell_execution.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::session {

struct RerunOutcome {
  bool raised = false;
  std::string error{};  // "ValueError: no such column", when it raised
};

class Driver {
 public:
  virtual ~Driver() = default;
  // Runs a recorded cell once more in the user namespace. Its output goes nowhere; prompts and In/Out stay as
  // they are.
  virtual Result<RerunOutcome> run_cell(const pyobj::GilHeld&, const graph::CellExecution& cell) = 0;
};

}  // namespace elastic::session
