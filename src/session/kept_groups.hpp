// What the last checkpoint at a place holds of each group. One that is still what it was then is neither
// pickled nor digested again: the new checkpoint names the same blobs.
//
// A group is what it was if each of its variables has the snapshot it had, of the same content, and nothing
// in it is hidden from the walk. That is not enough for every pickle, so not kept are
// - what code of the session or of the user's own modules had a hand in: it may look at anything;
// - what refers to the outside, as a memory-mapped file: whether that is there is looked at when it is
// pickled;
// - circles of groups and parts of one (parts_alone.cpp): their pickle is not theirs alone.
// And a pickle in which an object has a reducer depends on which functions, classes and modules are
// variables, since those are referred to: it is kept as long as all of these are what they were.
//
// Threads: the GIL is held.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "elastic/pyobj/ref.hpp"
#include "session/dumped.hpp"

namespace elastic::session {

class Tracker;

class KeptGroups {
 public:
  // Of what is about to be pickled; null where nothing is known of it, or the target has it no longer.
  std::shared_ptr<const KeptGroup> find(const DumpedSession& dumped, std::size_t place,
                                        const std::vector<std::string>& names) const;
  // The checkpoint of `dumped` is whole. `refs`: its blobs; `first_blobs`: by place, that of the pickle.
  void commit(const DumpedSession& dumped, std::span<const store::BlobRef> refs,
              const std::map<std::size_t, std::size_t>& first_blobs);

 private:
  std::string referable_;
  std::map<std::string, std::shared_ptr<const KeptGroup>> groups_;  // by identity_of
};

// Names, snapshots and contents of the group's variables, and `nans`, which any of them may hold; empty where
// one of them is hidden from the walk.
std::string identity_of(const Tracker& tracker, const DumpedSession& dumped, std::size_t place,
                        const std::string& nans);
// The referable variables (referable_names) for which `counts` is true, as they are now.
std::string referable_identity(const graph::History& history, pyobj::Borrowed user_namespace,
                               const std::vector<std::string>& referable, bool (*counts)(PyObject*));

}  // namespace elastic::session
