#include "history_codec.hpp"

#include <algorithm>
#include <limits>

namespace elastic::graph {
namespace {

constexpr std::size_t kHeaderSize = 8 + 4 + 8;
constexpr std::size_t kDigestSize = 16;
constexpr unsigned kOutcomeMask = 0x07, kOutside = 0x08, kForgotten = 0x10;

void put_fixed(std::string& out, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::uint64_t get_fixed(std::string_view in, int width) {
  std::uint64_t value = 0;
  for (int i = 0; i < width; ++i) value |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  return value;
}

void put(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void put_signed(std::string& out, std::int64_t value) {
  put(out, static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
}

void put(std::string& out, std::string_view text) {
  put(out, std::uint64_t{text.size()});
  out += text;
}

void put(std::string& out, const std::vector<VariableId>& variables) {
  put(out, std::uint64_t{variables.size()});
  for (const VariableId variable : variables) put(out, std::uint64_t{variable.value});
}

void put(std::string& out, const Digest& digest) {
  put_fixed(out, digest.high, 8);
  put_fixed(out, digest.low, 8);
}

// Reads the body from front to back. After the first error everything reads as zero or empty, and failed()
// says so: the decoding code stays free of a check a line.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return bytes_.empty(); }

  std::uint64_t number(std::uint64_t limit = std::numeric_limits<std::uint64_t>::max()) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return fail();
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      if (shift == 63 && byte > 1) return fail();
      if (shift > 0 && byte == 0) return fail();  // one number has one spelling
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value <= limit ? value : fail();
    }
    return fail();
  }

  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
  }

  // How many items follow, each of which takes at least one byte.
  std::size_t count() { return number(bytes_.size()); }

  std::string text() { return std::string(raw(count())); }

