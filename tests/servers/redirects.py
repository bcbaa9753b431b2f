"""An HTTP server of redirects, echoes and JSON bodies, on two loopback ports
(two origins). Prints `a PORT`, `b PORT`, `ready`; ends when its standard input
is closed.
"""
import http.server
import json
import sys
import threading
import time
import urllib.parse

ports = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def echo(self):
        self.reply(200, json.dumps({
            "method": self.command, "path": self.path, "body": self.body.decode(),
            "headers": {k.lower(): v for k, v in self.headers.items()},
        }).encode(), Content_Type="application/json")

    def steps(self, name, rest, query):
        delay = float(query.get("delay", ["0"])[0])
        time.sleep(delay)
        n = int(rest or 0)
        if n == 0:
            return self.reply(200, b"end")
        return self.reply(302, b"on", Location=f"/{name}/{n - 1}?delay={delay}")

    def handle_any(self):
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query)
        name, _, rest = url.path.lstrip("/").partition("/")
        there = f"http://127.0.0.1:{ports['b']}"
        if name == "echo":
            self.echo()
        elif name == "chain":
            self.steps(name, rest, query)
        elif name == "to":  # /to/STATUS?url=LOCATION
            self.reply(int(rest), b"moved", Location=query["url"][0])
        elif name == "cross":
            self.reply(302, Location=there + "/echo")
        elif name == "return":
            self.reply(302, Location=there + f"/to/302?url=http://127.0.0.1:{ports['a']}/echo")
        elif name == "self":
            self.reply(302, Location="/self")
        elif name == "nowhere":
            self.reply(302, b"no location")
        elif name == "json":  # /json/SIZE
            self.reply(200, json.dumps({"pad": "x" * int(rest), "status": "ok"}).encode())
        elif name == "limited":
            self.reply(503, b"busy", Retry_After="3")
        else:
            self.reply(404, b"no such page, " + name.encode())

    do_GET = do_POST = do_PUT = do_HEAD = handle_any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *args):
        pass  # clients that hang up are part of the tests
    request_queue_size = 64


for origin in ("a", "b"):
    server = Server(("127.0.0.1", 0), Handler)
    ports[origin] = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
for origin, port in ports.items():
    print(origin, port)
print("ready", flush=True)
sys.stdin.read()
