#!/usr/bin/python3
"""An agent platform as its monitoring guides describe one, on FastAPI and uvicorn.

Prints `port PORT` once it accepts connections; ends when its standard input is
closed. PUT /faults sets what is wrong, GET /received lists what was POSTed to /alert.
"""
import asyncio
import socket
import sys
import threading
from typing import Dict, List, Literal

import fastapi
import pydantic
import uvicorn
from fastapi.responses import JSONResponse, StreamingResponse

app = fastapi.FastAPI()


class Faults(pydantic.BaseModel):
    """Services that are down, and how an event stream ends."""

    down: List[str] = []
    stream: str = "whole"  # or "unfinished", "broken"


class Alert(pydantic.BaseModel):
    """What the webhook of an Alertmanager says; anything less is answered with 422."""

    version: Literal["4"]
    groupKey: str
    status: str
    receiver: str
    groupLabels: Dict[str, str]
    commonLabels: Dict[str, str]
    commonAnnotations: Dict[str, str]
    externalURL: str
    alerts: List[dict]


state = {"faults": Faults(), "received": []}


def services():
    return {name: name not in state["faults"].down for name in ("database", "redis", "storage")}


@app.put("/faults")
async def set_faults(faults: Faults):
    state["faults"] = faults
    return faults


@app.get("/health")
async def health():
    return {"status": "healthy", "version": "1.0.3"}


@app.get("/ready")
async def ready():
    checks = {name: "healthy" if up else "unhealthy: connection refused"
              for name, up in services().items()}
    well = all(services().values())
    return JSONResponse({"status": "ready" if well else "not_ready", "checks": checks},
                        status_code=200 if well else 503)


@app.get("/health/ready")
async def health_ready():
    """Means a status, but FastAPI makes a list of it and says 200."""
    well = all(services().values())
    return {"ready": well, "services": services()}, 200 if well else 503


async def completion():
    how = state["faults"].stream
    for word in ("four", "by", "four"):
        yield 'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % word
        await asyncio.sleep(0)
    if how == "broken":
        raise RuntimeError("the model went away")
    if how == "whole":
        yield "data: [DONE]\n\n"


@app.post("/v1/chat/completions")
async def chat(request: fastapi.Request):
    body = await request.json()
    if body.get("stream") is not True:
        return {"choices": [{"message": {"content": "four by four"}}]}
    return StreamingResponse(completion(), media_type="text/event-stream")


@app.post("/alert")
async def alert(message: Alert):
    state["received"].append(message)
    return {}


@app.get("/received")
async def received():
    return state["received"]


def main():
    # By its name: asyncio turns Nagle's algorithm off only where it reads TCP.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))

    def end_with_parent():
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=end_with_parent, daemon=True).start()
    print("port", listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
