#include "elastic/pyobj/user_names.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace elastic::pyobj {
namespace {

// By IPython, the interpreter and debuggers.
constexpr std::string_view kTaken[] = {"_dh",
                                       "get_ipython",
                                       "exit",
                                       "quit",
                                       "_exit_code",
                                       "__name__",
                                       "__doc__",
                                       "__package__",
                                       "__loader__",
                                       "__spec__",
                                       "__builtin__",
                                       "__builtins__",
                                       "__annotations__",
                                       "__warningregistry__",
                                       "__file__",
                                       "__session__",
                                       "__pydevd_ret_val_dict",
                                       "__nonzero__",
                                       "__vsc_ipynb_file__",
                                       "__cached__"};

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

bool is_output_history(std::string_view name) {
  return name == "_" || name == "__" || name == "___" || name == "Out" || name == "_oh" ||
         (name.size() > 1 && name[0] == '_' && is_number(name.substr(1)));
}

bool is_input_history(std::string_view name) {
  return name == "In" || name == "_ih" || name == "_i" || name == "_ii" || name == "_iii" ||
         (name.size() > 2 && name.substr(0, 2) == "_i" && is_number(name.substr(2)));
}

bool is_user_name(std::string_view name) {
  static const std::unordered_set<std::string_view> taken(std::begin(kTaken), std::end(kTaken));
  return !name.empty() && !taken.contains(name) && !is_output_history(name) && !is_input_history(name);
}

}  // namespace elastic::pyobj
