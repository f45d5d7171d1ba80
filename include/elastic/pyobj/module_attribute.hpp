// An object that is a variable of the session and an attribute of one of the user's modules. Pure: no Python.
#pragma once
#include <string>

namespace elastic::pyobj {

struct ModuleAttribute {
  std::string module{};
  std::string path{};  // "cache", or "Config.names" of a class
  std::string variable{};
  bool operator==(const ModuleAttribute&) const = default;
};

}  // namespace elastic::pyobj
