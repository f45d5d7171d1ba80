// What a session asks of whoever drives it: the kernel today, an extension in a stock ipykernel tomorrow.
//
// Threads: every call holds the GIL, on the thread that runs cells. Errors: kCancelled for an interrupt of
// the user's, anything else for a failure of the driver's own; what a re-run cell raises is no error but an
// outcome.
#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

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
  // A restore waits because another process still writes the checkpoint; called several times a second.
  virtual Result<> waits_for_writer(const pyobj::GilHeld&, std::uint64_t bytes_done,
                                    std::uint64_t bytes_total) = 0;  // total 0: not known
  // Asked between two variables of a checkpoint that is made while nothing else is to do. kCancelled:
  // something is.
  virtual Result<> goes_on(const pyobj::GilHeld&) = 0;
  // A checkpoint is being written; called after every few megabytes.
  virtual Result<> writes(const pyobj::GilHeld&, std::uint64_t bytes_done, std::uint64_t bytes_total) = 0;
  // Of a checkpoint as heir: the store says that it is under way; everything is pickled, and the rest
  // is only to be written.
  virtual Result<> announced(const pyobj::GilHeld&) = 0;
  virtual Result<> pickled(const pyobj::GilHeld&, bool takes_long) = 0;
  // A restore has read so much of what it is going to read; several times a second.
  virtual Result<> reads(const pyobj::GilHeld&, std::uint64_t bytes_done, std::uint64_t bytes_total) = 0;
  // A restore is about to run `cell` again, the `number`th of `count`, which took `left_us` when they first
  // ran.
  virtual Result<> reruns(const pyobj::GilHeld&, CellIndex cell, std::size_t number, std::size_t count,
                          std::int64_t left_us) = 0;
  // A restore is about to load and run; `shell` is what the checkpoint was given. Undone by nobody: what is
  // set here is the driver's to put back when the restore fails.
  virtual Result<> restore_begins(const pyobj::GilHeld&, const nlohmann::json& shell) = 0;
  // One of CheckpointOptions::objects, loaded; for the driver to use when the restore is through.
  virtual Result<> keep_object(const pyobj::GilHeld&, const std::string& name, pyobj::Borrowed value) = 0;
  // Before `cell` runs again: what it found outside of the namespace is set. Returns those of
  // CheckpointOptions::objects that go there, too; put_object is given what of them can be loaded yet.
  virtual Result<std::set<std::string>> objects_before(const pyobj::GilHeld&,
                                                       const graph::CellExecution& cell) = 0;
  virtual Result<> put_object(const pyobj::GilHeld&, const std::string& name, pyobj::Borrowed value) = 0;
  // Until the call returns an interrupt must not strike: the session is the restored one.
  virtual Result<> restore_commits(const pyobj::GilHeld&) = 0;
  // Runs a recorded cell once more in the user namespace. Its output is kept, not shown; prompts and In/Out
  // stay as they are.
  virtual Result<RerunOutcome> run_cell(const pyobj::GilHeld&, CellIndex index,
                                        const graph::CellExecution& cell) = 0;
};

}  // namespace elastic::session
