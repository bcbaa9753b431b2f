#!/usr/bin/python3
"""Answers of an agent, byte by byte: what servers of real frameworks will not send.

The path is the name of what is played. Prints `http PORT` once it accepts connections; ends
when its standard input is closed. `hold` waits until the other side has gone away.
"""
import gzip
import json
import re
import socket
import sys
import threading
import time
import zlib

STREAM = "text/event-stream"
sessions = []  # of MCP, that were closed


def event(**delta):
    return b"data: " + json.dumps({"model": "m-1", "choices": [{"index": 0, "delta": delta}]},
                                  ensure_ascii=False).encode() + b"\n\n"


def usage(**told):
    return b"data: " + json.dumps({"model": "m-1", "choices": [], "usage": told}).encode() + b"\n\n"


ROLE = event(role="assistant", content="")
ONE, TWO = event(content="ready"), event(content=" now")
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = usage(prompt_tokens=10, completion_tokens=20, prompt_tokens_details={"cached_tokens": 4})
DONE = b"data: [DONE]\n\n"
ANSWER = [ROLE, ONE, TWO, STOP, USAGE, DONE]
DOCUMENT = {"model": "m-1", "choices": [{"index": 0, "finish_reason": "stop",
                                         "message": {"role": "assistant", "content": "ready"}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 20}}


class Talk:
    def __init__(self, conn, head, body):
        self.conn, self.head, self.body = conn, head, body

    def send(self, data):
        self.conn.sendall(data)

    def start(self, kind=STREAM, status="200 OK", *more):
        lines = ["HTTP/1.1 " + status, "Content-Type: " + kind, "Transfer-Encoding: chunked", *more]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.send(b"0\r\n\r\n")

    def hold(self):
        while self.conn.recv(4096):
            pass

    def stream(self, *events):
        self.start()
        for one in events:
            self.chunk(one)

    def document(self, doc, kind="application/json", status="200 OK", *more):
        data = doc if isinstance(doc, bytes) else json.dumps(doc).encode()
        lines = ["HTTP/1.1 " + status, "Content-Type: " + kind, f"Content-Length: {len(data)}", *more]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + data)


# ---- streams -----------------------------------------------------------------------

def whole(t):
    t.stream(*ANSWER)
    t.end()


def slow(t):
    """A comment at once, the first token after 60 ms, the second 80 ms later, the end 30 ms
    after that."""
    t.stream(b": here\n\n", ROLE)
    time.sleep(0.06)
    t.chunk(ONE)
    time.sleep(0.04)
    t.chunk(b": still\n\n")
    time.sleep(0.04)
    t.chunk(TWO)
    time.sleep(0.03)
    t.chunk(STOP + USAGE + DONE)
    t.end()


def bytewise(t):
    """Each byte alone, an emoji and a byte that is none of UTF-8 among them."""
    t.start()
    odd = event(content="\U0001f600!").replace(b"!", b"\xff")
    for byte in b"".join([ROLE, ONE, odd, STOP, DONE]):
        t.chunk(bytes([byte]))
    t.end()


def comments(t):
    t.stream(*[b": ping\n\n"] * 50)
    t.end()


def comments_hold(t):
    t.stream(*[b": ping\n\n"] * 5)
    t.hold()


def reasons(t):
    t.stream(ROLE, event(reasoning_content="hm"), event(reasoning_content=" hm"), STOP, DONE)
    t.end()


def calls(t):
    call = {"index": 0, "id": "c1", "function": {"name": "get_weather", "arguments": ""}}
    more = {"index": 0, "function": {"arguments": '{"city":"Paris"}'}}
    t.stream(ROLE, event(tool_calls=[call]), event(tool_calls=[more]), STOP, DONE)
    t.end()


def no_end(t):
    t.stream(*ANSWER[:-1])
    t.end()


def cut(t):
    t.stream(ROLE, ONE)
    t.send(b"40\r\ndata: {")


def words(t):
    t.stream(b"data: one\n\n", b"data: two\n\n")
    t.end()


def half_a_word(t):
    t.stream(b"data: one\n\n", b"data: two\n")
    t.end()


def after_end(t):
    t.stream(*ANSWER, ONE, b"data: no JSON\n\n")
    t.hold()


def ends_late(t):
    t.stream(*ANSWER)
    time.sleep(0.06)
    t.end()


def error(t):
    t.stream(ROLE, ONE, b'data: {"error":{"message":"the GPU fell off","code":"server_error"}}\n\n')
    t.hold()


def error_rate(t):
    t.stream(b'data: {"error":{"message":"slow down","code":"rate_limit_exceeded"}}\n\n')
    t.end()


def malformed(t):
    t.stream(ROLE, b"data: {\"choices\": oops}\n\n")
    t.hold()


def long_line(t):
    t.start()
    for _ in range(48):
        t.chunk(b"data: " + b"x" * (64 << 10))
    t.hold()


def endless(t):
    t.start()
    while True:
        t.chunk(ONE * 100)


def endless_slow(t):
    t.start()
    while True:
        t.chunk(ONE)
        time.sleep(0.02)


def usage_none(t):
    t.stream(ROLE, ONE, STOP, DONE)
    t.end()


def usage_absurd(t):
    t.stream(ROLE, ONE, STOP, usage(prompt_tokens=-5, completion_tokens=10 ** 15), DONE)
    t.end()


def big(t):
    t.stream(ROLE, *[event(content="word " * 1000)] * 60, STOP, DONE)
    t.end()


# ---- stalls ------------------------------------------------------------------------

def stall_response(t):
    t.hold()


