// From a group of variables to bytes and buffers, and back.
//
// A group (a co-variable) is one pickle, so that what its variables share they share again. Large buffers are
// not in the pickle: they are pinned where they are and handed out as memory, to be written without a copy;
// when loading they may be private mappings of a file. An object that is a variable of another group is a
// reference to it by name.
//
// Serialising runs code of the user's (`__reduce__`, `__setstate__`), which may raise, print or take its
// time: keeping its output out of the notebook is the session's part. Objects that stand for something
// outside (files, sockets, locks, threads) are refused by their type, before any of their methods is called.
//
// Threads: every call holds the GIL throughout. Pickled and its memory may be read without it, and destroyed
// from any thread (the destructor takes the GIL). SIGINT ends a dump or load with `cancelled` and leaves
// nothing behind. The reducers are Python: src/python/elasticpython/pickling*.py; the names in unpickling.py
// are part of the format.
#pragma once
#include "elastic/pyobj/ref.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "elastic/core/result.hpp"

namespace elastic::pyobj {

// A Python object's memory, which can neither move nor be resized while this lives.
class PinnedBuffer {
 public:
  // REQUIRES: `view` was filled by PyObject_GetBuffer and is contiguous; it is taken over.
  explicit PinnedBuffer(const Py_buffer& view) : view_(view) {}
  PinnedBuffer(PinnedBuffer&& other) noexcept : view_(std::exchange(other.view_, Py_buffer{})) {}
  PinnedBuffer& operator=(PinnedBuffer&& other) noexcept;
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  ~PinnedBuffer();

  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  void release();

  Py_buffer view_{};
};

struct Pickled {
  Pickled() = default;
  Pickled(Pickled&&) = default;
  Pickled& operator=(Pickled&&) = default;
  Pickled(const Pickled&) = delete;  // said here, since a vector of PinnedBuffer claims to be copyable
  Pickled& operator=(const Pickled&) = delete;

  std::vector<std::string> names;       // the group's variables, in the order they were written
  std::vector<PinnedBuffer> pickle;     // consecutive pieces of the pickle
  std::vector<PinnedBuffer> buffers;    // in the order the loader wants them
  std::vector<std::string> references;  // variables of other groups that loading asks the resolver for
  std::map<std::string, std::string>
      modules;                     // top-level module -> version, of the types met; "" where unknown
  std::vector<std::string> notes;  // what will be a little different, for the report
  bool has_reducers = false;       // more is in it than numbers, texts and containers of them
  bool ran_own_code =
      false;  // functions or classes of the session or of the user's modules are in it, or ran

  std::size_t pickle_bytes() const;
  std::size_t buffer_bytes() const;
};

struct DumpOptions {
  std::size_t out_of_band_min_bytes = 32 << 10;  // smaller buffers stand in the pickle
};

// `names` as the Python half takes them. Null with a pending exception on failure.
Owned list_of(const std::vector<std::string>& names);
// And back. False with a pending exception: not all of `list` is text.
bool append_texts(Borrowed list, std::vector<std::string>& texts);

// Writes the groups of one checkpoint.
class Dumper {
 public:
  // `references`: the variables that other groups refer to instead of copying them (classes, functions, big
  // frames): names in `user_namespace`. An object bound to several names is a reference to the first of them
  // listed.
  static Result<Dumper> create(const GilHeld& gil, Borrowed user_namespace,
                               const std::vector<std::string>& references, const DumpOptions& options = {});
  Dumper(Dumper&&) noexcept;
  Dumper& operator=(Dumper&&) noexcept;
  ~Dumper();

  // The variables `names` as one pickle. Errors: `not_serializable` ("model.cache['x']: generator object"),
  // `python_raised` (a method of the user's), `limit_exceeded` (nesting, memory), `cancelled`, `not_found`.
  // Nesting deeper than the stack is written on a thread with a larger one. O(objects of the group).
  // `values`: the dict the names are in; null for the namespace.
  Result<Pickled> dump(const GilHeld& gil, const std::vector<std::string>& names, Borrowed values = {});

 private:
  class State;
  explicit Dumper(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Memory a loaded object will live in: a mapping, kept alive by `owner`. It must be writable unless the
// buffer is known to be read-only: the pickle says which arrays were, and makes just those read-only.
struct LoadBuffer {
  std::span<std::byte> bytes;
  std::shared_ptr<const void> owner;
};

// The object of a variable of another group, which loads it first where need be.
using Resolver = std::function<Result<Owned>(const GilHeld&, const std::string& name)>;

// Loads the groups of one restore: they share classes, and functions are bound to `user_namespace`, which is
// not written to. REQUIRES: the bytes were checked; loading a pickle runs what its writer wanted.
class Loader {
 public:
  static Result<Loader> create(const GilHeld& gil, Borrowed user_namespace, Resolver resolver);
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;
  ~Loader();

  // A dict of the group's variables. Errors: `python_raised`, `unsupported_version` (byte code of another
  // Python), `not_found` (a reference), `corruption`, `limit_exceeded`, `cancelled`. `names` as Pickled has
  // them. The bytes need not outlive the call, the buffers live with what was loaded.
  Result<Owned> load(const GilHeld& gil, const std::vector<std::string>& names,
                     std::span<const std::byte> pickle, std::vector<LoadBuffer> buffers);

 private:
  class State;
  explicit Loader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Whether the group loads again: it is loaded once into nothing, its references resolved to the live objects.
// Runs the code of the user's that loading runs. For groups that are cheap to load; the session decides which
// those are.
Result<Unit> check_loads(const GilHeld& gil, Borrowed user_namespace, const Pickled& pickled);

// What the reader has to match: Python's version, byte code magic, byte order, word size, machine.
Result<std::map<std::string, std::string>> serializer_environment(const GilHeld& gil);

}  // namespace elastic::pyobj
