#include "elastic/pyobj/reads.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <queue>
#include <unordered_map>
#include <unordered_set>

#include "elastic/pyobj/user_names.hpp"
#include "pyobj/code_owner.hpp"
#include "pyobj/compile_source.hpp"
#include "pyobj/magics.hpp"
#include "pyobj/read_paths.hpp"
#include "pyobj/reads_state.hpp"
#include "pyobj/walk/layout.hpp"
#include "pyobj/ways_to_names.hpp"

namespace elastic::pyobj {
namespace {

// Methods that evaluate the text they are given against the caller's variables.
constexpr std::array kEvaluating = {"query",   "eval",     "evaluate",      "sql",
                                    "execute", "read_sql", "read_sql_query"};

// What reads a pickle, or has other processes send some.
constexpr std::array kUnpickling = {
    "load",     "loads",   "read_pickle", "Unpickler", "Pool",  "ProcessPoolExecutor",
    "Parallel", "Process", "Manager",     "Client",    "shelve"};

// What leads from any widget, or from ipywidgets, to all of them.
constexpr std::array kAllWidgets = {"close_all", "widgets", "_instances", "get_manager_state"};

// A connection to SQLite or a cursor of it, as it comes: their classes cannot be changed.
bool is_sqlite(PyObject* value) {
  if (value == nullptr) return false;
  const auto is_of = [&](const char* name) {
    return reinterpret_cast<PyObject*>(Py_TYPE(value)) == walk::loaded_attribute("_sqlite3", name);
  };
  return is_of("Connection") || is_of("Cursor");
}

}  // namespace

std::string Why::text() const {
  switch (rule) {
    case ReadRule::kNamed:
      return "named in the cell";
    case ReadRule::kReached:
      return "used by " + via;
    case ReadRule::kWord:
      return via.empty() ? "a word in a string" : "a word in a string of " + via;
    case ReadRule::kValueWord:
      return "a word in the text held by " + via;
    case ReadRule::kEscaped:
      return "used by " + via + ", which a library refers to";
    case ReadRule::kDropped:
      return "runs when the value of " + via + " goes";
    case ReadRule::kRuntime:
      return "named by what the cell evaluated or loaded";
  }
  return {};
}

void Access::add(const Access& other) {
  reads.insert(other.reads.begin(), other.reads.end());
  maybe_binds.insert(other.maybe_binds.begin(), other.maybe_binds.end());
  maybe_deletes.insert(other.maybe_deletes.begin(), other.maybe_deletes.end());
  imports.insert(other.imports.begin(), other.imports.end());
  module_files.insert(other.module_files.begin(), other.module_files.end());
  if (everything.empty()) everything = other.everything;
  handles_code = handles_code || other.handles_code;
  may_read_clock = may_read_clock || other.may_read_clock;
  asks_ipython = asks_ipython || other.asks_ipython;
  paths.reset();
  may_unpickle = may_unpickle || other.may_unpickle;
}

// One closure computation: from the cell's code to everything its names reach.
class Reads::Analysis {
 public:
  Analysis(const GilHeld& gil, State& state, Access& access, Borrowed transform, Look look = Look::kThrough)
      : gil_(gil), state_(state), access_(access), transform_(transform), thorough_(look == Look::kThrough) {}

  void run(const CodeNames& cell) {
    for (std::size_t i = 0; i < cell.surely_binds.size(); ++i) ranks_.emplace(cell.surely_binds[i], i);
    for (const std::string& name : cell.surely_binds) {
      if (is_user_name(name)) access_.surely_binds.insert(name);
    }
    access_.imports.insert(cell.imports.begin(), cell.imports.end());
    access_.handles_code = cell.makes_code;
    apply(cell, 0, "", ReadRule::kNamed);
    take_escaped(false);
    for (const std::string& name : cell.deletes) enqueue({name, 0}, 0, {ReadRule::kNamed, ""});
    drain();
    add_dropped();
    if (evaluates()) evaluate_texts();
    look_through_large();
    while (!sql_words_.empty()) take_sql_words();
    if (asks_for_all_widgets()) take_escaped(true);
    access_.may_unpickle = std::any_of(kUnpickling.begin(), kUnpickling.end(), [&](const char* name) {
      return attributes_.contains(name) || expanded_at_.contains(name);
    });
    // numpy reads the clock in C, where nobody sees it, and knows these words.
    access_.may_read_clock = words_now_ && (words_datetime64_ || attributes_.count("datetime64") != 0);
    for (const std::string& module : modules_) {
      if (getattr_ || expanded_at_.contains("vars")) reach("uses getattr or vars and " + module);
      for (const std::string& attribute : attributes_) {
        if (std::string why = reach_through_module(module, attribute); !why.empty()) reach(std::move(why));
      }
    }
  }

