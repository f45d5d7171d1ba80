// The five ZeroMQ sockets of a kernel, owned by one I/O thread.
//
// ZeroMQ sockets belong to one thread; everybody else hands whole messages over. So a print from any thread,
// a reply from the main thread and an event of the debugger never meet on a socket, a kernel that is busy
// still answers heartbeats, and the high-water mark of xeus's own publisher (which drops output) is not
// there.
//
// Threads: send, publish and barrier may be called from any thread, without the GIL. The handlers are called
// on the I/O thread and must not block. The I/O thread never takes the GIL.
#pragma once
#include <sys/types.h>

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "connection.hpp"
#include "elastic/core/result.hpp"
#include "zmq.hpp"
#include "zmq_addon.hpp"

namespace elastic::kernel {

enum class Channel { kShell, kControl, kStdin, kIopub };

class Transport {
 public:
  struct Handlers {
    std::function<void(Channel, zmq::multipart_t)>
        received;                // shell, control and stdin messages as they arrive
    std::function<void()> tick;  // about every 50 ms
    std::function<zmq::multipart_t(const std::string& topic)>
        welcome;  // iopub_welcome for a new subscription
    std::function<zmq::multipart_t(zmq::multipart_t)>
        debug_event;  // an event of the debugger, as xeus wrote it
  };

  // Binds every socket. The error names the address that is taken.
  static Result<std::unique_ptr<Transport>> bind(zmq::context_t& context, const Connection& connection);
  ~Transport();

  void start(Handlers handlers);
  void send(Channel channel, zmq::multipart_t message);
  // Runs `done` on the I/O thread after everything that had arrived on the shell socket has been received.
  void after_arrivals(std::function<void()> done);
  // Sends what is queued, then closes the sockets. No call is allowed afterwards.
  void stop();

 private:
  explicit Transport(zmq::context_t& context);
  void run();
  void receive_what_came();  // waits for it, for a message to send, or for the next tick
  void receive_all(zmq::socket_t& socket, Channel channel);
  void greet_subscribers();
  void echo_beats();
  void publish_debug_events();
  void send_on(zmq::socket_t& socket, zmq::multipart_t message);
  bool send_queued();  // false: stop was asked for
  zmq::socket_t& socket_of(Channel channel);

  struct Outgoing {
    Channel channel;
    zmq::multipart_t message;
    std::function<void()> done;  // a barrier when set
  };

  // zmq::poll asks every socket twice on every turn, which is most of what a short cell costs this thread.
  // Instead the descriptors are polled; a socket's tells only of what comes after the socket was last used
  // (zmq_getsockopt(3), ZMQ_FD), so one on which something was sent is looked at without waiting for it.
  struct Watched {
    zmq::socket_t* socket;
    std::function<void()> receive;  // all that is there
    bool was_used = true;
  };

  zmq::socket_t shell_, control_, stdin_, iopub_, heartbeat_, debug_events_;
  std::vector<Watched> watched_;
  int wake_descriptor_;
  std::mutex mutex_;  // guards the two below
  std::deque<Outgoing> queue_;
  bool stopping_ = false;
  Handlers handlers_;
  std::thread thread_;
  pid_t owner_;  // a forked child must not touch the sockets
};

}  // namespace elastic::kernel
