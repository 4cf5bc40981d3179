// A vendor that speaks OpenAI's wire and does nothing else, in one thread.
//   mock PORT [CHUNKS] [INTERVAL_MS]
// Streams when the body says "stream":true; a prompt that says `chunks=N interval=MS` sets the pace.
#include "http.h"
#include <sys/prctl.h>

#define BODY_LIMIT (1 << 20)

typedef struct {
  Buffer in, out;
  /** Counts owners of this file descriptor, so that dates of earlier ones are known to be stale. */
  uint32_t generation;
  bool is_open, is_streaming;
  int chunks_left, interval_ms;
} Connection;

typedef struct {
  int64_t at;
  int socket;
  uint32_t generation;
} Date;

static Connection *connections;
static int connection_count, poller, default_chunks = 20, default_interval = 10;
static Date *dates;
static size_t date_count, date_capacity;

static char answer[2048], event_data[512], last_data[2048];
static size_t answer_length, event_length, last_length;
static const char stream_head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                                  "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
static const char not_found[] = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

static size_t write_event(char *to, const char *json) {
  return sprintf(to, "%zx\r\ndata: %s\n\n\r\n", strlen(json) + 8, json);
}

static void prepare_answers(void) {
  const char *body =
      "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1793000000,"
      "\"model\":\"bench-model-2026\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
      "\"A reverse proxy takes requests for others and hands on the answers.\",\"refusal\":null,\"annotations\":[]},"
      "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":64,\"completion_tokens\":13,"
      "\"total_tokens\":77,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
      "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
      "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_b3nch\"}";
  answer_length = sprintf(
      answer, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s", strlen(body), body);
#define CHUNK(choices, usage)                                                                              \
  "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\"created\":"   \
  "1793000000,\"model\":\"bench-model-2026\",\"choices\":[" choices "],\"usage\":" usage "}"
  event_length = write_event(event_data, CHUNK("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\" word\"},"
                                               "\"logprobs\":null,\"finish_reason\":null}",
                                               "null"));
  last_length = write_event(
      last_data, CHUNK("{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}", "null"));
  last_length += write_event(
      last_data + last_length,
      CHUNK("", "{\"prompt_tokens\":64,\"completion_tokens\":20,\"total_tokens\":84}"));
  last_length += write_event(last_data + last_length, "[DONE]");
  last_length += sprintf(last_data + last_length, "0\r\n\r\n");
}

static bool is_earlier(Date a, Date b) { return a.at < b.at; }

static void add_date(Date date) {
  if (date_count == date_capacity) {
    date_capacity = date_capacity ? date_capacity * 2 : 1024;
    dates = realloc(dates, date_capacity * sizeof *dates);
  }
  size_t at = date_count++;
  for (; at && is_earlier(date, dates[(at - 1) / 2]); at = (at - 1) / 2) dates[at] = dates[(at - 1) / 2];
  dates[at] = date;
}

static Date take_date(void) {
  Date first = dates[0], moved = dates[--date_count];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < date_count; at = child) {
    if (child + 1 < date_count && is_earlier(dates[child + 1], dates[child])) child++;
    if (!is_earlier(dates[child], moved)) break;
    dates[at] = dates[child];
  }
  dates[at] = moved;
  return first;
}

static Connection *connection(int socket) {
  if (socket >= connection_count) {
    int count = connection_count ? connection_count : 256;
    while (count <= socket) count *= 2;
    connections = realloc(connections, count * sizeof *connections);
    memset(connections + connection_count, 0, (count - connection_count) * sizeof *connections);
    connection_count = count;
  }
  return &connections[socket];
}

static void watch(int socket, uint32_t events, int operation) {
  struct epoll_event event = {.events = events, .data.fd = socket};
  epoll_ctl(poller, operation, socket, &event);
}

static void hang_up(int socket) {
  Connection *it = connection(socket);
  if (!it->is_open) return;
  it->is_open = it->is_streaming = false;
  it->generation++;
  it->in.length = it->out.length = 0;
  close(socket);
}

