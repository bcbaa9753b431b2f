"""A UDP name server with one behaviour per name, on a free loopback port.

Prints `dns PORT` and `ready`; ends when its standard input is closed. The
first label of a name decides: see answer(). `hits.NAME` is 127.0.0.N where N
is how often NAME was asked as an A record so far. `moved` answers only who
asks from a second port, so from a new socket.
"""
import asyncio
import os
import socket
import struct

A, AAAA = 1, 28
hits = {}
ports = {}


def read_name(packet, at):
    labels = []
    while packet[at]:
        n = packet[at]
        labels.append(packet[at + 1:at + 1 + n].decode())
        at += n + 1
    return ".".join(labels).lower(), at + 1


def record(kind, ttl, address):
    family = socket.AF_INET if kind == A else socket.AF_INET6
    data = socket.inet_pton(family, address)
    return struct.pack(">HHHIH", 0xC00C, kind, 1, ttl, len(data)) + data


def reply(packet, end, rcode=0, records=()):
    head = struct.pack(">2sHHHHH", packet[:2], 0x8180 | rcode, 1, len(records), 0, 0)
    return head + packet[12:end] + b"".join(records)


def addresses(name):
    """TTL and addresses of a name, or None for NXDOMAIN."""
    first = name.split(".")[0]
    return {
        "ok": (300, ["127.0.0.1"]),
        "moved": (300, ["127.0.0.1"]),
        "good": (300, ["127.0.0.1"]),
        "short": (1, ["127.0.0.1"]),
        "zero": (0, ["127.0.0.1"]),
        "two": (300, ["127.0.0.2", "127.0.0.1"]),
        "three": (300, ["127.0.0.1", "127.0.0.2", "127.0.0.3"]),
        "many": (300, [f"127.0.1.{i}" for i in range(1, 21)]),
        "dual": (300, ["127.0.0.1", "::1"]),
        "six": (300, ["::1"]),
        "late": (300, ["127.0.0.1"]),
        "empty": (300, []),
    }.get(first)


class Server(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, packet, peer):
        name, at = read_name(packet, 12)
        kind = struct.unpack(">H", packet[at:at + 2])[0]
        end = at + 4
        if kind == A:
            hits[name] = hits.get(name, 0) + 1
        self.answer(packet, end, name, kind, peer)

    def answer(self, packet, end, name, kind, peer):
        first = name.split(".")[0]
        send = self.transport.sendto
        ports.setdefault(name, set()).add(peer[1])
        if first == "silent" or (first == "moved" and len(ports[name]) < 2):
            return
        if first == "servfail":
            send(reply(packet, end, rcode=2), peer)
        elif first == "refused":
            send(reply(packet, end, rcode=5), peer)
        elif first == "garbage":
            send(packet[:2] + b"\x81\x80" + b"\xff" * 40, peer)
        elif first == "hits":
            n = hits.get(name.split(".", 1)[1], 0)
            found = [record(A, 0, f"127.0.0.{n}")] if kind == A else []
            send(reply(packet, end, records=found), peer)
        elif addresses(name) is None:
            send(reply(packet, end, rcode=3), peer)
        else:
            ttl, found = addresses(name)
            mine = [record(kind, ttl, a) for a in found if (":" in a) == (kind == AAAA)]
            delay = 0.3 if first == "late" else 0
            asyncio.get_running_loop().call_later(
                delay, send, reply(packet, end, records=mine), peer)


async def main():
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    print("dns", transport.get_extra_info("sockname")[1])
    print("ready", flush=True)
    done = loop.create_future()
    loop.add_reader(0, lambda: os.read(0, 64) or done.done() or done.set_result(None))
    await done


if __name__ == "__main__":
    asyncio.run(main())
