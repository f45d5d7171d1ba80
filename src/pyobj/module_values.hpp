// How what a module holds is kept: as pickles of builtins and numeric arrays, since pickling these runs no
// code of the user's, and put back into the very containers that its functions know.
//
// REQUIRES of everything: the GIL. An exception is left where something null or false is returned.
#pragma once
#include "elastic/pyobj/ref.hpp"

namespace elastic::pyobj {

// A number, a text, None: nothing that could change, or that is asked which one it is.
bool is_atom(PyObject* value);

// Whether pickling it runs no code of the user's.
bool is_plain(PyObject* value);

Owned pickled(Borrowed value);
Owned loaded(const char* bytes, Py_ssize_t size);

// Whether `refill` knows its type: lists, dicts, sets and bytearrays, no subclasses.
bool is_refillable(PyObject* value);

// Gives a container what another one of its type holds.
bool refill(PyObject* container, PyObject* contents);

}  // namespace elastic::pyobj
