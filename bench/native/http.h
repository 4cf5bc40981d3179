// What the mock and the load generator share: time, sockets, growing buffers, and a queue of dates.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND 1000000LL
#define SECOND 1000000000LL
#define NEVER INT64_MAX

static inline int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * SECOND + time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/** As many open files as the system lets us have. */
static void raise_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

static void send_at_once(int socket) {
  int one = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static struct sockaddr_in address_of(const char *host, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail("an IPv4 address is needed");
  return address;
}

/** Waits for events until a date, to the microsecond (epoll_wait knows milliseconds only). */
static inline int wait_until(int poll, struct epoll_event *events, int count, int64_t date) {
  if (date == NEVER) return epoll_wait(poll, events, count, -1);
  int64_t left = date - now();
  if (left < 0) left = 0;
  struct timespec timeout = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
  return epoll_pwait2(poll, events, count, &timeout, NULL);
}

typedef struct {
  char *data;
  size_t length, capacity;
} Buffer;

/** Room for `size` more bytes behind what is there. */
static char *make_room(Buffer *buffer, size_t size) {
  size_t needed = buffer->length + size;
  if (needed > buffer->capacity) {
    size_t capacity = buffer->capacity ? buffer->capacity : 4096;
    while (capacity < needed) capacity *= 2;
    buffer->data = realloc(buffer->data, capacity);
    if (!buffer->data) fail("memory");
    buffer->capacity = capacity;
  }
  return buffer->data + buffer->length;
}

static void append(Buffer *buffer, const char *data, size_t size) {
  memcpy(make_room(buffer, size), data, size);
  buffer->length += size;
}

static inline void drop_front(Buffer *buffer, size_t size) {
  buffer->length -= size;
  if (buffer->length) memmove(buffer->data, buffer->data + size, buffer->length);
}

/** A header's value in a head that ends with an empty line, or NULL. */
static const char *header(const char *head, size_t length, const char *name) {
  size_t size = strlen(name);
  const char *end = head + length;
  for (const char *line = memchr(head, '\n', length); line && line + 1 + size < end;
       line = memchr(line + 1, '\n', end - line - 1)) {
    const char *start = line + 1;
    if (start[size] != ':' || strncasecmp(start, name, size) != 0) continue;
    for (start += size + 1; *start == ' '; start++) continue;
    return start;
  }
  return NULL;
}

/** Reads a chunked body bit by bit, however it is cut. */
typedef struct {
  enum { SIZE, EXTENSION, DATA, AFTER_DATA, TRAILER, ENDED } state;
  size_t left;
  bool line_is_empty;
} Chunks;

/** Takes bytes, hands out data as `give(to, data, size)`. Gives how many bytes belonged to the body. */
static size_t read_chunks(Chunks *chunks, const char *data, size_t size, void (*give)(void *, const char *, size_t),
                          void *to) {
  size_t at = 0;
  while (at < size && chunks->state != ENDED) {
    if (chunks->state == DATA) {
      size_t take = size - at < chunks->left ? size - at : chunks->left;
      if (give) give(to, data + at, take);
      at += take;
      chunks->left -= take;
      if (chunks->left == 0) chunks->state = AFTER_DATA;
      continue;
    }
    char byte = data[at++];
    if (chunks->state == SIZE || chunks->state == EXTENSION) {
      if (byte == '\n') {
        chunks->state = chunks->left ? DATA : TRAILER;
        chunks->line_is_empty = true;
      } else if (byte == ';') chunks->state = EXTENSION;
      else if (byte != '\r' && chunks->state == SIZE)
        chunks->left = chunks->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
    } else if (chunks->state == AFTER_DATA) {
      if (byte == '\n') chunks->state = SIZE;
    } else if (byte == '\n') {
      if (chunks->line_is_empty) chunks->state = ENDED;
      chunks->line_is_empty = true;
    } else if (byte != '\r') chunks->line_is_empty = false;
  }
  return at;
}
