#include "pyobj/walk/hashed_memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace elastic::pyobj::walk {
namespace {

constexpr std::size_t kMostEntries =
    1024;                                 // each can split a mapping in three, of which a process has 65,530
constexpr std::size_t kMostSpans = 1024;  // of written pages, each a system call; beyond, all is hashed
constexpr unsigned kMostRewrites = 2;
constexpr std::size_t kHashedPerUs = 8000;  // bytes

using Buffer = HashedMemory::Buffer;

Pages memory_of(const Buffer& buffer) {
  const auto begin = reinterpret_cast<std::uintptr_t>(buffer.data);
  return {begin, begin + buffer.size_bytes};
}

std::size_t block_count(const Buffer& buffer) {
  return (buffer.size_bytes + buffer.block_size_bytes - 1) / buffer.block_size_bytes;
}

Token block_token(const Buffer& buffer, std::size_t block) {
  const std::size_t at = block * buffer.block_size_bytes;
  return bytes_token(buffer.data + at, std::min(buffer.block_size_bytes, buffer.size_bytes - at), buffer.tag);
}

std::chrono::microseconds time_to_hash(std::size_t bytes) {
  return std::chrono::microseconds(bytes / kHashedPerUs);
}

// Of the bytes outside the pages that are watched.
std::uint64_t edges_stamp(const Buffer& buffer) {
  const Pages memory = memory_of(buffer), inside = pages_inside(memory);
  const std::uint64_t head = raw_stamp(buffer.data, inside.begin - memory.begin);
  return std::rotl(head, 1) ^ raw_stamp(reinterpret_cast<const char*>(inside.end), memory.end - inside.end);
}

bool wanted_by_environment() {
  const char* wanted = std::getenv("ELASTICPYTHON_PAGE_TRACKING");
  return wanted == nullptr || std::string_view(wanted) != "0";
}

}  // namespace

HashedMemory& hashed_memory() {
  // Never destroyed: the kernel lets go of the pages when the process is gone, and the walk may outlive us.
  static auto* const memory = [] {
    auto* made = new HashedMemory;
    made->turn(wanted_by_environment());
    return made;
  }();
  return *memory;
}

Token memory_token(const void* data, std::size_t size, Tag tag) {
  if (size < kLargeBufferBytes) return bytes_token(data, size, tag);
  return hashed_memory().tokens({static_cast<const char*>(data), size, size, tag})[0];
}

std::uint64_t memory_mark(const void* data, std::size_t size, Tag tag) {
  if (size < kLargeBufferBytes) return bytes_token(data, size, tag).a;
  return hashed_memory().marks({static_cast<const char*>(data), size, size, tag})[0];
}

std::span<const Token> HashedMemory::tokens(const Buffer& buffer) {
  if (look_ != MemoryLook::kHash && on_ && watch_.works()) {
    seal(buffer, {});
    const Entry& entry = entry_of(buffer);
    if (look_ == MemoryLook::kSeal && entry.count(Block::kKnown) == entry.blocks.size()) return entry.tokens;
    gave_marks_ = true;
    answer_.clear();
    for (const std::uint64_t mark : entry.marks) answer_.push_back(word_token(mark, Tag::kBlock));
    return answer_;
  }
  hash_ahead(buffer, {}, {});
  return on_ && watch_.works() ? entry_of(buffer).tokens : unwatched_.tokens;
}

std::span<const std::uint64_t> HashedMemory::marks(const Buffer& buffer) {
  // A walk that hashes comes for the tokens next, and what was hashed before it was sealed has marks that
  // last longer: as long as the content.
  if (walks_ && look_ == MemoryLook::kHash)
    hash_ahead(buffer, {}, {});
  else
    seal(buffer, {});
  return on_ && watch_.works() ? entry_of(buffer).marks : unwatched_.marks;
}

