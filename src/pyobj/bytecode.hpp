// CPython's byte code as the scan of names needs it. REQUIRES: the GIL is held. No Python code runs.
#pragma once
#include <Python.h>

#include <vector>

#if PY_VERSION_HEX < 0x030B0000 || PY_VERSION_HEX >= 0x030C0000
#error "the byte code of this Python has not been checked: see bytecode.cpp and code_names.cpp"
#endif

namespace elastic::pyobj {

struct Instruction {
  int opcode = 0;
  int argument = 0;
  int offset = 0;
  int target = -1;  // of a jump forward
};

// The de-specialised instructions. What `co_code_adaptive` holds changes as the code warms up.
std::vector<Instruction> decode(PyCodeObject* code);

struct Span {  // of offsets
  int begin;
  int end;
};

// What may be passed over: between a forward jump and its target, and between the start of a protected range
// and its handler.
std::vector<Span> conditional_spans(PyCodeObject* code, const std::vector<Instruction>& instructions);

// A function by its make, but one that is called at once and that nobody can be handed.
bool is_comprehension(PyCodeObject* code);

}  // namespace elastic::pyobj
