#include "pyobj/walk/estimate.hpp"

#include <algorithm>
#include <cstdint>

namespace elastic::pyobj::walk {
namespace {

// Measured on values in allocation order, which are the fastest: an atom in a list, and what an element that
// is a container itself takes beside what it holds.
constexpr double kAtomNs = 4;
constexpr double kContainerNs = 30;
constexpr double kSetNs = 15;
constexpr Py_ssize_t kSamples = 4;
constexpr int kDepth = 3;

bool is_atom(PyObject* object) { return object == nullptr || PyObject_IS_GC(object) == 0; }

double nanoseconds(PyObject* object, int depth);

// Of `count` elements, of which `at` gives the one of an index. One object many times over is walked once.
template <class At>
double of_elements(Py_ssize_t count, int depth, At at) {
  const Py_ssize_t samples = std::min(count, kSamples);
  if (samples == 0) return 0;
  double sum = 0;
  bool all_the_same = samples > 1;
  for (Py_ssize_t i = 0; i < samples; ++i) {
    PyObject* element = at(count / samples * i);
    all_the_same = all_the_same && element == at(0);
    if (!is_atom(element)) sum += kContainerNs + nanoseconds(element, depth - 1);
  }
  const auto times = static_cast<double>(count);
  return kAtomNs * times + sum / static_cast<double>(samples) * (all_the_same ? 1 : times);
}

double nanoseconds(PyObject* object, int depth) {
  if (depth == 0) return 0;
  if (PyList_Check(object) || PyTuple_Check(object)) {
    PyObject** items = PySequence_Fast_ITEMS(object);
    return of_elements(Py_SIZE(object), depth, [items](Py_ssize_t i) { return items[i]; });
  }
  if (PyAnySet_Check(object)) return kSetNs * static_cast<double>(PySet_GET_SIZE(object));
  if (!PyDict_Check(object)) return 0;
  const Py_ssize_t count = PyDict_GET_SIZE(object);
  PyObject* values[kSamples] = {};
  Py_ssize_t position = 0;
  for (Py_ssize_t i = 0; i < std::min(count, kSamples); ++i)
    PyDict_Next(object, &position, nullptr, &values[i]);
  const Py_ssize_t step = std::max<Py_ssize_t>(1, count / std::max<Py_ssize_t>(1, std::min(count, kSamples)));
  return kAtomNs * static_cast<double>(count) +
         of_elements(count, depth, [&](Py_ssize_t i) { return values[i / step]; });
}

}  // namespace

std::chrono::microseconds estimate(PyObject* value) {
  return std::chrono::microseconds(static_cast<std::int64_t>(nanoseconds(value, kDepth) / 1000));
}

}  // namespace elastic::pyobj::walk
