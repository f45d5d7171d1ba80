// What a Reacher tells objects apart by.
#pragma once
#include "pyobj/reach.hpp"

namespace elastic::pyobj {

enum class Reacher::Kind : std::uint8_t {
  kAtom,
  kText,
  kModule,
  kFunction,
  kBuiltin,
  kType,
  kDict,
  kList,
  kTuple,
  kArray,
  kFrame,
  kContextVariable,
  kCacheLink,
  kWeakref,
  kShell,
  kTraversed,
  kKeeper,
  kClosed
};

}  // namespace elastic::pyobj
