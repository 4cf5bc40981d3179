// A load generator in one thread. Prints JSON, one object a line.
//   load closed port=N path=/ body=FILE c=64 n=10000       c connections, n requests, each as soon as one is free
//   load open   port=N path=/ body=FILE rate=250 seconds=2 at a constant rate, whatever the answers do
//   load stream port=N path=/ body=FILE rate=50 n=100      n streams, begun at a constant rate
//   load hold   port=N path=/ body=FILE rate=1000 n=1000   the same, and says "held" when all have their first token
// Also: host=127.0.0.1 key=BEARER header="name: value" (repeatable) limit=SECONDS (default 120).
// Latencies in microseconds; at a constant rate they count from the date a request was due, not from when it left.
#include "http.h"

typedef struct {
  int socket;
  bool is_connected, is_busy;
  size_t written;
  int64_t due;
  Buffer head;
  enum { HEAD, FIXED, CHUNKED, UNTIL_CLOSE } part;
  size_t left;
  Chunks chunks;
  int status;
  bool closes;
  /** The start of the line under way of an event stream. */
  char line[16];
  size_t line_length;
  int events;
  bool is_done;
} Connection;

static enum { CLOSED, OPEN, STREAM, HOLD } mode;
static const char *host = "127.0.0.1", *path = "/", *key, *body_file;
static int port, connection_limit = 64;
static long request_count = 10000;
static double rate = 250, duration = 2, time_limit = 120;
static Buffer request, extra_headers;

static Connection **connections, **idle;
static long connection_count, idle_count, begun, ended, errors, events, first_tokens;
static int64_t started, *dates_of_answers, *dates_of_tokens;
static int poller;
static long status_of_error;

static bool is_stream(void) { return mode == STREAM || mode == HOLD; }

static void watch(Connection *it, uint32_t wanted, int operation) {
  struct epoll_event event = {.events = wanted, .data.ptr = it};
  epoll_ctl(poller, operation, it->socket, &event);
}

static void hang_up(Connection *it) {
  if (it->socket >= 0) close(it->socket);
  it->socket = -1;
  it->is_connected = false;
}

