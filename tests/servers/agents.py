#!/usr/bin/python3
"""Agents that speak each protocol that nines asks, on FastAPI and uvicorn, and go wrong as
they are told.

    POST /v1/chat/completions        OpenAI, plain and streamed
    POST /v1/messages                Anthropic, plain and streamed
    POST /sse, /plain                events of their own: JSON, and bare text
    POST /json                       one document
    POST|DELETE /mcp                 MCP over streamable HTTP; tools echo and broken
    GET  /a2a/.well-known/agent-card.json, POST /a2a

What goes wrong stands in the query (or, as a query, in the header X-Script); times are ms:

    headers, first_event, first, each   waits: before the headers, the first event, the first
                                        token, every other one
    stall=K:MS      a wait before token K (from 0; the number of tokens: before the end)
    pings=MS        during waits, a ping or comment that often
    tokens=N, text=, big=BYTES, say=text|reasoning|tool|refusal|empty
    cut=K, error=K, malformed=K         before token K: the connection ends, an error event
                                        (code=), a frame that is none
    end=no          the stream ends without its terminator
    usage=no|absurd
    status=N, retry_after=SECONDS|date:SECONDS
    form=json|stream                    whatever was asked for
    gzip=1, endless=1, id=TEXT
    any=SCRIPT|SCRIPT|...               one of these queries besides, drawn anew each time

Prints `port PORT` once it accepts connections; ends when its standard input is closed.
GET /log is what was served, an object a line: the request, and for each stream the instants
(seconds since the epoch) at which it wrote headers, events, tokens and the end. With --log
FILE the same lines go there.
"""
import asyncio
import email.utils
import json
import random
import socket
import sys
import threading
import time
import urllib.parse
import zlib
from typing import List, Optional

import fastapi
import pydantic
import uvicorn
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

import agent_events

app = fastapi.FastAPI()
state = {"log": [], "file": None}
dice = random.Random(7)


class Message(pydantic.BaseModel):
    role: str
    content: object


class ChatRequest(pydantic.BaseModel):
    """What OpenAI's API requires; less is answered with 422."""

    model: str
    messages: pydantic.conlist(Message, min_items=1)
    stream: bool = False
    stream_options: Optional[dict] = None
    max_tokens: Optional[int] = None
    tools: Optional[List[dict]] = None


class MessagesRequest(pydantic.BaseModel):
    """And Anthropic's."""

    model: str
    max_tokens: pydantic.conint(gt=0)
    messages: pydantic.conlist(Message, min_items=1)
    stream: bool = False
    system: Optional[object] = None
    tools: Optional[List[dict]] = None


class Script:
    """What is to happen."""

    def __init__(self, request):
        text = request.headers.get("x-script", request.url.query)
        self.query = dict(urllib.parse.parse_qsl(text, keep_blank_values=True))
        self.drawn = dice.choice(self.query.get("any", "").split("|"))
        self.query.update(urllib.parse.parse_qsl(self.drawn, keep_blank_values=True))
        for name in ("headers", "first_event", "first", "each", "pings"):
            setattr(self, name, float(self.query.get(name, 0)) / 1000)
        for name in ("cut", "error", "malformed", "status", "big"):
            value = self.query.get(name)
            setattr(self, name, None if value is None else int(value))
        at, _, wait = self.query.get("stall", "-1:0").partition(":")
        self.stall_at, self.stall = int(at), float(wait) / 1000
        self.say = self.query.get("say", "text")
        self.code = self.query.get("code", "server_error")
        self.usage = self.query.get("usage", "yes")
        self.ends = self.query.get("end") != "no"
        self.endless = "endless" in self.query

    def pieces(self):
        """The answer's text, in tokens."""
        text = self.query.get("text")
        if self.big:
            return ["x" * self.big]
        if text is not None:
            return [text[i:i + 4] for i in range(0, len(text), 4)]
        count = int(self.query.get("tokens", 6))
        return ["ready" if i == 0 else f" token{i}" for i in range(count)]

    def before(self, i):
        """How long to wait before token i."""
        wait = self.first if i == 0 else self.each
        return wait + (self.stall if i == self.stall_at else 0)

    def tokens(self, n):
        """(in, out) as they are told, or None."""
        return {"no": None, "absurd": (-5, 10 ** 15)}.get(self.usage, (12, n))


