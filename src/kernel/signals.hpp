// Which signals reach the kernel when, and what becomes of them.
//
// SIGINT interrupts user code that runs for a request and nothing else: it is blocked on the main thread
// between cells, and on every other thread always. SIGTERM and the death of the parent end the kernel in good
// order. A child process starts with the mask and the handlers the kernel was started with.
#pragma once
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

namespace elastic::kernel {

class Signals {
 public:
  // Called on the main thread before any other thread is started: those inherit a mask with everything
  // blocked.
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;

  // Lets the main thread take signals again once the other threads are there.
  void open_main_thread();

  // Raises KeyboardInterrupt in the cell that is running or about to; nothing when none is. Any thread.
  void interrupt_cell();
  // The same, and SIGINT for the processes that the cells started, where the kernel leads a process group.
  void interrupt_cell_and_children();

  // Runs `terminate` on a thread of its own at the first SIGTERM, or when the parent dies.
  void watch_termination(bool watch_parent, std::function<void()> terminate);

  // Around the handling of a request to run a cell, on the main thread. An interrupt from before was meant
  // for no cell and is dropped; one that comes while the cell is made ready waits until its code runs.
  void expect_cell();
  void forget_cell() { --cells_expected_; }

  // Around user code on the main thread, within the above. REQUIRES: the GIL is held.
  void begin_cell();
  void end_cell();

  // True in a process that a cell forked.
  static bool in_forked_child();

 private:
  void watch(bool watch_parent);

  pthread_t main_thread_;
  sigset_t original_mask_;
  std::atomic<int> cells_expected_{0};
  std::atomic<bool> in_cell_{false};
  std::function<void()> terminate_;
  std::thread watcher_;
  std::atomic<bool> stopping_{false};
};

}  // namespace elastic::kernel
