#include "pyobj/magics.hpp"

#include <algorithm>
#include <array>

#include "pyobj/compile_source.hpp"

namespace elastic::pyobj {
namespace {

// How to get at the code in a magic's line: the options that take a value of their own.
struct CodeMagic {
  std::string_view name;
  std::string_view options_with_value;
  bool runs_in_namespace;  // what the body binds stays bound (timeit runs it in a function)
};
constexpr std::array kCodeMagics = {CodeMagic{"time", "", true},         CodeMagic{"timeit", "nrp", false},
                                    CodeMagic{"capture", "", true},      CodeMagic{"prun", "DlsT", true},
                                    CodeMagic{"memit", "rtio", false},   CodeMagic{"mprun", "fT", true},
                                    CodeMagic{"lprun", "fmDTsu", true},  CodeMagic{"snakeviz", "fhp", true},
                                    CodeMagic{"pyinstrument", "", true}, CodeMagic{"heat", "o", true},
                                    CodeMagic{"scalene", "", true}};

// Magics that show, delete or run what their text does not name.
constexpr std::array kReachingMagics = {"debug",           "rerun", "who", "whos",  "who_ls", "reset",
                                        "reset_selective", "edit",  "ed",  "macro", "pdb",    "psearch"};
// Magics that take the text of earlier cells, which is not there again in another process.
constexpr std::array kRecallingMagics = {"macro", "rerun", "recall", "rep", "edit", "ed"};
// Magics that neither read nor write variables.
constexpr std::array kInertMagics = {
    "matplotlib", "load_ext",   "reload_ext", "config",  "cd",        "pwd",          "pushd",
    "popd",       "autoreload", "pip",        "conda",   "env",       "set_env",      "ls",
    "lsmagic",    "magic",      "colors",     "html",    "HTML",      "javascript",   "js",
    "latex",      "markdown",   "svg",        "SVG",     "precision", "doctest_mode", "xmode",
    "history",    "hist",       "gui",        "alias",   "quickref",  "automagic",    "autocall",
    "mamba",      "uv",         "checkpoint", "restore", "elastic",   "load_ext"};

void add_words(CodeNames& names, std::string_view text, std::uint32_t prefix) {
  for_each_word(text, [&](std::string_view word) { names.words.push_back({std::string(word), prefix}); });
}

// The text after a magic's options: "-n 10 -r3 f(x)" with options_with_value "nr" gives "f(x)".
std::string_view after_options(std::string_view line, std::string_view options_with_value) {
  const auto skip_blanks = [&] {
    const std::size_t begin = line.find_first_not_of(" \t");
    line.remove_prefix(begin == std::string_view::npos ? line.size() : begin);
  };
  skip_blanks();
  while (line.size() > 1 && line[0] == '-' && line[1] != ' ') {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view option = line.substr(0, end);
    line.remove_prefix(end);
    skip_blanks();
    const bool value_follows =
        option.size() == 2 && options_with_value.find(option[1]) != std::string_view::npos;
    if (!value_follows) continue;
    line.remove_prefix(std::min(line.find_first_of(" \t"), line.size()));
    skip_blanks();
  }
  return line;
}

// Code that is all there is to the cell: what it binds is bound for sure, in its order.
void adopt(CodeNames& outer, const CodeNames& inner) {
  CodeNames copy = inner;
  const auto move_to = [](auto& into, auto& from) {
    into.insert(into.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  };
  move_to(outer.loads, copy.loads);
  move_to(outer.words, copy.words);
  move_to(outer.builtins_used, copy.builtins_used);
  move_to(outer.surely_binds, copy.surely_binds);
  move_to(outer.maybe_binds, copy.maybe_binds);
  move_to(outer.deletes, copy.deletes);
  move_to(outer.imports, copy.imports);
  move_to(outer.attributes, copy.attributes);
  move_to(outer.magics, copy.magics);
  move_to(outer.deferred, copy.deferred);
  if (outer.everything.empty()) outer.everything = copy.everything;
  outer.uses_getattr = outer.uses_getattr || copy.uses_getattr;
  outer.makes_code = outer.makes_code || copy.makes_code;
}

// Whether the text compiled; if so its names are in `names`.
bool add_code(const GilHeld& gil, CodeNames& names, const MagicCall& magic, std::string_view text,
              Borrowed transform, bool whole_cell) {
  const Owned code = compile_source(gil, transformed(gil, std::string(text), transform));
  if (!code) return false;
  const auto inner = names_in_code(code.get(), CodeKind::kTopLevel);
  if (whole_cell && names.surely_binds.empty()) {
    adopt(names, *inner);
  } else {
    absorb(names, *inner, magic.prefix);
  }
  return true;
}

template <class Array>
bool contains(const Array& array, std::string_view word) {
  return std::find(array.begin(), array.end(), word) != array.end();
}

void expand(const GilHeld& gil, CodeNames& names, const MagicCall& magic, Borrowed transform) {
  const auto reach = [&] {
    if (names.everything.empty()) names.everything = "runs %" + magic.name;
  };
  if (contains(kInertMagics, magic.name)) {
    // A `{name}` or `$name` in the line is still replaced by the variable.
    if (magic.line.find_first_of("{$") != std::string::npos) add_words(names, magic.line, magic.prefix);
    return;
  }
  if (contains(kRecallingMagics, magic.name)) names.loads.push_back({"In", magic.prefix});
  if (contains(kReachingMagics, magic.name)) return reach();
  if (magic.name == "run" && (" " + magic.line).find(" -i") != std::string::npos) return reach();
  const auto* code_magic = std::find_if(kCodeMagics.begin(), kCodeMagics.end(),
                                        [&](const CodeMagic& known) { return known.name == magic.name; });
  const bool known = code_magic != kCodeMagics.end();
  const std::string_view rest =
      known ? after_options(magic.line, code_magic->options_with_value) : magic.line;
  const bool line_is_code =
      known && magic.name != "capture" && rest.find_first_not_of(" \t\n") != std::string::npos;
  if (!line_is_code || !add_code(gil, names, magic, rest, transform, false))
    add_words(names, magic.line, magic.prefix);
  if (!magic.is_cell) return;
  // An unknown cell magic may run its body, and then more of it than its words show.
  const bool compiled =
      add_code(gil, names, magic, magic.body, transform, known && code_magic->runs_in_namespace);
  if (!known || !compiled) add_words(names, magic.body, magic.prefix);
}

}  // namespace

void expand_magics(const GilHeld& gil, CodeNames& names, Borrowed transform) {
  constexpr std::size_t kDepth =
      64;  // magics within magics; a transform that keeps making them must not hang us
  for (std::size_t round = 0; round < kDepth && !names.magics.empty(); ++round) {
    const std::vector<MagicCall> magics = std::move(names.magics);
    names.magics.clear();
    for (const MagicCall& magic : magics) expand(gil, names, magic, transform);
  }
}

}  // namespace elastic::pyobj
