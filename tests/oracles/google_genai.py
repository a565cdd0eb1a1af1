"""What Google's own library reads from an answer: it is given each one by a server on loopback."""

import http.server
import json
import sys
import threading
from typing import Any, ClassVar

from google import genai
from google.genai import errors, types


class Server(http.server.BaseHTTPRequestHandler):
    """Gives what was asked for, whatever the request is."""

    question: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[dict[str, Any]] = {}

    def do_POST(self) -> None:
        type(self).asked = {
            "path": self.path,
            "body": json.loads(self.rfile.read(int(self.headers["content-length"]))),
            "key": self.headers.get("x-goog-api-key"),
        }
        body = self.question["body"].encode()
        self.send_response(self.question.get("status", 200))
        self.send_header("content-type", self.question.get("content_type", "text/event-stream"))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def add(told: dict[str, Any], response: types.GenerateContentResponse) -> None:
    """Add what one chunk says, by way of the library's own types."""
    told["id"] = response.response_id or told["id"]
    told["model"] = response.model_version or told["model"]
    if response.prompt_feedback and response.prompt_feedback.block_reason:
        told["blocked"] = response.prompt_feedback.block_reason.value
    for candidate in response.candidates or []:
        if candidate.finish_reason:
            told["finish"] = candidate.finish_reason.value
        for part in (candidate.content.parts if candidate.content else None) or []:
            if part.text:
                told["thought" if part.thought else "text"] += part.text
            if part.function_call:
                told["calls"].append([part.function_call.name, part.function_call.args])
    if usage := response.usage_metadata:
        told["usage"] |= {
            name: value for name, value in usage.model_dump(mode="json").items() if value is not None
        }


def answer(client: genai.Client, question: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "text": "",
        "thought": "",
        "finish": None,
        "blocked": None,
        "calls": [],
        "usage": {},
        "id": None,
        "model": None,
        "error": None,
    }
    config = types.GenerateContentConfig(**question.get("config", {}))
    try:
        if question.get("streamed", True):
            for response in client.models.generate_content_stream(model="g-1", contents="hi", config=config):
                add(told, response)
        else:
            add(told, client.models.generate_content(model="g-1", contents="hi", config=config))
    except errors.APIError as error:
        told["error"] = {"code": error.code, "status": error.status, "message": error.message}
    except ValueError as error:
        told["error"] = {"code": None, "status": type(error).__name__, "message": str(error)[:200]}
    return {**told, "asked": Server.asked}


def main() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = types.HttpOptions(base_url=f"http://127.0.0.1:{server.server_port}")
    client = genai.Client(api_key="k-1", http_options=options)
    answers = []
    for question in json.load(sys.stdin):
        Server.question = question
        answers.append(answer(client, question))
    server.shutdown()
    json.dump(answers, sys.stdout)


main()
