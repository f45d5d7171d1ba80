// The namespace and the ambient state as they were before a restore, put back unless told to let go of them.
//
// Threads: the GIL is held throughout.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "elastic/pyobj/ambient.hpp"
#include "elastic/pyobj/ref.hpp"

namespace elastic::session {

// Of the user's variables: IPython's own names are not among them.
std::vector<std::string> user_names(pyobj::Borrowed user_namespace);
void remove_names(pyobj::Borrowed user_namespace, const std::vector<std::string>& names);

class Rollback {
 public:
  Rollback(const pyobj::GilHeld&, pyobj::Borrowed user_namespace);
  ~Rollback();
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;

  // Null where there was no memory for it.
  pyobj::Borrowed saved() const { return saved_; }
  pyobj::Ambient& ambient() { return ambient_; }
  // Takes the user's variables out of the namespace.
  void clear();
  void let_go() { saved_ = pyobj::Owned(); }
  void put_ambient_back(const pyobj::GilHeld&);

 private:
  pyobj::Borrowed namespace_;
  pyobj::Owned saved_;
  pyobj::Ambient ambient_;
  std::map<std::string, std::string> values_;
};

}  // namespace elastic::session
