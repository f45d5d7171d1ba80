// Who is behind an event: told from the frames that are on the stack when it happens.
//
// REQUIRES of all functions: the GIL is held. No Python code runs.
#pragma once
#include <Python.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

// Text or bytes as UTF-8; empty for anything else.
std::string text_or_bytes(PyObject* object);

// Where installed code and its data live, and the machine's own files: reading there is not the cell's input.
bool is_system_path(std::string_view path);
// Caches and histories that libraries keep for themselves.
bool is_private_path(std::string_view path);

enum class Doer : std::uint8_t { kCell, kImport, kLinecache, kHistory };

// From the innermost frame outwards: code of the session or of the user's files comes first, or the import
// system, the machinery that shows tracebacks, or IPython's history, whose thread opens its database anew
// after a fork.
Doer doer();

// Whether IPython's autoreload is at work, before the cell's own code runs or after; and whether it is about
// to patch a module with what differs in its source.
enum class Autoreloading : std::uint8_t { kNo, kLooks, kPatches };
Autoreloading autoreloading();

// The module whose code evaluates something, `ast` and its like looked through.
std::string evaluating_module();
// Modules that compile and run code of their own making, in namespaces of their own.
bool evaluates_for_itself(std::string_view module);

// Who asked for the time or for randomness: the innermost frame that is not a mere go-between.
struct Asker {
  enum class Who : std::uint8_t { kNobody, kLibrary, kSession };
  // Nobody: what is imported, and libraries that want it for their own ends.
  Who who = Who::kNobody;
  // The call that it made, told apart from others of the same cell. The frame is never followed.
  const void* frame = nullptr;
  int instruction = -1;

  bool same_call(const Asker& other) const {
    return frame != nullptr && frame == other.frame && instruction == other.instruction;
  }
};
Asker asker();

}  // namespace elastic::pyobj
