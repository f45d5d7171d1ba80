// Text on its way to the notebook's stdout and stderr, joined into few messages.
//
// Text is sent when the stream or the cell it belongs to changes, before anything else is published (so that
// prints and plots keep their order), when it has grown large, on flush and every 50 ms.
//
// Threads: any. Without the GIL.
#pragma once
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "request.hpp"

namespace elastic::kernel {

class StreamBuffer {
 public:
  using Send = std::function<void(const std::string& stream, std::string text, const RequestPtr& parent)>;

  explicit StreamBuffer(Send send) : send_(std::move(send)) {}

  // `stream` is "stdout" or "stderr"; `parent` the request whose cell the text belongs to.
  void write(std::string_view stream, std::string_view text, const RequestPtr& parent);
  void flush();
  // Sends what is waiting and then runs `publish`, with no text in between.
  void in_order(const std::function<void()>& publish);

 private:
  void flush_locked();

  Send send_;
  std::mutex mutex_;  // guards everything below; held while sending, which keeps the order
  std::string stream_;
  std::string text_;
  RequestPtr parent_;
};

}  // namespace elastic::kernel
