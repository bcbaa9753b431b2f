"""How a stream over HTTP/2 may end, frame by frame."""
import json
import socket
import ssl
import struct
import subprocess
import threading

import conftest
import peers
import pytest

PREFACE = 24
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
SAID = b'data: {"choices":[{"index":0,"delta":{"content":"ready"}}]}\n\n'
OVER = (b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
        b"data: [DONE]\n\n")


def frame(kind, flags, stream, body=b""):
    return len(body).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + body


def literal(name, value):
    """A header field that no table has."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


HEAD = frame(HEADERS, END_HEADERS, 1, b"\x88" + literal(b"content-type", b"text/event-stream"))


def reset(code):
    return frame(RST_STREAM, 0, 1, struct.pack(">I", code))


ENDS = {
    "whole": ([HEAD + frame(DATA, END_STREAM, 1, SAID + OVER)], "none", ""),
    "with trailers": ([HEAD + frame(DATA, 0, 1, SAID + OVER) + frame(
        HEADERS, END_HEADERS | END_STREAM, 1, literal(b"x-a", b"b"))], "none", ""),
    "the last on its connection": ([HEAD + frame(DATA, 0, 1, SAID) + frame(
        GOAWAY, 0, 0, struct.pack(">II", 1, 0)), frame(DATA, END_STREAM, 1, OVER)], "none", ""),
    "too early": ([HEAD + frame(DATA, END_STREAM, 1, SAID)], "sse_truncated", "terminator"),
    "broken off": ([HEAD + frame(DATA, 0, 1, SAID), reset(2)], "sse_truncated",
                   "the server broke off within the response"),
    "never begun": ([reset(2)], "truncated", "the server broke off before a response"),
}


def take(reader):
    """The kind and flags of the next frame."""
    head = reader.read(9)
    reader.read(int.from_bytes(head[:3], "big"))
    return head[3], head[4]


def wait(s, reader, wanted, ack):
    """Until such a frame comes; settings are acknowledged on the way."""
    kind = flags = None
    while kind != wanted or (ack and not flags & ACK):
        kind, flags = take(reader)
        if kind == SETTINGS and not flags & ACK:
            s.sendall(frame(SETTINGS, ACK, 0))


def serve(listener, context, pieces):
    """One request; before the next piece of its response goes out the one before is read."""
    with listener.accept()[0] as plain, context.wrap_socket(plain, server_side=True) as s:
        reader = s.makefile("rb")
        reader.read(PREFACE)
        s.sendall(frame(SETTINGS, 0, 0))
        wait(s, reader, DATA, False)
        for i, piece in enumerate(pieces):
            if i:
                s.sendall(frame(PING, 0, 0, b"are you?"))
                wait(s, reader, PING, True)
            s.sendall(piece)
        reader.read()


@pytest.mark.parametrize("end", ENDS)
def test_an_end(tmp_path, end):
    pieces, reason, words = ENDS[end]
    peers.make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    context.set_alpn_protocols(["h2"])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener, context, pieces), daemon=True)
        server.start()
        with subprocess.Popen(
                [conftest.binary(), "probe", "--kind", "agent", "--protocol", "openai", "--model",
                 "m", "--insecure", "--json", f"https://127.0.0.1:{listener.getsockname()[1]}/"],
                stdout=subprocess.PIPE, text=True) as probe:
            told = json.load(probe.stdout)
        server.join(conftest.PATIENCE)
    assert told["reason"] == reason and words in told["message"], told["message"]
    assert ("ended" in told["answer"].get("flags", [])) == (reason == "none")