  // Modules that the cell imported are there now.
  void note_imports() {
    for (const std::string& name : access_.imports) {
      PyObject* module = PyDict_GetItemString(PyImport_GetModuleDict(), name.c_str());
      if (module == nullptr || !PyModule_Check(module) || !is_own_module(module)) continue;
      Reach reached;
      state_.reacher.add(module, reached);
      for (const Reach::Code& code : reached.codes) alive_.push_back(code.names);
      take_reach(reached, 0, name, ReadRule::kRuntime);
    }
    PyErr_Clear();
  }

  // As long as it lives, `node` is what leads to whatever is met.
  class From {
   public:
    From(Analysis& analysis, ReadPaths::Node node)
        : analysis_(analysis), before_(std::exchange(analysis.from_, node)) {}
    ~From() { analysis_.from_ = before_; }
    From(const From&) = delete;
    From& operator=(const From&) = delete;

   private:
    Analysis& analysis_;
    ReadPaths::Node before_;
  };
  ReadPaths::Node variable(std::string_view name) const {
    return access_.paths ? access_.paths->variable(name) : ReadPaths::kCell;
  }

  void add_words(const std::string& text, ReadRule rule) {
    for_each_word(text, [&](std::string_view word) {
      constexpr std::string_view kPandasLocal = "__pd_eval_local_";  // what pandas makes of @name
      if (word.substr(0, kPandasLocal.size()) == kPandasLocal) word.remove_prefix(kPandasLocal.size());
      enqueue({std::string(word), 0}, 0, {rule, ""});
    });
  }
  void add_name(const std::string& name, ReadRule rule) { enqueue({name, 0}, 0, {rule, ""}); }
  void drain();

  bool evaluates() const {
    return std::any_of(kEvaluating.begin(), kEvaluating.end(),
                       [&](const char* attribute) { return attributes_.contains(attribute); });
  }

  // Callbacks of widgets that a cell does not lead to run between cells, when a message comes, and count as
  // read only where the cell can ask ipywidgets for all there are.
  bool asks_for_all_widgets() const {
    return getattr_ || std::any_of(kAllWidgets.begin(), kAllWidgets.end(),
                                   [&](const char* attribute) { return attributes_.contains(attribute); });
  }
  void take_escaped(bool by_message) {
    const From library(*this, ReadPaths::kLibrary);
    for (const auto& escaped : state_.escaped)
      if (escaped.by_message == by_message) take_reach(escaped.reach, 0, escaped.name, ReadRule::kEscaped);
    if (by_message) drain();
  }

  // Where text or modules that a large value may hold matter to the cell, it is looked through after all.
  void look_through_large() {
    if (large_.empty()) return;
    const bool asks_modules = std::any_of(attributes_.begin(), attributes_.end(), &is_reaching_attribute);
    if (!getattr_ && !asks_modules && !evaluates()) return;
    thorough_ = true;
    for (const auto& [name, prefix] : std::exchange(large_, {})) take_value(name, prefix);
    drain();
    if (evaluates()) evaluate_texts();
  }