def stall_head(t):
    t.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    t.hold()


def stall_event(t):
    t.start()
    t.hold()


def stall_token(t):
    t.stream(ROLE)
    t.hold()


def stall_middle(t):
    t.stream(ROLE, ONE)
    t.hold()


def stall_end(t):
    t.stream(ROLE, ONE, STOP)
    t.hold()


# ---- packed ------------------------------------------------------------------------

def packed(t, data=None, encoding="gzip", events=ANSWER):
    t.start(STREAM, "200 OK", "Content-Encoding: " + encoding)
    squeeze = zlib.compressobj(wbits=31)
    for one in events:
        t.chunk(data or squeeze.compress(one) + squeeze.flush(zlib.Z_SYNC_FLUSH))
    t.chunk(squeeze.flush())
    t.end()


def packed_broken(t):
    packed(t, b"not gzip at all")


def packed_other(t):
    packed(t, None, "br")


def packed_bomb(t):
    t.start(STREAM, "200 OK", "Content-Encoding: gzip")
    t.chunk(gzip.compress(b": xxxxx\n" * (8 << 20)))
    t.end()


def packed_document(t):
    t.document(gzip.compress(json.dumps(DOCUMENT).encode()), "application/json", "200 OK",
               "Content-Encoding: gzip")


def packed_document_cut(t):
    t.document(gzip.compress(json.dumps(DOCUMENT).encode())[:-9], "application/json", "200 OK",
               "Content-Encoding: gzip")


# ---- documents -----------------------------------------------------------------------

def document(t):
    t.document(DOCUMENT)


def document_big(t):
    doc = json.loads(json.dumps(DOCUMENT))
    doc["choices"][0]["message"]["content"] = "word " * 60000
    t.document(doc)


def document_error(t):
    t.document({"error": {"message": "too busy", "type": "overloaded_error", "code": "overloaded_error"}})


def document_none(t):
    t.document(b"<html>", "application/json")


def html(t):
    t.document(b"<html>down for maintenance</html>", "text/html")


def untyped(t):
    data = b"".join(ANSWER)
    t.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)


def echo(t):
    """What was asked, as the answer; what opened the door, as the name of its event."""
    said = json.dumps({"head": t.head.decode(), "body": t.body.decode()})
    key = re.search(rb"Authorization: Bearer ([^\r]*)", t.head)
    name = b"event: " + key.group(1) + b"\n" if key else b""
    t.stream(name + event(content=said), STOP, DONE)
    t.end()


# ---- several requests ------------------------------------------------------------------

def mcp(t, tools=("echo",), initialize=None, call=None):
    """An MCP server; what is unlike a good one is given."""
    if t.head.startswith(b"DELETE"):
        t.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        return
    asked = json.loads(t.body)
    what = asked["method"]
    if what == "initialize" and initialize:
        initialize(t)
    elif what == "initialize":
        result(t, asked, {"protocolVersion": "2025-06-18", "capabilities": {},
                          "serverInfo": {"name": "s", "version": "1"}}, "Mcp-Session-Id: s-1")
    elif what.startswith("notifications/"):
        t.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
    elif what == "tools/list":
        result(t, asked, {"tools": [{"name": name, "inputSchema": {}} for name in tools]})
    elif call:
        call(t)
    else:
        result(t, asked, {"content": [{"type": "text", "text": "hello"}]})


def result(t, asked, value, *headers):
    t.document({"jsonrpc": "2.0", "id": asked["id"], "result": value}, "application/json", "200 OK",
               *headers)


def mcp_limited(t):
    mcp(t, initialize=limited)


def mcp_stall(t):
    mcp(t, initialize=Talk.hold)


def mcp_tools(t):
    mcp(t, tools=("other",))


def mcp_call_stall(t):
    mcp(t, call=stall_event)


# ---- statuses --------------------------------------------------------------------------

def limited(t):
    t.document({"error": {"message": "slow down"}}, "application/json", "429 Too Many Requests",
               "Retry-After: 120")


def limited_date(t):
    t.document({}, "application/json", "429 Too Many Requests",
               "Retry-After: Tue, 14 Nov 2023 22:14:20 GMT")


def limited_long(t):
    t.document({}, "application/json", "429 Too Many Requests", "Retry-After: 999999999999")


def limited_bare(t):
    t.document({}, "application/json", "429 Too Many Requests")


def overloaded(t):
    t.document({}, "application/json", "503 Service Unavailable", "Retry-After: 5")


def overloaded_529(t):
    t.document({}, "application/json", "529 Site is overloaded")


def unavailable(t):
    t.document({}, "application/json", "503 Service Unavailable")


def denied(t):
    t.document({"error": {"message": "bad key sesame-open-up"}}, "application/json", "401 No")


def read_request(conn):
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            return None
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += conn.recv(65536)
    return head, body


def serve(conn):
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with conn:
        try:
            request = read_request(conn)
            while request:
                name = request[0].split(b" ")[1].decode().lstrip("/").split("?")[0]
                if request[0].startswith(b"DELETE"):
                    sessions.append(name)
                if name == "sessions":
                    DOCUMENT["choices"][0]["message"]["content"] = f"closed {len(sessions)}"
                    Talk(conn, *request).document(DOCUMENT)
                else:
                    globals()[name](Talk(conn, *request))
                if name in ("cut", "no_such"):
                    return
                request = read_request(conn)
        except OSError:
            pass


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)

    def accept():
        while True:
            conn, _ = listener.accept()
            threading.Thread(target=serve, args=(conn,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    print("http", listener.getsockname()[1], flush=True)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
