"""Servers that tests talk to: a real one with a tiny random model, and a stdlib one that plays OpenAI with faults."""

import json
import os
import signal
import socket
import string
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Answer = tuple[int, dict[str, Any] | str]
Handler = Callable[[dict[str, Any], "FakeOpenAI"], Answer]


def completion(text: str | None, **overrides: Any) -> Answer:
    """A 200 with one choice; `refusal`, `finish_reason`, `usage=None` and `model` may be overridden."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if "refusal" in overrides:
        message["refusal"] = overrides["refusal"]
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": overrides.get("model", "fake-1"),
        "choices": [{"index": 0, "message": message, "finish_reason": overrides.get("finish_reason", "stop")}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
    }
    if overrides.get("usage", body["usage"]) is None:
        del body["usage"]
    return 200, body


def failure(status: int, message: str, **fields: Any) -> Answer:
    """An error as OpenAI words it."""
    return status, {
        "error": {"message": message, "type": "invalid_request_error", "code": None, "param": None} | fields
    }


class FakeOpenAI:
    """Plays an OpenAI server: `answers` in turn, the last one again and again; a function sees the request."""

    def __init__(self, *answers: Answer | Handler) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()
        """A handler may wait for this to be slow until the test is over."""
        self.base_url = ""

    def answer(self, request: dict[str, Any], headers: dict[str, str]) -> Answer:
        turn = len(self.requests)
        self.requests.append(request)
        self.headers.append(headers)
        answer = self.answers[min(turn, len(self.answers) - 1)]
        return answer(request, self) if callable(answer) else answer


@contextmanager
def fake_openai(*answers: Answer | Handler) -> Iterator[FakeOpenAI]:
    """A running FakeOpenAI on a free loopback port."""
    fake = FakeOpenAI(*answers)

    class RequestHandler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = fake.answer(request, {name.lower(): value for name, value in self.headers.items()})
            page = isinstance(body, str)
            payload = (body if isinstance(body, str) else json.dumps(body)).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "text/html" if page else "application/json")
                self.send_header("Content-Length", str(len(payload)))
                if status in (429, 500, 503):
                    self.send_header("retry-after-ms", "1")
                self.end_headers()
                self.wfile.write(payload)
            except ConnectionError:
                return

        def log_message(self, format: str, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), RequestHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.base_url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield fake
    finally:
        fake.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tiny_chat_model(folder: Path) -> Path:
    """A random two-layer Qwen2 with a byte tokenizer that samples, as a folder that transformers loads."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Tokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate(letters)} | {"<|endoftext|>": len(letters)}
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=[], eos_token="<|im_end|>")
    tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = CHAT_TEMPLATE
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=8192,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        )
    )
    # Printable ASCII only, so that replies are text.
    printable = {tokenizer.convert_tokens_to_ids(letter) for letter in string.ascii_letters + ".,"}
    with torch.no_grad():
        for token in range(len(tokenizer)):
            if token not in printable:
                model.lm_head.weight[token] = 0
    model.generation_config.do_sample = True
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


BUILD_AND_SERVE = """
import pathlib, sys
import serve
if not pathlib.Path(sys.argv[2]).exists():
    serve.build_tiny_chat_model(pathlib.Path(sys.argv[2]))
from transformers.cli.transformers import main
main()
"""
"""One process for both, so that torch is imported once."""


@contextmanager
def transformers_serve(folder: Path, model: Path | None = None) -> Iterator[tuple[str, str]]:
    """Base URL and model name of a running `transformers serve` with this model, or the tiny random one.

    Raises RuntimeError when it does not come up.
    """
    model = model or folder / "model"
    port = free_port()
    home = folder / "hf_home"
    (home / "hub").mkdir(parents=True)
    log = folder / "serve.log"
    environment = os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-c", BUILD_AND_SERVE, "serve", str(model)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    here = Path(__file__).parent
    with log.open("wb") as out, subprocess.Popen(command, cwd=here, env=environment, stdout=out, stderr=out) as server:
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1", str(model)
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2) as response:
                if response.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server did not come up: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
