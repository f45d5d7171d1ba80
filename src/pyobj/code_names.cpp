#include "pyobj/code_names.hpp"

#include <opcode.h>

#include <algorithm>
#include <array>
#include <unordered_set>

#include "elastic/pyobj/user_names.hpp"
#include "pyobj/bytecode.hpp"
#include "pyobj/lookups.hpp"
#include "pyobj/ways_to_names.hpp"

namespace elastic::pyobj {
namespace {

class Scanner {
 public:
  Scanner(PyCodeObject* code, CodeKind kind)
      : code_(code), kind_(kind), names_(std::make_shared<CodeNames>()) {}

  std::shared_ptr<CodeNames> run() {
    instructions_ = decode(code_);
    if (kind_ != CodeKind::kFunction) conditional_ = conditional_spans(code_, instructions_);
    for (at_ = 0; at_ < instructions_.size(); ++at_) step();
    for (const std::string& module : names_->imports) {
      if (module == "__main__" || module == "builtins") reach("imports " + module);
      for (const std::string& attribute : names_->attributes) {
        if (auto why = reach_through_module(module, attribute); !why.empty()) reach(why);
      }
    }
    return names_;
  }

 private:
  const Instruction& now() const { return instructions_[at_]; }
  int opcode_at(std::size_t at) const { return at < instructions_.size() ? instructions_[at].opcode : -1; }
  PyObject* constant(int index) const { return PyTuple_GET_ITEM(code_->co_consts, index); }
  std::string name(int index) const { return text_of(PyTuple_GET_ITEM(code_->co_names, index)); }
  std::uint32_t prefix() const { return static_cast<std::uint32_t>(names_->surely_binds.size()); }
  void reach(std::string why) {
    if (names_->everything.empty()) names_->everything = std::move(why);
  }

  void step() {
    const Instruction& instruction = now();
    switch (instruction.opcode) {
      case LOAD_NAME:
      case LOAD_CLASSDEREF:
        load(instruction);
        break;
      case LOAD_GLOBAL:
        load({LOAD_GLOBAL, instruction.argument >> 1, instruction.offset, -1});
        break;
      case STORE_NAME:
        if (kind_ != CodeKind::kFunction) bind(name(instruction.argument), instruction.offset);
        break;
      case STORE_GLOBAL:
        names_->maybe_binds.push_back(name(instruction.argument));
        break;
      case DELETE_NAME:
        if (kind_ == CodeKind::kTopLevel) names_->deletes.push_back(name(instruction.argument));
        class_binds_.erase(name(instruction.argument));  // the next load finds the global
        break;
      case DELETE_GLOBAL:
        names_->deletes.push_back(name(instruction.argument));
        break;
      case IMPORT_NAME:
        names_->imports.push_back(name(instruction.argument));
        break;
      case IMPORT_FROM:
        attribute(name(instruction.argument));
        break;
      case LOAD_ATTR:
      case LOAD_METHOD:
        load_attribute(name(instruction.argument));
        break;
      case LOAD_CONST:
        load_constant(constant(instruction.argument));
        break;
      default:
        break;
    }
  }

  void bind(std::string target, int offset) {
    const bool sure = std::none_of(conditional_.begin(), conditional_.end(), [&](const Span& span) {
      return span.begin <= offset && offset < span.end;
    });
    if (kind_ == CodeKind::kClassBody) {
      if (sure) class_binds_.insert(std::move(target));
    } else if (!sure) {
      names_->maybe_binds.push_back(std::move(target));
    } else if (std::find(names_->surely_binds.begin(), names_->surely_binds.end(), target) ==
               names_->surely_binds.end()) {
      names_->surely_binds.push_back(std::move(target));
    }
  }

  void load(const Instruction& instruction) {
    if (instruction.opcode == LOAD_CLASSDEREF) return;  // a closure's cell: seen when the closure is
    std::string loaded = name(instruction.argument);
    if (instruction.opcode == LOAD_NAME && class_binds_.count(loaded) != 0) return;
    if (loaded == "get_ipython" &&
        !(opcode_at(at_ + 1) == PRECALL && opcode_at(at_ + 2) == CALL &&
          (opcode_at(at_ + 3) == LOAD_METHOD || opcode_at(at_ + 3) == LOAD_ATTR))) {
      reach("hands get_ipython() on");
    }
    if (loaded == "getattr" || loaded == "attrgetter" || loaded == "methodcaller")
      names_->uses_getattr = true;
    if (std::string asked = name_asked_for(loaded); !asked.empty()) {
      names_->loads.push_back({std::move(asked), prefix()});
    } else if (is_reaching_builtin(loaded) && builtin_reaches(loaded)) {
      names_->builtins_used.push_back({loaded, prefix()});
    }
    names_->loads.push_back({std::move(loaded), prefix()});
  }

