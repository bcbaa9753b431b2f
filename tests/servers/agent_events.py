"""What agents say, a class for each protocol: begin() is a list of events before the answer,
token() and ping() one each, end() the last ones, error() is an event inside a 200, document()
and failure() say all of it at once."""
import json


def data(value, name=None):
    head = f"event: {name}\n" if name else ""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{head}data: {text}\n\n".encode()


class Speaker:
    def begin(self):
        return []

    def ping(self):
        return b": still here\n\n"


class OpenAI(Speaker):
    """Chat completions; usage in a chunk of its own, if asked for."""

    def __init__(self, model, usage):
        self.model, self.usage = model, usage

    def chunk(self, delta, finish=None, **more):
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return data({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
                     "model": self.model, "choices": choices, **more})

    def begin(self):
        return [self.chunk({"role": "assistant", "content": ""})]

    def token(self, say, text, i):
        if say == "tool":
            call = {"index": 0, "function": {"arguments": ""}}
            if i == 0:
                call.update(id="call_1", type="function")
                call["function"] = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
            return self.chunk({"tool_calls": [call]})
        key = {"reasoning": "reasoning_content", "refusal": "refusal"}.get(say, "content")
        return self.chunk({key: "" if say == "empty" else text})

    def told(self, tokens):
        return {"prompt_tokens": tokens[0], "completion_tokens": tokens[1],
                "total_tokens": sum(tokens), "prompt_tokens_details": {"cached_tokens": 4},
                "completion_tokens_details": {"reasoning_tokens": 0}}

    def end(self, say, tokens, terminator):
        events = [self.chunk({}, "tool_calls" if say == "tool" else "stop")]
        if tokens and self.usage:
            events.append(data({"id": "chatcmpl-1", "object": "chat.completion.chunk",
                                "created": 1, "model": self.model, "choices": [],
                                "usage": self.told(tokens)}))
        return events + [data("[DONE]")] if terminator else events

    def failure(self, code, text):
        return {"error": {"message": text, "type": code, "code": code}}

    def error(self, code, text):
        return data(self.failure(code, text))

    def document(self, say, pieces, tokens):
        text = "".join(pieces)
        message = {"role": "assistant", "content": text if say == "text" else None}
        if say == "refusal":
            message["refusal"] = text
        if say == "reasoning":
            message["reasoning_content"] = text
        if say == "tool":
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": {
                "name": "get_weather", "arguments": '{"city": "Paris"}'}}]
        value = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1,
                 "model": self.model, "choices": [
                     {"index": 0, "message": message,
                      "finish_reason": "tool_calls" if say == "tool" else "stop"}]}
        if tokens:
            value["usage"] = self.told(tokens)
        return value


class Anthropic(Speaker):
    """Messages; `input_tokens` are those that no cache knew."""

    KINDS = {"reasoning": ({"type": "thinking", "thinking": ""}, "thinking_delta", "thinking"),
             "tool": ({"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}},
                      "input_json_delta", "partial_json")}
    TEXT = ({"type": "text", "text": ""}, "text_delta", "text")

    def __init__(self, model):
        self.model = model

    def message(self, content, usage, stop):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": self.model,
                "content": content, "stop_reason": stop, "stop_sequence": None, "usage": usage}

    def event(self, name, **members):
        return data({"type": name, **members}, name)

    def begin(self):
        usage = {"input_tokens": 8, "cache_read_input_tokens": 4,
                 "cache_creation_input_tokens": 0, "output_tokens": 1}
        return [self.event("message_start", message=self.message([], usage, None)), self.ping()]

    def ping(self):
        return self.event("ping")

    def token(self, say, text, i):
        block, kind, key = self.KINDS.get(say, self.TEXT)
        if say == "tool":
            text = '{"city": "Paris"}' if i == 0 else ""
        start = b"" if i else self.event("content_block_start", index=0, content_block=block)
        delta = {"type": kind, key: "" if say == "empty" else text}
        return start + self.event("content_block_delta", index=0, delta=delta)

    def stop(self, say):
        return {"tool": "tool_use", "refusal": "refusal"}.get(say, "end_turn")

    def end(self, say, tokens, terminator):
        usage = {"output_tokens": tokens[1]} if tokens else {}
        delta = {"stop_reason": self.stop(say), "stop_sequence": None}
        events = [self.event("content_block_stop", index=0),
                  self.event("message_delta", delta=delta, usage=usage)]
        return events + [self.event("message_stop")] if terminator else events

    def failure(self, code, text):
        return {"type": "error", "error": {"type": code, "message": text}}

    def error(self, code, text):
        return data(self.failure(code, text), "error")

    def document(self, say, pieces, tokens):
        block, _, key = self.KINDS.get(say, self.TEXT)
        block = {**block, **({"input": {"city": "Paris"}} if say == "tool" else
                             {key: "".join(pieces)})}
        usage = {"input_tokens": tokens[0], "output_tokens": tokens[1]} if tokens else {}
        return self.message([] if say == "empty" else [block], usage, self.stop(say))


