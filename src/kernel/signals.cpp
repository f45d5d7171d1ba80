#include "signals.hpp"

#include <Python.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace elastic::kernel {
namespace {

constexpr int kParentPollMs = 1000;

int g_termination_pipe[2] = {-1, -1};  // a signal handler can reach nothing but globals
std::atomic<bool> g_forked{false};

void on_sigterm(int) {
  const int saved = errno;
  [[maybe_unused]] const ssize_t written = ::write(g_termination_pipe[1], "t", 1);
  errno = saved;
}

// Without this, Pool.terminate(), which sends SIGTERM to a forked child, would end the kernel through the
// pipe that the child shares with it.
void in_child_after_fork() {
  g_forked = true;
  struct sigaction current;
  if (sigaction(SIGTERM, nullptr, &current) == 0 && current.sa_handler == on_sigterm)
    signal(SIGTERM, SIG_DFL);
  ::close(g_termination_pipe[0]);
  ::close(g_termination_pipe[1]);
  g_termination_pipe[0] = g_termination_pipe[1] = -1;
}

sigset_t only(int signal_number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal_number);
  return set;
}

}  // namespace

Signals::Signals() : main_thread_(pthread_self()) {
  sigset_t blocked;
  sigfillset(&blocked);
  for (int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&blocked, fault);
  pthread_sigmask(SIG_SETMASK, &blocked, &original_mask_);
  sigdelset(&original_mask_,
            SIGINT);  // a shell's background job starts with SIGINT off; cells take it all the same
  // Early, so that it is not taken for one of the user's.
  if (pipe2(g_termination_pipe, O_CLOEXEC | O_NONBLOCK) != 0) g_termination_pipe[0] = -1;
}

Signals::~Signals() {
  stopping_ = true;
  if (watcher_.joinable()) {
    on_sigterm(0);
    if (watcher_.get_id() == std::this_thread::get_id())
      watcher_.detach();
    else
      watcher_.join();
  }
}

void Signals::open_main_thread() {
  sigset_t idle = original_mask_;
  sigaddset(&idle, SIGINT);
  pthread_sigmask(SIG_SETMASK, &idle, nullptr);
}

void Signals::interrupt_cell() {
  if (cells_expected_ > 0) pthread_kill(main_thread_, SIGINT);
}

void Signals::interrupt_cell_and_children() {
  // As Ctrl-C in a terminal does, and ipykernel. The kernel's own signal is the group's too, since a second
  // one of its own could strike while the first is being handled; the main thread, where it is not blocked,
  // comes before any other.
  if (in_cell_ && getpgrp() == getpid())
    kill(0, SIGINT);
  else
    interrupt_cell();
}

void Signals::expect_cell() {
  const sigset_t interrupt = only(SIGINT);
  const timespec at_once{};
  while (sigtimedwait(&interrupt, nullptr, &at_once) == SIGINT) {
  }
  ++cells_expected_;
}

void Signals::begin_cell() {
  const sigset_t interrupt = only(SIGINT);
  pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
  in_cell_ = true;
}

void Signals::end_cell() {
  in_cell_ = false;
  const sigset_t interrupt = only(SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
  while (PyErr_CheckSignals() < 0) PyErr_Clear();  // one that came too late to interrupt anything
}

bool Signals::in_forked_child() { return g_forked; }

void Signals::watch_termination(bool watch_parent, std::function<void()> terminate) {
  terminate_ = std::move(terminate);
  if (g_termination_pipe[0] < 0) return;
  pthread_atfork(nullptr, nullptr, in_child_after_fork);
  struct sigaction action {};
  action.sa_handler = on_sigterm;
  action.sa_flags = SA_RESTART;
  sigaction(SIGTERM, &action, nullptr);
  watcher_ = std::thread([this, watch_parent] { watch(watch_parent); });
  pthread_setname_np(watcher_.native_handle(), "elastic-end");
}

void Signals::watch(bool watch_parent) {
  const pid_t parent = getppid();
  pollfd item{g_termination_pipe[0], POLLIN, 0};
  for (;;) {
    const int ready = ::poll(&item, 1, watch_parent ? kParentPollMs : -1);
    if (stopping_) return;
    if (ready > 0 || (watch_parent && getppid() != parent)) break;
  }
  terminate_();
}

}  // namespace elastic::kernel
