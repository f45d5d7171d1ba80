#include "session/remote_backend.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <vector>

#include "elastic/pyobj/ref.hpp"

namespace elastic::session {
namespace {

using pyobj::Borrowed;
using pyobj::GilAcquired;
using pyobj::GilHeld;
using pyobj::Owned;
using store::Bytes;
using store::ConstBytes;
using store::LockMode;
using store::ObjectClass;
using store::ObjectInfo;
using store::ObjectName;
using store::WriterStatus;

constexpr std::uint64_t kPackBytes = 16 << 20;
constexpr std::size_t kInFlight = 4;
// What a small read fetches: more each time it goes on where the one before ended.
constexpr std::uint64_t kFirstWindowBytes = 16 << 10;
constexpr std::uint64_t kLastWindowBytes = 1 << 20;

// The pending exception as an error.
Error take_error(const GilHeld&) {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  const Owned kind = Owned::steal(type), what = Owned::steal(value), trace = Owned::steal(traceback);
  const auto is = [&](PyObject* of) { return kind && PyErr_GivenExceptionMatches(kind.get(), of) != 0; };
  if (is(PyExc_KeyboardInterrupt)) return Error(ErrorCode::kCancelled, "interrupted");
  const Owned text = Owned::steal(what ? PyObject_Str(what.get()) : nullptr);
  const char* words = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
  std::string message = words ? words : "";
  PyErr_Clear();
  const ErrorCode code = is(PyExc_FileNotFoundError)                     ? ErrorCode::kNotFound
                         : is(PyExc_ImportError) || is(PyExc_ValueError) ? ErrorCode::kInvalidArgument
                                                                         : ErrorCode::kIo;
  if (message.empty() || code == ErrorCode::kIo)
    message = std::string(kind ? reinterpret_cast<PyTypeObject*>(kind.get())->tp_name : "error") +
              (message.empty() ? "" : ": " + message);
  return Error(code, std::move(message));
}

// The Python object, shared by a backend and what came from it. Let go of with the GIL.
class Remote {
 public:
  Remote(const GilHeld&, Owned object, std::string url) : object_(std::move(object)), url_(std::move(url)) {}
  ~Remote() {
    const GilAcquired gil;
    object_ = Owned();
  }
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;

  const std::string& url() const { return url_; }

  // `arguments` is a new tuple, as of Py_BuildValue.
  Result<Owned> call(const GilHeld& gil, const char* method, PyObject* arguments) const {
    const Owned given = Owned::steal(arguments);
    const Owned bound = Owned::steal(given ? PyObject_GetAttrString(object_.get(), method) : nullptr);
    Owned answer = Owned::steal(bound ? PyObject_CallObject(bound.get(), given.get()) : nullptr);
    if (!answer) return take_error(gil).within(url_);
    return answer;
  }
  Result<> tell(const char* method, const std::string& path) const {
    const GilAcquired gil;
    ELASTIC_ASSIGN([[maybe_unused]] const Owned none, call(gil, method, Py_BuildValue("(s)", path.c_str())));
    return success();
  }

 private:
  Owned object_;
  std::string url_;
};
using SharedRemote = std::shared_ptr<const Remote>;

Result<std::string> text_of(const GilHeld& gil, Borrowed text) {
  Py_ssize_t size = 0;
  const char* const words = PyUnicode_AsUTF8AndSize(text.get(), &size);
  if (words == nullptr) return take_error(gil);
  return std::string(words, static_cast<std::size_t>(size));
}

Result<std::uint64_t> number_of(const GilHeld& gil, Borrowed number) {
  const unsigned long long value = PyLong_AsUnsignedLongLong(number.get());
  if (PyErr_Occurred()) return take_error(gil);
  return value;
}

class RemoteWriter final : public store::ObjectWriter {
 public:
  RemoteWriter(SharedRemote remote, const ObjectName& name) : remote_(std::move(remote)), name_(name) {}
  ~RemoteWriter() override {
    const GilAcquired gil;
    sending_ = Owned();  // what is under way may still arrive: nobody refers to it
  }

  Result<> append(std::span<const ConstBytes> parts) override {
    for (const ConstBytes part : parts) bytes_.insert(bytes_.end(), part.begin(), part.end());
    return success();
  }
  Result<> append_zeros(std::uint64_t count) override {
    bytes_.resize(bytes_.size() + count);
    return success();
  }

  Result<> begin_publish() override {
    const GilAcquired gil;
    ELASTIC_ASSIGN(sending_, remote_->call(gil, "begin_put", arguments(gil)));
    return success();
  }
  Result<> publish() override {
    const GilAcquired gil;
    if (sending_) {
      ELASTIC_ASSIGN([[maybe_unused]] const Owned sent,
                     remote_->call(gil, "end_put", Py_BuildValue("(O)", sending_.get())));
    } else {
      ELASTIC_ASSIGN([[maybe_unused]] const Owned sent, remote_->call(gil, "put", arguments(gil)));
    }
    return success();
  }
  void leave_to_child() override {}

