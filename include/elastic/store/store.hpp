// A store of checkpoints: opening it, listing, removing. Writing is in writer.hpp, reading in reader.hpp,
// collecting in garbage.hpp, one-file checkpoints in export_file.hpp. The bytes: docs/checkpoint_format.md;
// what must hold: docs/invariants.md.
//
// Nothing is created, changed or removed in a place that is not a store, and opening one writes nothing
// unless it is made.
//
// A reader may outlive its Store; a writer may not.
//
// Thread contract: a Store may be shared by threads (it serialises its index); a CheckpointWriter and a
// CheckpointReader belong to one thread at a time. All of it blocks on the disk: call it without the GIL.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "elastic/core/clock.hpp"
#include "elastic/store/backend.hpp"
#include "elastic/store/blob.hpp"
#include "elastic/store/key.hpp"

namespace elastic::store {

class CheckpointReader;
class CheckpointWriter;
class PackIndex;
struct Manifest;
struct WriterOptions;

// A checkpoint's name: "000001890a5d3c1f-8a3f...". Sequence orders, id is random.
struct CheckpointName {
  std::uint64_t sequence = 0;
  std::uint64_t id = 0;
  auto operator<=>(const CheckpointName&) const = default;
  std::string to_string() const;
  ObjectName object() const { return {ObjectClass::kManifest, sequence, id}; }
};

struct CheckpointInfo {
  CheckpointName name;
  std::string label;
  std::int64_t created_us = 0;
  std::uint32_t pid = 0;
  std::uint64_t blob_count = 0;
  std::uint64_t total_bytes = 0;  // of its blobs, shared or not
  std::uint64_t manifest_bytes = 0;
  bool automatic = false;       // nobody asked for it
  bool trusted = false;         // carries the user's MAC
  std::optional<Error> damage;  // why it cannot be opened; the fields above are then unset

  static CheckpointInfo of(const CheckpointName& name, const Manifest& manifest,
                           std::uint64_t manifest_bytes);
};

enum class StoreMode { kExisting, kCreate };

struct StoreOptions {
  StoreMode mode = StoreMode::kCreate;
  // SHA-256 for buffers too: for places that others can write to, where hashing is not what takes the time.
  bool strong_digests = false;
  // What a byte costs to move, for deciding about compression; 0: do not compress.
  std::uint64_t link_bytes_per_s = 0;
};

// Progress of a long call. Returning false stops it: the call returns kCancelled and leaves the store as it
// was.
struct Progress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;    // 0: not known
  std::uint64_t bytes_written = 0;  // what had to go to the disk
};
using ProgressFunction = std::function<bool(const Progress&)>;

class Store {
 public:
  // `key` makes and checks the MACs; without one (nullopt) nothing is trusted and what is written is not
  // signed. `files` and `clock` outlive the store.
  static Result<std::unique_ptr<Store>> open(std::unique_ptr<Backend> backend, FileSystem& files,
                                             const Clock& clock, std::optional<Key> key,
                                             StoreOptions options = {});
  ~Store();

  // Oldest first. Damaged ones are in it, with their damage. `see` is shown the payload of each whole one.
  using SeePayload = std::function<void(const CheckpointInfo&, ConstBytes payload)>;
  Result<std::vector<CheckpointInfo>> list(const SeePayload& see = {});

  // Begins a checkpoint (writer.hpp).
  Result<std::unique_ptr<CheckpointWriter>> begin(WriterOptions options);

  // The newest checkpoint that is whole, of `label` unless that is empty. kNotFound: there is none.
  // `last_choice` is opened only where there is no other.
  Result<std::unique_ptr<CheckpointReader>> open_newest(const std::string& label = {},
                                                        std::optional<CheckpointName> last_choice = {});
  // By name, or by any unique beginning of its id or name.
  Result<std::unique_ptr<CheckpointReader>> open_checkpoint(std::string_view name);
  Result<CheckpointName> find(std::string_view name);

  // Removes the manifest; the blobs go with the next collection. kLimitExceeded: someone is reading or
  // writing.
  Result<> remove(const CheckpointName& name);

  // Writers at work now, in any process.
  Result<std::vector<WriterStatus>> writers();
  // Waits until there are none (of `label`, unless empty); false when `still_waiting` said to stop. It is
  // called about ten times a second with those that are at work.
  Result<bool> wait_for_writers(const std::string& label,
                                const std::function<bool(const std::vector<WriterStatus>&)>& still_waiting);

  // Those that began after `since_us` (wall clock), are of `label` unless that is empty, and have published
  // nothing; `failure` says why.
  Result<std::vector<WriterStatus>> unfinished(const std::string& label, std::int64_t since_us);

  Backend& backend() { return *backend_; }
  FileSystem& files() { return *files_; }
  const Clock& clock() const { return *clock_; }
  const std::optional<Key>& key() const { return key_; }
  const StoreOptions& options() const { return options_; }
  // For the writers that begin from now on: the link may be measured only once the store is open.
  void set_link_bytes_per_s(std::uint64_t speed) { options_.link_bytes_per_s = speed; }
  // The seed of digests that are written here.
  std::uint64_t seed() const;

  // Waits for whoever is deleting. Nothing is removed while it is held.
  Result<std::unique_ptr<Lease>> shared_lease();
  // The manifest, verified; its blobs are not looked at.
  Result<Manifest> read_manifest(const CheckpointName& name, std::uint64_t* size_bytes = nullptr,
                                 bool with_payload = true);
  // Publishes the bytes of a manifest with this sequence; 0: the next one. REQUIRES: a lease is held.
  Result<CheckpointName> publish_manifest(ConstBytes bytes, std::uint64_t id, std::uint64_t sequence = 0);
  // What packs hold, read anew as far as it changed. REQUIRES: a lease is held.
  Result<std::shared_ptr<PackIndex>> index();

 private:
  Result<std::uint64_t> next_sequence();
  Store(std::unique_ptr<Backend> backend, FileSystem& files, const Clock& clock, std::optional<Key> key,
        StoreOptions options);
  Result<std::unique_ptr<CheckpointReader>> make_reader(const CheckpointName& name, Manifest manifest,
                                                        std::uint64_t size_bytes,
                                                        std::unique_ptr<Lease> lease);

  std::shared_ptr<Backend> backend_;  // readers keep it
  FileSystem* files_;
  const Clock* clock_;
  std::optional<Key> key_;
  StoreOptions options_;
  std::mutex index_mutex_;
  std::shared_ptr<PackIndex> index_;
};

// What most callers want: the machine's files and clock, the user's key (made if there is none).
Result<std::unique_ptr<Store>> open_local_store(const std::string& directory, StoreOptions options = {});

}  // namespace elastic::store
