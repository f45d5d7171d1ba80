// Whether mapped buffers are still what was written, found out after the restore has returned.
//
// A pickle is never loaded before its bytes are checked; buffers, which are data, are mapped, and a thread of
// its own reads and digests them from the files (never from the user's memory). Threads: all calls on one;
// none needs the GIL.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "elastic/plan/plan.hpp"
#include "session/restore_source.hpp"

namespace elastic::session {

class DamageCheck {
 public:
  // Begins with what the plan loads from the source.
  DamageCheck(const Source& source, const plan::Plan& plan);
  ~DamageCheck();

  bool done() const { return !verifier_ || verifier_->done(); }
  // Waits for the end. What is wrong, by variable; empty: nothing.
  std::map<std::string, std::string> wait();

 private:
  std::unique_ptr<store::BackgroundVerifier> verifier_;  // empty: nothing was mapped
  std::vector<std::vector<std::string>> names_;          // of each blob it was given
  int owner_;                                            // the process that has the thread
};

}  // namespace elastic::session
