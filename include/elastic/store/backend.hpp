// Where a store's objects lie: a directory, or a remote behind fsspec.
//
// An object is immutable, has a name made of its class and a parsed id (never of text from a file, so no name
// can leave the store), and is either whole or not there. A Backend knows nothing of what is in the objects;
// what it must guarantee is in tests/support/backend_conformance.hpp, which every implementation passes:
//  - an object appears by ObjectWriter::begin_publish or publish alone, whole, and is durable when publish
//    returns; a writer destroyed before either leaves nothing visible;
//  - sync_names() returns when every name that list() has shown is durable;
//  - remove() of what is being read does not disturb the reader (local) or makes its reads fail (remote),
//  never differ.
//
// Thread contract: a Backend may be used by several threads; an ObjectWriter by one; an ObjectReader's reads
// side by side. Implementations that call Python take the GIL themselves: callers never hold it.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "elastic/store/file_system.hpp"

namespace elastic::store {

// kDamage: a record of frames that a check has found damaged; it lies beside the packs.
enum class ObjectClass : std::uint8_t { kFormat, kManifest, kPack, kDamage };

struct ObjectName {
  ObjectClass object_class = ObjectClass::kFormat;
  std::uint64_t high = 0;  // manifest: sequence; others: first half of the id
  std::uint64_t low = 0;   // manifest: id;       others: second half
  auto operator<=>(const ObjectName&) const = default;

  // "elastic-store.json", "manifests/S-R.manifest", "packs/ID.pack", "packs/ID.damage".
  std::string to_path() const;
  // The inverse, over the last component; nullopt for anything that to_path would not write.
  static std::optional<ObjectName> from_file_name(ObjectClass object_class, std::string_view file_name);
  // Of that class, or of one that is listed with it.
  static std::optional<ObjectName> listed(ObjectClass object_class, std::string_view file_name);
};

struct ObjectInfo {
  ObjectName name;
  std::uint64_t size_bytes = 0;
};

class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;  // abandons what is not published
  // Bytes that follow those before. The memory is the caller's again on return.
  virtual Result<> append(std::span<const ConstBytes> parts) = 0;
  // Zero bytes; a hole where the backend has those.
  virtual Result<> append_zeros(std::uint64_t count) = 0;
  // Nothing will be appended any more: begins what publish waits for, so that several objects are under way
  // at once. From here on the object may appear.
  virtual Result<> begin_publish() { return success(); }
  virtual Result<> publish() = 0;
  // This process no longer owns the object (it forked, the child goes on): destruction must leave it alone.
  virtual void leave_to_child() = 0;
};

class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  virtual std::uint64_t size_bytes() const = 0;
  // Exactly into.size() bytes, or an error.
  virtual Result<> read_at(std::uint64_t offset, Bytes into) = 0;
  // As File::map_private; false where there is nothing to map.
  virtual Result<bool> map_private(std::uint64_t offset, Bytes at) = 0;
  // As File::has_hole.
  virtual bool has_hole(std::uint64_t /*offset*/, std::uint64_t /*length*/) { return false; }
};

// These bytes of the object, checked by check_solid.
Result<std::vector<std::byte>> read_solid(ObjectReader& reader, std::uint64_t offset, std::uint64_t length);

// What a running writer says of itself.
struct WriterStatus {
  std::uint32_t pid = 0;
  std::string host;
  std::string label;
  std::int64_t started_us = 0;  // wall clock
  std::int64_t updated_us = 0;
  std::uint64_t bytes_done = 0;   // of blobs seen so far, whether they had to be written or not
  std::uint64_t bytes_total = 0;  // 0: not known
  // Wall clock: until then it may have nothing to say, and is no less alive for that. 0: it reports as it
  // goes.
  std::int64_t silent_until_us = 0;
  std::string failure{};  // of a writer that gave up: why
};

// As an announcement holds it; what cannot be parsed is a writer of which nothing is known.
std::string encode_status(const WriterStatus& status);
WriterStatus decode_status(std::string_view text);

// How bytes are best moved to and from a place.
struct Traffic {
  std::uint64_t pack_bytes = 1 << 30;  // a pack is closed when it would become larger
  std::size_t in_flight = 1;           // requests kept under way at once
};

// Held while something is at work; gone with the holder, even if it is killed. Passes to a forked child.
class Lease {
 public:
  virtual ~Lease() = default;
};
class WriterLease : public Lease {
 public:
  virtual Result<> update(const WriterStatus& status) = 0;  // cheap, not durable
  virtual void leave_to_child() = 0;                        // what it said stays there
};

class Backend {
 public:
  virtual ~Backend() = default;

  virtual std::string location() const = 0;  // for messages
  virtual Traffic traffic() const { return {}; }
  // Makes what create() needs (directories), durably. Idempotent.
  virtual Result<> prepare() = 0;
  // true: nothing at all is there, so that a store may be made. An error says what is in the way instead.
  virtual Result<bool> is_empty() = 0;

  virtual Result<std::unique_ptr<ObjectWriter>> create(const ObjectName& name) = 0;
  virtual Result<std::unique_ptr<ObjectReader>> open(const ObjectName& name) = 0;
  // In no order. With packs come the records of damage, which lie in the same directory.
  virtual Result<std::vector<ObjectInfo>> list(ObjectClass object_class) = 0;
  virtual Result<> remove(const ObjectName& name) = 0;
  virtual Result<> sync_names(ObjectClass object_class) = 0;

  // Shared: nothing will be removed while I look. Exclusive: nobody else looks. nullptr: somebody has it the
  // other way round. kIo: there are no locks here; a shared one then does without, an exclusive one must not.
  virtual Result<std::unique_ptr<Lease>> try_lease(LockMode mode) = 0;
  virtual Result<std::unique_ptr<WriterLease>> announce(const WriterStatus& status) = 0;
  virtual Result<std::vector<WriterStatus>> writers() = 0;
  // What those last said that ended without being done, as far as it has not been cleared away.
  virtual Result<std::vector<WriterStatus>> dead_writers() { return std::vector<WriterStatus>(); }
  // Removes what dead writers left unpublished; returns its bytes.
  virtual Result<std::uint64_t> remove_leftovers() = 0;
};

// A directory on a mounted file system. Does not touch the disk before it is used.
std::unique_ptr<Backend> local_backend(FileSystem& files, std::string directory);

}  // namespace elastic::store
