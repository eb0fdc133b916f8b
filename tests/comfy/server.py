"""A real ComfyUI server on the CPU, with this pack in it as a user installs it, and a base folder of its own."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACK = "comfyui-motion-i2v"  # the folder that a user clones
OPTIONS = (
    "--cpu", "--disable-auto-launch", "--disable-api-nodes", "--use-pytorch-cross-attention",
    "--preview-method", "latent2rgb", "--database-url", "sqlite:///:memory:",
)  # fmt: skip
START = 120  # seconds that a busy machine may take to start
ENDS = {"execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted"}

# Past a proxy, if the machine has one: the server is on this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Run:
    """What became of a prompt.

    ended: "success", "error", "interrupted", or "refused": by validation, before anything ran.
    message: what the user reads in the last three cases. outputs: by node, what its interface shows.
    executed: nodes that were computed, not found in the cache. progress: (node, step, of how many). previews: images.
    """

    ended: str = "success"
    message: str = ""
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    progress: list[tuple[str, int, int]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)


class Server:
    """A context: the server runs inside it, and is stopped at its end however it ends.

    comfyui: the checkout. base: the server's folder of models, inputs, outputs and custom nodes; made here.
    pack: the name of the folder that this pack is in. start_log: what it said until it answered.
    """

    def __init__(self, comfyui: Path, base: Path, pack: str = PACK) -> None:
        self.base, self.pack, self.start_log = base, pack, ""
        self.address = f"127.0.0.1:{_free_port()}"
        self._log = base / "server.log"
        self._command = [
            sys.executable, str(comfyui / "main.py"), *OPTIONS, "--base-directory", str(base),
            "--listen", "127.0.0.1", "--port", self.address.partition(":")[2],
        ]  # fmt: skip
        (base / "custom_nodes").mkdir(parents=True)
        (base / "custom_nodes" / pack).symlink_to(ROOT)
        (base / "custom_nodes" / "miniature-nodes").symlink_to(Path(__file__).parent / "miniature_nodes")

    def __enter__(self) -> "Server":
        surroundings = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, env=surroundings, cwd=self.base)
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        end = time.monotonic() + START
        while time.monotonic() < end:
            if self._process.poll() is not None:
                pytest.fail(f"ComfyUI ended while it started:\n{self.tail()}")
            try:
                self.get("system_stats")
            except urllib.error.URLError:
                time.sleep(0.2)
            else:
                self.start_log = self.log
                return
        pytest.fail(f"ComfyUI did not answer within {START} s:\n{self.tail()}")

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", errors="replace")

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.splitlines()[-lines:])

    def get(self, path: str) -> bytes:
        with _direct.open(f"http://{self.address}/{path}", timeout=30) as answer:
            return answer.read()

    def object_info(self) -> dict[str, Any]:
        """Every node's schema, as the page receives it."""
        return json.loads(self.get("object_info"))

    def interrupt(self) -> None:
        """What the page's cross does."""
        nothing = urllib.request.Request(f"http://{self.address}/interrupt", data=b"{}", method="POST")
        _direct.open(nothing, timeout=30).close()

    def run(self, prompt: dict[str, Any], *, on_progress: Callable[[], None] = lambda: None, limit: float = 120) -> Run:
        """Queue a prompt as the page does, and follow it to its end. on_progress: called at every step of a node."""
        try:
            return asyncio.run(asyncio.wait_for(self._follow(prompt, on_progress), limit))
        except TimeoutError:
            self.interrupt()
            pytest.fail(f"The prompt took more than {limit} s:\n{self.tail()}")

    async def _follow(self, prompt: dict[str, Any], on_progress: Callable[[], None]) -> Run:
        import aiohttp

        run, client = Run(), uuid.uuid4().hex
        base = f"http://{self.address}"
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{base}/ws?clientId={client}") as events:
            async with session.post(f"{base}/prompt", json={"prompt": prompt, "client_id": client}) as answer:
                body = await answer.json()
                if answer.status != 200:
                    return Run("refused", refusal(body))
            async for message in events:
                if message.type == aiohttp.WSMsgType.BINARY:
                    run.previews.append(message.data[8:])  # after the kinds of event and of image
                    continue
                event = json.loads(message.data)
                kind, told = event["type"], event["data"]
                if told.get("prompt_id") != body["prompt_id"]:
                    continue
                if kind == "executing" and told["node"] is not None:
                    run.executed.append(told["node"])
                elif kind == "progress":
                    run.progress.append((told["node"], told["value"], told["max"]))
                    on_progress()
                elif kind == "executed":
                    run.outputs[told["node"]] = told["output"]
                elif kind in ENDS:
                    run.ended, run.message = ENDS[kind], told.get("exception_message", "").strip()
                    return run
        pytest.fail(f"ComfyUI hung up before the prompt ended:\n{self.tail()}")


def refusal(body: dict[str, Any]) -> str:
    """What a refused prompt is told, in one text."""
    errors = [error for node in body.get("node_errors", {}).values() for error in node["errors"]]
    return "\n".join(f"{error['message']}: {error['details']}" for error in [body["error"], *errors])


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="session")
def server(tmp_path_factory, comfyui_path):
    """One server for all tests. What a test needs in its folders it puts there, under a name of its own."""
    with Server(comfyui_path, tmp_path_factory.mktemp("server") / "base") as running:
        yield running
