#include "pyobj/walk/page_watch.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

namespace elastic::pyobj::walk {
namespace {

// What Debian 12's kernel headers (6.1) do not know yet.
constexpr std::uint64_t kFeatureUnpopulated = std::uint64_t{1} << 13;
constexpr std::uint64_t kFeatureAsync = std::uint64_t{1} << 15;
constexpr int kUserModeOnly = 1;   // allowed to everybody; asynchronous faults never ask us anyway
constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ
constexpr std::uint64_t kWatchable = 1 << 0, kWritten = 1 << 1, kFile = 1 << 2, kPresent = 1 << 3,
                        kSwapped = 1 << 4;  // PAGE_IS_*

struct ScanArguments {  // struct pm_scan_arg
  std::uint64_t size, flags, begin, end, walk_end, regions, regions_count, most_pages, inverted, all_of,
      any_of, returned;
};
struct Region {  // struct page_region
  std::uint64_t begin, end, categories;
};
constexpr unsigned long kScan = _IOWR('f', 16, ScanArguments);

struct Wanted {
  std::uint64_t inverted, all_of, any_of;
};
// Still protected: in memory or swapped out, and not written. A page that is neither was given back.
constexpr Wanted kClean{kWritten | kFile, kWatchable | kWritten | kFile, kPresent | kSwapped};
constexpr Wanted kEnlisted{0, kWatchable, 0};
constexpr Wanted kPrivatePresent{kFile, kFile | kPresent, 0};

// Calls visit(begin, end) for the pages wanted, in ascending order; false if the kernel refuses.
template <class Visit>
bool scan(int map_fd, Pages pages, Wanted wanted, Visit visit) {
  std::array<Region, 64> regions;
  while (!pages.empty()) {
    ScanArguments arguments{};
    arguments.size = sizeof arguments;
    arguments.begin = pages.begin;
    arguments.end = pages.end;
    arguments.regions = reinterpret_cast<std::uint64_t>(regions.data());
    arguments.regions_count = regions.size();
    arguments.inverted = wanted.inverted;
    arguments.all_of = wanted.all_of;
    arguments.any_of = wanted.any_of;
    arguments.returned = kWatchable;
    const int found = ioctl(map_fd, kScan, &arguments);
    if (found < 0 || arguments.walk_end <= pages.begin) return false;
    for (int i = 0; i < found; ++i) visit(regions[static_cast<std::size_t>(i)]);
    pages.begin = arguments.walk_end;
  }
  return true;
}

uffdio_range range_of(Pages pages) { return {pages.begin, pages.end - pages.begin}; }

// Memory to try things on.
class Sample {
 public:
  static constexpr std::size_t kPagesCount = 4;
  Sample()
      : data_(mmap(nullptr, kPagesCount * kPageSizeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0)) {}
  ~Sample() {
    if (ok()) munmap(data_, kPagesCount * kPageSizeBytes);
  }
  Sample(const Sample&) = delete;
  Sample& operator=(const Sample&) = delete;
  bool ok() const { return data_ != MAP_FAILED; }
  volatile char* page(std::size_t i) const { return static_cast<char*>(data_) + i * kPageSizeBytes; }
  Pages pages(std::size_t first, std::size_t count) const {
    const auto begin = reinterpret_cast<std::uintptr_t>(data_) + first * kPageSizeBytes;
    return {begin, begin + count * kPageSizeBytes};
  }
  void give_back(std::size_t i) const { madvise(const_cast<char*>(page(i)), kPageSizeBytes, MADV_DONTNEED); }

