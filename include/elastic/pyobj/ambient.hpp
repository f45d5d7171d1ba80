// State that cells read and write without naming it: random generators, the environment, the working
// directory, the options of libraries. Each piece is a variable of the history with a name of its own
// ("<random>").
//
// Pieces: <random> <numpy.random> <torch> <os.environ> <cwd> <sys.path> <pandas options> <matplotlib
// rcParams> <warnings filters> <numpy errstate> <numpy printoptions> <decimal context> <locale>; those of a
// library only once it is imported. The environment, the directory and the path are differences from how the
// process began. Their values are kept as pickles, small enough to be kept for every cell that changed them.
// And <module NAME> for each module of the user's own (pyobj/own_modules.hpp), and what
// elasticpython.library_settings knows of.
//
// Invariants: `changes` imports nothing; library code runs (getstate, pickle), user code does not.
// REQUIRES of everything: the GIL. A check that finds nothing changed: about 45 us with numpy, pandas and
// matplotlib.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "elastic/core/result.hpp"
#include "elastic/pyobj/module_attribute.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

class LibrarySettings;
class OwnModules;

// How much of the user's modules is looked at. A project in development has hundreds of them.
enum class ModuleLook {
  kRebound,  // those in which a global was bound or deleted
  kKnown,    // all, but for those that were there at the first look and no cell has used since
  kAll,
};

class Ambient {
 public:
  Ambient(const GilHeld&, Borrowed user_namespace);
  ~Ambient();

  // The pieces whose value is not what it was at the last call (all of them at the first), with their new
  // values; "" for one that cannot be kept.
  std::map<std::string, std::string> changes(const GilHeld&, ModuleLook look = ModuleLook::kAll);

  // Sets a piece to a value that `changes` gave, in this or another process. kNotFound: its library is not
  // imported; kPythonRaised: the library refused, or a part could not be set.
  Result<> put(const GilHeld&, const std::string& name, const std::string& value);

  // The variables that are attributes of the user's modules as well.
  std::vector<ModuleAttribute> module_attributes(const GilHeld&);
  // The user's modules that are imported, by name, with their files.
  std::map<std::string, std::string> module_files(const GilHeld&);
  // Where both are there and equal, the variable's object becomes the module's.
  void share_with_modules(const GilHeld&, const std::vector<ModuleAttribute>& attributes);

 private:
  struct Known {
    std::string token;  // differs when the value may differ
    std::string value;
  };
  std::map<std::string, Known> known_;
  std::unique_ptr<OwnModules> modules_;
  std::unique_ptr<LibrarySettings> libraries_;
};

}  // namespace elastic::pyobj
