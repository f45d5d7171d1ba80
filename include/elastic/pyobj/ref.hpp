// Who owns a Python object, who holds the GIL, and what becomes of a pending exception: said in types.
//
// Owned and Borrowed are the only holders of PyObject* outside hot loops. A Borrowed is valid while whoever
// it was borrowed from keeps its reference: never keep one across a call that may run Python code (a decref
// can run a finalizer). What touches Python takes `const GilHeld&`, so that calling it without the GIL does
// not compile.
//
// Invariants: an Owned holds exactly one strong reference or null; GilReleased leaves the thread as it found
// it.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cassert>
#include <utility>

namespace elastic::pyobj {

// Evidence that this thread holds the GIL. Cannot be copied or stored beyond the call it was handed to.
class GilHeld {
 public:
  GilHeld(const GilHeld&) = delete;
  GilHeld& operator=(const GilHeld&) = delete;

  // For entry points that Python itself calls (a binding, a hook). REQUIRES: the GIL is held (asserted).
  static GilHeld assume() {
    assert(PyGILState_Check());
    return GilHeld();
  }

 protected:
  GilHeld() = default;
};

// Takes the GIL for a scope, from any thread, also one that Python does not know. REQUIRES:
// Py_IsInitialized().
class GilAcquired : public GilHeld {
 public:
  GilAcquired() : state_(PyGILState_Ensure()) {}
  ~GilAcquired() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

// Gives the GIL up for a scope in which no Python object is touched: hashing and I/O on bytes whose owner is
// held.
class GilReleased {
 public:
  explicit GilReleased(const GilHeld&) : thread_(PyEval_SaveThread()) {}
  ~GilReleased() { PyEval_RestoreThread(thread_); }
  GilReleased(const GilReleased&) = delete;
  GilReleased& operator=(const GilReleased&) = delete;

 private:
  PyThreadState* thread_;
};

// Somebody else's reference, or null.
class Borrowed {
 public:
  Borrowed() = default;
  Borrowed(PyObject* object) : object_(object) {}  // implicit: what the C API calls a borrowed reference

  PyObject* get() const { return object_; }
  PyTypeObject* type() const { return Py_TYPE(object_); }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Borrowed&) const = default;  // identity

 private:
  PyObject* object_ = nullptr;
};

// One strong reference, or null. Dropping it may run a finalizer, thus any code. REQUIRES: the GIL,
// throughout.
class [[nodiscard]] Owned {
 public:
  Owned() = default;
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    // The old reference goes last: its finalizer may look at this very holder.
    PyObject* old = std::exchange(object_, std::exchange(other.object_, nullptr));
    Py_XDECREF(old);
    return *this;
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { Py_XDECREF(object_); }

  // What the C API calls a new reference; null stays null, with its exception pending.
  static Owned steal(PyObject* object) { return Owned(object); }
  // Takes a reference of its own.
  static Owned share(Borrowed object) {
    Py_XINCREF(object.get());
    return Owned(object.get());
  }
  Owned share() const { return share(Borrowed(object_)); }

  PyObject* get() const { return object_; }
  operator Borrowed() const& { return Borrowed(object_); }
  operator Borrowed() && = delete;  // would dangle
  explicit operator bool() const { return object_ != nullptr; }

  // The reference, for a C API call that steals it.
  [[nodiscard]] PyObject* release() { return std::exchange(object_, nullptr); }

 private:
  explicit Owned(PyObject* object) : object_(object) {}

  PyObject* object_ = nullptr;
};

// Puts the pending exception aside for a scope and back at its end; what was raised in between is dropped.
class PendingError {
 public:
  explicit PendingError(const GilHeld&) { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~PendingError() { PyErr_Restore(type_, value_, traceback_); }
  PendingError(const PendingError&) = delete;
  PendingError& operator=(const PendingError&) = delete;

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

}  // namespace elastic::pyobj
