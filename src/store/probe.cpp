#include "elastic/store/probe.hpp"

#include "store/digester.hpp"
#include "store/pack_sink.hpp"

namespace elastic::store {
namespace {

constexpr std::uint64_t kProbeBytes[] = {4 << 10, 1 << 20};

Result<LinkSample> transfer(Store& store, ConstBytes bytes) {
  Backend& backend = store.backend();
  PackSink sink(backend, store.files());
  LinkSample sample;
  const std::int64_t begun_us = store.clock().monotonic_us();
  PackSink::NewFrame frame{.digest = digest_chunk(DigestAlgorithm::kXxh3, store.seed(), bytes),
                           .algorithm = DigestAlgorithm::kXxh3,
                           .raw_bytes = bytes.size()};
  ELASTIC_TRY(sink.add(frame, std::span(&bytes, 1)));
  ELASTIC_TRY(sink.finish());
  sample.bytes = sink.bytes_written();
  const std::int64_t written_us = store.clock().monotonic_us();
  std::vector<std::byte> read;
  for (const ObjectName& pack : sink.packs()) {
    ELASTIC_ASSIGN(const auto reader, backend.open(pack));
    read.resize(reader->size_bytes());
    ELASTIC_TRY(reader->read_at(0, read));
  }
  sample.write_us = written_us - begun_us;
  sample.read_us = store.clock().monotonic_us() - written_us;
  for (const ObjectName& pack : sink.packs()) ELASTIC_TRY(backend.remove(pack));
  return sample;
}

}  // namespace

Result<std::vector<LinkSample>> probe_link(Store& store) {
  ELASTIC_ASSIGN([[maybe_unused]] const auto lease, store.shared_lease());
  ELASTIC_TRY(store.backend().prepare());
  std::vector<LinkSample> samples;
  for (const std::uint64_t size : kProbeBytes) {
    std::vector<std::byte> bytes(size);
    ELASTIC_TRY(store.files().fill_random(bytes));
    ELASTIC_ASSIGN(const LinkSample sample, transfer(store, bytes));
    samples.push_back(sample);
  }
  return samples;
}

}  // namespace elastic::store
