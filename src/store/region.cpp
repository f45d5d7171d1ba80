#include <sys/mman.h>

#include <cstdlib>
#include <utility>

#include "elastic/store/reader.hpp"

namespace elastic::store {

// Memory is not behind the FileSystem seam: nothing durable depends on it, and a test can run out of it by
// asking for too much.
Result<Region> Region::on_heap(std::uint64_t size_bytes) {
  Region region;
  // Not value-initialised: it is about to be overwritten, and zeroing costs as much as reading.
  region.data_ = static_cast<std::byte*>(std::malloc(size_bytes > 0 ? size_bytes : 1));
  if (region.data_ == nullptr) {
    return Error(ErrorCode::kLimitExceeded, "not enough memory for " + std::to_string(size_bytes) + " bytes");
  }
  region.size_bytes_ = size_bytes;
  return region;
}

Result<Region> Region::of_pages(std::uint64_t size_bytes) {
  if (size_bytes == 0) return on_heap(0);
  Region region;
  void* const memory =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return Error(ErrorCode::kLimitExceeded,
                 "not enough address space for " + std::to_string(size_bytes) + " bytes");
  }
  region.data_ = static_cast<std::byte*>(memory);
  region.size_bytes_ = size_bytes;
  region.mapped_bytes_ = size_bytes;
  return region;
}

Region& Region::operator=(Region&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  std::swap(unverified_, other.unverified_);
  return *this;
}

Region::~Region() {
  if (mapped_bytes_ != 0) {
    ::munmap(data_, mapped_bytes_);
  } else {
    std::free(data_);
  }
}

}  // namespace elastic::store