bool HashedMemory::seal(const Buffer& buffer, const Deadline& deadline) {
  if (!on_ || !watch_.works()) return hash_unwatched(buffer, deadline);
  Entry& entry = entry_of(buffer);
  if (entry.sealed == moment_ || entry.moment == moment_) return true;
  const bool may_be_as_it_was = !walks_ && entry.sealed == 0 && entry.moment == 0;  // but we have forgotten
  if (look_and_protect(entry)) {
    seal_unknown(entry, deadline, may_be_as_it_was);
  } else {
    const std::size_t unhashed = entry.blocks.size() - entry.count(Block::kKnown);
    if (deadline.would_pass(time_to_hash(unhashed * buffer.block_size_bytes))) return false;
    if (!hash_unknown(entry, deadline, {})) return false;
    end_hashing(entry);
  }
  entry.sealed = moment_;
  return true;
}

// Whether what is not known of the entry is watched from here on.
bool HashedMemory::look_and_protect(Entry& entry) {
  std::vector<Pages> written;
  look(entry, written);
  if (entry.count(Block::kUnknown) == 0) {
    entry.rewrites = 0;
    return true;
  }
  entry.under_way = false;
  const bool stays = protect(entry, written);
  entry.edges = edges_stamp(entry.buffer);
  entry.changed = false;
  entry.under_way = true;
  return stays;
}

bool HashedMemory::hash_ahead(const Buffer& buffer, const Deadline& deadline, const Deadline& at_once) {
  if (!on_ || !watch_.works()) return hash_unwatched(buffer, at_once);
  Entry& entry = entry_of(buffer);
  if (entry.moment == moment_) return true;
  const auto began = std::chrono::steady_clock::now();
  std::vector<Pages> written;
  look(entry, written);
  const std::size_t unknown = entry.blocks.size() - entry.count(Block::kKnown);
  if (unknown == 0) {
    entry.rewrites = 0;
    entry.moment = moment_;
    return true;
  }
  // Protected before they are hashed, and the edges read before their blocks are: what is written from here
  // on is seen at the next look.
  const bool stays = (entry.under_way && written.empty()) || protect(entry, written);
  entry.edges = edges_stamp(buffer);
  entry.changed = entry.changed && entry.under_way;
  entry.under_way = true;
  if (!stays && at_once.would_pass(time_to_hash(unknown * buffer.block_size_bytes))) return false;
  // As long as the looking took, at least: large memory would be looked at for each of its blocks.
  const auto now = std::chrono::steady_clock::now();
  if (!hash_unknown(entry, stays ? deadline : at_once, now + (now - began))) return false;
  end_hashing(entry);
  return true;
}

void HashedMemory::end_hashing(Entry& entry) {
  entry.under_way = false;
  if (!entry.changed) entry.rewrites = 0;
  entry.moment = moment_;
}

bool HashedMemory::hash_unwatched(const Buffer& buffer, const Deadline& at_once) {
  if (unwatched_.moment == moment_ && unwatched_.buffer == buffer) return true;
  if (at_once.would_pass(time_to_hash(buffer.size_bytes))) return false;
  unwatched_ = Entry(buffer, block_count(buffer));
  if (!hash_unknown(unwatched_, at_once, {})) return false;
  std::transform(unwatched_.tokens.begin(), unwatched_.tokens.end(), unwatched_.marks.begin(),
                 [](Token token) { return token.a; });
  unwatched_.moment = moment_;
  return true;
}

BufferStamp HashedMemory::stamp(const char* data, std::size_t size_bytes) {
  Entry* entry = on_ && watch_.works() ? find(data, size_bytes) : nullptr;
  if (!entry) return {};
  begin_moment();
  // Hashed once more for every stamp, it would be read more often than whoever asks has to read it.
  if (!look_and_protect(*entry)) return {};
  BufferStamp stamp{entry->buffer.block_size_bytes, {}, 0};
  for (const Token token : tokens(entry->buffer)) stamp.blocks.push_back({token.a, token.b});
  stamp.version = entry->version;
  return stamp;
}

std::size_t HashedMemory::known_bytes(const char* data, std::size_t size_bytes) {
  Entry* entry = on_ && watch_.works() ? find(data, size_bytes) : nullptr;
  if (!entry) return 0;
  // The system is asked about the pages, and nothing is read: the memory of a variable that has been rebound
  // may be gone.
  std::vector<Pages> written;
  watch_.append_written(pages_inside(memory_of(entry->buffer)), written);
  mark_written(written);
  const std::size_t known = entry->blocks.size() - entry->count(Block::kUnknown);
  return std::min(size_bytes, known * entry->buffer.block_size_bytes);
}

