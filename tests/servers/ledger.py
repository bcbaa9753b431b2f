#!/usr/bin/env python3
"""A target that remembers every answer it gave: what a prober must have stored.

GET /PROBE/LIFE   the n-th of its kind (from 0) is answered 200 + n % 50 when the
                  probe is well and 250 + n % 50 when it is down: the stored code
                  names the request. Noted: probe, life, n, code, CLOCK_MONOTONIC.
GET /page*/LIFE   likewise, with a page of metrics: answers_total{class="well"} and
                  {class="down"}, of all probes and lives
POST /hook        an alert; noted with its Idempotency-Key
POST /down        a JSON list: the probes that are down from now on
GET /book         and GET /posts: what was noted since the last such request

Prints its port and ends with its standard input.
"""
import asyncio
import collections
import json
import sys
import time

CODES = 50
NO_BODY = (204, 205)


class Ledger:
    def __init__(self):
        self.counts = collections.Counter()
        self.answers = collections.Counter()
        self.down = set()
        self.book, self.posts = [], []

    def probe(self, name, life):
        n = self.counts[name, life]
        self.counts[name, life] += 1
        code = (250 if name in self.down else 200) + n % CODES
        self.book.append((name, life, n, code, time.monotonic()))
        self.answers["down" if name in self.down else "well"] += 1
        return code, self.page() if name.startswith("page") and code not in NO_BODY else b""

    def page(self):
        return "".join(f'answers_total{{class="{c}"}} {n}\n'
                       for c, n in sorted(self.answers.items())).encode()

    def answer(self, method, path, headers, body):
        if method == "POST" and path == "/hook":
            self.posts.append((headers.get("idempotency-key"), json.loads(body)))
            return 200, b""
        if method == "POST" and path == "/down":
            self.down = set(json.loads(body))
            return 200, b""
        if path in ("/book", "/posts"):
            noted = getattr(self, path[1:])
            setattr(self, path[1:], [])
            return 200, json.dumps(noted).encode()
        _, name, life = path.split("/")
        return self.probe(name, life)


async def serve(ledger, reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {k.lower(): v.strip() for k, _, v in (h.partition(":") for h in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            code, answer = ledger.answer(method, path, headers, body)
            writer.write(b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (code, len(answer)) + answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    ledger = Ledger()
    server = await asyncio.start_server(lambda r, w: serve(ledger, r, w), "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