class Record:
    """A line of the log: when the server wrote what."""

    def __init__(self, request, script, body):
        self.line = {"id": script.query.get("id", ""), "path": request.url.path,
                     "method": request.method, "headers": dict(request.headers),
                     "drawn": script.drawn,
                     "body": body.decode(errors="replace"), "status": 200,
                     "http": request.scope["http_version"],
                     "asked": time.time(), "monotonic": time.monotonic() - time.time(),
                     "written": {"tokens": [], "events": 0}}
        state["log"].append(self.line)

    def mark(self, name):
        self.line["written"].setdefault(name, time.time())

    def token(self):
        self.line["written"]["tokens"].append(time.time())

    def close(self):
        self.mark("end")
        if state["file"]:
            state["file"].write(json.dumps(self.line) + "\n")
            state["file"].flush()


# ---- streams ---------------------------------------------------------------------

async def wait(seconds, script, speaker):
    """Sleeps; a ping now and then."""
    while script.pings and seconds > script.pings:
        await asyncio.sleep(script.pings)
        seconds -= script.pings
        yield speaker.ping()
    if seconds > 0:
        await asyncio.sleep(seconds)


async def answer(script, speaker, record):
    """The bytes of a stream, an event each."""
    pieces = script.pieces()
    async for ping in wait(script.first_event, script, speaker):
        yield ping
    for event in speaker.begin():
        record.mark("first_event")
        yield event
    i = 0
    while i < len(pieces) or script.endless:
        await asyncio.sleep(0)  # or who leaves an endless one is not noticed
        async for ping in wait(script.before(i), script, speaker):
            yield ping
        if script.endless:
            await asyncio.sleep(0)  # a reader that has gone is seen
        if i == script.cut:
            raise RuntimeError("the model went away")
        if i == script.malformed:
            yield b"data: {\"this is\": no\n\n"
        if i == script.error:
            yield speaker.error(script.code, "the model gave up")
            return
        record.mark("first_event")
        record.token()
        yield speaker.token(script.say, pieces[i % len(pieces)], i)
        i += 1
    async for ping in wait(script.stall if script.stall_at == i else 0, script, speaker):
        yield ping
    for event in speaker.end(script.say, script.tokens(i), script.ends):
        yield event


async def played(script, speaker, record):
    squeeze = zlib.compressobj(wbits=31) if "gzip" in script.query else None
    record.mark("headers")
    try:
        async for event in answer(script, speaker, record):
            record.line["written"]["events"] += 1
            if squeeze:
                event = squeeze.compress(event) + squeeze.flush(zlib.Z_SYNC_FLUSH)
            yield event
        if squeeze:
            yield squeeze.flush()
    finally:
        record.close()


def refusal(script, record):
    """A status that is no 2xx."""
    record.line["status"] = script.status
    record.close()
    headers = {}
    after = script.query.get("retry_after", "")
    if after.startswith("date:"):
        headers["Retry-After"] = email.utils.formatdate(time.time() + int(after[5:]), usegmt=True)
    elif after:
        headers["Retry-After"] = after
    return JSONResponse({"error": {"message": "not now", "code": script.code}},
                        status_code=script.status, headers=headers)


async def speak(request, body, streamed, speaker):
    script = Script(request)
    record = Record(request, script, body)
    if script.headers:
        await asyncio.sleep(script.headers)
    if script.status:
        return refusal(script, record)
    streamed = {"json": False, "stream": True}.get(script.query.get("form"), streamed)
    if streamed:
        headers = {"Cache-Control": "no-store"}
        if "gzip" in script.query:
            headers["Content-Encoding"] = "gzip"
        return StreamingResponse(played(script, speaker, record), headers=headers,
                                 media_type="text/event-stream")
    record.mark("headers")
    record.close()
    if script.error is not None:
        return JSONResponse(speaker.failure(script.code, "the model gave up"))
    pieces = script.pieces()
    return JSONResponse(speaker.document(script.say, pieces, script.tokens(len(pieces))))