HashedMemory::Entry* HashedMemory::find(const char* data, std::size_t size_bytes) {
  const auto [first, last] = by_address_.equal_range(data);
  for (auto at = first; at != last; ++at) {
    if (at->second->buffer.size_bytes == size_bytes) return &*at->second;
  }
  return nullptr;
}

HashedMemory::Entry& HashedMemory::entry_of(const Buffer& buffer) {
  const auto [first, last] = by_address_.equal_range(buffer.data);
  for (auto at = first; at != last; ++at) {
    if (at->second->buffer != buffer) continue;
    entries_.splice(entries_.begin(), entries_, at->second);
    return entries_.front();
  }
  if (entries_.size() >= kMostEntries) {
    const Buffer oldest = entries_.back().buffer;
    const auto [begin, end] = by_address_.equal_range(oldest.data);
    by_address_.erase(std::find_if(begin, end, [&](const auto& at) { return at.second->buffer == oldest; }));
    entries_.pop_back();
    watch_.release(memory_of(oldest));
  }
  entries_.emplace_front(buffer, block_count(buffer));
  by_address_.emplace(buffer.data, entries_.begin());
  return entries_.front();
}

// Finds out what of the entry is not known any more.
void HashedMemory::look(Entry& entry, std::vector<Pages>& written) {
  const Pages memory = memory_of(entry.buffer);
  watch_.append_written(pages_inside(memory), written);
  mark_written(written);
  if (edges_stamp(entry.buffer) == entry.edges) return;
  const Pages inside = pages_inside(memory);
  entry.forget({memory.begin, inside.begin});
  entry.forget({inside.end, memory.end});
}

// Every buffer over these pages has to be hashed there, whoever found it out.
void HashedMemory::mark_written(const std::vector<Pages>& written) {
  if (written.empty()) return;
  for (Entry& entry : entries_) {
    for (const Pages& span : written) entry.forget(span);
  }
}

void HashedMemory::Entry::forget(Pages span) {
  const Pages memory = memory_of(buffer);
  const std::uintptr_t begin = std::max(span.begin, memory.begin), end = std::min(span.end, memory.end);
  if (begin >= end) return;
  const std::size_t last = (end - 1 - memory.begin) / buffer.block_size_bytes;
  for (std::size_t block = (begin - memory.begin) / buffer.block_size_bytes; block <= last; ++block)
    forget_block(block);
}

// Whether what was sealed has changed nobody can tell once it is written.
void HashedMemory::Entry::forget_block(std::size_t block) {
  if (blocks[block] == Block::kSealed) marks[block] = 0;
  blocks[block] = Block::kUnknown;
}

std::size_t HashedMemory::Entry::count(Block state) const {
  return static_cast<std::size_t>(std::count(blocks.begin(), blocks.end(), state));
}

bool HashedMemory::protect(Entry& entry, const std::vector<Pages>& written) {
  const std::size_t unknown = entry.count(Block::kUnknown);
  // Memory that was given back and comes from the system again is another buffer's.
  if (entry.rewrites > 0 && !watch_.is_enlisted(memory_of(entry.buffer))) entry.rewrites = 0;
  if (!entry.under_way) entry.rewrites = unknown * 2 > entry.blocks.size() ? entry.rewrites + 1 : 0;
  // The first look at a buffer finds all of it written, too.
  if (entry.rewrites > kMostRewrites || !watch_.enlist(memory_of(entry.buffer))) return false;
  if (written.size() > kMostSpans) {
    const std::vector all{pages_inside(memory_of(entry.buffer))};
    mark_written(all);
    return watch_.protect(all.front());
  }
  bool all_protected = true;
  for (const Pages& span : written) all_protected &= watch_.protect(span);
  return all_protected;
}

// At least one block; false where the deadline came before the last.
bool HashedMemory::hash_unknown(Entry& entry, const Deadline& deadline, Deadline::Time not_before) {
  bool any = false, all = true;
  std::vector<std::size_t> were_sealed;
  entry.version = ++versions_;
  for (std::size_t block = 0; block < entry.blocks.size(); ++block) {
    if (entry.blocks[block] == Block::kKnown) continue;
    const bool may_end = std::exchange(any, true) && deadline && Deadline(not_before).has_passed();
    if (may_end && deadline.has_passed()) {
      all = false;
      break;
    }
    if (entry.blocks[block] == Block::kSealed) were_sealed.push_back(block);
    hash(entry, block);
  }
  if (!were_sealed.empty()) distrust_written(entry, were_sealed);
  return all;
}

