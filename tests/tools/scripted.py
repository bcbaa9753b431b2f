"""A service whose probes fail by a script, on a daemon's test clock; what is told of it.

With the test clock nothing is begun before what was begun has ended, so the n-th request of a
probe is its n-th slot, and `Service` can answer by the slot's time. Messages arrive at it too:
those of the webhook kind name the instant at which they were made, in engine time.
"""
import asyncio
import json
import threading

MASK = (1 << 64) - 1


def phase(probe, interval):
    """Of a probe's slots, in milliseconds."""
    h = 0xcbf29ce484222325
    for byte in probe.encode():
        h = (h ^ byte) * 0x100000001b3 & MASK
    h ^= h >> 33
    h = h * 0xff51afd7ed558ccd & MASK
    h ^= h >> 33
    h = h * 0xc4ceb9fe1a85ec53 & MASK
    h ^= h >> 33
    return h % (interval * 1000)


def named(stem, interval, offset):
    """An id whose slots lie `offset` seconds past multiples of the interval."""
    return next(name for n in range(10 ** 7)
                if phase(name := f"{stem}-{n}", interval) == offset * 1000)


class Script:
    """Of one probe: `fails(t)` says whether its run at t is bad. Slots are at `offset` past
    multiples of the interval, in whole seconds."""

    def __init__(self, stem, interval, offset, fails):
        self.probe, self.interval, self.offset = named(stem, interval, offset), interval, offset
        self.fails, self.next, self.runs = fails, None, []

    def begin(self, t):
        """The daemon's clock is t, which is no slot."""
        self.next = (t - self.offset) // self.interval * self.interval + self.offset + self.interval

    def answer(self):
        t, self.next = self.next, self.next + self.interval
        bad = bool(self.fails(t))
        self.runs.append((t, bad))
        return bad


class Service:
    """GET /PROBE runs a script; POSTs are kept, as (path, message)."""

    def __init__(self, scripts):
        self.scripts = {f"/{s.probe}": s for s in scripts}
        self.posts, self.arrived = [], threading.Condition()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        threading.Thread(target=self.serve, args=(started,), daemon=True).start()
        started.wait()

    def serve(self, started):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            asyncio.start_server(self.connection, "127.0.0.1", 0))
        started.set()
        self.loop.run_forever()

    @property
    def url(self):
        return "http://127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]

    async def connection(self, reader, writer):
        try:
            while line := await reader.readline():
                method, path, _ = line.decode().split()
                await self.request(reader, writer, method, path)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def request(self, reader, writer, method, path):
        length = 0
        while (header := await reader.readline()) not in (b"\r\n", b""):
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        body = await reader.readexactly(length)
        bad = method == "GET" and self.scripts[path].answer()
        if method == "POST":
            self.take(path, json.loads(body))
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"
                     % (b"503 Service Unavailable" if bad else b"200 OK"))
        await writer.drain()

    def take(self, path, message):
        with self.arrived:
            self.posts.append((path, message))
            self.arrived.notify_all()

    def wait(self, count, patience):
        """Until so many messages have arrived; all of them."""
        with self.arrived:
            self.arrived.wait_for(lambda: len(self.posts) >= count, patience)
            return list(self.posts)

    def begin(self, t):
        for script in self.scripts.values():
            script.begin(t)

    def close(self):
        self.loop.call_soon_threadsafe(self.loop.stop)
