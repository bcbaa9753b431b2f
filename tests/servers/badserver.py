"""HTTP servers that misbehave by path, on free loopback ports.

Prints `name value` lines (ports, and the directory of the certificates) and
then `ready`; ends when its standard input is closed. Used by the C tests
through tests/support/spawn.h and fit for running by hand:

    /usr/bin/python3 tests/servers/badserver.py < /dev/tty
"""
import asyncio
import logging
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

CA_CONF = """
[ca]
default_ca = d
[d]
database = {dir}/index
new_certs_dir = {dir}
serial = {dir}/serial
default_md = sha256
policy = p
unique_subject = no
copy_extensions = copy
[p]
commonName = supplied
"""


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def request(folder, name, san):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr",
            "-subj", f"/CN={name}", "-addext", f"subjectAltName={san}")


def sign(folder, name, start, end):
    openssl("ca", "-batch", "-config", f"{folder}/ca.conf", "-cert", f"{folder}/ca.pem",
            "-keyfile", f"{folder}/ca.key", "-in", f"{folder}/{name}.csr",
            "-out", f"{folder}/{name}.pem", "-notext", "-startdate", start, "-enddate", end)


def make_certificates(folder):
    ec = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    with open(f"{folder}/ca.conf", "w") as f:
        f.write(CA_CONF.format(dir=folder))
    open(f"{folder}/index", "w").close()
    with open(f"{folder}/serial", "w") as f:
        f.write("01\n")
    openssl("req", "-x509", *ec, "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem",
            "-days", "3650", "-subj", "/CN=nines test CA")
    openssl("req", "-x509", *ec, "-keyout", f"{folder}/self.key", "-out", f"{folder}/self.pem",
            "-days", "30", "-subj", "/CN=self", "-addext", "subjectAltName=DNS:localhost")
    for name, san, start, end in (
            ("good", "DNS:localhost,DNS:good.example,IP:127.0.0.1",
             "20200101000000Z", "20990102030405Z"),
            ("expired", "DNS:localhost", "20230101000000Z", "20240101000000Z"),
            ("early", "DNS:localhost", "20900101000000Z", "20990101000000Z"),
            ("wrong", "DNS:other.example,DNS:third.example", "20200101000000Z",
             "20990101000000Z"),
            ("client", "DNS:client", "20200101000000Z", "20990101000000Z")):
        request(folder, name, san)
        sign(folder, name, start, end)


# ---- handlers: each gets the request and writes the raw response ---------------

connections = 0


def simple(status, body, *headers, close=False):
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    if close:
        head.append("Connection: close")
    return ("\r\n".join(head) + "\r\n\r\n").encode() + body


async def not_tls(r, w):
    """Speaks plain text to whoever connects, TLS or not."""
    w.write(b"220 hello, this is mail\r\n")
    await w.drain()
    w.close()


async def put(w, data):
    """asyncio takes data for a connection that is gone, and drain() need not
    give way to others: an endless response would hold the whole server."""
    await asyncio.sleep(0)
    if w.is_closing():
        raise ConnectionError
    w.write(data)
    await w.drain()


async def hang(w):
    await asyncio.sleep(3600)


async def slow_headers(w):
    for part in (b"HTTP/1.1 200 OK\r\n", b"Content-Length: 2\r\n", b"\r\nok"):
        await asyncio.sleep(0.1)
        await put(w, part)