void HashedMemory::hash(Entry& entry, std::size_t block) {
  const bool sealed = entry.blocks[block] == Block::kSealed;
  const Token token = block_token(entry.buffer, block);
  hashed_bytes_ += std::min(entry.buffer.block_size_bytes,
                            entry.buffer.size_bytes - block * entry.buffer.block_size_bytes);
  const bool differs = entry.marks[block] == 0 || token != entry.tokens[block];
  if (!sealed && differs) entry.marks[block] = token.a;
  entry.changed |= sealed || differs;
  entry.tokens[block] = token;
  entry.blocks[block] = Block::kKnown;
}

// A thread without the GIL may have written since the look: the token is of that, and the mark is not.
void HashedMemory::distrust_written(Entry& entry, const std::vector<std::size_t>& were_sealed) {
  std::vector<Pages> written;
  look(entry, written);
  for (const std::size_t block : were_sealed)
    if (entry.blocks[block] == Block::kUnknown) entry.marks[block] = 0;
}

// Of what was hashed before and has been written, as much is hashed as says that it is another, or that
// nothing is.
void HashedMemory::seal_unknown(Entry& entry, const Deadline& deadline, bool hashes_new) {
  bool differs = false;
  for (std::size_t block = 0; block < entry.blocks.size(); ++block) {
    if (entry.blocks[block] != Block::kUnknown) continue;
    const std::uint64_t before = entry.marks[block];
    if ((before != 0 || hashes_new) && !differs && !deadline.has_passed()) {
      entry.version = ++versions_;
      hash(entry, block);
      differs = before != 0 && entry.marks[block] != before;
      continue;
    }
    entry.blocks[block] = Block::kSealed;
    entry.marks[block] = scramble(++versions_);  // the tokens of others are no small numbers either
  }
}

PageTracking HashedMemory::tracking() {
  const bool works = watch_.works();
  return {works, works && on_, entries_.size(), hashed_bytes_};
}

bool HashedMemory::turn(bool on) {
  if (!on) drop_all();
  on_ = on;
  return tracking().on;
}

// Memory that is gone is not touched: the edges are compared when somebody asks for a buffer that lives.
void HashedMemory::look_before_fork() {
  if (!on_ || !watch_.works()) return;
  std::vector<Pages> written;
  for (const Entry& entry : entries_) watch_.append_written(pages_inside(memory_of(entry.buffer)), written);
  mark_written(written);
}

// The child has what the parent had, and its pages are not protected yet.
void HashedMemory::watch_in_child() {
  begin_moment();
  const bool watches = on_ && watch_.start_anew();
  for (Entry& entry : entries_) {
    const Pages memory = memory_of(entry.buffer);
    const bool any = entry.count(Block::kUnknown) < entry.blocks.size();
    if (!any || (watches && watch_.enlist(memory) && watch_.protect(pages_inside(memory)))) continue;
    for (std::size_t block = 0; block < entry.blocks.size(); ++block) entry.forget_block(block);
  }
}

void HashedMemory::drop_all() {
  if (watch_.works()) {
    for (const Entry& entry : entries_) watch_.release(memory_of(entry.buffer));
  }
  entries_.clear();
  by_address_.clear();
}

}  // namespace elastic::pyobj::walk

namespace elastic::pyobj {

PageTracking page_tracking() { return walk::hashed_memory().tracking(); }
BufferStamp stamp_of(const GilHeld&, std::span<const std::byte> buffer) {
  return walk::hashed_memory().stamp(reinterpret_cast<const char*>(buffer.data()), buffer.size());
}
bool set_page_tracking(bool on) { return walk::hashed_memory().turn(on); }
void look_at_pages_before_fork() { walk::hashed_memory().look_before_fork(); }
void watch_pages_in_child() { walk::hashed_memory().watch_in_child(); }

}  // namespace elastic::pyobj
