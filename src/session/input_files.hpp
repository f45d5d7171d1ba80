// The files a cell read, as they stand among its effects ("file-read"), and whether they are still the same.
#pragma once
#include <optional>

#include "elastic/graph/history.hpp"
#include "elastic/pyobj/effects.hpp"

namespace elastic::session {

graph::Effect effect_of(const pyobj::InputFile& file);
// The inverse; nothing for any other effect.
std::optional<pyobj::InputFile> input_file_of(const graph::Effect& effect);

// By content where that was recorded, else by size and time.
bool has_changed(const pyobj::InputFile& file);

// A cell whose input is another one by now would make something else: says so in its no_rerun_reason.
// Looks at each file once.
Result<> refuse_changed_inputs(graph::History& history);

// "; it read a.csv, which has changed since" for each such file of the cell, else "".
std::string changed_inputs(const graph::History& history, CellIndex cell);

}  // namespace elastic::session
