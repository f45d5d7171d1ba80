// The cyclic collector, turned off in a scope.
#pragma once
#include <Python.h>

namespace elastic::pyobj {

class CollectorOff {
 public:
  CollectorOff() : was_on_(PyGC_Disable() != 0) {}
  ~CollectorOff() {
    if (was_on_) PyGC_Enable();
  }
  CollectorOff(const CollectorOff&) = delete;
  CollectorOff& operator=(const CollectorOff&) = delete;

 private:
  bool was_on_;
};

}  // namespace elastic::pyobj