 private:
  void* data_;
};

}  // namespace

Pages pages_inside(Pages memory) {
  return {(memory.begin + kPageSizeBytes - 1) / kPageSizeBytes * kPageSizeBytes,
          memory.end / kPageSizeBytes * kPageSizeBytes};
}

Pages pages_around(Pages memory) {
  return {memory.begin / kPageSizeBytes * kPageSizeBytes,
          (memory.end + kPageSizeBytes - 1) / kPageSizeBytes * kPageSizeBytes};
}

PageWatch::PageWatch() { start_anew(); }

bool PageWatch::open() {
  if (sysconf(_SC_PAGESIZE) != static_cast<long>(kPageSizeBytes)) return false;
  owner_ = getpid();
  fault_fd_ = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | kUserModeOnly));
  map_fd_ = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (fault_fd_ < 0 || map_fd_ < 0) return false;
  uffdio_api api{UFFD_API, kFeatureAsync | kFeatureUnpopulated, 0};
  return ioctl(fault_fd_, UFFDIO_API, &api) == 0;
}

void PageWatch::close() {
  if (fault_fd_ >= 0) ::close(fault_fd_);
  if (map_fd_ >= 0) ::close(map_fd_);
  fault_fd_ = map_fd_ = -1;
}

bool PageWatch::tells_the_truth() {
  const Sample sample;
  if (!sample.ok()) return false;
  for (std::size_t i = 0; i < Sample::kPagesCount; ++i) *sample.page(i) = 1;
  const Pages all = sample.pages(0, Sample::kPagesCount);
  std::vector<Pages> written;
  append_written(all, written);
  if (written != std::vector{all} || !enlist(all) || !protect(all)) return false;
  written.clear();
  append_written(all, written);
  if (!written.empty()) return false;
  *sample.page(1) = 2;
  sample.give_back(3);
  append_written(all, written);
  return written == std::vector{sample.pages(1, 1), sample.pages(3, 1)};
}

bool PageWatch::works() {
  if (fault_fd_ >= 0 && owner_ != getpid()) close();
  return fault_fd_ >= 0;
}

bool PageWatch::start_anew() {
  close();
  if (!open() || !tells_the_truth()) close();
  return fault_fd_ >= 0;
}

bool PageWatch::is_private_and_present(Pages pages) const {
  std::uintptr_t reached = pages.begin;
  const bool scanned = scan(map_fd_, pages, kPrivatePresent, [&](const Region& region) {
    if (region.begin == reached) reached = region.end;
  });
  return scanned && reached == pages.end;
}

bool PageWatch::enlist(Pages memory) {
  // Reading the pages in lets the kernel say what they are, and refuses a device's memory.
  const Pages around = pages_around(memory), inside = pages_inside(memory);
  if (inside.empty()) return false;
  if (madvise(reinterpret_cast<void*>(inside.begin), inside.end - inside.begin, kPopulateRead) != 0)
    return false;
  if (!is_private_and_present(inside)) return false;
  uffdio_register enlisted{range_of(around), UFFDIO_REGISTER_MODE_WP, 0};
  return ioctl(fault_fd_, UFFDIO_REGISTER, &enlisted) == 0;
}

bool PageWatch::is_enlisted(Pages memory) const {
  bool any = false;
  scan(map_fd_, pages_inside(memory), kEnlisted, [&](const Region&) { any = true; });
  return any;
}

void PageWatch::release(Pages memory) {
  uffdio_range range = range_of(pages_around(memory));
  ioctl(fault_fd_, UFFDIO_UNREGISTER, &range);  // fails where the memory is gone, and that is as well
}

bool PageWatch::protect(Pages pages) {
  uffdio_writeprotect protection{range_of(pages), UFFDIO_WRITEPROTECT_MODE_WP};
  return ioctl(fault_fd_, UFFDIO_WRITEPROTECT, &protection) == 0;
}

void PageWatch::append_written(Pages pages, std::vector<Pages>& written) {
  std::uintptr_t seen = pages.begin;
  const bool scanned = scan(map_fd_, pages, kClean, [&](const Region& clean) {
    if (clean.begin > seen) written.push_back({seen, clean.begin});
    seen = clean.end;
  });
  if (!scanned) seen = pages.begin;
  if (seen < pages.end) written.push_back({seen, pages.end});
}

}  // namespace elastic::pyobj::walk
