#include "pyobj/read_paths.hpp"

#include <opcode.h>

#include <algorithm>
#include <array>

#include "pyobj/walk/layout.hpp"

namespace elastic::pyobj {
namespace {

// What the compiler puts before the RESUME with which a function begins.
constexpr std::array kBeforeResume = {MAKE_CELL, COPY_FREE_VARS, RETURN_GENERATOR, POP_TOP, EXTENDED_ARG};

// Code that is made by hand need not begin with one, and is then entered unseen.
bool begins_with_resume(PyCodeObject* code) {
  const auto* units = reinterpret_cast<const _Py_CODEUNIT*>(code->co_code_adaptive);
  for (Py_ssize_t i = 0; i < Py_SIZE(code); ++i) {
    const int opcode = _Py_OPCODE(units[i]);
    if (opcode == RESUME) return true;
    if (std::find(kBeforeResume.begin(), kBeforeResume.end(), opcode) == kBeforeResume.end()) return false;
  }
  return false;
}

// Of a code object and of those nested in it.
template <class Holds>
bool holds_for_all(PyObject* code, const Holds& holds) {
  if (!holds(reinterpret_cast<PyCodeObject*>(code))) return false;
  PyObject* constants = reinterpret_cast<PyCodeObject*>(code)->co_consts;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); ++i) {
    PyObject* nested = PyTuple_GET_ITEM(constants, i);
    if (PyCode_Check(nested) && !holds_for_all(nested, holds)) return false;
  }
  return true;
}

}  // namespace

bool shows_that_it_runs(PyObject* code) {
  return holds_for_all(code, [](PyCodeObject* c) { return c->co_warmup < 0 && begins_with_resume(c); });
}

bool runs_unseen(PyObject* user_namespace) {
  PyInterpreterState* interpreter = PyInterpreterState_Get();
  if (_PyInterpreterState_GetEvalFrameFunc(interpreter) != &_PyEval_EvalFrameDefault) return true;
  // Its frames go on where they were left, on any thread.
  if (PyDict_GetItemString(PyImport_GetModuleDict(), "greenlet") != nullptr) return true;
  for (PyThreadState* thread = PyInterpreterState_ThreadHead(interpreter); thread != nullptr;
       thread = PyThreadState_Next(thread)) {
    const _PyInterpreterFrame* frame = thread->cframe != nullptr ? thread->cframe->current_frame : nullptr;
    for (; frame != nullptr; frame = frame->previous)
      if (frame->f_globals == user_namespace) return true;
  }
  return false;
}

ReadPaths::Node ReadPaths::variable(std::string_view name) {
  const auto [found, is_new] = variables_.emplace(name, static_cast<Node>(nodes_.size()));
  if (is_new) nodes_.emplace_back();
  return found->second;
}

ReadPaths::Node ReadPaths::code(const std::shared_ptr<const CodeNames>& names, PyObject* observed) {
  auto& known = observed != nullptr ? codes_ : kept_;
  const auto [found, is_new] = known.emplace(names.get(), static_cast<Node>(nodes_.size()));
  if (!is_new) return found->second;
  NodeState& node = nodes_.emplace_back();
  node.is_code = true;
  node.alive = names;
  node.keeps = observed == nullptr || !mark(observed, node.marks);
  return found->second;
}

void ReadPaths::lead(Node from, Node to, const Why& why) { nodes_[from].ways.push_back({to, why}); }

bool ReadPaths::mark(PyObject* code, std::vector<Mark>& marks) {
  return holds_for_all(code, [&](PyCodeObject* c) {
    if (c->co_warmup >= 0) return false;
    marks.push_back({c, c->co_warmup});
    return true;
  });
}

bool ReadPaths::has_run(const NodeState& node, const std::unordered_set<PyObject*>& looked_into) {
  return std::any_of(node.marks.begin(), node.marks.end(), [&](const Mark& mark) {
    return mark.code->co_warmup != mark.warmup ||
           looked_into.contains(reinterpret_cast<PyObject*>(mark.code));
  });
}

void ReadPaths::keep_what_ran(const std::unordered_set<PyObject*>& looked_into,
                              std::map<std::string, Why, std::less<>>& reads) const {
  constexpr std::uint8_t kNo = 0, kIfItRan = 1, kEvenSo = 2;
  std::vector<std::uint8_t> led_to(nodes_.size(), kNo);
  std::vector<Node> stack = {kCell, kLibrary};
  led_to[kCell] = kIfItRan;
  led_to[kLibrary] = kEvenSo;
  while (!stack.empty()) {
    const Node at = stack.back();
    stack.pop_back();
    const std::uint8_t how = nodes_[at].keeps ? kEvenSo : led_to[at];
    for (const Way& way : nodes_[at].ways) {
      const NodeState& to = nodes_[way.to];
      const bool passes = !to.is_code || to.keeps || how == kEvenSo || has_run(to, looked_into);
      if (!passes || led_to[way.to] >= how) continue;
      led_to[way.to] = how;
      stack.push_back(way.to);
    }
  }
  // The first way that is left says why, unless there is one for the reason that was given.
  std::map<std::string_view, std::vector<const Why*>> whys;
  std::vector<std::string_view> names(nodes_.size());
  for (const auto& [name, node] : variables_) names[node] = name;
  for (Node at = 0; at < nodes_.size(); ++at) {
    if (led_to[at] == kNo) continue;
    for (const Way& way : nodes_[at].ways)
      if (!names[way.to].empty()) whys[names[way.to]].push_back(&way.why);
  }
  for (auto at = reads.begin(); at != reads.end();) {
    const std::string& name = at->first;
    Why& why = at->second;  // no structured binding: clang 14 cannot capture one
    const auto here = at++;
    if (!variables_.contains(name)) continue;
    const auto left = whys.find(name);
    if (left == whys.end()) {
      reads.erase(here);
      continue;
    }
    const bool holds = std::ranges::any_of(
        left->second, [&](const Why* one) { return one->rule == why.rule && one->via == why.via; });
    if (!holds) why = *left->second.front();
  }
}

}  // namespace elastic::pyobj
