// Which names of the user namespace are variables of the user's.
#pragma once
#include <string_view>

namespace elastic::pyobj {

// Names that are the user's, not IPython's, Python's or the debugger's.
bool is_user_name(std::string_view name);

// Under which IPython keeps the results of earlier cells: `_`, `Out`, `_7`.
bool is_output_history(std::string_view name);

// And their sources: `In`, `_ii`, `_i7`.
bool is_input_history(std::string_view name);

}  // namespace elastic::pyobj
