// Large buffers that the last checkpoint stored, and what has been written to them since: the next one
// neither digests nor stores the rest of them again.
//
// Where the kernel does not watch the pages nothing is known, and everything is digested. A blob of another
// store is of no use there: the store does not find it, and digests. Threads: the GIL is held.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "elastic/pyobj/buffer_stamp.hpp"
#include "elastic/store/blob.hpp"
#include "elastic/store/file_system.hpp"

namespace elastic::session {

struct FormerBuffer {
  store::BlobRef blob;
  std::vector<store::ByteRange> changed;  // ascending

  store::KnownBefore known() const { return {blob, changed}; }
};

class KnownBuffers {
 public:
  // A checkpoint begins: what an earlier one has looked at and not stored is forgotten.
  void begin();
  // To be called before the buffer's bytes are digested. Empty: nothing is known of what was stored.
  std::optional<FormerBuffer> look(const pyobj::GilHeld&, store::ConstBytes buffer);
  // The bytes that were there at `look` are stored as `blob`, unless something has written to them meanwhile.
  void stored(const pyobj::GilHeld&, store::ConstBytes buffer, const store::BlobRef& blob);
  // A buffer that was not looked at, since its group is what it was, stays stored as `blob`.
  void still_stored(const store::BlobRef& blob) { still_.insert(blob.digest); }
  // The checkpoint is whole.
  void commit();

 private:
  using Place = std::pair<const std::byte*, std::size_t>;
  struct Known {
    pyobj::BufferStamp stamp;
    store::BlobRef blob;
  };

  std::map<Place, pyobj::BufferStamp> seen_;  // by this checkpoint
  std::map<Place, Known> next_, stored_;      // by this one, by the last one that was whole
  std::set<store::BlobDigest> still_;         // by this one, as the last one did
};

}  // namespace elastic::session
