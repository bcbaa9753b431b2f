"""A server of health documents, well formed and hostile, on a free loopback port.

    /say?body=...&status=503&type=text/plain&retry=7   what the query says
    /many/N      N components, the last one down
    /down/N      N components, all of them down
    /deep/N      N lists within each other
    /huge        16 MB of one document
    /bomb        16 MB of blanks in a few KB of gzip, which nobody asked for
    /shapes      another shape each time: JSON, text, HTML, a list, nothing
    /echo        the credentials of the request, everywhere in the document

Prints its port and `ready`; ends when its standard input is closed.
"""
import gzip
import http.server
import itertools
import json
import os
import threading
import urllib.parse

SHAPES = itertools.cycle([
    ("application/json", b'{"status": "healthy", "checks": {"redis": "healthy"}}'),
    ("text/plain", b"ok"),
    ("text/html", b"<html><title>Welcome to nginx!</title></html>"),
    ("application/json", b'[{"ready": false, "services": {"redis": false}}, 503]'),
    ("application/json", b""),
])


def many(n):
    names = {f"c{i}": True for i in range(n - 1)}
    return {"status": "ok", "checks": {**names, "last": "down: it is the last"}}


def deep(n):
    return b'{"status": "ok", "x": ' + b"[" * n + b"]" * n + b"}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body, content_type="application/json", status=200, headers=()):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        name, _, n = path[1:].partition("/")
        try:
            getattr(self, "do_" + name)(asked, int(n or 0))
        except ConnectionError:
            self.close_connection = True

    def do_say(self, asked, _):
        retry = [("Retry-After", asked["retry"])] if "retry" in asked else []
        self.answer(asked["body"].encode("utf-8", "surrogateescape"),
                    asked.get("type", "application/json"), int(asked.get("status", 200)), retry)

    def do_many(self, _, n):
        self.answer(json.dumps(many(n)).encode())

    def do_down(self, _, n):
        self.answer(json.dumps({"checks": {f"component-{i}": False for i in range(n)}}).encode())

    def do_deep(self, _, n):
        self.answer(deep(n))

    def do_huge(self, *_):
        self.answer(json.dumps({"status": "ok", "pad": "x" * (16 << 20)}).encode())

    def do_bomb(self, *_):
        body = gzip.compress(b'{"status": "ok"}' + b" " * (16 << 20))
        self.answer(body, headers=[("Content-Encoding", "gzip")])

    def do_shapes(self, *_):
        content_type, body = next(SHAPES)
        self.answer(body, content_type)

    def do_echo(self, *_):
        secret = self.headers.get("Authorization", "")
        hidden = "Bearer " + "*" * (len(secret) - len("Bearer "))
        self.answer(json.dumps({"status": f"down: {secret}", "version": secret, "checks": {
            secret: True, hidden: True, "y": secret, "x": f"down: {secret}"}}).encode())

    def log_message(self, *_):
        pass


def end_with_parent():
    while os.read(0, 64):
        pass
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_parent, daemon=True).start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print("port", server.server_address[1])
    print("ready", flush=True)
    server.serve_forever()