static void send_bytes(int socket, const char *data, size_t size) {
  Connection *it = connection(socket);
  if (it->out.length == 0) {
    ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
    if (sent == (ssize_t)size) return;
    if (sent < 0 && errno != EAGAIN) return hang_up(socket);
    if (sent > 0) data += sent, size -= sent;
    watch(socket, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  append(&it->out, data, size);
}

static void send_rest(int socket) {
  Connection *it = connection(socket);
  ssize_t sent = send(socket, it->out.data, it->out.length, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN) hang_up(socket);
    return;
  }
  drop_front(&it->out, sent);
  if (it->out.length == 0) watch(socket, EPOLLIN, EPOLL_CTL_MOD);
}

static int number_after(const char *text, size_t size, const char *name, int otherwise) {
  const char *found = memmem(text, size, name, strlen(name));
  return found ? atoi(found + strlen(name)) : otherwise;
}

static bool asks_for_stream(const char *body, size_t size) {
  return memmem(body, size, "\"stream\":true", 13) || memmem(body, size, "\"stream\": true", 14);
}

static void start_stream(int socket, const char *body, size_t size) {
  Connection *it = connection(socket);
  it->is_streaming = true;
  it->chunks_left = number_after(body, size, "chunks=", default_chunks) - 1;
  it->interval_ms = number_after(body, size, "interval=", default_interval);
  char first[sizeof stream_head + sizeof event_data];
  memcpy(first, stream_head, sizeof stream_head - 1);
  memcpy(first + sizeof stream_head - 1, event_data, event_length);
  send_bytes(socket, first, sizeof stream_head - 1 + event_length);
  if (it->is_open) add_date((Date){now() + it->interval_ms * MILLISECOND, socket, it->generation});
}

/** Answers the first request in the buffer. Whether there was a whole one. */
static bool answer_one(int socket) {
  Connection *it = connection(socket);
  if (it->is_streaming || it->in.length == 0) return false;
  char *end = memmem(it->in.data, it->in.length, "\r\n\r\n", 4);
  if (!end) return false;
  size_t head = end + 4 - it->in.data, body = 0;
  const char *length = header(it->in.data, head, "content-length");
  if (length) body = strtoul(length, NULL, 10);
  else if (header(it->in.data, head, "transfer-encoding")) {
    Chunks chunks = {0};
    body = read_chunks(&chunks, it->in.data + head, it->in.length - head, NULL, NULL);
    if (chunks.state != ENDED && body <= BODY_LIMIT) return false;
  }
  if (body > BODY_LIMIT) {
    hang_up(socket);
    return false;
  }
  if (it->in.length < head + body) {
    make_room(&it->in, head + body - it->in.length);
    return false;
  }
  if (memmem(it->in.data, head < 200 ? head : 200, "/chat/completions", 17) == NULL)
    send_bytes(socket, not_found, sizeof not_found - 1);
  else if (asks_for_stream(it->in.data + head, body)) start_stream(socket, it->in.data + head, body);
  else send_bytes(socket, answer, answer_length);
  if (it->is_open) drop_front(&it->in, head + body);
  return it->is_open;
}

static void read_requests(int socket) {
  Connection *it = connection(socket);
  make_room(&it->in, 4096);
  ssize_t size = recv(socket, it->in.data + it->in.length, it->in.capacity - it->in.length, 0);
  if (size == 0 || (size < 0 && errno != EAGAIN)) return hang_up(socket);
  if (size < 0) return;
  it->in.length += size;
  while (answer_one(socket)) continue;
}

static void continue_stream(Date date) {
  Connection *it = connection(date.socket);
  if (!it->is_open || it->generation != date.generation) return;
  if (it->chunks_left-- > 0) {
    send_bytes(date.socket, event_data, event_length);
    // From the date, not from now: a late event does not make the stream longer.
    if (it->is_open) add_date((Date){date.at + it->interval_ms * MILLISECOND, date.socket, date.generation});
    return;
  }
  send_bytes(date.socket, last_data, last_length);
  it->is_streaming = false;
  while (answer_one(date.socket)) continue;
}

static void accept_all(int listener) {
  for (int socket; (socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    send_at_once(socket);
    Connection *it = connection(socket);
    it->is_open = true;
    watch(socket, EPOLLIN, EPOLL_CTL_ADD);
  }
}

int main(int count, char **arguments) {
  if (count < 2) return fprintf(stderr, "mock PORT [CHUNKS] [INTERVAL_MS]\n"), 1;
  if (count > 2) default_chunks = atoi(arguments[2]);
  if (count > 3) default_interval = atoi(arguments[3]);
  // It ends with whoever started it.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  raise_file_limit();
  prepare_answers();
  struct sockaddr_in address = address_of("127.0.0.1", atoi(arguments[1]));
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listener, 4096) < 0) fail("listen");
  poller = epoll_create1(EPOLL_CLOEXEC);
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  puts("ready");
  fflush(stdout);
  struct epoll_event events[256];
  for (;;) {
    int ready = wait_until(poller, events, 256, date_count ? dates[0].at : NEVER);
    for (int index = 0; index < ready; index++) {
      int socket = events[index].data.fd;
      if (socket == listener) accept_all(listener);
      else {
        if (events[index].events & EPOLLOUT) send_rest(socket);
        if (events[index].events & ~EPOLLOUT && connection(socket)->is_open) read_requests(socket);
      }
    }
    for (int64_t time = now(); date_count && dates[0].at <= time;) continue_stream(take_date());
  }
}
