// Compares what came back with what was there: by the walk's content digest, and where that differs by what
// the type stores.
//
// A restored figure is the figure, though it has a new canvas and its caches are empty: the walk sees that,
// the pickle does not hold it. So a loaded group whose digest differs is serialised once more and compared
// with the stored pickle (elasticpython/comparing.py). Serialising runs code of the user's; it is done for
// these groups only.
#pragma once
#include "elastic/plan/plan.hpp"
#include "elastic/pyobj/ref.hpp"
#include "session/restore_source.hpp"

namespace elastic::session {

// Completes the variables' entries of the report: `status`, `why`, `verified`. kCancelled.
// REQUIRES: the GIL. `everything`: also what is large and was loaded, which reads all of it in.
Result<> verify(const pyobj::GilHeld&, pyobj::Borrowed user_namespace, const Source& source,
                const plan::Plan& plan, bool everything, RestoreReport& report);

}  // namespace elastic::session
