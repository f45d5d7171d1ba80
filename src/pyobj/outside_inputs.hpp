// What a cell takes from outside that will be another thing next time: the clock, the system's randomness,
// facts of the process. A cell that did is not re-run, since what it made would come back different.
//
// No audit event tells of these, so the functions themselves do: the C function behind each of them
// (`time.time`, `os.urandom`, `datetime.now` ...) is replaced, in its method table entry, by one that notes
// the call and goes on to the original. The Python objects stay what they are: same identity, name, signature
// and pickle, and nothing is looked up by name, so `from os import urandom as u` and calls out of libraries
// are seen like any other. While no cell is active a call costs one load more.
//
// REQUIRES of all functions: the GIL is held.
#pragma once
#include <cstdint>

#include "elastic/pyobj/effects.hpp"

namespace elastic::pyobj {

// Replaces what is loaded and not replaced yet. Cheap when there is nothing left to do.
void watch_outside_inputs(const GilHeld&);

enum class Asked : std::uint8_t {
  kValue,
  kTimer,     // measures something, or tells facts that libraries look at in passing
  kReseeded,  // a generator that drew its seed is given one: numpy's RandomState(1) does that
};

// Told of each call, with the function's name ("time.time"). Set once.
using OutsideInputSink = void (*)(EffectKind kind, const char* function, Asked asked);
void set_outside_input_sink(OutsideInputSink sink);

}  // namespace elastic::pyobj
