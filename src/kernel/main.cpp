// The door without an environment of its own: a program that embeds CPython.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <pybind11/embed.h>

#include "elastic/kernel/run.hpp"
#include "elastic/pyobj/bindings.hpp"

namespace py = pybind11;

void init_core(py::module_& core);  // module.cpp

namespace {

constexpr char kUsage[] = "usage: elasticpython-kernel -f CONNECTION_FILE\n";

std::string value_of(const std::string& line) {
  const std::size_t start = line.find_first_not_of(" \t", line.find('=') + 1);
  return start == std::string::npos ? "" : line.substr(start);
}

// The Python to be: $ELASTICPYTHON_PYTHON, the active virtual environment's, or the one built for.
std::string choose_python() {
  if (const char* chosen = std::getenv("ELASTICPYTHON_PYTHON")) return chosen;
  if (const char* environment = std::getenv("VIRTUAL_ENV")) return std::string(environment) + "/bin/python";
  return ELASTIC_PYTHON_EXECUTABLE;
}

// A virtual environment of another Python version cannot be served: its packages would not import.
bool check_environment(const std::string& python) {
  if (access(python.c_str(), X_OK) != 0) {
    std::fprintf(stderr, "elasticpython-kernel: no Python at %s; set ELASTICPYTHON_PYTHON or VIRTUAL_ENV\n",
                 python.c_str());
    return false;
  }
  std::ifstream settings(python.substr(0, python.rfind('/')) + "/../pyvenv.cfg");
  const std::string ours = std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION);
  for (std::string line; std::getline(settings, line);) {
    if (!line.starts_with("version")) continue;
    const std::string version = value_of(line);
    if (version.starts_with(ours + ".") || version == ours) continue;
    std::fprintf(stderr,
                 "elasticpython-kernel: the environment of %s is of Python %s, this kernel is built for %s; "
                 "install elasticpython into that environment and use its own kernelspec\n",
                 python.c_str(), version.c_str(), ours.c_str());
    return false;
  }
  return true;
}

const char* connection_file_of(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "-f") == 0) return argv[i + 1];
  }
  return nullptr;
}

void register_core() {
  // Not PYBIND11_EMBEDDED_MODULE: that only works before the interpreter starts, and both doors share this
  // code.
  static py::module_::module_def definition;
  py::module_ core = py::module_::create_extension_module("elasticpython._core", nullptr, &definition);
  init_core(core);
  py::module_::import("sys").attr("modules")["elasticpython._core"] = core;
}

// The Python half of this very build, which `cmake --install` put beside the program. The environment need
// not have it, and one of another version there would not fit. Its folder does not go onto sys.path: the
// program may stand in another environment, whose packages are not to be seen.
void import_own_package() {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path prefix = fs::read_symlink("/proc/self/exe", ignored).parent_path().parent_path();
  const fs::path package = prefix / ELASTIC_PYTHON_PACKAGE;
  if (!fs::exists(package / "__init__.py", ignored)) return;
  const py::module_ util = py::module_::import("importlib.util");
  py::list folders;
  folders.append(package.string());
  const py::object spec = util.attr("spec_from_file_location")(
      "elasticpython", (package / "__init__.py").string(), py::arg("submodule_search_locations") = folders);
  const py::object module = util.attr("module_from_spec")(spec);
  py::module_::import("sys").attr("modules")["elasticpython"] = module;
  spec.attr("loader").attr("exec_module")(module);
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--help") == 0 || std::strcmp(argv[i], "-h") == 0) {
      std::fputs(kUsage, stdout);
      return 0;
    }
  }
  const char* connection_file = connection_file_of(argc, argv);
  if (connection_file == nullptr) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const std::string python = choose_python();
  if (!check_environment(python)) return 1;

  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.parse_argv = 0;
  PyConfig_SetBytesString(&config, &config.program_name, python.c_str());
  PyConfig_SetBytesString(&config, &config.executable, python.c_str());
  char name[] = "elasticpython-kernel";
  const char* const arguments[] = {name};
  py::scoped_interpreter interpreter(&config, 1, arguments, /*add_program_dir_to_path=*/false);
  import_own_package();
  register_core();
  return elastic::kernel::run({connection_file});
}
