// What a cell can read, bind and delete, told from its compiled code before it runs: no user code is run for
// it.
//
// The answer is closed over what the names reach: a function contributes what its code uses, an instance its
// class's methods, a container its elements. Words in string constants that are names of the namespace count
// as read. Code that can reach names no constant shows (globals(), frames, exec of computed text...) sets
// `everything`: the caller takes every variable as read and as possibly written. docs/watching.md lists the
// rules.
//
// Invariants: a name of the namespace that the cell can read without having bound it itself is in `reads`, or
// `everything` is set; IPython's own names are in no set.
// REQUIRES of all calls: the GIL is held. Cost: the cell's code, and the objects its names reach; a name's
// large value is looked through once and again only after `forget`.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "elastic/pyobj/deadline.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

enum class ReadRule {
  kNamed,      // the cell's own code loads the name
  kReached,    // code that `via` reaches loads it
  kWord,       // a word in a string constant of the cell, or of code that `via` reaches
  kValueWord,  // a word in the text that variable `via` holds, which the cell may evaluate
  kEscaped,    // session code that a library refers to loads it, and can run in any cell
  kDropped,    // what `via` held may go, and runs session code or changes the variable then
  kRuntime,    // text evaluated or a pickle loaded while the cell ran named it
};

// Why a name is in a set; `text()` is one line for a person.
struct Why {
  ReadRule rule = ReadRule::kNamed;
  std::string via;
  std::string text() const;
};

class ReadPaths;

struct Access {
  std::map<std::string, Why, std::less<>> reads;
  std::set<std::string, std::less<>> surely_binds;  // by every complete run
  std::set<std::string, std::less<>> maybe_binds;
  std::set<std::string, std::less<>> maybe_deletes;
  std::set<std::string, std::less<>> imports;       // dotted module names, by the cell itself
  std::set<std::string, std::less<>> module_files;  // sources of the user's own modules that it uses
  std::string everything;       // why every name may be read and written; empty: it may not
  bool handles_code = false;    // it makes functions or classes, or reads what holds some: they may escape
  bool may_read_clock = false;  // through numpy.datetime64, which no call shows
  bool asks_ipython = false;    // for what it keeps of earlier cells: _, Out, In
  bool may_unpickle = false;    // what is unpickled names variables that are known only then
  // By which ways the reads came to be some; null where none of them can be taken back (keep_what_ran).
  std::shared_ptr<ReadPaths> paths;
  bool compiled = true;  // false: a syntax error; nothing runs

  // Also what the other one has; of what it surely binds, nothing.
  void add(const Access& other);
};

enum class Look {
  kThrough,  // every value, whatever its size
  // What large values may lead to is told from reference counts, where that can be done (code_account.hpp).
  // REQUIRES: always asked for from the same place in the program, before a cell runs.
  kBeforeCell,
};

class Reads {
 public:
  // The dict of the module the cells run in. It is referred to, not owned: it outlives this object.
  explicit Reads(Borrowed user_namespace);
  ~Reads();
  Reads(Reads&&) noexcept;

  // `source` is Python, after IPython's transform. `transform`, where given, is called on the bodies of
  // magics (it is shell.transform_cell: IPython's code, not the user's). A syntax error gives an Access that
  // is not `compiled`.
  Access of_source(const GilHeld&, const std::string& source, Borrowed transform = {},
                   Look look = Look::kThrough);
  Access of_code(const GilHeld&, Borrowed code, Borrowed transform = {}, Look look = Look::kThrough);

  // The session's code has not begun to run, and no startup file left any behind: that much is known without
  // looking for it. REQUIRES: asked for from the same place as Look::kBeforeCell.
  void no_code_yet(const GilHeld&);

  // The sources of the user's own modules that the value of `name` leads to.
  std::set<std::string> module_files_of(const GilHeld&, const std::string& name);

  // Names that count as variables though they are not in the namespace yet.
  void expect(std::set<std::string, std::less<>> names);

  // Adds what code and text that ran during the cell named (see effects.hpp): code objects handed to exec,
  // source handed to compile, names of __main__ a pickle looked up.
  void add_runtime(const GilHeld&, Access& access, const std::vector<Owned>& codes,
                   const std::vector<std::string>& texts, const std::vector<std::string>& names);

  // Takes back what the cell could have read by way of session code of which it shows that it did not run,
  // once the cell has ended. `looked_into`: code objects that somebody took from a function meanwhile;
  // `forked`: so did the process, and another one may run the code. REQUIRES: `access` is of
  // Look::kBeforeCell, and the objects it was made from may be gone by now.
  void keep_what_ran(const GilHeld&, Access& access, const std::vector<Owned>& looked_into, bool forked);

  // The value of `name` may have changed in place: what it reaches is looked up again when next needed.
  void forget(std::string_view name);
  void forget_all();

  // Looks for session functions, classes and instances with references that nothing in the namespace
  // explains: a library holds them and may run them in any cell. They count in every later answer.
  // What IPython keeps of the last cells (results, a traceback) runs nothing and counts as explained.
  // O(heap); needed only after cells that `handles_code`, since others have nothing to hand on. False where
  // the answer is not exact: before a cell, where there are large values, whatever these may lead to counts
  // instead of a search; where the deadline came first, nothing is known, and it is to be asked for again
  // before a cell.
  bool find_escaped(const GilHeld&, Look look = Look::kThrough, const Deadline& deadline = {});
  // Which of the functions and classes bound to `names` the value of `name` refers to, at any depth.
  std::set<std::string> code_referred_to(const GilHeld&, const std::string& name,
                                         const std::set<std::string>& names);
  std::vector<std::string> escaped_code() const;  // qualified names of the functions and classes among it

 private:
  class Analysis;
  struct State;
  bool search_for_escaped(const GilHeld&, const Deadline& deadline);
  void look_through(const std::vector<PyObject*>& objects, bool by_message);
  std::unique_ptr<State> state_;
};

}  // namespace elastic::pyobj