  void apply(const CodeNames& names, std::uint32_t prefix, const std::string& via, ReadRule rule) {
    const auto [applied, is_new] = applied_.emplace(&names, prefix);
    if (!is_new && applied->second <= prefix) return;
    applied->second = prefix;
    if (!names.magics.empty()) {
      expanded_.push_back(std::make_unique<CodeNames>(names));
      expand_magics(gil_, *expanded_.back(), transform_);
      return apply(*expanded_.back(), prefix, via, rule);
    }
    const ReadRule word_rule =
        rule == ReadRule::kNamed || rule == ReadRule::kReached ? ReadRule::kWord : rule;
    for (const NameUse& use : names.loads) enqueue(use, prefix, {rule, via});
    for (const NameUse& use : names.words) {
      words_now_ = words_now_ || use.name == "now" || use.name == "today";
      words_datetime64_ = words_datetime64_ || use.name == "datetime64";
      enqueue(use, prefix, {word_rule, via});
    }
    for (const SqlWord& sql : names.sql_words) sql_words_.push_back({sql, via, word_rule});
    for (const NameUse& use : names.builtins_used) {
      if (!bound_before(use.name, std::max(use.prefix, prefix)) && state_.value_of(use.name) == nullptr) {
        reach("uses " + use.name + (via.empty() ? "" : " in " + via));
      }
      // IPython puts these two into the namespace itself.
      if (use.name == "__builtins__" || use.name == "__builtin__") reach("uses " + use.name);
    }
    if (!names.everything.empty()) reach(names.everything + (via.empty() ? "" : " in " + via));
    for (const std::string& name : names.maybe_binds) {
      if (is_user_name(name)) access_.maybe_binds.insert(name);
    }
    for (const std::string& name : names.deletes) {
      if (is_user_name(name)) access_.maybe_deletes.insert(name);
    }
    for (const auto& [name, inner] : names.deferred) deferred_[name].push_back(inner);
    attributes_.insert(names.attributes.begin(), names.attributes.end());
    for (const std::string& module : names.imports) {
      const std::string top = module.substr(0, module.find('.'));
      if (is_reaching_module(top)) modules_.insert(top);
    }
    getattr_ = getattr_ || names.uses_getattr;
  }

 private:
  struct Item {
    std::uint32_t prefix;
    std::uint64_t order;
    std::string name;
    Why why;
    bool operator>(const Item& other) const {
      return std::tie(prefix, order) > std::tie(other.prefix, other.order);
    }
  };

  // What a name held may be gone once it is bound anew or deleted, and what then runs belongs to the cell.
  void add_dropped() {
    auto names = access_.surely_binds;
    for (const auto* more : {&access_.maybe_binds, &access_.maybe_deletes})
      names.insert(more->begin(), more->end());
    for (const std::string& name : names) {
      PyObject* value = state_.value_of(name);
      if (value == nullptr) continue;
      const Reach& reached = reach_of(name, value, 0);
      bool runs = reached.runs_when_dropped;
      for (PyObject* object : reached.on_drop)
        for_each_holder(object, [&](std::string_view) { runs = true; });
      if (!runs) continue;
      // Where the cell is run again, something may go that is kept here by the results of former cells.
      const From library(*this, ReadPaths::kLibrary);
      if (access_.paths) access_.paths->lead(from_, variable(name), {ReadRule::kDropped, name});
      access_.reads.emplace(name, Why{ReadRule::kDropped, name});
      for (const Reach::Code& code : reached.codes) alive_.push_back(code.names);
      take_reach(reached, 0, name, ReadRule::kDropped);
    }
    drain();
  }
  // Calls take(name) for the variables whose value the object is. Names live as long as the namespace's keys.
  template <class Take>
  void for_each_holder(PyObject* object, Take take) {
    if (!holders_) {
      holders_.emplace();
      PyObject *key = nullptr, *value = nullptr;
      for (Py_ssize_t position = 0; PyDict_Next(state_.names, &position, &key, &value);) {
        if (PyUnicode_CheckExact(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value)) continue;
        const char* name = PyUnicode_Check(key) ? PyUnicode_AsUTF8(key) : nullptr;
        if (name == nullptr) PyErr_Clear();
        if (name != nullptr && is_user_name(name)) holders_->emplace(value, name);
      }
    }
    const auto [first, last] = holders_->equal_range(object);
    for (auto holder = first; holder != last; ++holder) take(holder->second);
  }
  void reach(std::string why) {
    if (access_.everything.empty()) access_.everything = std::move(why);
  }
  bool bound_before(const std::string& name, std::uint32_t prefix) const {
    const auto rank = ranks_.find(name);
    return rank != ranks_.end() && rank->second < prefix;
  }
  void enqueue(const NameUse& use, std::uint32_t prefix, Why why) {
    if (access_.paths) access_.paths->lead(from_, variable(use.name), why);
    const std::uint32_t from = std::max(use.prefix, prefix);
    const auto done = expanded_at_.find(use.name);
    if (done != expanded_at_.end() && done->second <= from) return;
    queue_.push({from, order_++, use.name, std::move(why)});
  }
  const Reach& reach_of(const std::string& name, PyObject* value, std::uint32_t prefix) {
    if (thorough_) return state_.reach_of(name, value);
    if (const Reach* seen = state_.glance_at(name, value)) return *seen;
    if (!of_large_) of_large_.emplace(state_.reach_of_large());
    if (!*of_large_) return state_.reach_of(name, value);
    large_.emplace(name, prefix);
    return **of_large_;
  }
  void take_value(const std::string& name, std::uint32_t prefix) {
    PyObject* value = state_.value_of(name);
    if (value == nullptr) return;
    const From there(*this, variable(name));
    const Reach& reached = reach_of(name, value, prefix);
    for (const Reach::Code& code : reached.codes) alive_.push_back(code.names);
    for (const std::string& text : reached.texts) texts_.emplace_back(name, text);
    take_reach(reached, prefix, name, ReadRule::kReached);
  }
  void take_reach(const Reach& reached, std::uint32_t prefix, const std::string& via, ReadRule rule) {
    if (!reached.everything.empty()) reach(via + " " + reached.everything);
    access_.handles_code = access_.handles_code || !reached.codes.empty();
    for (const Reach::Code& code : reached.codes) apply_code(code, prefix, via, rule);
    for (const auto* objects : {&reached.session_code, &reached.on_drop, &reached.in_modules})
      for (PyObject* object : *objects)
        for_each_holder(object, [&](std::string_view name) {
          if (access_.paths) access_.paths->lead(from_, variable(name), {rule, via});
          if (!access_.reads.contains(name)) access_.reads.emplace(name, Why{rule, via});
        });
    modules_.insert(reached.modules.begin(), reached.modules.end());
    access_.module_files.insert(reached.own_files.begin(), reached.own_files.end());
  }
  // What SQLite is told names its own tables, and nothing in Python but functions that were registered with
  // it: of the session's, every cell counts as calling them. Any other `execute` may look for variables.
  void take_sql_words() {
    for (const auto& [sql, via, rule] : std::exchange(sql_words_, {})) {
      const bool may_be_another = state_.everything_was_reached || !access_.everything.empty() ||
                                  access_.surely_binds.contains(sql.receiver) ||
                                  access_.maybe_binds.contains(sql.receiver);
      if (may_be_another || !is_sqlite(state_.value_of(sql.receiver))) enqueue(sql.word, 0, {rule, via});
    }
    drain();
  }
  void apply_code(const Reach::Code& code, std::uint32_t prefix, const std::string& via, ReadRule rule) {
    ReadPaths::Node node = ReadPaths::kCell;
    if (access_.paths) {
      node = access_.paths->code(code.names, code.observed);
      access_.paths->lead(from_, node);
    }
    const From there(*this, node);
    apply(*code.names, prefix, code.name.empty() ? via : code.name, rule);
  }
  void evaluate_texts() {
    while (!texts_.empty()) {
      const auto texts = std::move(texts_);
      texts_.clear();
      for (const auto& [name, text] : texts) {
        const From there(*this, variable(name));
        for_each_word(text, [&, &via = name](std::string_view word) {
          enqueue({std::string(word), 0}, 0, {ReadRule::kValueWord, via});
        });
      }
      drain();
    }
  }