 private:
  PyObject* arguments(const GilHeld&) {
    const std::vector<std::byte> bytes = std::move(bytes_);
    return Py_BuildValue("(sy#)", name_.to_path().c_str(), bytes.data(),
                         static_cast<Py_ssize_t>(bytes.size()));
  }

  SharedRemote remote_;
  ObjectName name_;
  std::vector<std::byte> bytes_;
  Owned sending_;
};

class RemoteReader final : public store::ObjectReader {
 public:
  RemoteReader(SharedRemote remote, std::string path, std::uint64_t size_bytes)
      : remote_(std::move(remote)), path_(std::move(path)), size_bytes_(size_bytes) {}

  std::uint64_t size_bytes() const override { return size_bytes_; }

  Result<> read_at(std::uint64_t offset, Bytes into) override {
    if (offset > size_bytes_ || into.size() > size_bytes_ - offset)
      return Error(ErrorCode::kCorruption, remote_->url() + "/" + path_ + " is shorter than it should be");
    if (into.size() >= kLastWindowBytes / 2) return fetch(offset, into);
    const std::lock_guard lock(mutex_);
    if (offset < window_offset_ || offset + into.size() > window_offset_ + window_.size()) {
      const bool goes_on = offset >= window_offset_ && offset <= window_offset_ + window_.size();
      next_bytes_ = goes_on ? std::min(next_bytes_ * 2, kLastWindowBytes) : kFirstWindowBytes;
      const std::uint64_t length = std::min(std::max<std::uint64_t>(next_bytes_, into.size()), size_bytes_);
      std::vector<std::byte> window(length);
      const std::uint64_t at = std::min(offset, size_bytes_ - length);
      ELASTIC_TRY(fetch(at, window));
      window_ = std::move(window);
      window_offset_ = at;
    }
    if (!into.empty()) std::memcpy(into.data(), window_.data() + (offset - window_offset_), into.size());
    return success();
  }

  Result<bool> map_private(std::uint64_t, Bytes) override { return false; }

 private:
  Result<> fetch(std::uint64_t offset, Bytes into) const {
    const GilAcquired gil;
    ELASTIC_ASSIGN(
        const Owned bytes,
        remote_->call(gil, "read",
                      Py_BuildValue("(sKK)", path_.c_str(), static_cast<unsigned long long>(offset),
                                    static_cast<unsigned long long>(into.size()))));
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(bytes.get(), &data, &size) < 0) return take_error(gil);
    if (static_cast<std::size_t>(size) != into.size())
      return Error(ErrorCode::kIo, remote_->url() + "/" + path_ + ": less came than was asked for");
    if (size > 0) std::memcpy(into.data(), data, into.size());
    return success();
  }

  SharedRemote remote_;
  std::string path_;
  std::uint64_t size_bytes_;
  std::mutex mutex_;  // never held while waiting for the GIL by who has it: callers do not hold it
  std::vector<std::byte> window_;
  std::uint64_t window_offset_ = 0;
  std::uint64_t next_bytes_ = kFirstWindowBytes;
};

// Of a shared or exclusive lease, or an announcement.
class RemoteLease final : public store::WriterLease {
 public:
  RemoteLease(SharedRemote remote, std::string path) : remote_(std::move(remote)), path_(std::move(path)) {}
  ~RemoteLease() override {
    const GilAcquired gil;
    const pyobj::PendingError pending(gil);
    static_cast<void>(remote_->tell("release", path_).ok());  // at worst it is taken for dead in a day
  }

  Result<> update(const WriterStatus& status) override {
    const GilAcquired gil;
    ELASTIC_ASSIGN(
        [[maybe_unused]] const Owned none,
        remote_->call(gil, "update", Py_BuildValue("(ss)", path_.c_str(), encode_status(status).c_str())));
    return success();
  }
  void leave_to_child() override {}

 private:
  SharedRemote remote_;
  std::string path_;
};

class RemoteBackend final : public store::Backend {
 public:
  explicit RemoteBackend(SharedRemote remote) : remote_(std::move(remote)) {}

  std::string location() const override { return remote_->url(); }
  store::Traffic traffic() const override { return {kPackBytes, kInFlight}; }