class Named(Speaker):
    """Events delta, done, error and ping of an agent's own; and its document."""

    def ping(self):
        return data({}, "ping")

    def token(self, say, text, i):
        key = {"text": "text", "reasoning": "thought"}.get(say, "text")
        if say == "tool":
            return data({"tool": "get_weather", "arguments": {"city": "Paris"}}, "delta")
        return data({key: "" if say == "empty" else text}, "delta")

    def told(self, tokens):
        return {"usage": {"in": tokens[0], "out": tokens[1], "cost": 0.0025}} if tokens else {}

    def end(self, say, tokens, terminator):
        return [data({"finish": "stop", **self.told(tokens)}, "done" if terminator else "usage")]

    def failure(self, code, text):
        return {"error": {"code": code, "message": text}}

    def error(self, code, text):
        return data(self.failure(code, text)["error"], "error")

    def document(self, say, pieces, tokens):
        return {"output": "" if say == "empty" else "".join(pieces), "finish": "stop",
                **self.told(tokens)}


class Plain(Named):
    """The data is the text."""

    def ping(self):
        return b": still here\n\n"

    def token(self, say, text, i):
        return data(text)

    def end(self, say, tokens, terminator):
        return [data("[DONE]")] if terminator else []


class Mcp(Speaker):
    """A tool's call: progress, then one result."""

    def __init__(self, number, arguments, broken):
        self.number, self.arguments, self.broken = number, arguments, broken
        self.text = []

    def token(self, say, text, i):
        self.text.append(text)
        return data({"jsonrpc": "2.0", "method": "notifications/progress",
                     "params": {"progressToken": 1, "progress": i}}, "message")

    def document(self, say, pieces, tokens):
        text = self.arguments.get("text", "".join(pieces))
        return {"jsonrpc": "2.0", "id": self.number, "result": {
            "content": [] if say == "empty" else [{"type": "text", "text": text}],
            "isError": self.broken}}

    def end(self, say, tokens, terminator):
        return [data(self.document(say, self.text, tokens), "message")] if terminator else []

    def failure(self, code, text):
        return {"jsonrpc": "2.0", "id": self.number, "error": {"code": -32000, "message": text}}

    def error(self, code, text):
        return data(self.failure(code, text), "message")


class A2a(Speaker):
    """A task whose one artifact comes in parts."""

    def __init__(self, number):
        self.number = number

    def wrap(self, value):
        return {"jsonrpc": "2.0", "id": self.number, "result": value}

    def status(self, state, final=False):
        return {"kind": "status-update", "taskId": "t1", "contextId": "c1",
                "status": {"state": state}, "final": final}

    def begin(self):
        return [data(self.wrap({"kind": "task", "id": "t1", "contextId": "c1",
                                "status": {"state": "submitted"}})),
                data(self.wrap(self.status("working")))]

    def token(self, say, text, i):
        parts = [] if say == "empty" else [{"kind": "text", "text": text}]
        return data(self.wrap({"kind": "artifact-update", "taskId": "t1", "contextId": "c1",
                               "append": i > 0, "artifact": {"artifactId": "a1", "parts": parts}}))

    def end(self, say, tokens, terminator):
        return [data(self.wrap(self.status("completed", True)))] if terminator else []

    def failure(self, code, text):
        return {"jsonrpc": "2.0", "id": self.number, "error": {"code": -32603, "message": text}}

    def error(self, code, text):
        return data(self.failure(code, text))

    def document(self, say, pieces, tokens):
        parts = [] if say == "empty" else [{"kind": "text", "text": "".join(pieces)}]
        return self.wrap({"kind": "task", "id": "t1", "contextId": "c1",
                          "status": {"state": "completed"},
                          "artifacts": [{"artifactId": "a1", "parts": parts}]})
