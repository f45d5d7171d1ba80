// What an object of a rarer type shows of itself, said once a type and used twice.
//
// A `Show` function names the object's own data (words, bytes) and its references, in an order that depends
// on the state alone. To digest, the data is absorbed and the references are queued as children; to stamp
// (the change log), data and addresses are mixed into 64 bits. One function for both means that the log
// cannot overlook what the digest sees. Only Parts::address and Parts::child differ between the two purposes.
//
// REQUIRES of a Show function: it runs no Python code, raises nothing, and borrows what it names for the call
// only.
#pragma once
#include <cstdint>
#include <vector>

#include "pyobj/walk/atoms.hpp"
#include "pyobj/walk/extents.hpp"

namespace elastic::pyobj::walk {

class Parts {
 public:
  enum class Purpose { kDigest, kStamp };

  // `children` receives the references, null for an unset one.
  Parts(Purpose purpose, std::vector<PyObject*>* children) : purpose_(purpose), children_(children) {}

  bool digests() const { return purpose_ == Purpose::kDigest; }

  void word(std::uint64_t value) {
    if (digests()) {
      absorb(chain_, word_token(value, Tag::kWord));
    } else {
      mix(value);
    }
  }
  void text(std::string_view text) { bytes(text.data(), text.size()); }
  void bytes(const void* data, std::size_t size) {
    if (digests()) {
      absorb(chain_, memory_token(data, size, Tag::kRaw));
    } else {
      mix(memory_mark(data, size, Tag::kRaw));
    }
  }
  void token(Token token) {
    if (digests()) {
      absorb(chain_, token);
    } else {
      mix(token.a);
    }
  }
  // A reference, or null where one could be.
  void child(PyObject* object) {
    if (digests()) {
      children_->push_back(object);
    } else {
      mix(reinterpret_cast<std::uint64_t>(object));
    }
  }
  // A reference of which a restore brings nothing back, such as what a cache holds: whatever changes in it is
  // a change of the identity, not of the content. REQUIRES: after all children, of which there is at least
  // one.
  void aside(PyObject* object) {
    child(object);
    if (digests()) ++asides_;
  }
  // The same of a number.
  void word_aside(std::uint64_t value) {
    if (digests()) {
      identity_ = (std::rotl(identity_, 5) ^ scramble(value)) * kOdd1;
    } else {
      mix(value);
    }
  }
  // An atom that the object owns, such as its name: part of its data.
  void atom(PyObject* object) {
    Atom atom;
    if (object && read_atom(object, atom)) {
      token(atom.token);
    } else {
      word(object != nullptr);
    }
  }
  // Something that tells a change within this process and means nothing in another: a version tag, an
  // address.
  void address(std::uint64_t value) {
    if (!digests()) mix(value);
  }
  void size(std::size_t bytes) { size_bytes_ += bytes; }
  void extent(Extent extent) {
    if (digests()) extents_.push_back(extent);
  }
  // The object has state that cannot be read; `why` lives as long as the program or the object's type.
  void opaque() { opaque_ = true; }
  // The canonical order is ambiguous: equal states may differ in their digest.
  void unstable() { unstable_ = true; }

  Token chain() const { return chain_; }
  std::uint64_t stamp() const { return stamp_; }
  std::size_t size_bytes() const { return size_bytes_; }
  std::size_t asides() const { return asides_; }
  std::uint64_t identity() const { return identity_; }
  const std::vector<Extent>& extents() const { return extents_; }
  bool is_opaque() const { return opaque_; }
  bool is_unstable() const { return unstable_; }

 private:
  void mix(std::uint64_t value) { stamp_ = (std::rotl(stamp_, 5) ^ scramble(value)) * kOdd1; }

  Purpose purpose_;
  std::vector<PyObject*>* children_;
  Token chain_;
  std::uint64_t stamp_ = 0;
  std::size_t size_bytes_ = 0;
  std::size_t asides_ = 0;
  std::uint64_t identity_ = 0;
  std::vector<Extent> extents_;
  bool opaque_ = false;
  bool unstable_ = false;
};

using Show = void (*)(PyObject* object, Parts& parts);

}  // namespace elastic::pyobj::walk