# ---- chat --------------------------------------------------------------------------

@app.post("/v1/chat/completions")
async def chat(request: fastapi.Request, asked: ChatRequest):
    usage = bool((asked.stream_options or {}).get("include_usage"))
    return await speak(request, await request.body(), asked.stream,
                       agent_events.OpenAI(asked.model, usage))


@app.post("/v1/messages")
async def messages(request: fastapi.Request, asked: MessagesRequest,
                   anthropic_version: str = fastapi.Header(...)):
    return await speak(request, await request.body(), asked.stream,
                       agent_events.Anthropic(asked.model))


@app.post("/sse")
async def own_events(request: fastapi.Request):
    return await speak(request, await request.body(), True, agent_events.Named())


@app.post("/plain")
async def plain_events(request: fastapi.Request):
    return await speak(request, await request.body(), True, agent_events.Plain())


@app.post("/json")
async def document(request: fastapi.Request):
    return await speak(request, await request.body(), False, agent_events.Named())


# ---- MCP ---------------------------------------------------------------------------

TOOLS = [{"name": "echo", "description": "Says what it is told.",
          "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}},
                          "required": ["text"]}},
         {"name": "broken", "description": "Fails.", "inputSchema": {"type": "object"}}]


def result(asked, value):
    return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": value})


@app.delete("/mcp")
async def mcp_leave(request: fastapi.Request):
    Record(request, Script(request), b"").close()
    return Response(status_code=204)


@app.post("/mcp")
async def mcp(request: fastapi.Request):
    """Notifications are taken, of the rest the tool's call is what the script is about."""
    body = await request.body()
    asked = json.loads(body)
    method = asked["method"]
    if method == "tools/call":
        name = asked["params"]["name"]
        return await speak(request, body, True,
                           agent_events.Mcp(asked["id"], asked["params"].get("arguments", {}),
                                            name == "broken"))
    Record(request, Script(request), body).close()
    if method == "initialize":
        value = {"protocolVersion": asked["params"]["protocolVersion"],
                 "capabilities": {"tools": {}}, "serverInfo": {"name": "agents", "version": "1"}}
        answer = result(asked, value)
        answer.headers["Mcp-Session-Id"] = "session-1"
        return answer
    if request.headers.get("mcp-session-id") != "session-1":
        return JSONResponse({"error": "no such session"}, status_code=400)
    if method.startswith("notifications/"):
        return Response(status_code=202)
    return result(asked, {"tools": TOOLS})


# ---- A2A ---------------------------------------------------------------------------

@app.get("/a2a/.well-known/agent-card.json")
async def card(request: fastapi.Request):
    Record(request, Script(request), b"").close()
    url = request.url.replace(path="/a2a")
    return {"protocolVersion": "0.3.0", "name": "sample", "description": "An agent of tests.",
            "url": str(url), "preferredTransport": "JSONRPC", "version": "1",
            "capabilities": {"streaming": True}, "defaultInputModes": ["text/plain"],
            "defaultOutputModes": ["text/plain"],
            "skills": [{"id": "talk", "name": "talk", "description": "Talks.", "tags": []}]}


@app.post("/a2a")
async def a2a(request: fastapi.Request):
    body = await request.body()
    asked = json.loads(body)
    return await speak(request, body, asked["method"] == "message/stream",
                       agent_events.A2a(asked["id"]))


# ---- the log -----------------------------------------------------------------------

@app.get("/log")
async def log():
    return PlainTextResponse("".join(json.dumps(line) + "\n" for line in state["log"]))


def main():
    if sys.argv[1:2] == ["--log"]:
        state["file"] = open(sys.argv[2], "w", encoding="utf-8")
    # By its name: asyncio turns Nagle's algorithm off only where it reads TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))

    def end_with_parent():
        sys.stdin.read()
        server.should_exit = True
        server.force_exit = True

    threading.Thread(target=end_with_parent, daemon=True).start()
    print("port", listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
