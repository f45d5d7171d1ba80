// The tokens of large buffers, kept while the kernel vouches that their pages have not been written.
//
// A cache under the hash function: whoever asks gets what hashing would give, so that digests are the same
// with and without it. Stamps of changes are made of marks, for which little is read. Of a buffer that was
// written in places only the blocks around them are hashed again.
//
// Invariants: a block's token is kept only if its pages were protected before it was hashed and none has been
// written since, and its mark if they were protected before it got it, or its token is the same; the bytes at
// both ends that share a page with others' memory are compared by a hash of their own. What one buffer's look
// finds written is written for every buffer over the same pages.
//
// A buffer that is rewritten from look to look is no longer protected, since each first write to a page costs
// the user's code a fault, until a look finds it unchanged.
//
// REQUIRES: the GIL. Other threads may write to the buffers meanwhile: the next look sees it.
#pragma once
#include <list>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "elastic/pyobj/buffer_stamp.hpp"
#include "elastic/pyobj/deadline.hpp"
#include "elastic/pyobj/memory_look.hpp"
#include "elastic/pyobj/page_tracking.hpp"
#include "pyobj/walk/hash.hpp"
#include "pyobj/walk/page_watch.hpp"

namespace elastic::pyobj::walk {

// From here on a buffer is worth the system calls; numpy asks for huge pages from here on, too.
inline constexpr std::size_t kLargeBufferBytes = std::size_t{4} << 20;

class HashedMemory {
 public:
  struct Buffer {
    const char* data;
    std::size_t size_bytes;
    std::size_t block_size_bytes;  // what one token covers
    Tag tag;
    bool operator==(const Buffer&) const = default;
  };

  // Within a moment no Python code runs: a buffer that is asked for twice, for its stamp and for its digest,
  // is looked at once.
  void begin_moment() { ++moment_; }
  // The tokens of the buffer's blocks, in order; valid until the next call.
  std::span<const Token> tokens(const Buffer& buffer);
  // Hashes what `tokens` would have to hash, within the moment; false where the deadline came first. What
  // was done is not lost where the pages are watched, and at least one block is; else it is not begun unless
  // there is time for all until `at_once`.
  bool hash_ahead(const Buffer& buffer, const Deadline& deadline, const Deadline& at_once);
  // What stands for the blocks in this process: a block has another mark once it may hold something else.
  // Little is read for them where the pages are watched: what is not hashed yet is sealed, that is protected,
  // and hashed when there is time. Valid until the next call.
  std::span<const std::uint64_t> marks(const Buffer& buffer);
  // Makes `marks` cheap, within the moment; false where they take hashing that would not end in time.
  bool seal(const Buffer& buffer, const Deadline& deadline);

  // As long as it lives, a walk is at work. Unless that hashes, `tokens` seals what would have to be hashed,
  // and gives marks for tokens: then `gave_marks`.
  class Answering {
   public:
    Answering(HashedMemory& memory, MemoryLook look)
        : memory_(memory), before_(std::exchange(memory.look_, look)) {
      memory.gave_marks_ = false;
      memory.walks_ = true;
    }
    ~Answering() {
      memory_.look_ = before_;
      memory_.walks_ = false;
    }
    Answering(const Answering&) = delete;
    Answering& operator=(const Answering&) = delete;
    bool gave_marks() const { return memory_.gave_marks_; }

   private:
    HashedMemory& memory_;
    MemoryLook before_;
  };
  // The tokens of the buffer if it is among those that are watched, and what was written is hashed again.
  BufferStamp stamp(const char* data, std::size_t size_bytes);
  // How much of this memory need not be hashed to answer for it. It may be gone: none, then.
  std::size_t known_bytes(const char* data, std::size_t size_bytes);

  PageTracking tracking();
  bool turn(bool on);

  // See page_tracking.hpp.
  void look_before_fork();
  void watch_in_child();

 private:
  // kSealed: protected and not written since it got its mark, and not hashed.
  enum class Block : std::uint8_t { kUnknown, kSealed, kKnown };
  struct Entry {
    Buffer buffer;
    std::vector<Token> tokens;
    std::vector<Block> blocks;
    std::vector<std::uint64_t> marks;  // by block; 0: the token is of no state that a mark stood for
    std::uint64_t edges = 0;
    std::uint64_t moment = 0;   // of the last look after which all was hashed
    std::uint64_t sealed = 0;   // the same, or sealed
    unsigned rewrites = 0;      // looks in a row that found most of it written
    std::uint64_t version = 0;  // another one whenever any of it is hashed
    bool under_way = false;     // the last look ended before all was hashed
    bool changed = false;       // by that look: any token

    Entry(const Buffer& of, std::size_t count)
        : buffer(of), tokens(count), blocks(count, Block::kUnknown), marks(count, 0) {}
    std::size_t count(Block state) const;
    void forget(Pages span);  // the tokens of what lies there
    void forget_block(std::size_t block);
  };
  using Entries = std::list<Entry>;  // the one asked for last is first

  Entry* find(const char* data, std::size_t size_bytes);
  Entry& entry_of(const Buffer& buffer);
  void look(Entry& entry, std::vector<Pages>& written);
  void mark_written(const std::vector<Pages>& written);
  bool protect(Entry& entry, const std::vector<Pages>& written);
  bool look_and_protect(Entry& entry);
  bool hash_unknown(Entry& entry, const Deadline& deadline, Deadline::Time not_before);
  void hash(Entry& entry, std::size_t block);
  void end_hashing(Entry& entry);
  void seal_unknown(Entry& entry, const Deadline& deadline, bool hashes_new);
  void distrust_written(Entry& entry, const std::vector<std::size_t>& were_sealed);
  bool hash_unwatched(const Buffer& buffer, const Deadline& at_once);
  void drop_all();

  PageWatch watch_;
  bool on_ = true;
  Entries entries_;
  std::unordered_multimap<const char*, Entries::iterator> by_address_;
  std::uint64_t moment_ = 1;
  Entry unwatched_{{}, 0};  // the last buffer that was hashed without being watched
  MemoryLook look_ = MemoryLook::kHash;
  bool walks_ = false;
  bool gave_marks_ = false;
  std::vector<Token> answer_;  // of `tokens`, where these are marks
  std::uint64_t hashed_bytes_ = 0;
  std::uint64_t versions_ = 0;
};

// The process's.
HashedMemory& hashed_memory();

}  // namespace elastic::pyobj::walk
