#!/bin/sh
# The gateway with nothing but curl: an answer, a stream, an error.
set -eu
base=${BASE_URL:-http://127.0.0.1:4000}
key=${TIANJI_MASTER_KEY:-none}

ask() {
  curl --silent --no-buffer "$base/v1/chat/completions" \
    --header "authorization: Bearer $key" \
    --header 'content-type: application/json' \
    --data "$1"
  echo
}

ask '{"model": "mock", "messages": [{"role": "user", "content": "Write to jane@example.com."}]}'
ask '{"model": "mock", "messages": [{"role": "user", "content": "Hello!"}], "stream": true}'
ask '{"model": "moc", "messages": [{"role": "user", "content": "Hello!"}]}'
