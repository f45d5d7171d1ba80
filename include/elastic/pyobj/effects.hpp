// What a cell does outside the session, and what it reads from there: seen by an audit hook (PEP 578).
//
// The hook is added once for the process and cannot be removed; while no cell is active, or while our own
// code works on the thread (EffectsPaused), it costs a few loads. What the import system, IPython and
// matplotlib's caches do is not the cell's doing and is left out. The hook never raises and never changes
// what it sees.
//
// Threads: events of any thread count for the active cell. REQUIRES of begin/end: the GIL is held.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "elastic/core/digest.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

enum class EffectKind {
  kFileWritten,
  kFileRemoved,
  kFileRenamed,
  kConnected,
  kSubprocess,
  kInput,
  // Not effects but inputs from outside that no later run gets again.
  kClockRead,
  kRandomnessDrawn,
  kProcessAsked
};

// "file-written", "file-removed", "file-renamed", "connected", "subprocess", "input", "clock-read",
// "randomness-drawn", "process-asked".
std::string_view name_of(EffectKind kind);

// Why a cell that had this effect is not re-run; one line for a person.
std::string no_rerun_reason(EffectKind kind, std::string_view detail);

struct Effect {
  EffectKind kind;
  std::string detail;  // a path, "old -> new", "host:port", a command line, a prompt, "time.time"
  bool operator==(const Effect&) const = default;
};

// A file the cell opened for reading, or a directory it listed, as it was when the cell ended.
struct InputFile {
  std::string path;              // absolute
  std::int64_t size_bytes = -1;  // of a directory, the number of its entries; -1: gone by then
  std::int64_t modified_ns = 0;
  Digest digest;  // all zero for files above kInputDigestBytes
};
inline constexpr std::int64_t kInputDigestBytes = 4 << 20;

struct CellEffects {
  std::vector<Effect> effects;    // in order, each once
  std::vector<InputFile> inputs;  // each once
  // Sources of the user's own modules whose code ran, and former ones that the cell itself replaced.
  std::vector<InputFile> sources;
  // For Reads::add_runtime: what the cell evaluated that its code does not show.
  std::vector<Owned> codes;
  std::vector<std::string> texts;
  std::vector<std::string> names;
  // For Reads::keep_what_ran: code that was asked of functions, and whether the process forked, be it between
  // the last cell and this one.
  std::vector<Owned> looked_into;
  bool forked = false;
  bool imported = false;      // some module was imported
  bool autoreloaded = false;  // IPython loaded a module anew, before the cell's own code ran
};

// Adds the hook, and watches what no audit event shows (pyobj/outside_inputs); later calls do nothing. A
// refusal (another hook may veto) is logged: effects then go unseen.
void install_audit_hook(const GilHeld&);

// A cell is active from begin_effects to end_effects; they do not nest (a second begin is ignored).
void begin_effects(const GilHeld&);
CellEffects end_effects(const GilHeld&);

// For what no audit event shows, such as an input() that the kernel answers. Ignored while no cell is active.
void note_effect(const GilHeld&, EffectKind kind, std::string detail);

// The file as it is now; size_bytes is -1 where there is none.
InputFile describe_file(std::string path);

// Our own work on this thread is nobody's effect.
class EffectsPaused {
 public:
  EffectsPaused();
  ~EffectsPaused();
  EffectsPaused(const EffectsPaused&) = delete;
  EffectsPaused& operator=(const EffectsPaused&) = delete;
};

}  // namespace elastic::pyobj
