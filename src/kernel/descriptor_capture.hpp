// What is written to file descriptors 1 and 2 by C code and by child processes, brought into the notebook.
//
// Both descriptors become pipes, read by a thread of their own and by whoever drains them. A process that
// writes faster than they are read waits in write(2), as it would on a terminal.
#pragma once
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace elastic::kernel {

class DescriptorCapture {
 public:
  // Called by one thread at a time.
  using Deliver = std::function<void(std::string_view stream, std::string_view bytes)>;

  explicit DescriptorCapture(Deliver deliver);
  ~DescriptorCapture();

  // Redirects the descriptors. false: no pipe could be had, and the descriptors are as they were.
  bool start();
  // Returns when everything written before the call has been delivered. Must not hold the GIL.
  void drain();
  // The descriptor that was 2 before start(), for logs and crash dumps.
  int original_stderr() const { return original_[1]; }

 private:
  void run();
  void deliver_all();
  void deliver_available(int which);  // REQUIRES: delivering_

  Deliver deliver_;
  int original_[2] = {-1, -1};
  int read_end_[2] = {-1, -1};
  int stop_descriptor_ = -1;
  std::mutex delivering_;   // so that bytes are delivered in the order in which they are read
  std::string partial_[2];  // the first bytes of a character whose rest has not arrived
  std::thread thread_;
};

}  // namespace elastic::kernel
