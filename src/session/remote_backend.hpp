// A store at a URL, over Python's fsspec: the adapter of store::Backend to elasticpython.remote.Remote.
//
// Objects are gathered in memory and sent whole; several are under way at once, so packs are small. Small
// reads fetch what lies around them too, since a request takes as long for one byte as for many. Threads: as
// Backend. Each call takes the GIL; callers never hold it.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "elastic/core/result.hpp"
#include "elastic/store/backend.hpp"

namespace elastic::session {

// Whether a place is a URL.
bool is_remote(std::string_view place);

// Does not touch the place. kInvalidArgument: fsspec is not installed.
Result<std::unique_ptr<store::Backend>> remote_backend(const std::string& url);

}  // namespace elastic::session
