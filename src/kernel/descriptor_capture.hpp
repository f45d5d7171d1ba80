// What is written to file descriptors 1 and 2 by C code and by child processes, brought into the notebook.
//
// Both descriptors become pipes; one thread reads them. A process that writes faster than the reader reads
// waits in write(2), as it would on a terminal.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace elastic::kernel {

class DescriptorCapture {
 public:
  using Deliver =
      std::function<void(std::string_view stream, std::string_view bytes)>;  // on the reader thread

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
  void deliver_available(int which);

  Deliver deliver_;
  int original_[2] = {-1, -1};
  int read_end_[2] = {-1, -1};
  int wake_descriptor_ = -1;
  std::string partial_[2];  // the first bytes of a character whose rest has not arrived
  std::mutex mutex_;        // guards the three below
  std::condition_variable drained_;
  unsigned long drains_asked_ = 0, drains_done_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace elastic::kernel
