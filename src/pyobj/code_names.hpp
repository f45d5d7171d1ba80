// What one code object, with those nested in it, does to names: the syntax half of `reads`.
//
// Nothing here looks at a namespace, so the answer for a code object never changes and may be kept. Every use
// of a name carries a `prefix`: how many names the top level has bound for sure before it gets there. `x = 1;
// print(x)` does not read the x of an earlier cell, since x is among the first `prefix` entries of
// `surely_binds`. Only code that runs in the namespace itself (kTopLevel) binds names that way; for a
// function every prefix is 0.
//
// A function that a cell merely defines is not run: what it does is kept apart, under the name it was given
// (`deferred`), and counts once that name is loaded.
//
// REQUIRES of all functions: the GIL is held. No Python code runs.
#pragma once
#include <Python.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace elastic::pyobj {

struct NameUse {
  std::string name;
  std::uint32_t prefix = 0;
};

// A magic as IPython's transform leaves it: get_ipython().run_cell_magic(name, line, body). A line magic has
// no body;
// `!command` is the magic "!".
struct MagicCall {
  std::string name;
  std::string line;
  std::string body;
  bool is_cell = false;
  std::uint32_t prefix = 0;
};

// A word of the first argument of `receiver.execute("...")`. Where that is SQLite's, it names no variable.
struct SqlWord {
  std::string receiver;
  NameUse word;
};

struct CodeNames {
  std::vector<NameUse> loads;
  std::vector<NameUse> words;  // in string constants
  std::vector<SqlWord> sql_words;
  std::vector<NameUse>
      builtins_used;  // globals, exec...: what they mean depends on whether the name is shadowed
  std::vector<std::string> surely_binds;  // in order; each once
  std::vector<std::string> maybe_binds;   // stored, but perhaps not reached
  std::vector<std::string> deletes;
  std::vector<std::string> imports;  // dotted names of modules
  std::vector<std::string>
      attributes;  // loaded attributes that mean something on some modules (ways_to_names.hpp)
  std::vector<MagicCall> magics;
  std::vector<std::pair<std::string, std::shared_ptr<CodeNames>>> deferred;
  std::string everything;  // why names may be reached that no constant shows; empty: they are not
  bool uses_getattr = false;
  bool makes_code = false;  // a def, class or lambda is in it
};

enum class CodeKind { kTopLevel, kClassBody, kFunction };

// `code` must be a code object. Linear in its size.
std::shared_ptr<CodeNames> names_in_code(PyObject* code, CodeKind kind);

// Adds what is used in `inner` to `outer`, as of `prefix`; deferred code included. Binds become uncertain.
void absorb(CodeNames& outer, const CodeNames& inner, std::uint32_t prefix);

// Calls `take(word)` for every maximal run of identifier characters in the UTF-8 text that can start a name.
template <class Take>
void for_each_word(std::string_view text, Take take) {
  const auto starts = [](unsigned char c) { return c == '_' || (c | 32u) - 97u < 26u || c >= 0x80; };
  const auto goes_on = [&](unsigned char c) { return starts(c) || c - 48u < 10u; };
  for (std::size_t i = 0; i < text.size();) {
    if (!goes_on(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    const std::size_t begin = i;
    while (i < text.size() && goes_on(static_cast<unsigned char>(text[i]))) ++i;
    if (starts(static_cast<unsigned char>(text[begin]))) take(text.substr(begin, i - begin));
  }
}

}  // namespace elastic::pyobj
