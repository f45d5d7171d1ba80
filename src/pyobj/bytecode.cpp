#include "pyobj/bytecode.hpp"

#include <opcode.h>

namespace elastic::pyobj {

std::vector<Instruction> decode(PyCodeObject* code) {
  std::vector<Instruction> instructions;
  PyObject* bytes = PyCode_GetCode(code);
  if (bytes == nullptr) {
    PyErr_Clear();
    return instructions;
  }
  const auto* data = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(bytes));
  const auto size = static_cast<int>(PyBytes_GET_SIZE(bytes));
  instructions.reserve(static_cast<std::size_t>(size) / 2);
  int extended = 0;
  for (int at = 0; at + 1 < size; at += 2) {
    const int opcode = data[at];
    const int argument = extended | data[at + 1];
    extended = 0;
    if (opcode == CACHE) continue;
    if (opcode == EXTENDED_ARG) {
      extended = argument << 8;
      continue;
    }
    Instruction instruction{opcode, argument, at, -1};
    switch (opcode) {
      case FOR_ITER:
      case JUMP_FORWARD:
      case JUMP_IF_FALSE_OR_POP:
      case JUMP_IF_TRUE_OR_POP:
      case SEND:
      case POP_JUMP_FORWARD_IF_FALSE:
      case POP_JUMP_FORWARD_IF_TRUE:
      case POP_JUMP_FORWARD_IF_NONE:
      case POP_JUMP_FORWARD_IF_NOT_NONE:
        instruction.target = at + 2 + argument * 2;
        break;
      default:
        break;
    }
    instructions.push_back(instruction);
  }
  Py_DECREF(bytes);
  return instructions;
}

std::vector<Span> conditional_spans(PyCodeObject* code, const std::vector<Instruction>& instructions) {
  std::vector<Span> spans;
  for (const Instruction& instruction : instructions) {
    if (instruction.target >= 0) spans.push_back({instruction.offset, instruction.target});
  }
  PyObject* table = code->co_exceptiontable;
  if (table == nullptr || !PyBytes_Check(table)) return spans;
  const auto* at = reinterpret_cast<const unsigned char*>(PyBytes_AS_STRING(table));
  const auto* end = at + PyBytes_GET_SIZE(table);
  const auto varint = [&]() {
    int value = 0;
    while (at < end) {
      const unsigned char byte = *at++;
      value = (value << 6) | (byte & 63);
      if ((byte & 64) == 0) break;
    }
    return value;
  };
  while (at < end) {
    const int start = varint() * 2;
    varint();  // length
    const int handler = varint() * 2;
    varint();  // depth
    spans.push_back({start, handler});
  }
  return spans;
}

bool is_comprehension(PyCodeObject* code) {
  for (const char* name : {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
    if (PyUnicode_CompareWithASCIIString(code->co_name, name) == 0) return true;
  return false;
}

}  // namespace elastic::pyobj
