// What nlohmann_json leaves open about a text from outside: how deeply it nests, before it is parsed.
#pragma once
#include <string_view>

namespace elastic {

// Whether the arrays and objects of a JSON text are more than `deepest` levels deep. Writing JSON recurses,
// so what may be written again must be bounded. Of a text that is not JSON the answer says nothing.
//
// A scan in O(n): a callback of the parser that looks at the depth makes it O(n²) in the members of an
// object.
bool nests_deeper_than(std::string_view json_text, int deepest);

}  // namespace elastic