  // The one name that a call of globals() which starts here is for: `globals()["x"]`,
  // `globals().get("x", y)`, `"x" in globals()`. Nothing else of the namespace is handed on.
  std::string name_asked_for(std::string_view builtin) const {
    const bool of_scope = builtin == "vars" || builtin == "locals" || builtin == "dir";
    if (builtin != "globals" && !(of_scope && kind_ == CodeKind::kTopLevel)) return {};
    const bool by_global = now().opcode == LOAD_GLOBAL;
    const bool called = by_global ? (now().argument & 1) != 0 : at_ > 0 && opcode_at(at_ - 1) == PUSH_NULL;
    if (!called || opcode_at(at_ + 1) != PRECALL || instructions_[at_ + 1].argument != 0) return {};
    const std::size_t then = at_ + 3;  // past CALL
    switch (opcode_at(then)) {
      case CONTAINS_OP: {
        const std::size_t before = by_global ? 1 : 2;
        return at_ >= before ? variable_named(at_ - before) : std::string();
      }
      case LOAD_CONST:  // of dir() an index is a number
        return opcode_at(then + 1) == BINARY_SUBSCR ? variable_named(then) : std::string();
      case LOAD_METHOD: {
        if (name(instructions_[then].argument) != "get") return {};
        const int second = opcode_at(then + 2);
        const bool simple =
            second == LOAD_CONST || second == LOAD_NAME || second == LOAD_GLOBAL || second == LOAD_FAST;
        const std::size_t call = simple ? then + 3 : then + 2;
        const int count = simple ? 2 : 1;
        const bool plain = opcode_at(call) == PRECALL && instructions_[call].argument == count;
        return plain ? variable_named(then + 1) : std::string();
      }
      default:
        return {};
    }
  }

  // The constant that this instruction loads, where it can be the name of a variable and of nothing else.
  std::string variable_named(std::size_t at) const {
    if (opcode_at(at) != LOAD_CONST) return {};
    PyObject* text = constant(instructions_[at].argument);
    if (!PyUnicode_Check(text) || PyUnicode_IsIdentifier(text) != 1) return {};
    std::string found = text_of(text);
    return is_user_name(found) && found[0] != '_' ? found : std::string();
  }

  // Whether this use of a builtin can reach names no constant shows. `vars(x)` and `exec("y = 1")` cannot.
  bool builtin_reaches(std::string_view builtin) const {
    const bool called = (now().opcode == LOAD_GLOBAL && (now().argument & 1) != 0) ||
                        (at_ > 0 && opcode_at(at_ - 1) == PUSH_NULL) ||
                        (kind_ == CodeKind::kFunction && (instructions_[at_].argument & 1) != 0);
    if (!called) return true;
    const int next = opcode_at(at_ + 1);
    if (builtin == "vars" || builtin == "dir") return next == PRECALL;
    if (builtin == "locals") return kind_ != CodeKind::kFunction;
    if (builtin == "exec" || builtin == "eval" || builtin == "__import__") return !constant_argument();
    return true;
  }

  // The first argument of the call that starts here is one constant string in which nothing reaches further.
  bool constant_argument() const {
    if (opcode_at(at_ + 1) != LOAD_CONST) return false;
    PyObject* text = constant(instructions_[at_ + 1].argument);
    if (!PyUnicode_Check(text)) return false;
    const int after = opcode_at(at_ + 2);
    const bool alone = after == PRECALL;
    const bool with_globals =
        (after == LOAD_NAME || after == LOAD_GLOBAL || after == LOAD_FAST) && opcode_at(at_ + 3) == PRECALL;
    if (!alone && !with_globals) return false;
    bool reaches = false;
    for_each_word(text_of(text), [&](std::string_view word) { reaches = reaches || is_reaching_word(word); });
    return !reaches;
  }

  void attribute(std::string loaded) {
    if (hands_out_names(loaded)) reach("uses ." + loaded);
    names_->attributes.push_back(std::move(loaded));
  }

