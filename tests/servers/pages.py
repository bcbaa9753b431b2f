"""Pages of metrics, and a server that speaks Prometheus' API, good and bad.

Prints `http PORT` and `ready`; ends when its standard input is closed.

    /page?p=TEXT&p=TEXT...&type=T   the first text, at the next request the
                                    second, ...; the last one stays. One count
                                    for each URL
    /secret?api_key=TEXT            no page, but that text
    /status/N?p=TEXT                with that status
    /gzip?p=TEXT                    packed; also /gzip-cut, /gzip-not, /gzip-two
    /bomb/N                         N bytes of `#`, packed
    /series/N  /label/N  /comment/N pages of N series, of a label of N bytes, of N bytes
    /bytes?hex=...                  these bytes
    /NAME/api/v1/query              answers of Prometheus by the text of the query
"""
import collections
import gzip
import http.server
import json
import sys
import threading
import urllib.parse

TURNS = collections.Counter()
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def vector(*values):
    return {"status": "success", "data": {"resultType": "vector", "result": [
        {"metric": {"job": str(i)}, "value": [1700000000.5, v]} for i, v in enumerate(values)]}}


ANSWERS = {
    "one": (200, vector("0.5")),
    "inf": (200, vector("+Inf")),
    "nan": (200, vector("NaN")),
    "none": (200, vector()),
    "three": (200, vector("1", "2", "3")),
    "scalar": (200, {"status": "success",
                     "data": {"resultType": "scalar", "result": [1700000000, "42"]}}),
    "string": (200, {"status": "success",
                     "data": {"resultType": "string", "result": [1700000000, "42"]}}),
    "matrix": (200, {"status": "success", "data": {"resultType": "matrix", "result": []}}),
    "warned": (200, {**vector("7"), "warnings": ["a shard is missing"]}),
    "bad": (400, {"status": "error", "errorType": "bad_data", "error": "parse error: unclosed"}),
    "slow": (503, {"status": "error", "errorType": "timeout", "error": "query timed out"}),
    "no-status": (200, {"data": {}}),
    "no-result": (200, {"status": "success", "data": {"resultType": "vector"}}),
    "no-number": (200, vector("seven")),
    "not-json": (200, "<html>"),
    "refused": (401, "who are you?"),
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, body, status=200, kind="text/plain; version=0.0.4", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # too much for the other side

    def packed(self, body):
        self.reply(body, Content_Encoding="gzip")

    def next_page(self, query):
        pages = query.get("p", [""])
        n = TURNS[self.path]
        TURNS[self.path] += 1
        return pages[min(n, len(pages) - 1)].encode()

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        name, _, rest = url.path.lstrip("/").partition("/")
        kind = OPENMETRICS if query.get("type") == ["om"] else "text/plain; version=0.0.4"
        if name == "page":
            self.reply(self.next_page(query), kind=kind)
        elif name == "secret":  # gives away what it was sent
            self.reply(b"key " + query["api_key"][0].encode(), Set_Cookie="sid=verysecret; Path=/")
        elif name == "status":
            self.reply(self.next_page(query), int(rest), kind)
        elif name == "gzip":
            self.packed(gzip.compress(self.next_page(query)))
        elif name == "gzip-cut":
            self.packed(gzip.compress(self.next_page(query))[:-9])
        elif name == "gzip-not":
            self.packed(b"a 1\n")
        elif name == "gzip-two":
            page = self.next_page(query)
            self.packed(gzip.compress(page[:3]) + gzip.compress(page[3:]))
        elif name == "bomb":
            self.packed(gzip.compress(b"#" * int(rest)))
        elif name == "series":
            self.reply(b"".join(b'm{i="%d"} %d\n' % (i, i) for i in range(int(rest))))
        elif name == "label":
            self.reply(b'm{l="%s"} 1\nafter 2\n' % (b"x" * int(rest)))
        elif name == "comment":
            self.reply(b"#" * int(rest) + b"\nafter 1\n")
        elif name == "bytes":
            self.reply(bytes.fromhex(query["hex"][0]), kind=kind)
        elif name == "headers":
            self.reply("".join(f'h{{name="{k.lower()}",value="{v}"}} 1\n'
                               for k, v in self.headers.items()).encode())
        else:
            self.reply(b"what?", 404)

    def do_POST(self):
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = urllib.parse.parse_qs(form)
        if not self.path.endswith("/api/v1/query") or "timeout" not in asked or \
                self.headers["Content-Type"] != "application/x-www-form-urlencoded":
            self.reply(b"what?", 404)
            return
        query = asked["query"][0]
        status, answer = ANSWERS.get(query, (200, None))
        if query == "auth":
            told = self.headers.get("Authorization", "nothing")
            status, answer = (200, vector("1")) if told == "Bearer s3cretbearer" else (
                403, {"status": "error", "errorType": "forbidden", "error": f"not with {told}"})
        if answer is None:  # any other query: its length, to see that all of it came
            answer = vector(str(len(query)))
        body = answer if isinstance(answer, str) else json.dumps(answer)
        self.reply(body.encode(), status, "application/json")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def main():
    server = Server(("127.0.0.1", 0), Handler)
    print("http", server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


main()
