// What the store costs against copying the same bytes: the claims of docs/benchmarks.md about `store`.
//
//   store_benchmark DIRECTORY [MEGABYTES]     prints one JSON object a line; the directory is on the disk to
//   be measured.
//
// Everything that is timed ends with fsync, since a checkpoint that is not on the disk is none; the copy
// without it is shown too.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <vector>

#include "elastic/store/garbage.hpp"
#include "elastic/store/reader.hpp"
#include "elastic/store/store.hpp"
#include "elastic/store/writer.hpp"

namespace {

using namespace elastic;
using namespace elastic::store;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "store_benchmark: %s\n", what.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result.ok()) fail(result.error().to_string());
  return std::move(result).value();
}

double g_cpu_ms = 0;  // of the last timed_ms: what a busy machine does not blur

double cpu_ms() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

double timed_ms(const std::function<void()>& work) {
  const std::int64_t begun_us = system_clock().monotonic_us();
  const double begun_cpu_ms = cpu_ms();
  work();
  g_cpu_ms = cpu_ms() - begun_cpu_ms;
  return static_cast<double>(system_clock().monotonic_us() - begun_us) / 1000.0;
}

void report(const char* name, double ms, std::uint64_t bytes) {
  std::printf("{\"name\": \"%s\", \"ms\": %.2f, \"cpu_ms\": %.2f, \"mb_per_s\": %.0f}\n", name, ms, g_cpu_ms,
              static_cast<double>(bytes) / 1e6 / (ms / 1e3));
  std::fflush(stdout);
}

std::vector<std::byte> noise(std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::mt19937_64 random(1);
  for (std::size_t i = 0; i + 8 <= size; i += 8)
    *reinterpret_cast<std::uint64_t*>(bytes.data() + i) = random();
  return bytes;
}

// What `cat` does, from memory: 128 KiB writes.
void plain_copy(const std::string& path, ConstBytes bytes, bool sync) {
  const int file = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  for (std::size_t at = 0; at < bytes.size(); at += 128 << 10) {
    const std::size_t size = std::min<std::size_t>(128 << 10, bytes.size() - at);
    if (::write(file, bytes.data() + at, size) != static_cast<ssize_t>(size)) fail("writing " + path);
  }
  if (sync && ::fsync(file) != 0) fail("fsync");
  ::close(file);
}

CommitReport checkpoint(Store& store, const std::vector<ConstBytes>& blobs, BlobKind kind,
                        const KnownBefore* before = nullptr) {
  WriterOptions options;
  options.label = "benchmark";
  const auto writer = must(store.begin(options));
  std::vector<BlobRef> refs;
  for (const ConstBytes blob : blobs) refs.push_back(must(writer->put_blob(blob, kind, before)));
  return must(writer->commit(as_bytes("{}"), refs));
}

void run(const std::string& directory, std::size_t size) {
  std::vector<std::byte> buffer = noise(size);
  report("copy, not synced", timed_ms([&] { plain_copy(directory + "/copy", buffer, false); }), size);
  std::filesystem::remove(directory + "/copy");
  ::sync();
  const double copy_ms = timed_ms([&] { plain_copy(directory + "/copy", buffer, true); });
  report("copy, synced", copy_ms, size);
  std::filesystem::remove(directory + "/copy");
  ::sync();

  const auto store = must(Store::open(local_backend(system_files(), directory + "/store"), system_files(),
                                      system_clock(), Key({}), {}));
  CommitReport done;
  const double write_ms = timed_ms([&] { done = checkpoint(*store, {buffer}, BlobKind::kBuffer); });
  report("first checkpoint", write_ms, size);
  std::printf("{\"name\": \"first checkpoint / synced copy\", \"ratio\": %.2f}\n", write_ms / copy_ms);

  buffer[size / 2] ^= std::byte{1};
  report("second checkpoint, one byte changed",
         timed_ms([&] { done = checkpoint(*store, {buffer}, BlobKind::kBuffer); }), size);
  std::printf("{\"name\": \"second checkpoint writes\", \"bytes\": %llu}\n",
              static_cast<unsigned long long>(done.bytes_written));
  const BlobRef former = must(store->open_newest())->blobs()[0];
  buffer[size / 3] ^= std::byte{1};
  const ByteRange changed{size / 3, 1};
  const KnownBefore before{former, std::span(&changed, 1)};
  report("second checkpoint, change known",
         timed_ms([&] { done = checkpoint(*store, {buffer}, BlobKind::kBuffer, &before); }), size);

  const auto reader = must(store->open_newest());
  const BlobRef blob = reader->blobs()[0];
  Region mapped;
  report("open and map", timed_ms([&] { mapped = must(must(store->open_newest())->map_blob(blob)); }), size);
  report("touch all of the mapping", timed_ms([&] {
           if (!std::equal(buffer.begin(), buffer.end(), mapped.data())) fail("other bytes");
         }),
         size);
  report("read", timed_ms([&] { must(reader->read_blob(blob)); }), size);
  report("verify", timed_ms([&] { must(reader->verify_all()); }), size);

  const std::size_t small_bytes = 300;
  std::vector<ConstBytes> small;
  for (std::size_t i = 0; i < 10000; ++i)
    small.push_back(ConstBytes(buffer).subspan(i * small_bytes, small_bytes));
  report("10,000 small pickles", timed_ms([&] { checkpoint(*store, small, BlobKind::kPickle); }),
         10000 * small_bytes);
  report("10,000 small pickles again", timed_ms([&] { checkpoint(*store, small, BlobKind::kPickle); }),
         10000 * small_bytes);
  report("read 10,000 small pickles", timed_ms([&] {
           const auto opened = must(store->open_newest());
           for (const BlobRef& ref : opened->blobs()) must(opened->read_blob(ref));
         }),
         10000 * small_bytes);
}

}  // namespace

int main(int count, char** values) {
  if (count < 2) fail("give a directory");
  const std::string directory = std::string(values[1]) + "/store_benchmark";
  const std::size_t megabytes = count > 2 ? std::strtoul(values[2], nullptr, 10) : 1000;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  run(directory, megabytes * 1000000);
  std::filesystem::remove_all(directory);
}
