// The settings of libraries that elasticpython.library_settings knows by name, as pieces of the ambient
// state. Where that module is not there (the layer's own tests), there are none.
//
// REQUIRES of everything: the GIL. `taken` imports nothing but that module; library code runs, user code does
// not. It leaves no exception set.
#pragma once
#include <map>
#include <string>

#include "elastic/core/result.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

class LibrarySettings {
 public:
  explicit LibrarySettings(const GilHeld&);

  // The values of those whose libraries are loaded, by the names of their pieces.
  std::map<std::string, std::string> taken() const;

  // kNotFound: no setting of that name; kPythonRaised: the library refused the value.
  Result<> put(const std::string& name, const std::string& value) const;

 private:
  Owned module_;
};

}  // namespace elastic::pyobj
