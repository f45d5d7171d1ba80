// What hands out a namespace, a frame or any object there is, so that code which uses it may reach names that
// none of its constants shows.
#pragma once
#include <string>
#include <string_view>

namespace elastic::pyobj {

// A builtin function that does, unless the name is one of the user's own.
bool is_reaching_builtin(std::string_view name);
// An attribute that does, whatever it is looked up on.
bool hands_out_names(std::string_view attribute);

// Whether a word in text that is going to be run means that the text reaches names it does not show.
bool is_reaching_word(std::string_view word);

// "" or why `attribute` of the module `module` ("sys", "inspect"...) reaches names no constant shows.
std::string reach_through_module(std::string_view module, std::string_view attribute);
bool is_reaching_module(std::string_view module);
// Whether there is such a module for this attribute.
bool is_reaching_attribute(std::string_view attribute);

}  // namespace elastic::pyobj