static void send_request(Connection *it) {
  while (it->written < request.length) {
    ssize_t sent = send(it->socket, request.data + it->written, request.length - it->written, MSG_NOSIGNAL);
    if (sent < 0) {
      // A broken connection shows when it is read.
      if (errno == EAGAIN) watch(it, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      return;
    }
    it->written += sent;
  }
}

static void connect_to_server(Connection *it) {
  struct sockaddr_in address = address_of(host, port);
  it->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (it->socket < 0) fail("socket");
  send_at_once(it->socket);
  if (connect(it->socket, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) fail("connect");
  watch(it, EPOLLIN | EPOLLOUT, EPOLL_CTL_ADD);
}

/** Sends one request on a free connection, or on a new one. */
static void begin(int64_t due) {
  Connection *it;
  if (idle_count) it = idle[--idle_count];
  else {
    it = calloc(1, sizeof *it);
    it->socket = -1;
    connections = realloc(connections, (connection_count + 1) * sizeof *connections);
    idle = realloc(idle, (connection_count + 1) * sizeof *idle);
    connections[connection_count++] = it;
  }
  begun++;
  it->is_busy = true;
  it->due = due;
  it->written = it->head.length = it->line_length = 0;
  it->part = HEAD;
  it->chunks = (Chunks){0};
  it->events = 0;
  it->is_done = false;
  if (it->socket < 0) connect_to_server(it);
  else if (it->is_connected) send_request(it);
}

static void end(Connection *it, bool is_good) {
  if (!is_good) {
    errors++;
    if (it->status) status_of_error = it->status;
  }
  dates_of_answers[ended++] = now() - it->due;
  events += it->events;
  it->is_busy = false;
  if (!is_good || it->closes) hang_up(it);
  idle[idle_count++] = it;
  if (mode == CLOSED && begun < request_count) begin(now());
}

static void end_line(Connection *it) {
  const char *line = it->line;
  size_t size = it->line_length;
  it->line_length = 0;
  if (size < 5 || memcmp(line, "data:", 5) != 0) return;
  if (it->events++ == 0) dates_of_tokens[first_tokens++] = now() - it->due;
  line += 5, size -= 5;
  if (size && *line == ' ') line++, size--;
  if (size >= 6 && memcmp(line, "[DONE]", 6) == 0) it->is_done = true;
}

/** What a body says: nothing that matters, or events. */
static void read_data(void *connection, const char *data, size_t size) {
  if (!is_stream()) return;
  Connection *it = connection;
  for (const char *end_of_data = data + size; data < end_of_data;) {
    const char *end_of_line = memchr(data, '\n', end_of_data - data);
    size_t piece = (end_of_line ? end_of_line : end_of_data) - data, room = sizeof it->line - it->line_length;
    memcpy(it->line + it->line_length, data, piece < room ? piece : room);
    it->line_length += piece < room ? piece : room;
    if (!end_of_line) return;
    end_line(it);
    data = end_of_line + 1;
  }
}

static bool is_good(Connection *it) { return it->status == 200 && (!is_stream() || it->is_done); }

/** Takes a head. How many bytes of `data` belonged to it, or -1 when it cannot be read. */
static long read_head(Connection *it, const char *data, size_t size) {
  size_t before = it->head.length;
  if (before > 65536) return -1;
  append(&it->head, data, size);
  char *end_of_head = memmem(it->head.data, it->head.length, "\r\n\r\n", 4);
  if (!end_of_head) return size;
  size_t length = end_of_head + 4 - it->head.data;
  if (memcmp(it->head.data, "HTTP/1.", 7) != 0) return -1;
  it->status = atoi(it->head.data + 9);
  const char *size_of_body = header(it->head.data, length, "content-length");
  const char *coding = header(it->head.data, length, "transfer-encoding");
  const char *connection = header(it->head.data, length, "connection");
  it->closes = connection && strncasecmp(connection, "close", 5) == 0;
  it->part = coding ? CHUNKED : size_of_body ? FIXED : UNTIL_CLOSE;
  it->left = size_of_body ? strtoul(size_of_body, NULL, 10) : 0;
  return length - before;
}

static void read_bytes(Connection *it, const char *data, size_t size) {
  if (it->part == HEAD) {
    long taken = read_head(it, data, size);
    if (taken < 0) return end(it, false);
    data += taken, size -= taken;
    if (it->part == HEAD) return;
  }
  bool is_whole = false;
  if (it->part == CHUNKED) {
    read_chunks(&it->chunks, data, size, read_data, it);
    is_whole = it->chunks.state == ENDED;
  } else if (it->part == FIXED) {
    size_t take = size < it->left ? size : it->left;
    read_data(it, data, take);
    it->left -= take;
    is_whole = it->left == 0;
  } else read_data(it, data, size);
  if (is_whole) end(it, is_good(it));
}

static void read_some(Connection *it) {
  static char data[65536];
  ssize_t size = recv(it->socket, data, sizeof data, 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size > 0 && it->is_busy) return read_bytes(it, data, size);
  // Closed. Between two answers that is the server's right; the next request connects anew.
  hang_up(it);
  if (it->is_busy) end(it, it->part == UNTIL_CLOSE && is_good(it));
}

static int by_size(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static double percentile(int64_t *times, long count, double part) {
  if (count == 0) return 0;
  qsort(times, count, sizeof *times, by_size);
  return times[(long)(part * (count - 1) + 0.5)] / 1000.0;
}

static void report(void) {
  double seconds = (now() - started) / (double)SECOND;
  // Errors among the latencies would make a broken gateway look fast; who reads this must look at `errors` first.
  printf("{\"requests\":%ld,\"seconds\":%.6f,\"errors\":%ld,\"status\":%ld,\"p50\":%.1f,\"p99\":%.1f", ended, seconds,
         errors + (begun - ended), errors ? status_of_error : 200, percentile(dates_of_answers, ended, 0.5),
         percentile(dates_of_answers, ended, 0.99));
  if (is_stream())
    printf(",\"events\":%ld,\"tokenP50\":%.1f,\"tokenP99\":%.1f", events,
           percentile(dates_of_tokens, first_tokens, 0.5), percentile(dates_of_tokens, first_tokens, 0.99));
  puts("}");
}

static void run(void) {
  bool is_paced = mode != CLOSED, is_held = false;
  int64_t limit = started + (int64_t)(time_limit * SECOND);
  if (!is_paced)
    for (int index = 0; index < connection_limit && begun < request_count; index++) begin(now());
  struct epoll_event happened[256];
  while (ended < request_count && now() < limit) {
    int64_t next = limit;
    if (is_paced && begun < request_count) {
      int64_t due;
      while (begun < request_count && (due = started + (int64_t)(begun / rate * SECOND)) <= now()) begin(due);
      if (begun < request_count) next = started + (int64_t)(begun / rate * SECOND);
    }
    int ready = wait_until(poller, happened, 256, next < limit ? next : limit);
    for (int index = 0; index < ready; index++) {
      Connection *it = happened[index].data.ptr;
      if (happened[index].events & EPOLLOUT && it->socket >= 0) {
        it->is_connected = true;
        watch(it, EPOLLIN, EPOLL_CTL_MOD);
        if (it->is_busy) send_request(it);
      }
      if (happened[index].events & ~EPOLLOUT && it->socket >= 0) read_some(it);
    }
    if (mode == HOLD && !is_held && first_tokens == request_count) {
      is_held = true;
      printf("{\"held\":%ld}\n", first_tokens);
      fflush(stdout);
    }
  }
}

static void read_file(Buffer *to, const char *name) {
  FILE *file = fopen(name, "r");
  if (!file) fail(name);
  for (size_t size; (size = fread(make_room(to, 65536), 1, 65536, file)) > 0;) to->length += size;
  fclose(file);
}

static void prepare_request(void) {
  Buffer body = {0};
  if (body_file) read_file(&body, body_file);
  make_room(&request, 2048 + extra_headers.length + body.length);
  request.length = sprintf(request.data,
                           "POST %s HTTP/1.1\r\nhost: %s:%d\r\nuser-agent: bench\r\naccept: */*\r\n"
                           "content-type: application/json\r\ncontent-length: %zu\r\n",
                           path, host, port, body.length);
  if (key) request.length += sprintf(request.data + request.length, "authorization: Bearer %s\r\n", key);
  if (extra_headers.length) append(&request, extra_headers.data, extra_headers.length);
  append(&request, "\r\n", 2);
  if (body.length) append(&request, body.data, body.length);
}

static void read_argument(char *argument) {
  char *value = strchr(argument, '=');
  if (!value) {
    fprintf(stderr, "Expected name=value, got %s\n", argument);
    exit(1);
  }
  *value++ = 0;
  if (!strcmp(argument, "host")) host = value;
  else if (!strcmp(argument, "port")) port = atoi(value);
  else if (!strcmp(argument, "path")) path = value;
  else if (!strcmp(argument, "key")) key = value;
  else if (!strcmp(argument, "body")) body_file = value;
  else if (!strcmp(argument, "c")) connection_limit = atoi(value);
  else if (!strcmp(argument, "n")) request_count = atol(value);
  else if (!strcmp(argument, "rate")) rate = atof(value);
  else if (!strcmp(argument, "seconds")) duration = atof(value);
  else if (!strcmp(argument, "limit")) time_limit = atof(value);
  else if (!strcmp(argument, "header")) {
    append(&extra_headers, value, strlen(value));
    append(&extra_headers, "\r\n", 2);
  } else {
    fprintf(stderr, "There is no %s\n", argument);
    exit(1);
  }
}

int main(int count, char **arguments) {
  static const char *const modes[] = {"closed", "open", "stream", "hold"};
  const char *wanted = count > 1 ? arguments[1] : "";
  int found = 0;
  while (found < 4 && strcmp(modes[found], wanted)) found++;
  if (found == 4) return fprintf(stderr, "load closed|open|stream|hold name=value...\n"), 1;
  mode = found;
  for (int index = 2; index < count; index++) read_argument(arguments[index]);
  if (mode == OPEN) request_count = (long)(rate * duration);
  raise_file_limit();
  prepare_request();
  dates_of_answers = calloc(request_count + 1, sizeof *dates_of_answers);
  dates_of_tokens = calloc(request_count + 1, sizeof *dates_of_tokens);
  poller = epoll_create1(EPOLL_CLOEXEC);
  started = now();
  run();
  report();
  return 0;
}
