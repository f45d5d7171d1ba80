// Runs something on a thread whose stack is large, for objects nested deeper than this thread's stack.
#pragma once
#include <atomic>
#include <functional>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

// Runs `work` with the GIL on a thread of its own with a stack of up to 1 GiB (address space, touched as it
// is used) and a recursion limit to match; this thread waits without the GIL and answers signals: when one
// raises, `cancel` is set, which `work` has to heed. `work` leaves no exception pending. False: no such
// thread could be had. The exception of the signal is pending afterwards.
bool run_on_large_stack(const GilHeld& gil, std::atomic<bool>& cancel,
                        const std::function<void(const GilHeld&)>& work);

}  // namespace elastic::pyobj
