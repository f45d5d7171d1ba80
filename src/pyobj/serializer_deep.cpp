#include "pyobj/serializer_deep.hpp"

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace elastic::pyobj {
namespace {

// Pickling a nested object takes some 0.5 KiB of stack a level that Python counts; a `__reduce__` of the
// user's in between takes more.
constexpr std::size_t kStackBytesPerLevel = 2048;
constexpr std::size_t kStackSizes[] = {std::size_t{1} << 30, std::size_t{256} << 20, std::size_t{64} << 20};
constexpr auto kSignalPeriod = std::chrono::milliseconds(50);

// This thread's limit alone: sys.setrecursionlimit would raise every thread's, and theirs have small stacks.
void raise_recursion_limit(int levels) {
  PyThreadState* thread = PyThreadState_Get();
#if PY_VERSION_HEX < 0x030C0000
  thread->recursion_limit = levels;
  thread->recursion_remaining = levels;
#elif PY_VERSION_HEX < 0x030E0000
  thread->py_recursion_remaining = levels;
  thread->py_recursion_limit = levels;
  thread->c_recursion_remaining = levels;
#else
  static_cast<void>(levels);  // 3.14 measures the stack itself
  static_cast<void>(thread);
#endif
}

struct Job {
  const std::function<void(const GilHeld&)>* work;
  int levels;
  std::mutex mutex;
  std::condition_variable finished;
  bool done = false;
};

void* run(void* argument) {
  Job& job = *static_cast<Job*>(argument);
  {
    GilAcquired gil;
    raise_recursion_limit(job.levels);
    (*job.work)(gil);
  }
  std::lock_guard lock(job.mutex);
  job.done = true;
  job.finished.notify_all();
  return nullptr;
}

bool start(pthread_t& thread, Job& job) {
  for (std::size_t size : kStackSizes) {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, size);
    job.levels = static_cast<int>(size / kStackBytesPerLevel);
    const bool started = pthread_create(&thread, &attributes, run, &job) == 0;
    pthread_attr_destroy(&attributes);
    if (started) return true;
  }
  return false;
}

}  // namespace

bool run_on_large_stack(const GilHeld& gil, std::atomic<bool>& cancel,
                        const std::function<void(const GilHeld&)>& work) {
  Job job{&work, 0, {}, {}, false};
  pthread_t thread;
  if (!start(thread, job)) return false;
  for (bool done = false; !done;) {
    {
      GilReleased released(gil);
      std::unique_lock lock(job.mutex);
      done = job.finished.wait_for(lock, kSignalPeriod, [&] { return job.done; });
    }
    if (!done && !cancel && PyErr_CheckSignals() < 0) cancel = true;
  }
  pthread_join(thread, nullptr);
  return true;
}

}  // namespace elastic::pyobj
