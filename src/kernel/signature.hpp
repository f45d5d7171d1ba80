// What a message is signed with and checked by.
#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "xeus/xauthentication.hpp"

namespace elastic::kernel {

// What a signature by hmac-sha256 takes on the wire, in hexadecimal.
inline constexpr std::size_t kSignatureSize = 64;

// `scheme` is "hmac-sha256" or "none". xeus's own wakes OpenSSL for it, 2 MB of a kernel that has no other
// use for it until a checkpoint: this one leaves that to the first large message, and signs the others with
// libsodium, which libzmq has brought along.
// Threads: any.
std::unique_ptr<xeus::xauthentication> make_signature(const std::string& scheme, const std::string& key);

}  // namespace elastic::kernel
