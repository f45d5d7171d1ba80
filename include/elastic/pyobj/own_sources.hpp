// The sources of the user's own modules as they were when their code ran. The file may have been edited
// since; what the session holds is what was loaded.
//
// One table for the process, as the modules are. The audit hook (effects.hpp) tells it of every module whose
// code runs, and the file is read at that moment: there is no later one at which it is known to be the same.
//
// REQUIRES of all functions: the GIL. No Python code runs.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "elastic/pyobj/effects.hpp"
#include "elastic/pyobj/own_source.hpp"

namespace elastic::pyobj {

struct SourceRun {
  InputFile now;
  std::optional<InputFile> before;  // where another source of the module had been loaded
};

// `code` is about to run; nothing unless it is a file of the user's own, as a whole.
std::optional<SourceRun> note_source_run(const GilHeld&, Borrowed code);
std::optional<SourceRun> note_source_run(const GilHeld&, const std::string& path);
// How often that was so: what was told of code before may be of other code by now.
std::uint64_t sources_run(const GilHeld&);

// The source in the file as it was loaded; as it is now where nobody saw that.
InputFile source_as_loaded(const GilHeld&, const std::string& path);

// Why the module is another one in this process than `then`; empty if it is not, or nobody can tell.
std::string how_source_differs(const GilHeld&, const OwnSource& then);

}  // namespace elastic::pyobj
