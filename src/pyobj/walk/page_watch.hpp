// Which pages of this process's memory have been written to, as the kernel tells it.
//
// Pages are write-protected with userfaultfd in its asynchronous mode (Linux 6.7): the first write to a page
// lifts its protection in the kernel, nobody is asked and system calls that write (read(2)) go on working.
// The PAGEMAP_SCAN call then says which pages are still protected.
//
// Only private anonymous memory is watched: a file or shared memory can change without a write of ours. What
// comes between is seen as written, never as clean: memory given back and mapped anew, moved (mremap), zeroed
// (MADV_DONTNEED), unwatched, or of a child after fork.
//
// A write that does not go through this process's page tables is not seen: a device or a ring that pinned the
// pages before they were protected (RDMA, registered io_uring buffers).
//
// Threads: none at a time but one; other threads may write to the memory.
#pragma once
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace elastic::pyobj::walk {

// Addresses [begin, end).
struct Pages {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  bool operator==(const Pages&) const = default;
  bool empty() const { return begin >= end; }
};

class PageWatch {
 public:
  // Tries on memory of its own whether the kernel does all of this and says the truth.
  PageWatch();
  ~PageWatch() { close(); }
  PageWatch(const PageWatch&) = delete;
  PageWatch& operator=(const PageWatch&) = delete;

  // False if the kernel does not offer it, or in a child after fork, which must not speak for its parent.
  bool works();

  // In a child after fork: for its own pages, none of which is protected. As works() afterwards.
  bool start_anew();

  // Makes the memory ready to be protected; false if it cannot be. The pages at both ends are taken in whole:
  // splitting an allocation's mapping would make realloc() copy instead of move.
  bool enlist(Pages memory);
  // Whether any of it is since it was mapped.
  bool is_enlisted(Pages memory) const;
  void release(Pages memory);
  // From now on a write to one of the pages is seen. REQUIRES: page boundaries, inside what was enlisted.
  bool protect(Pages pages);
  // Appends the pages that have been written since they were protected, or never were.
  // REQUIRES: page boundaries.
  void append_written(Pages pages, std::vector<Pages>& written);

 private:
  bool open();
  void close();
  bool tells_the_truth();
  bool is_private_and_present(Pages pages) const;

  int fault_fd_ = -1;
  int map_fd_ = -1;
  pid_t owner_ = 0;
};

inline constexpr std::uintptr_t kPageSizeBytes = 4096;  // x86-64, and AArch64 as Debian builds it

// The pages that lie inside the memory with every byte, and those that hold any of it.
Pages pages_inside(Pages memory);
Pages pages_around(Pages memory);

}  // namespace elastic::pyobj::walk