async def drip(w, start=b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"):
    w.write(start)
    while True:
        await put(w, b"x")
        await asyncio.sleep(1)


async def drip_status(w):
    for c in b"HTTP/1.1 200 OK\r\n\r\n":
        await put(w, bytes([c]))
        await asyncio.sleep(1)


async def endless_body(w):
    w.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await put(w, b"y" * 65536)


async def endless_headers(w):
    w.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await put(w, b"X-Filler: " + b"z" * 1000 + b"\r\n")


async def endless_line(w):
    w.write(b"HTTP/1.1 200 OK\r\nX-Filler: ")
    while True:
        await put(w, b"z" * 65536)


async def endless_interim(w):
    while True:
        await put(w, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)


async def chunked(w):
    w.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(3):
        w.write(b"5\r\nhello\r\n")
        await w.drain()
        await asyncio.sleep(0.02)
    w.write(b"0\r\nX-Trailer: late\r\n\r\n")


async def reset(w):
    sock = w.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    w.transport.abort()


async def reset_in_body(w):
    w.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    await w.drain()
    await asyncio.sleep(0.1)
    await reset(w)


RAW = {
    "/ok": simple("200 OK", b"ok"),
    "/204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/503": simple("503 Service Unavailable", b"no", "Retry-After: 7"),
    "/redirect": simple("302 Found", b"", "Location: /ok"),
    "/folded": simple("200 OK", b"ok", "X-Long: one\r\n\ttwo\r\n  three", "X-Pad:   padded  ",
                      "X-Empty:"),
    "/interim": b"HTTP/1.1 100 Continue\r\nX-Interim: yes\r\n\r\n"
                b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + simple("200 OK", b"ok"),
    "/big": simple("200 OK", b"b" * 3000000),
    "/old": b"HTTP/1.0 200 OK\r\n\r\nold",
    "/truncated": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
    "/truncated-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "/bad-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
    "/garbage": b"\x00\x01\x02 this is not http\r\n\r\n",
    "/bad-status": b"HTTP/1.1 abc OK\r\n\r\n",
    "/bad-version": b"HTTP/9.9 200 OK\r\n\r\n",
    "/no-colon": b"HTTP/1.1 200 OK\r\nthis is no header\r\nContent-Length: 2\r\n\r\nok",
    "/bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: banana\r\n\r\nok",
    "/empty": b"",
}

BEHAVIOURS = {
    "/hang": hang,
    "/slow-headers": slow_headers,
    "/drip": drip,
    "/drip-status": drip_status,
    "/endless-body": endless_body,
    "/endless-headers": endless_headers,
    "/endless-line": endless_line,
    "/endless-interim": endless_interim,
    "/chunked": chunked,
    "/reset": reset,
    "/reset-in-body": reset_in_body,
}

KEEPS_OPEN = {"/ok", "/204", "/503", "/redirect", "/folded", "/interim", "/big", "/chunked",
              "/echo", "/connection", "/slow-headers"}


async def read_request(r):
    head = await r.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head, await r.readexactly(length)


async def serve(r, w):
    global connections
    connections += 1
    mine = connections
    try:
        while True:
            head, body = await read_request(r)
            path = head.split(b" ")[1].decode()
            if path == "/echo":
                w.write(simple("200 OK", head + body))
            elif path == "/connection":
                w.write(simple("200 OK", str(mine).encode()))
            elif path in RAW:
                w.write(RAW[path])
            elif path in BEHAVIOURS:
                await BEHAVIOURS[path](w)
            else:
                w.write(simple("404 Not Found", b"no such path"))
            await w.drain()
            if path not in KEEPS_OPEN:
                break
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        w.close()


async def never_read(r, w):
    """Takes the connection and a few bytes of it, no more."""
    w.transport.pause_reading()
    try:
        await asyncio.sleep(3600)
    finally:
        w.close()


def tls_context(folder, name, client=False):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(f"{folder}/{name}.pem", f"{folder}/{name}.key")
    if client:
        ctx.verify_mode = ssl.CERT_REQUIRED
        ctx.load_verify_locations(f"{folder}/ca.pem")
    return ctx


async def listen(name, handler, ctx=None):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(handler, sock=sock, ssl=ctx)
    print(name, sock.getsockname()[1])
    return server


def serve_with_client_certificates(ctx):
    """In threads: asyncio closes a failed handshake without sending its alert."""
    def answer(raw):
        c = ctx.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        try:
            c.do_handshake()
            c.recv(65536)
            c.sendall(RAW["/ok"])
        except OSError:
            c.shutdown(socket.SHUT_WR)
            while c.recv(65536):  # or a reset overtakes the alert
                pass
        finally:
            c.close()

    def accept():
        while True:
            raw, _ = sock.accept()
            threading.Thread(target=answer, args=(raw,), daemon=True).start()

    sock = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, daemon=True).start()
    return sock.getsockname()[1]


def unused_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    return s  # bound and not listening: connections are refused


def full_backlog():
    """A listener whose queue is full: connecting to it takes forever."""
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen(0)
    fill = []
    for _ in range(4):
        c = socket.socket()
        c.setblocking(False)
        c.connect_ex(s.getsockname())
        fill.append(c)
    return s, fill


async def main(folder):
    make_certificates(folder)
    keep = [await listen("http", serve), await listen("tls-silent", never_read),
            await listen("never-read", never_read), await listen("not-tls", not_tls)]
    for name in ("good", "expired", "early", "wrong", "self"):
        keep.append(await listen(f"https-{name}", serve, tls_context(folder, name)))
    print("https-client", serve_with_client_certificates(tls_context(folder, "good", client=True)))
    path = f"{folder}/http.sock"
    keep.append(await asyncio.start_unix_server(serve, path))
    refused, backlog = unused_port(), full_backlog()
    print("refused", refused.getsockname()[1])
    print("backlog", backlog[0].getsockname()[1])
    print("dir", folder)
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


def end_with_parent(folder):
    while os.read(0, 64):
        pass
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    tmp = tempfile.mkdtemp(prefix="badserver-")
    logging.disable()
    threading.Thread(target=end_with_parent, args=(tmp,), daemon=True).start()
    try:
        asyncio.run(main(tmp))
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
