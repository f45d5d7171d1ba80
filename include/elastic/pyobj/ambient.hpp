// State that cells read and write without naming it: random generators, the environment, the working
// directory, the options of libraries. Each piece is a variable of the history with a name of its own
// ("<random>").
//
// Pieces: <random> <numpy.random> <torch> <os.environ> <cwd> <sys.path> <pandas options> <matplotlib
// rcParams> <warnings filters> <numpy errstate> <numpy printoptions> <decimal context> <locale>; those of a
// library only once it is imported. The environment, the directory and the path are differences from how the
// process began. Their values are kept as pickles, small enough to be kept for every cell that changed them.
//
// Invariants: nothing is imported; library code runs (getstate, pickle), user code does not.
// REQUIRES of everything: the GIL. A check that finds nothing changed: about 20 us with numpy, pandas and
// matplotlib.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "elastic/core/result.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

class Ambient {
 public:
  // The pieces whose value is not what it was at the last call (all of them at the first), with their new
  // values.
  std::map<std::string, std::string> changes(const GilHeld&);

  // Sets a piece to a value that `changes` gave, in this or another process. kNotFound: its library is not
  // imported; kPythonRaised: the library refused.
  Result<> put(const GilHeld&, const std::string& name, const std::string& value);

  static std::vector<std::string> names();

 private:
  struct Known {
    std::string token;  // differs when the value may differ
    std::string value;
  };
  std::map<std::string, Known> known_;
};

}  // namespace elastic::pyobj