  std::string_view raw(std::size_t size) {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  Digest digest() {
    const std::string_view bytes = raw(kDigestSize);
    return failed_ ? Digest{} : Digest{get_fixed(bytes, 8), get_fixed(bytes.substr(8), 8)};
  }

  VariableId variable() { return VariableId{static_cast<std::uint32_t>(number(0xfffffffe))}; }

  std::vector<VariableId> variables() {
    std::vector<VariableId> result(count());
    for (VariableId& variable : result) variable = this->variable();
    return result;
  }

 private:
  std::uint64_t fail() {
    failed_ = true;
    bytes_ = {};
    return 0;
  }

  std::string_view bytes_;
  bool failed_ = false;
};

Error corrupt(std::string_view what) {
  return Error(ErrorCode::kCorruption, "history: " + std::string(what));
}

void encode_cell(std::string& out, const CellExecution& cell, const History& history,
                 std::span<const Snapshot> writes) {
  put(out, static_cast<std::uint64_t>(cell.outcome) | (cell.outside_cell ? kOutside : 0) |
               (cell.forgotten ? kForgotten : 0));
  put_signed(out, cell.execution_count);
  put(out, cell.cell_id);
  put(out, cell.source);
  put_signed(out, cell.started_wall_us);
  put(out, static_cast<std::uint64_t>(cell.run_time_us));
  put(out, cell.no_rerun_reason);
  put(out, std::uint64_t{cell.effects.size()});
  for (const Effect& effect : cell.effects) {
    put(out, effect.kind);
    put(out, effect.detail);
  }
  put(out, std::uint64_t{cell.tags.size()});
  for (const std::string& tag : cell.tags) put(out, tag);
  std::vector<VariableId> reads = cell.absent_reads;
  for (const Read& read : cell.reads) {
    if (!read.implied) reads.push_back(history.snapshot(read.snapshot).variable);
  }
  std::sort(reads.begin(), reads.end());
  put(out, reads);
  std::vector<const Snapshot*> named;
  for (const Snapshot& write : writes) {
    if (!write.implied) named.push_back(&write);
  }
  std::sort(named.begin(), named.end(), [](auto* a, auto* b) { return a->variable < b->variable; });
  put(out, std::uint64_t{named.size()});
  for (const Snapshot* write : named) {
    put(out, std::uint64_t{write->variable.value});
    put(out, std::uint64_t{write->deleted});
    put(out, write->size_bytes);
    put(out, write->content);
  }
  put(out, std::uint64_t{cell.linked.size()});
  for (const std::vector<VariableId>& link : cell.linked) put(out, link);
}

CellRecord decode_cell(Reader& in, bool& forgotten) {
  CellRecord record;
  const std::uint64_t flags = in.number(0x1f);
  record.outcome = static_cast<Outcome>(flags & kOutcomeMask);
  record.outside_cell = flags & kOutside;
  forgotten = flags & kForgotten;
  record.execution_count = static_cast<std::int32_t>(in.signed_number());
  record.cell_id = in.text();
  record.source = in.text();
  record.started_wall_us = in.signed_number();
  record.run_time_us = static_cast<std::int64_t>(in.number(std::numeric_limits<std::int64_t>::max()));
  record.no_rerun_reason = in.text();
  record.effects.resize(in.count());
  for (Effect& effect : record.effects) effect = {in.text(), in.text()};
  record.tags.resize(in.count());
  for (std::string& tag : record.tags) tag = in.text();
  record.reads = in.variables();
  record.writes.resize(in.count());
  for (Write& write : record.writes) {
    write.variable = in.variable();
    write.deleted = in.number(1) != 0;
    write.size_bytes = in.number();
    write.content = in.digest();
  }
  record.linked.resize(in.count());
  for (std::vector<VariableId>& link : record.linked) link = in.variables();
  return record;
}

}  // namespace

std::string History::save() const {
  std::string body;
  put(body, std::uint64_t{names_.size()});
  for (const std::string& name : names_) put(body, name);
  put(body, std::uint64_t{cells_.size()});
  for (std::uint32_t i = 0; i < cells_.size(); ++i)
    encode_cell(body, cells_[i], *this, writes_of(CellIndex{i}));
  return frame_history_body(body);
}

std::string frame_history_body(std::string_view body) {
  std::string out(kHistoryMagic);
  put_fixed(out, kHistoryVersion, 4);
  put_fixed(out, body.size(), 8);
  out += body;
  put(out, digest_of(out));
  return out;
}

Result<History> decode_history_body(std::string_view body) {
  Reader in(body);
  History history;
  const std::size_t names = in.count();
  for (std::size_t i = 0; i < names && !in.failed(); ++i) {
    if (history.variable(in.text()).value != i) return corrupt("a name stands twice");
  }
  const std::size_t cells = in.count();
  for (std::size_t i = 0; i < cells && !in.failed(); ++i) {
    bool forgotten = false;
    CellRecord record = decode_cell(in, forgotten);
    if (in.failed()) break;
    if (record.outcome > Outcome::kUnfinished) return corrupt("an unknown outcome");
    Result<CellIndex> index = history.record(std::move(record));
    if (!index.ok()) return corrupt("cell execution " + std::to_string(i) + ": " + index.error().message());
    if (forgotten) history.forget(*index);
  }
  if (in.failed()) return corrupt("the bytes end early or hold a number out of range");
  if (!in.at_end()) return corrupt("bytes are left over");
  return history;
}

Result<History> History::load(std::string_view bytes) {
  if (bytes.size() < kHeaderSize + kDigestSize || !bytes.starts_with(kHistoryMagic)) {
    return corrupt("these bytes are not a saved history");
  }
  const std::uint64_t version = get_fixed(bytes.substr(8), 4);
  if (version > kHistoryVersion) {
    return Error(ErrorCode::kUnsupportedVersion,
                 "this history has version " + std::to_string(version) +
                     ", written by a newer ElasticPython; this one reads up to " +
                     std::to_string(kHistoryVersion));
  }
  if (version == 0) return corrupt("version 0");
  if (get_fixed(bytes.substr(12), 8) != bytes.size() - kHeaderSize - kDigestSize)
    return corrupt("the length is wrong");
  std::string digest;
  put(digest, digest_of(bytes.substr(0, bytes.size() - kDigestSize)));
  if (digest != bytes.substr(bytes.size() - kDigestSize)) return corrupt("the digest does not match");
  const std::string_view body = bytes.substr(kHeaderSize, bytes.size() - kHeaderSize - kDigestSize);
  ELASTIC_ASSIGN(History history, decode_history_body(body));
  // One history has one spelling: what does not save to the same bytes was not written by save().
  if (history.save() != bytes) return corrupt("not as it is written");
  return history;
}

}  // namespace elastic::graph
