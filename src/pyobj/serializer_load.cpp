#include <cstring>

#include "elastic/pyobj/serializer.hpp"
#include "pyobj/collector_off.hpp"
#include "pyobj/plain_pickle.hpp"
#include "pyobj/serializer_errors.hpp"
#include "pyobj/serializer_memory.hpp"

namespace elastic::pyobj {
namespace {

// Larger ones are read piece by piece, and can be interrupted in between.
constexpr std::size_t kPlainBytes = 64 << 10;
constexpr const char* kResolverCapsule = "elastic.resolver";

Owned text_of(const std::string& text) {
  return Owned::steal(PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

// The resolver as Python sees it: its error becomes an exception, which becomes an error again in load_error.
PyObject* resolve(PyObject* capsule, PyObject* name) {
  auto* resolver = static_cast<Resolver*>(PyCapsule_GetPointer(capsule, kResolverCapsule));
  const char* text = resolver != nullptr ? PyUnicode_AsUTF8(name) : nullptr;
  if (text == nullptr) return nullptr;
  Result<Owned> found = (*resolver)(GilHeld::assume(), text);
  if (found.ok()) return std::move(found).value().release();
  Owned module = Owned::steal(PyImport_ImportModule("elasticpython.unpickling"));
  Owned kind = Owned::steal(module ? PyObject_GetAttrString(module.get(), "MissingVariable") : nullptr);
  if (kind) PyErr_SetString(kind.get(), found.error().message().c_str());
  return nullptr;
}

PyMethodDef resolve_method = {"resolve", resolve, METH_O, "The object of a variable of another group."};

void delete_resolver(PyObject* capsule) {
  delete static_cast<Resolver*>(PyCapsule_GetPointer(capsule, kResolverCapsule));
}

Owned callable_of(Resolver resolver) {
  auto held = std::make_unique<Resolver>(std::move(resolver));
  Owned capsule = Owned::steal(PyCapsule_New(held.get(), kResolverCapsule, delete_resolver));
  if (!capsule) return {};
  static_cast<void>(held.release());
  return Owned::steal(PyCFunction_New(&resolve_method, capsule.get()));
}

}  // namespace

class Loader::State {
 public:
  bool init(const GilHeld&, Borrowed user_namespace, Resolver resolver) {
    module_ = Owned::steal(PyImport_ImportModule("elasticpython.unpickling"));
    Owned callable = module_ ? callable_of(std::move(resolver)) : Owned();
    session_ = Owned::steal(
        callable ? PyObject_CallMethod(module_.get(), "Session", "OO", user_namespace.get(), callable.get())
                 : nullptr);
    const Owned pickle = Owned::steal(session_ ? PyImport_ImportModule("_pickle") : nullptr);
    loads_ = Owned::steal(pickle ? PyObject_GetAttrString(pickle.get(), "loads") : nullptr);
    return static_cast<bool>(loads_);
  }

  Result<Owned> load(const GilHeld& gil, const std::vector<std::string>& names,
                     std::span<const std::byte> pickle, std::vector<LoadBuffer> buffers) {
    if (names.size() == 1 && pickle.size() <= kPlainBytes && is_plain_pickle(pickle))
      return load_plain(gil, names.front(), pickle);
    Owned memory = Owned::steal(PyList_New(0));
    for (LoadBuffer& buffer : buffers) {
      Owned exporter = memory ? exporter_of(gil, std::move(buffer)) : Owned();
      if (!exporter || PyList_Append(memory.get(), exporter.get()) < 0)
        return internal_error(gil, "preparing to load");
    }
    Owned reader = memory ? reader_of(gil, pickle) : Owned();
    Owned unpickler = Owned::steal(reader ? PyObject_CallMethod(module_.get(), "GroupUnpickler", "OOO",
                                                                session_.get(), reader.get(), memory.get())
                                          : nullptr);
    Owned loaded = Owned::steal(unpickler ? PyDict_New() : nullptr);
    if (!loaded) return internal_error(gil, "preparing to load");
    // It would walk what has been loaded over and over while there is nothing to collect.
    const CollectorOff collector_off;
    for (const std::string& name : names) {
      Owned key = text_of(name);
      Owned value = Owned::steal(key ? PyObject_CallMethod(unpickler.get(), "load", nullptr) : nullptr);
      if (!value || PyDict_SetItem(loaded.get(), key.get(), value.get()) < 0) return load_error(gil, name);
    }
    return loaded;
  }

 private:
  Result<Owned> load_plain(const GilHeld& gil, const std::string& name, std::span<const std::byte> pickle) {
    const CollectorOff collector_off;
    const Owned key = text_of(name),
                bytes = Owned::steal(PyBytes_FromStringAndSize(reinterpret_cast<const char*>(pickle.data()),
                                                               static_cast<Py_ssize_t>(pickle.size())));
    Owned loaded = Owned::steal(key && bytes ? PyDict_New() : nullptr);
    if (!loaded) return internal_error(gil, "preparing to load");
    const Owned value = Owned::steal(PyObject_CallOneArg(loads_.get(), bytes.get()));
    if (!value || PyDict_SetItem(loaded.get(), key.get(), value.get()) < 0) return load_error(gil, name);
    return loaded;
  }

  Owned module_;
  Owned session_;
  Owned loads_;
};

Loader::Loader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;
Loader::~Loader() = default;

Result<Loader> Loader::create(const GilHeld& gil, Borrowed user_namespace, Resolver resolver) {
  auto state = std::make_unique<State>();
  if (!state->init(gil, user_namespace, std::move(resolver))) return internal_error(gil, "starting to load");
  return Loader(std::move(state));
}

Result<Owned> Loader::load(const GilHeld& gil, const std::vector<std::string>& names,
                           std::span<const std::byte> pickle, std::vector<LoadBuffer> buffers) {
  return state_->load(gil, names, pickle, std::move(buffers));
}

Result<Unit> check_loads(const GilHeld& gil, Borrowed user_namespace, const Pickled& pickled) {
  Owned live = Owned::share(user_namespace);
  // A scratch namespace: what the group's functions would write on loading must not reach the session.
  Owned scratch = Owned::steal(PyDict_Copy(user_namespace.get()));
  if (!scratch) return internal_error(gil, "checking a pickle");
  ELASTIC_ASSIGN(Loader loader,
                 Loader::create(gil, scratch, [&](const GilHeld&, const std::string& name) -> Result<Owned> {
                   PyObject* found = PyDict_GetItemString(live.get(), name.c_str());
                   if (found == nullptr) return Error(ErrorCode::kNotFound, "no variable " + name);
                   return Owned::share(Borrowed(found));
                 }));
  std::vector<std::byte> pickle(pickled.pickle_bytes());
  std::size_t written = 0;
  for (const PinnedBuffer& piece : pickled.pickle) {
    std::memcpy(pickle.data() + written, piece.bytes().data(), piece.bytes().size());
    written += piece.bytes().size();
  }
  std::vector<LoadBuffer> copies;  // loading may write into them
  for (const PinnedBuffer& buffer : pickled.buffers) {
    auto copy = std::make_shared<std::vector<std::byte>>(buffer.bytes().begin(), buffer.bytes().end());
    copies.push_back({std::span(*copy), copy});
  }
  ELASTIC_ASSIGN(Owned loaded, loader.load(gil, pickled.names, pickle, std::move(copies)));
  return success();
}

Result<std::map<std::string, std::string>> serializer_environment(const GilHeld& gil) {
  Owned module = Owned::steal(PyImport_ImportModule("elasticpython.pickling"));
  Owned facts = Owned::steal(module ? PyObject_CallMethod(module.get(), "environment", nullptr) : nullptr);
  if (!facts) return internal_error(gil, "looking at the environment");
  std::map<std::string, std::string> environment;
  PyObject *key = nullptr, *value = nullptr;
  for (Py_ssize_t position = 0; PyDict_Next(facts.get(), &position, &key, &value);) {
    const char* key_text = PyUnicode_AsUTF8(key);
    const char* value_text = key_text != nullptr ? PyUnicode_AsUTF8(value) : nullptr;
    if (value_text == nullptr) return internal_error(gil, "looking at the environment");
    environment.emplace(key_text, value_text);
  }
  return environment;
}

}  // namespace elastic::pyobj