  Result<> prepare() override {
    const GilAcquired gil;
    ELASTIC_ASSIGN([[maybe_unused]] const Owned none, remote_->call(gil, "prepare", PyTuple_New(0)));
    return success();
  }
  Result<bool> is_empty() override {
    const GilAcquired gil;
    ELASTIC_ASSIGN(const Owned answer, remote_->call(gil, "is_empty", PyTuple_New(0)));
    return answer.get() == Py_True;
  }
  Result<std::unique_ptr<store::ObjectWriter>> create(const ObjectName& name) override {
    return std::unique_ptr<store::ObjectWriter>(new RemoteWriter(remote_, name));
  }
  Result<std::unique_ptr<store::ObjectReader>> open(const ObjectName& name) override {
    const GilAcquired gil;
    std::string path = name.to_path();
    ELASTIC_ASSIGN(const Owned size, remote_->call(gil, "size", Py_BuildValue("(s)", path.c_str())));
    ELASTIC_ASSIGN(const std::uint64_t size_bytes, number_of(gil, size));
    return std::unique_ptr<store::ObjectReader>(new RemoteReader(remote_, std::move(path), size_bytes));
  }

  Result<std::vector<ObjectInfo>> list(ObjectClass object_class) override {
    const GilAcquired gil;
    const char* const directory = object_class == ObjectClass::kManifest ? "manifests" : "packs";
    ELASTIC_ASSIGN(const Owned found, remote_->call(gil, "list", Py_BuildValue("(s)", directory)));
    std::vector<ObjectInfo> infos;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(found.get()); ++i) {
      const Borrowed entry = PyList_GET_ITEM(found.get(), i);
      ELASTIC_ASSIGN(const std::string file_name, text_of(gil, PyTuple_GetItem(entry.get(), 0)));
      ELASTIC_ASSIGN(const std::uint64_t size_bytes, number_of(gil, PyTuple_GetItem(entry.get(), 1)));
      const auto name = ObjectName::listed(object_class, file_name);
      if (name) infos.push_back({*name, size_bytes});
    }
    return infos;
  }

  Result<> remove(const ObjectName& name) override { return remote_->tell("remove", name.to_path()); }
  Result<> sync_names(ObjectClass) override { return success(); }  // a put is durable when it is answered

  Result<std::unique_ptr<store::Lease>> try_lease(LockMode mode) override {
    const GilAcquired gil;
    const bool exclusive = mode == LockMode::kExclusive;
    auto path = remote_->call(gil, "try_lease", Py_BuildValue("(O)", exclusive ? Py_True : Py_False));
    if (!path.ok()) {
      // A place one may only read: nobody can delete there in one's name either.
      if (exclusive || path.error().code() != ErrorCode::kIo) return path.error();
      return std::unique_ptr<store::Lease>(new store::Lease());
    }
    if (path->get() == Py_None) return std::unique_ptr<store::Lease>();
    ELASTIC_ASSIGN(std::string at, text_of(gil, *path));
    return std::unique_ptr<store::Lease>(new RemoteLease(remote_, std::move(at)));
  }
  Result<std::unique_ptr<store::WriterLease>> announce(const WriterStatus& status) override {
    const GilAcquired gil;
    ELASTIC_ASSIGN(const Owned path,
                   remote_->call(gil, "announce", Py_BuildValue("(s)", encode_status(status).c_str())));
    ELASTIC_ASSIGN(std::string at, text_of(gil, path));
    return std::unique_ptr<store::WriterLease>(new RemoteLease(remote_, std::move(at)));
  }
  Result<std::vector<WriterStatus>> writers() override {
    const GilAcquired gil;
    ELASTIC_ASSIGN(const Owned found, remote_->call(gil, "writers", PyTuple_New(0)));
    std::vector<WriterStatus> running;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(found.get()); ++i) {
      ELASTIC_ASSIGN(const std::string text, text_of(gil, PyList_GET_ITEM(found.get(), i)));
      running.push_back(store::decode_status(text));
    }
    return running;
  }
  Result<std::uint64_t> remove_leftovers() override {
    const GilAcquired gil;
    ELASTIC_ASSIGN(const Owned freed, remote_->call(gil, "remove_leftovers", PyTuple_New(0)));
    return number_of(gil, freed);
  }

 private:
  SharedRemote remote_;
};

}  // namespace

bool is_remote(std::string_view place) { return place.find("://") != std::string_view::npos; }

Result<std::unique_ptr<store::Backend>> remote_backend(const std::string& url) {
  const GilAcquired gil;
  const Owned module = Owned::steal(PyImport_ImportModule("elasticpython.remote"));
  Owned object =
      Owned::steal(module ? PyObject_CallMethod(module.get(), "Remote", "s", url.c_str()) : nullptr);
  if (!object) return take_error(gil);
  return std::unique_ptr<store::Backend>(
      new RemoteBackend(std::make_shared<const Remote>(gil, std::move(object), url)));
}

}  // namespace elastic::session
