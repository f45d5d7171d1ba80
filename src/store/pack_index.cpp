#include "store/pack_index.hpp"

#include <algorithm>
#include <bit>

#include "elastic/core/log.hpp"
#include "store/digester.hpp"
#include "store/in_flight.hpp"

namespace elastic::store {
namespace {

constexpr std::uint32_t kEmpty = UINT32_MAX;  // of a slot: no pack
constexpr std::string_view kOtherSize = "a piece of the checkpoint has another size than it should";

Result<std::vector<PackEntry>> read_toc(ObjectReader& reader, const ObjectName& name) {
  const std::uint64_t size_bytes = reader.size_bytes();
  if (size_bytes < kPackHeaderBytes + kPackFooterBytes)
    return Error(ErrorCode::kCorruption, "a pack is cut off");
  std::array<std::byte, kPackHeaderBytes> header;
  ELASTIC_TRY(reader.read_at(0, header));
  ELASTIC_TRY(check_pack_header(header, name));
  std::array<std::byte, kPackFooterBytes> end;
  ELASTIC_TRY(reader.read_at(size_bytes - kPackFooterBytes, end));
  ELASTIC_ASSIGN(const PackFooter footer, decode_pack_footer(end, size_bytes));
  ELASTIC_ASSIGN(const std::vector<std::byte> toc,
                 read_solid(reader, footer.toc_offset, footer.count * kPackEntryBytes));
  return decode_pack_toc(toc, footer);
}

void load(Backend& backend, PackIndex::Pack& pack) {
  auto reader = backend.open(pack.name);
  auto entries = reader.ok() ? read_toc(**reader, pack.name) : Result<std::vector<PackEntry>>(reader.error());
  if (entries.ok()) {
    pack.entries = *std::move(entries);
    return;
  }
  pack.damage = entries.error().within(pack.name.to_path());
  log(LogLevel::kWarning, "passed over a pack: " + pack.damage->to_string());
}

Result<std::vector<DamagedFrame>> read_record(Backend& backend, const ObjectName& name) {
  ELASTIC_ASSIGN(const auto reader, backend.open(name));
  if (reader->size_bytes() > kMaxDamageBytes)
    return Error(ErrorCode::kLimitExceeded, "it is larger than such a record can be");
  ELASTIC_ASSIGN(const std::vector<std::byte> bytes, read_solid(*reader, 0, reader->size_bytes()));
  return decode_damage(bytes);
}

}  // namespace

PackIndex::PackIndex(std::shared_ptr<Backend> backend, std::vector<std::shared_ptr<Pack>> packs,
                     std::vector<Record> records, std::set<DamagedFrame> damaged)
    : backend_(std::move(backend)),
      packs_(std::move(packs)),
      records_(std::move(records)),
      damaged_(std::move(damaged)) {
  std::size_t count = 0;
  for (const auto& pack : packs_) count += pack->entries.size();
  slots_.assign(std::bit_ceil(2 * count + 1), Slot{kEmpty, 0});
  // Of a frame that two packs have, one that is not known to be damaged.
  for (const bool sound : {true, false}) {
    if (!sound && damaged_.empty()) break;
    for (std::uint32_t p = 0; p < packs_.size(); ++p) {
      const auto& entries = packs_[p]->entries;
      for (std::uint32_t i = 0; i < entries.size(); ++i)
        if (damaged_.empty() || damaged_.contains({packs_[p]->name, entries[i].digest}) != sound) {
          Slot& slot = slots_[probe(entries[i].digest)];
          if (slot.pack == kEmpty) slot = {p, i};
        }
    }
  }
}

Result<std::shared_ptr<PackIndex>> PackIndex::build(const std::shared_ptr<Backend>& backend,
                                                    const std::shared_ptr<PackIndex>& former) {
  ELASTIC_ASSIGN(std::vector<ObjectInfo> listed, backend->list(ObjectClass::kPack));
  std::sort(listed.begin(), listed.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  const auto first_record = std::find_if(listed.begin(), listed.end(), [](const ObjectInfo& info) {
    return info.name.object_class == ObjectClass::kDamage;  // which comes after the packs
  });
  const std::span infos(listed.begin(), first_record), records(first_record, listed.end());
  std::vector<std::shared_ptr<Pack>> packs;
  std::vector<Pack*> unknown;
  bool changed = former == nullptr || former->packs_.size() != infos.size();
  auto known = former != nullptr ? std::span<const std::shared_ptr<Pack>>(former->packs_)
                                 : std::span<const std::shared_ptr<Pack>>();
  for (const ObjectInfo& info : infos) {
    while (!known.empty() && known.front()->name < info.name) known = known.subspan(1);
    if (!known.empty() && known.front()->name == info.name && !known.front()->damage &&
        known.front()->size_bytes == info.size_bytes) {
      packs.push_back(known.front());
      continue;
    }
    changed = true;
    auto pack = std::make_shared<Pack>();
    pack->name = info.name;
    pack->size_bytes = info.size_bytes;
    unknown.push_back(pack.get());
    packs.push_back(std::move(pack));
  }
  changed =
      changed || !std::equal(records.begin(), records.end(), former->records_.begin(), former->records_.end(),
                             [](const auto& a, const auto& b) { return a.name == b.name; });
  if (!changed) return former;
  ELASTIC_TRY(in_flight(unknown.size(), backend->traffic().in_flight, [&](std::size_t i) {
    load(*backend, *unknown[i]);
    return success();
  }));
  std::vector<Record> read;
  std::set<DamagedFrame> damaged;
  if (former != nullptr) {
    const std::lock_guard lock(former->mutex_);
    damaged = former->damaged_;
  }
  for (const ObjectInfo& info : records) {
    auto frames = read_record(*backend, info.name);
    if (frames.ok())
      damaged.insert(frames->begin(), frames->end());
    else
      log(LogLevel::kWarning, "passed over " + frames.error().within(info.name.to_path()).to_string());
    read.push_back({info.name, frames.ok() ? std::optional(*std::move(frames)) : std::nullopt});
  }
  return std::shared_ptr<PackIndex>(
      new PackIndex(backend, std::move(packs), std::move(read), std::move(damaged)));
}

Result<std::shared_ptr<PackIndex>> PackIndex::of_single(const ObjectName& name,
                                                        std::shared_ptr<ObjectReader> reader) {
  auto pack = std::make_shared<Pack>();
  pack->name = name;
  pack->size_bytes = reader->size_bytes();
  ELASTIC_ASSIGN(pack->entries, read_toc(*reader, name));
  pack->reader = std::move(reader);
  return std::shared_ptr<PackIndex>(new PackIndex(nullptr, {std::move(pack)}, {}, {}));
}

// Where the frame is, or would be.
std::size_t PackIndex::probe(const BlobDigest& digest) const {
  std::size_t place = std::hash<BlobDigest>()(digest) & (slots_.size() - 1);
  while (slots_[place].pack != kEmpty && entry_at(place).digest != digest)
    place = (place + 1) & (slots_.size() - 1);
  return place;
}

std::optional<std::size_t> PackIndex::slot_of(const BlobDigest& digest) const {
  const std::size_t place = probe(digest);
  return slots_[place].pack == kEmpty ? std::nullopt : std::optional(place);
}

const PackEntry* PackIndex::find(const BlobDigest& digest) const {
  const auto place = slot_of(digest);
  return place ? &entry_at(*place) : nullptr;
}

std::optional<Frame> PackIndex::locate(const BlobDigest& digest) const {
  const auto place = slot_of(digest);
  return place ? std::optional(Frame{slots_[*place].pack, entry_at(*place)}) : std::nullopt;
}

Result<std::shared_ptr<ObjectReader>> PackIndex::reader_of(std::uint32_t place) const {
  const std::lock_guard lock(mutex_);
  Pack& pack = *packs_[place];
  if (pack.reader != nullptr) return pack.reader;
  if (backend_ == nullptr) return Error(ErrorCode::kNotFound, "a pack is gone");
  ELASTIC_ASSIGN(pack.reader, backend_->open(pack.name));
  open_.push_back(place);
  if (open_.size() > kMaxOpenPacks) {
    packs_[open_.front()]->reader.reset();  // closes when the last who reads it is done
    open_.pop_front();
  }
  return pack.reader;
}

Error PackIndex::missing() const {
  for (const auto& pack : packs_) {
    if (pack->damage)
      return pack->damage->within("a piece of the checkpoint is missing, and a pack cannot be read");
  }
  return Error(ErrorCode::kNotFound, "a piece of the checkpoint is missing (no pack has it)");
}

Result<> PackIndex::read_frame(const BlobDigest& digest, DigestAlgorithm algorithm, std::uint64_t seed,
                               Bytes into) const {
  const std::optional<Frame> frame = locate(digest);
  if (!frame) return missing();
  if (frame->entry.algorithm != algorithm) return Error(ErrorCode::kCorruption, std::string(kOtherSize));
  Result<> read = read_checked(*frame, seed, into);
  if (!read.ok() && is_damage(read.error())) {
    const DamagedFrame damaged{packs_[frame->pack]->name, digest};
    const std::lock_guard lock(mutex_);
    if (damaged_.insert(damaged).second) not_on_record_.push_back(damaged);
  }
  return read;
}

Result<> PackIndex::read_checked(const Frame& frame, std::uint64_t seed, Bytes into) const {
  const PackEntry& entry = frame.entry;
  if (entry.raw_bytes != into.size()) return Error(ErrorCode::kCorruption, std::string(kOtherSize));
  ELASTIC_ASSIGN(const auto reader, reader_of(frame.pack));
  if (entry.codec == Codec::kNone) {
    ELASTIC_TRY(reader->read_at(entry.offset, into));
  } else {
    std::vector<std::byte> stored(entry.stored_bytes);
    ELASTIC_TRY(reader->read_at(entry.offset, stored));
    ELASTIC_TRY(decompress(entry.codec, stored, into));
  }
  if (digest_chunk(entry.algorithm, seed, into) != entry.digest) {
    return Error(ErrorCode::kCorruption,
                 "bytes in " + packs_[frame.pack]->name.to_path() + " are not those that were written");
  }
  return success();
}

bool PackIndex::is_damaged(const Frame& frame) const {
  const std::lock_guard lock(mutex_);
  return damaged_.contains({packs_[frame.pack]->name, frame.entry.digest});
}

bool PackIndex::has_sound(const BlobDigest& digest, std::uint64_t raw_bytes) const {
  const std::optional<Frame> frame = locate(digest);
  return frame && frame->entry.raw_bytes == raw_bytes && !is_damaged(*frame);
}

bool PackIndex::is_damage(const Error& error) const {
  // A link may work again in a minute; what a disk cannot read will not come back.
  if (error.code() == ErrorCode::kIo) return reads_in_flight() == 1;
  return error.code() == ErrorCode::kCorruption || error.code() == ErrorCode::kNotFound;
}

void PackIndex::record_damage() const {
  std::vector<DamagedFrame> found;
  {
    const std::lock_guard lock(mutex_);
    found.swap(not_on_record_);
  }
  for (std::size_t at = 0; backend_ != nullptr && at < found.size(); at += kMaxDamagedFrames) {
    const auto frames = std::span(found).subspan(at);
    const std::vector<std::byte> bytes =
        encode_damage(frames.first(std::min<std::size_t>(frames.size(), kMaxDamagedFrames)));
    const ConstBytes part = bytes;
    const auto write = [&]() -> Result<> {
      ELASTIC_ASSIGN(const auto writer, backend_->create(damage_name(bytes)));
      ELASTIC_TRY(writer->append(std::span(&part, 1)));
      return writer->publish();
    };
    if (const Result<> written = write(); !written.ok())
      log(LogLevel::kInfo, "damage was not put on record: " + written.error().to_string());
  }
}

Result<ChunkList> PackIndex::read_chunk_list(const BlobRef& blob, std::uint64_t seed) const {
  const PackEntry* const entry = find(blob.digest);
  if (entry == nullptr) return missing();
  if (entry->raw_bytes > max_chunk_list_bytes(blob)) {
    return Error(ErrorCode::kCorruption, "a list of chunks is too long for its blob");
  }
  std::vector<std::byte> bytes(entry->raw_bytes);
  ELASTIC_TRY(read_frame(blob.digest, blob.algorithm, seed, bytes));
  return decode_chunk_list(bytes, blob);
}

}  // namespace elastic::store
