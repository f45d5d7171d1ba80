#include "kernel/descriptor_capture.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <mutex>

namespace elastic::kernel {
namespace {

// Runs `body` in a child process with its descriptors captured: 0 when it returned true. The test's own
// stdout must stay as it is.
int in_child(const std::function<bool(DescriptorCapture&, std::string& out, std::string& err)>& body) {
  const pid_t child = fork();
  if (child == 0) {
    std::mutex mutex;
    std::string out, err;
    DescriptorCapture capture([&](std::string_view stream, std::string_view bytes) {
      std::lock_guard<std::mutex> lock(mutex);
      (stream == "stdout" ? out : err) += bytes;
    });
    if (!capture.start()) _exit(2);
    _exit(body(capture, out, err) ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

void write_all(int descriptor, const std::string& text) {
  EXPECT_EQ(::write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(DescriptorCaptureTest, DrainReturnsWithEverythingWrittenBefore) {
  EXPECT_EQ(0, in_child([](DescriptorCapture& capture, std::string& out, std::string& err) {
              for (int i = 0; i < 100; ++i) {
                write_all(STDOUT_FILENO, "o");
                write_all(STDERR_FILENO, "e");
                capture.drain();
                if (out.size() != static_cast<std::size_t>(i + 1) || err.size() != out.size()) return false;
              }
              return true;
            }));
}

TEST(DescriptorCaptureTest, CBufferedOutputIsPartOfIt) {
  EXPECT_EQ(0, in_child([](DescriptorCapture& capture, std::string& out, std::string&) {
              std::printf("no newline");
              capture.drain();
              return out == "no newline";
            }));
}

TEST(DescriptorCaptureTest, ACharacterIsNotCutInTwo) {
  EXPECT_EQ(0, in_child([](DescriptorCapture& capture, std::string& out, std::string&) {
              write_all(STDOUT_FILENO, "\xE2\x82");
              capture.drain();
              if (!out.empty()) return false;
              write_all(STDOUT_FILENO, "\xAC!");
              capture.drain();
              return out == "\xE2\x82\xAC!";
            }));
}

TEST(DescriptorCaptureTest, ClosedDescriptorsKeepNobodyBusy) {
  EXPECT_EQ(0, in_child([](DescriptorCapture& capture, std::string& out, std::string&) {
              write_all(STDOUT_FILENO, "last words");
              ::close(STDOUT_FILENO);
              ::close(STDERR_FILENO);
              usleep(300'000);
              capture.drain();
              return out == "last words" && std::clock() < CLOCKS_PER_SEC / 10;
            }));
}

TEST(DescriptorCaptureTest, ChildProcessesAreHeard) {
  EXPECT_EQ(0, in_child([](DescriptorCapture& capture, std::string& out, std::string& err) {
              if (std::system("echo out; echo err >&2") != 0) return false;
              capture.drain();
              return out == "out\n" && err == "err\n";
            }));
}

TEST(DescriptorCaptureTest, MoreThanAPipefulArrivesWhole) {
  EXPECT_EQ(0, in_child([](DescriptorCapture& capture, std::string& out, std::string&) {
              if (std::system("head -c 5000000 /dev/zero | tr '\\0' x") != 0) return false;
              for (int i = 0; i < 10; ++i) capture.drain();
              return out == std::string(5000000, 'x');
            }));
}

}  // namespace
}  // namespace elastic::kernel
