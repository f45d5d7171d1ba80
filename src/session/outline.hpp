// What a variable that is not stored looked like, so that a report can say where the recomputed one differs.
//
// Threads: the GIL is held. No code of the user's runs.
#pragma once
#include <string>

#include <nlohmann/json.hpp>

#include "elastic/pyobj/ref.hpp"

namespace elastic::session {

// {"type", "size", "parts": [[where, digest]]} of a value (elasticpython.outlines); null where that fails.
nlohmann::json outline_of(const pyobj::GilHeld&, pyobj::Borrowed user_namespace, pyobj::Borrowed value);

// "[3] is another", "it has 4 elements, had 3"; empty if the outlines do not tell, or are none.
std::string difference_of(const nlohmann::json& then, const nlohmann::json& now);

}  // namespace elastic::session