  const GilHeld& gil_;
  State& state_;
  Access& access_;
  Borrowed transform_;
  std::unordered_map<std::string, std::size_t> ranks_;
  std::unordered_map<std::string, std::uint32_t> expanded_at_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<CodeNames>>> deferred_;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> queue_;
  std::uint64_t order_ = 0;
  std::unordered_map<const CodeNames*, std::uint32_t> applied_;  // at the smallest prefix
  std::vector<std::unique_ptr<CodeNames>> expanded_;
  std::vector<std::shared_ptr<const CodeNames>> alive_;  // what applied_ points at
  std::set<std::string, std::less<>> attributes_;
  std::set<std::string, std::less<>> modules_;
  std::vector<std::pair<std::string, std::string>> texts_;
  std::vector<std::tuple<SqlWord, std::string, ReadRule>> sql_words_;  // with the via and rule of the others
  std::optional<std::unordered_multimap<PyObject*, std::string_view>> holders_;
  bool thorough_;
  ReadPaths::Node from_ = ReadPaths::kCell;
  std::optional<std::optional<Reach>> of_large_;  // as far as it was asked for
  std::map<std::string, std::uint32_t> large_;    // values that were not looked through, and their prefix
  bool getattr_ = false;
  bool words_now_ = false;
  bool words_datetime64_ = false;
};

// Names in the order of their first possible use, so that each is expanded once, with the fewest names bound
// before.
void Reads::Analysis::drain() {
  while (!queue_.empty()) {
    const Item item = queue_.top();
    queue_.pop();
    const auto [expanded, is_new] = expanded_at_.emplace(item.name, item.prefix);
    if (!is_new && expanded->second <= item.prefix) continue;
    expanded->second = item.prefix;
    if (const auto local = deferred_.find(item.name); local != deferred_.end()) {
      const auto codes = local->second;
      const From there(*this, variable(item.name));
      for (const auto& code : codes) {
        alive_.push_back(code);
        apply(*code, item.prefix, item.name, ReadRule::kReached);
      }
    }
    if (bound_before(item.name, item.prefix)) continue;
    PyObject* value = state_.value_of(item.name);
    if (value == nullptr) {
      if (state_.expected.contains(item.name)) access_.reads.emplace(item.name, item.why);
      continue;
    }
    if (!is_user_name(item.name)) {
      if (item.why.rule == ReadRule::kNamed) {
        if (is_output_history(item.name)) reach("reads the output history");
        if (is_output_history(item.name) || is_input_history(item.name)) access_.asks_ipython = true;
      }
      continue;
    }
    access_.reads.emplace(item.name, item.why);
    take_value(item.name, item.prefix);
  }
}

Reads::Reads(Borrowed user_namespace) : state_(std::make_unique<State>(user_namespace)) {}
Reads::~Reads() = default;
Reads::Reads(Reads&&) noexcept = default;

Access Reads::of_source(const GilHeld& gil, const std::string& source, Borrowed transform, Look look) {
  const Owned code = compile_source(gil, source);
  if (code) return of_code(gil, code, transform, look);
  Access access;
  access.compiled = false;
  return access;
}

Access Reads::of_code(const GilHeld& gil, Borrowed code, Borrowed transform, Look look) {
  Access access;
  CodeNames cell = *names_in_code(code.get(), CodeKind::kTopLevel);
  expand_magics(gil, cell, transform);
  state_->reacher.start();
  if (look == Look::kBeforeCell && state_->account.open(gil)) state_->note_modules(true);
  if (look == Look::kBeforeCell && !state_->runs_elsewhere && !runs_unseen(state_->names))
    access.paths = std::make_shared<ReadPaths>();
  Analysis analysis(gil, *state_, access, transform, look);
  analysis.run(cell);
  state_->note_access(access);
  return access;
}

void Reads::add_runtime(const GilHeld& gil, Access& access, const std::vector<Owned>& codes,
                        const std::vector<std::string>& texts, const std::vector<std::string>& names) {
  if (codes.empty() && texts.empty() && names.empty() && access.imports.empty()) return;
  state_->reacher.start();
  Analysis analysis(gil, *state_, access, {});
  analysis.note_imports();
  std::vector<std::shared_ptr<CodeNames>> scanned;
  for (const Owned& code : codes) {
    scanned.push_back(names_in_code(code.get(), CodeKind::kTopLevel));
    CodeNames& found = *scanned.back();
    // Which namespace it ran in is not known, so what it stores says nothing: the namespace's own change
    // does.
    found.surely_binds.clear();
    found.maybe_binds.clear();
    analysis.apply(found, 0, "", ReadRule::kRuntime);
  }
  for (const std::string& text : texts) analysis.add_words(text, ReadRule::kRuntime);
  for (const std::string& name : names) analysis.add_name(name, ReadRule::kRuntime);
  analysis.drain();
  state_->note_access(access);
}

void Reads::keep_what_ran(const GilHeld&, Access& access, const std::vector<Owned>& looked_into,
                          bool forked) {
  state_->runs_elsewhere = state_->runs_elsewhere || forked;
  const std::shared_ptr<ReadPaths> paths = std::exchange(access.paths, nullptr);
  if (!paths || !access.everything.empty() || state_->runs_elsewhere || runs_unseen(state_->names)) return;
  std::unordered_set<PyObject*> codes;
  for (const Owned& code : looked_into) codes.insert(code.get());
  paths->keep_what_ran(codes, access.reads);
}

std::set<std::string> Reads::module_files_of(const GilHeld&, const std::string& name) {
  state_->reacher.start();
  PyObject* value = state_->value_of(name);
  return value != nullptr ? state_->reach_of(name, value).own_files : std::set<std::string>();
}

void Reads::no_code_yet(const GilHeld& gil) { state_->account.no_code_yet(gil); }

void Reads::expect(std::set<std::string, std::less<>> names) { state_->expected = std::move(names); }

void Reads::forget(std::string_view name) { state_->kept.erase(std::string(name)); }
void Reads::forget_all() { state_->kept.clear(); }

}  // namespace elastic::pyobj
