#include "elastic/pyobj/serializer.hpp"
#include "pyobj/serializer_deep.hpp"
#include "pyobj/serializer_errors.hpp"
#include "pyobj/serializer_hooks.hpp"

namespace elastic::pyobj {
bool append_texts(Borrowed list, std::vector<std::string>& texts) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    const char* text = PyUnicode_AsUTF8(PyList_GET_ITEM(list.get(), i));
    if (text == nullptr) return false;
    texts.emplace_back(text);
  }
  return true;
}

Owned list_of(const std::vector<std::string>& names) {
  Owned list = Owned::steal(PyList_New(0));
  for (const std::string& name : names) {
    Owned text = Owned::steal(PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
    if (!list || !text || PyList_Append(list.get(), text.get()) < 0) return {};
  }
  return list;
}

PinnedBuffer& PinnedBuffer::operator=(PinnedBuffer&& other) noexcept {
  if (this != &other) {
    release();
    view_ = std::exchange(other.view_, Py_buffer{});
  }
  return *this;
}

PinnedBuffer::~PinnedBuffer() { release(); }

void PinnedBuffer::release() {
  if (view_.obj == nullptr || !Py_IsInitialized()) return;
  GilAcquired gil;
  PyBuffer_Release(&view_);
}

std::size_t Pickled::pickle_bytes() const {
  std::size_t total = 0;
  for (const PinnedBuffer& piece : pickle) total += piece.bytes().size();
  return total;
}

std::size_t Pickled::buffer_bytes() const {
  std::size_t total = 0;
  for (const PinnedBuffer& buffer : buffers) total += buffer.bytes().size();
  return total;
}

class Dumper::State {
 public:
  bool init(const GilHeld& gil, Borrowed user_namespace, const std::vector<std::string>& references,
            const DumpOptions& options) {
    namespace_ = Owned::share(user_namespace);
    hooks_ = Hooks::create(gil, options.out_of_band_min_bytes);
    Owned module = Owned::steal(hooks_ ? PyImport_ImportModule("elasticpython.pickling") : nullptr);
    Owned pickle = Owned::steal(module ? PyImport_ImportModule("_pickle") : nullptr);
    Owned kind = Owned::steal(pickle ? PyObject_GetAttrString(pickle.get(), "Pickler") : nullptr);
    dump_ = Owned::steal(kind ? PyObject_GetAttrString(kind.get(), "dump") : nullptr);
    Owned names = dump_ ? list_of(references) : Owned();
    if (!names) return false;
    context_ = Owned::steal(PyObject_CallMethod(module.get(), "Context", "OOOn", user_namespace.get(),
                                                names.get(), hooks_->object().get(),
                                                static_cast<Py_ssize_t>(options.out_of_band_min_bytes)));
    return context_ && hooks_->adopt(gil, context_);
  }

  Result<Pickled> dump(const GilHeld& gil, const std::vector<std::string>& names, Borrowed from) {
    const Borrowed values = from ? from : Borrowed(namespace_);
    bool too_deep = false;
    hooks_->cancelled = false;
    Result<Pickled> first = attempt(gil, names, values, &too_deep);
    if (!too_deep) return first;
    std::optional<Result<Pickled>> second;
    hooks_->cancelled = false;
    hooks_->on_other_thread = true;
    const bool ran = run_on_large_stack(gil, hooks_->cancelled, [&](const GilHeld& worker_gil) {
      second = attempt(worker_gil, names, values, nullptr);
    });
    hooks_->on_other_thread = false;
    PyErr_Clear();  // a signal's exception: the result says `cancelled`
    if (!ran) return first;
    return std::move(*second);
  }

 private:
  // `too_deep` is set where a larger stack may help; null where this is that attempt.
  Result<Pickled> attempt(const GilHeld& gil, const std::vector<std::string>& names, Borrowed values,
                          bool* too_deep) {
    hooks_->start_group(names);
    // One pickler serves all groups; one that failed is not trusted again.
    Owned pickler = std::exchange(pickler_, Owned());
    if (!pickler) pickler = Owned::steal(PyObject_CallMethod(context_.get(), "pickler", nullptr));
    if (!pickler) return internal_error(gil, "preparing to pickle");
    for (const std::string& name : names) {
      Owned value = Owned::share(Borrowed(PyDict_GetItemString(values.get(), name.c_str())));
      if (!value) return finish(Error(ErrorCode::kNotFound, "no variable " + name));
      Owned done =
          Owned::steal(PyObject_CallFunctionObjArgs(dump_.get(), pickler.get(), value.get(), nullptr));
      if (done) continue;
      if (too_deep != nullptr && PyErr_ExceptionMatches(PyExc_RecursionError)) {
        *too_deep = true;
        return finish(dump_error(gil, name, Borrowed(), Borrowed()));
      }
      Owned culprit = Owned::share(hooks_->last_seen());
      return finish(dump_error(gil, name, value, culprit));
    }
    Result<Pickled> collected = collect(gil, names);
    Owned cleared = Owned::steal(PyObject_CallMethod(pickler.get(), "clear_memo", nullptr));
    if (!cleared) return internal_error(gil, "finishing a pickle");
    pickler_ = std::move(pickler);
    return collected;
  }

  Result<Pickled> collect(const GilHeld& gil, const std::vector<std::string>& names) {
    Pickled pickled;
    pickled.names = names;
    pickled.pickle = hooks_->take_pickle();
    pickled.buffers = hooks_->take_buffers();
    const std::vector<std::string> met(hooks_->modules().begin(), hooks_->modules().end());
    const std::vector<std::string> used(hooks_->used_references().begin(), hooks_->used_references().end());
    const bool told = pickled.has_reducers = hooks_->context_knows_group();
    pickled.ran_own_code = hooks_->met_own_code();
    hooks_->forget_group();
    if (!told) {  // no reducer was asked for, so there is nothing that only the context knows
      pickled.references = used;
      return pickled;
    }
    Owned met_list = list_of(met);
    Owned used_list = list_of(used);
    Owned report =
        Owned::steal(met_list && used_list ? PyObject_CallMethod(context_.get(), "finish_group", "OO",
                                                                 met_list.get(), used_list.get())
                                           : nullptr);
    PyObject *references = nullptr, *modules = nullptr, *notes = nullptr;
    if (!report || !PyArg_ParseTuple(report.get(), "O!O!O!", &PyList_Type, &references, &PyDict_Type,
                                     &modules, &PyList_Type, &notes))
      return internal_error(gil, "finishing a pickle");
    if (!append_texts(references, pickled.references) || !append_texts(notes, pickled.notes))
      return internal_error(gil, "finishing a pickle");
    PyObject *module = nullptr, *version = nullptr;
    for (Py_ssize_t position = 0; PyDict_Next(modules, &position, &module, &version);) {
      const char* module_text = PyUnicode_AsUTF8(module);
      const char* version_text = module_text != nullptr ? PyUnicode_AsUTF8(version) : nullptr;
      if (version_text == nullptr) return internal_error(gil, "finishing a pickle");
      pickled.modules.emplace(module_text, version_text);
    }
    return pickled;
  }

  // A failed group's buffers are let go at once: they may be most of the memory.
  Error finish(Error error) {
    hooks_->forget_group();
    return error;
  }

  Owned namespace_;
  Owned dump_;
  Owned context_;
  std::unique_ptr<Hooks> hooks_;
  Owned pickler_;  // null where the next group needs a new one
};

Dumper::Dumper(std::unique_ptr<State> state) : state_(std::move(state)) {}
Dumper::Dumper(Dumper&&) noexcept = default;
Dumper& Dumper::operator=(Dumper&&) noexcept = default;
Dumper::~Dumper() = default;

Result<Dumper> Dumper::create(const GilHeld& gil, Borrowed user_namespace,
                              const std::vector<std::string>& references, const DumpOptions& options) {
  auto state = std::make_unique<State>();
  if (!state->init(gil, user_namespace, references, options))
    return internal_error(gil, "starting the serialiser");
  return Dumper(std::move(state));
}

Result<Pickled> Dumper::dump(const GilHeld& gil, const std::vector<std::string>& names, Borrowed values) {
  return state_->dump(gil, names, values);
}

}  // namespace elastic::pyobj
