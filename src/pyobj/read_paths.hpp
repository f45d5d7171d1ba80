// By which way each read of a cell came to be one, so that ways through code that did not run can be taken
// back once the cell has ended.
//
// A graph: the cell leads to the variables it names, a variable to the code that its value reaches, code to
// the variables it loads. Before the cell every way counts. After it a way through a function counts only if
// that function was entered, or resumed, meanwhile: CPython 3.11 counts how often code that is new was
// entered
// (`co_warmup`, from -8 to 0, when it quickens it), and nothing needs to be done for that. Code that was
// entered more often than that before, and all code of other versions, counts as having run.
//
// Also what could have run, had something that keeps results not known them already (an lru_cache, a compiled
// function: whatever is not transparent, see reach_keepers.cpp), counts with all it leads to: where the cell
// is run again, that may be empty.
//
// REQUIRES of all: the GIL is held. No user code runs.
#pragma once
#include <Python.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "elastic/pyobj/reads.hpp"
#include "pyobj/code_names.hpp"

namespace elastic::pyobj {

class ReadPaths {
 public:
  using Node = std::uint32_t;
  static constexpr Node kCell = 0;
  static constexpr Node kLibrary = 1;  // may keep what code of the session returned

  ReadPaths() : nodes_(2) { nodes_[kLibrary].keeps = true; }

  Node variable(std::string_view name);
  // `names` are those of the code; `observed` is null where what ran cannot be told from it.
  Node code(const std::shared_ptr<const CodeNames>& names, PyObject* observed);
  // A way, and what it makes of `to`, a variable.
  void lead(Node from, Node to, const Why& why = {});

  // Takes back the reads to which no way is left. What was asked of the code objects in `looked_into` is
  // nobody's business but the asker's: they count as having run.
  void keep_what_ran(const std::unordered_set<PyObject*>& looked_into,
                     std::map<std::string, Why, std::less<>>& reads) const;

 private:
  // Of a code object and of those nested in it: how warm it was.
  struct Mark {
    PyCodeObject* code;
    short warmup;
  };
  struct Way {
    Node to;
    Why why;
  };
  struct NodeState {
    std::vector<Way> ways{};
    std::vector<Mark> marks{};
    bool is_code = false;
    bool keeps = false;  // what it leads to may be known to somebody already, and not run
    std::shared_ptr<const CodeNames> alive{};
  };
  static bool mark(PyObject* code, std::vector<Mark>& marks);
  static bool has_run(const NodeState& node, const std::unordered_set<PyObject*>& looked_into);

  std::vector<NodeState> nodes_;
  std::unordered_map<std::string, Node> variables_;
  std::unordered_map<const CodeNames*, Node> codes_;  // observed
  std::unordered_map<const CodeNames*, Node> kept_;   // not observed: what keeps results leads there
};

// Whether it shows in the code object that it, or code nested in it, ran.
bool shows_that_it_runs(PyObject* code);

// Whether something else than the interpreter's own loop may run code now, or code is in the middle of a run
// that began before: then nothing can be told from where code was entered.
bool runs_unseen(PyObject* user_namespace);

}  // namespace elastic::pyobj
