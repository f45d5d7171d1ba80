#include "elastic/store/file_system.hpp"

#include <algorithm>

namespace elastic::store {

Result<> write_fully(File& file, std::uint64_t offset, std::span<const ConstBytes> parts) {
  std::vector<ConstBytes> left(parts.begin(), parts.end());
  std::span<ConstBytes> rest(left);
  for (;;) {
    while (!rest.empty() && rest.front().empty()) rest = rest.subspan(1);
    if (rest.empty()) return success();
    ELASTIC_ASSIGN(std::size_t written, file.write_some_at(offset, rest));
    if (written == 0) return Error(ErrorCode::kIo, "the system wrote nothing and gave no reason");
    offset += written;
    while (written > 0) {
      const std::size_t from_first = std::min(written, rest.front().size());
      rest.front() = rest.front().subspan(from_first);
      written -= from_first;
      if (rest.front().empty()) rest = rest.subspan(1);
    }
  }
}

Result<> read_fully(File& file, std::uint64_t offset, Bytes into) {
  while (!into.empty()) {
    ELASTIC_ASSIGN(const std::size_t got, file.read_some_at(offset, into));
    if (got == 0) return Error(ErrorCode::kCorruption, "the file is shorter than it should be");
    offset += got;
    into = into.subspan(got);
  }
  return success();
}

Result<std::vector<std::byte>> read_file(FileSystem& files, const std::string& path,
                                         std::uint64_t limit_bytes) {
  ELASTIC_ASSIGN(const auto file, files.open(path, OpenMode::kRead));
  ELASTIC_ASSIGN(const FileStatus status, file->status());
  if (status.type != FileStatus::Type::kFile) return Error(ErrorCode::kCorruption, path + " is not a file");
  if (status.size_bytes > limit_bytes) {
    return Error(ErrorCode::kLimitExceeded, path + " is larger than such a file can be");
  }
  std::vector<std::byte> bytes(status.size_bytes);
  if (auto read = read_fully(*file, 0, bytes); !read) return read.error().within(path);
  return bytes;
}

Result<> publish(FileSystem& files, File& file, const std::string& temporary, const std::string& final_path) {
  ELASTIC_TRY(file.sync());
  ELASTIC_TRY(files.rename(temporary, final_path));
  return files.sync_directory(parent_directory(final_path));
}

Result<> make_directories(FileSystem& files, const std::string& path) {
  if (auto status = files.status(path); status.ok()) {
    if (status->type == FileStatus::Type::kDirectory) return success();
    return Error(ErrorCode::kInvalidArgument, path + " is not a directory");
  }
  const std::string parent = parent_directory(path);
  if (parent != path) ELASTIC_TRY(make_directories(files, parent));
  ELASTIC_TRY(files.make_directory(path));
  return files.sync_directory(parent);
}

std::string join_path(std::string_view directory, std::string_view name) {
  std::string path(directory);
  if (!path.empty() && path.back() != '/') path.push_back('/');
  return path.append(name);
}

std::string parent_directory(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(slash == 0 ? path.substr(0, 1) : path.substr(0, slash));
}

}  // namespace elastic::store