  void load_attribute(std::string loaded) {
    const bool on_call = at_ >= 3 && opcode_at(at_ - 1) == CALL && opcode_at(at_ - 2) == PRECALL;
    const int callee = on_call ? opcode_at(at_ - 3) : -1;
    const int index = on_call ? instructions_[at_ - 3].argument : 0;
    const bool on_shell = (callee == LOAD_NAME && name(index) == "get_ipython") ||
                          (callee == LOAD_GLOBAL && name(index >> 1) == "get_ipython");
    if (on_shell && !shell_method(loaded)) reach("uses get_ipython()." + loaded);
    if (!on_shell) attribute(std::move(loaded));
  }

  // get_ipython().run_line_magic("time", "f(x)") and its like, as the transform writes them.
  bool shell_method(std::string_view method) {
    std::vector<std::string> arguments;
    std::size_t next = at_ + 1;
    for (; opcode_at(next) == LOAD_CONST; ++next) {
      PyObject* argument = constant(instructions_[next].argument);
      if (!PyUnicode_Check(argument)) return false;
      arguments.push_back(text_of(argument));
    }
    if (opcode_at(next) != PRECALL) return false;
    MagicCall magic;
    magic.prefix = prefix();
    if (method == "run_cell_magic" && arguments.size() == 3) {
      magic = {arguments[0], arguments[1], arguments[2], true, prefix()};
    } else if (method == "run_line_magic" && arguments.size() == 2) {
      magic = {arguments[0], arguments[1], "", false, prefix()};
    } else if ((method == "system" || method == "getoutput") && arguments.size() == 1) {
      magic = {"!", arguments[0], "", false, prefix()};
    } else {
      return method == "set_next_input" || method == "register_magic_function" || method == "showtraceback";
    }
    names_->magics.push_back(std::move(magic));
    at_ = next - 1;  // the constants are the magic's business, not words of the cell
    return true;
  }

  // The x of `frame["x"]`, which is looked up in the frame. Where that is the namespace after all, the cell
  // asks for it (`globals()`, see name_asked_for) or the value leads to it, and everything is read.
  static bool is_key(PyObject* value, int next) {
    const bool subscript = next == BINARY_SUBSCR || next == STORE_SUBSCR || next == DELETE_SUBSCR;
    return subscript && PyUnicode_Check(value) && PyUnicode_IsIdentifier(value) == 1;
  }

  void load_constant(PyObject* value) {
    if (PyCode_Check(value)) {
      nested(value);
      return;
    }
    const int next = opcode_at(at_ + 1);
    if (next == IMPORT_NAME || is_key(value, next)) return;
    const bool class_name =
        at_ >= 3 && opcode_at(at_ - 1) == MAKE_FUNCTION && opcode_at(at_ - 3) == LOAD_BUILD_CLASS;
    if (class_name) return;
    if (next == STORE_NAME) {
      const std::string target = name(instructions_[at_ + 1].argument);
      if (target == "__doc__" || target == "__qualname__") return;
    }
    if (PyUnicode_Check(value) && text_of(value) == "__main__") {
      // `if __name__ == "__main__"` compares; anything else looks the module up.
      const bool compares = next == COMPARE_OP || (next == LOAD_NAME && opcode_at(at_ + 2) == COMPARE_OP);
      if (!compares) reach("names the module __main__");
      return;
    }
    if (take_sql(value)) return;
    words_of(value);
  }

  // `db.execute("select x from y")` of a cell, where db may be SQLite's.
  bool take_sql(PyObject* value) {
    constexpr std::array kOfSqlite = {"execute", "executemany", "executescript"};
    if (kind_ != CodeKind::kTopLevel || at_ < 2 || !PyUnicode_Check(value)) return false;
    if (text_of(value).find("__main__") != std::string::npos) return false;
    if (opcode_at(at_ - 1) != LOAD_METHOD || opcode_at(at_ - 2) != LOAD_NAME) return false;
    if (std::find(kOfSqlite.begin(), kOfSqlite.end(), name(instructions_[at_ - 1].argument)) ==
        kOfSqlite.end())
      return false;
    std::string receiver = name(instructions_[at_ - 2].argument);
    for_each_word(text_of(value), [&](std::string_view word) {
      names_->sql_words.push_back({receiver, {std::string(word), prefix()}});
    });
    return true;
  }

