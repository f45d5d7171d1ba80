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
#include <unordered_map>
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
  // The checkpoint of `dumped` is whole. `blobs`: of it; `stored_at`: by place, the payload's group.
  void commit(const DumpedSession& dumped, std::span<const store::BlobRef> blobs,
              const std::map<std::size_t, std::size_t>& stored_at);
  // All of a checkpoint has come back as it was; `history` is that of the session now.
  void learn(const Payload& payload, std::span<const store::BlobRef> blobs, const graph::History& history,
             pyobj::Borrowed user_namespace);

 private:
  std::string referable_;
  std::unordered_map<std::string, std::shared_ptr<const KeptGroup>> groups_;  // by identity_of
};

// Of a group that is stored at this place.
Reuse reuse_of(const DumpedSession& dumped, std::size_t place);

// Names, snapshots and contents of the group's variables, and `nans`, which any of them may hold; empty where
// one of them is hidden from the walk.
std::string identity_of(const Tracker& tracker, const DumpedSession& dumped, std::size_t place,
                        const std::string& nans);
// The referable variables (referable_names) as they are now, and those of them that are a NaN.
struct Referable {
  std::string all{}, nans{};
};
Referable referable_identity(const graph::History& history, pyobj::Borrowed user_namespace,
                             const std::vector<std::string>& referable);

}  // namespace elastic::session