  void words_of(PyObject* value) {
    if (PyUnicode_Check(value) || PyBytes_Check(value)) {
      const std::string text =
          PyUnicode_Check(value)
              ? text_of(value)
              : std::string(PyBytes_AS_STRING(value), static_cast<std::size_t>(PyBytes_GET_SIZE(value)));
      for_each_word(text, [&](std::string_view word) {
        if (word == "__main__") reach("names the module __main__ in a string");
        if (!seen_words_.emplace(word).second) return;  // an earlier use has the smaller prefix
        names_->words.push_back({std::string(word), prefix()});
      });
    } else if (PyTuple_CheckExact(value)) {
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(value); ++i) words_of(PyTuple_GET_ITEM(value, i));
    } else if (PyFrozenSet_CheckExact(value)) {
      Py_ssize_t position = 0;
      PyObject* item = nullptr;
      Py_hash_t hash = 0;
      while (_PySet_NextEntry(value, &position, &item, &hash)) words_of(item);
    }
  }

  void nested(PyObject* value) {
    auto* inner_code = reinterpret_cast<PyCodeObject*>(value);
    names_->makes_code = names_->makes_code || !is_comprehension(inner_code);
    const bool is_function = (inner_code->co_flags & CO_OPTIMIZED) != 0;
    const auto inner = names_in_code(value, is_function ? CodeKind::kFunction : CodeKind::kClassBody);
    const std::string given = kind_ == CodeKind::kFunction ? std::string() : name_given(is_function);
    if (given.empty()) {
      absorb(*names_, *inner, prefix());
    } else if (is_function) {
      names_->deferred.emplace_back(given, inner);
    } else {
      // The body runs now, its methods do not.
      const auto methods = std::make_shared<CodeNames>();
      for (const auto& [method, names] : inner->deferred) absorb(*methods, *names, 0);
      inner->deferred.clear();
      absorb(*names_, *inner, prefix());
      names_->deferred.emplace_back(given, methods);
    }
  }

  // The name under which a plain `def` or `class` puts this code; empty where a decorator, a base class or a
  // metaclass comes first, since those may run it.
  std::string name_given(bool is_function) const {
    std::size_t next = at_ + 1;
    if (opcode_at(next) != MAKE_FUNCTION) return {};
    ++next;
    if (!is_function) {
      const bool plain = at_ > 0 && opcode_at(at_ - 1) == LOAD_BUILD_CLASS && opcode_at(next) == LOAD_CONST &&
                         opcode_at(next + 1) == PRECALL && opcode_at(next + 2) == CALL;
      if (!plain) return {};
      next += 3;
    }
    return opcode_at(next) == STORE_NAME ? name(instructions_[next].argument) : std::string();
  }

  PyCodeObject* code_;
  CodeKind kind_;
  std::shared_ptr<CodeNames> names_;
  std::vector<Instruction> instructions_;
  std::vector<Span> conditional_;
  std::unordered_set<std::string> seen_words_;
  std::unordered_set<std::string> class_binds_;  // by a class body, in its own namespace
  std::size_t at_ = 0;
};

}  // namespace

std::shared_ptr<CodeNames> names_in_code(PyObject* code, CodeKind kind) {
  return Scanner(reinterpret_cast<PyCodeObject*>(code), kind).run();
}

void absorb(CodeNames& outer, const CodeNames& inner, std::uint32_t prefix) {
  const auto uses = [&](std::vector<NameUse>& into, const std::vector<NameUse>& from) {
    for (const NameUse& use : from) into.push_back({use.name, prefix});
  };
  const auto all = [](std::vector<std::string>& into, const std::vector<std::string>& from) {
    into.insert(into.end(), from.begin(), from.end());
  };
  uses(outer.loads, inner.loads);
  uses(outer.words, inner.words);
  uses(outer.builtins_used, inner.builtins_used);
  for (const SqlWord& sql : inner.sql_words)
    outer.sql_words.push_back({sql.receiver, {sql.word.name, prefix}});
  all(outer.maybe_binds, inner.surely_binds);
  all(outer.maybe_binds, inner.maybe_binds);
  all(outer.deletes, inner.deletes);
  all(outer.imports, inner.imports);
  all(outer.attributes, inner.attributes);
  for (MagicCall magic : inner.magics) {
    magic.prefix = prefix;
    outer.magics.push_back(std::move(magic));
  }
  for (const auto& [name, names] : inner.deferred) absorb(outer, *names, prefix);
  if (outer.everything.empty()) outer.everything = inner.everything;
  outer.uses_getattr = outer.uses_getattr || inner.uses_getattr;
  outer.makes_code = outer.makes_code || inner.makes_code;
}

}  // namespace elastic::pyobj
