"""A small host for ComfyUI's real frontend: what the page asks of a server, and nothing that computes.

It serves a frontend package's files, our extension and its help pages, node definitions from a snapshot, pictures to
draw on, settings and the user's files, and answers a prompt with a run that can be scripted.
"""

import asyncio
import inspect
import json
import mimetypes
import shutil
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType, web

ROOT = Path(__file__).parents[3]
PACK = "comfyui-motion-i2v"  # the folder that a user clones
DEFINITIONS = Path(__file__).parent / "object_info.json"
UPLOAD_LIMIT = 100 << 20  # bytes, ComfyUI's default
FRESH = {"Cache-Control": "no-cache"}
FEATURES = {"supports_preview_metadata": True, "max_upload_size": UPLOAD_LIMIT}
# The user's files that the page asks for before anybody wrote them. ComfyUI answers 404, which the browser notes as an
# error; here that would hide ours.
UNWRITTEN = {"user.css": "", "comfy.templates.json": "[]", "comfy.settings.json": "{}"}
# Which folder's files an input of a core node offers: the suffixes it takes.
FILE_INPUTS = {
    ("LoadImage", "image"): {".png", ".jpg"},
    ("LoadImageMask", "image"): {".png", ".jpg"},
    ("LoadVideo", "file"): {".webm", ".mp4"},
}

Prompt = dict[str, dict[str, Any]]
Outputs = dict[str, dict[str, Any]]


class Host:
    """A context: the host answers inside it, at `address`.

    frontend: the folder of a frontend package's static files. folder: for inputs, outputs, temporary and user files.
    extensions: web folders by the name of their pack. definitions: nodes, as /object_info gives them.
    settings: of the frontend, by id; the page reads them when it loads.
    prompts: every body that was posted to /prompt. asked: (method, path) of every request. unanswered: those that
    nothing here answers. execute: what a prompt makes, {node id: what its interface shows}; a test may replace it.
    """

    def __init__(
        self,
        frontend: Path,
        folder: Path,
        extensions: Mapping[str, Path],
        definitions: dict[str, Any],
        settings: Mapping[str, Any],
    ) -> None:
        self.frontend, self.folder, self.extensions = frontend, folder, dict(extensions)
        self.definitions, self.settings = definitions, dict(settings)
        self.prompts: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.unanswered: list[str] = []
        self.execute: Callable[[Prompt], Outputs | Awaitable[Outputs]] = self.pictures_of
        self._history: dict[str, Any] = {}
        self._pages: dict[str, web.WebSocketResponse] = {}
        self._runs: set[asyncio.Task[None]] = set()
        for name in ("input", "output", "temp", "user"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "Host":
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        self.address = self._in_loop(self._started())
        return self

    def __exit__(self, *_: object) -> None:
        self._in_loop(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _in_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _started(self) -> str:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def pictures_of(self, prompt: Prompt) -> Outputs:
        """What a run makes unless a test says otherwise: every node that shows pictures shows picture.png."""
        shown = {"images": [{"filename": "picture.png", "subfolder": "", "type": "input"}]}
        return {
            node: shown
            for node, asked in prompt.items()
            if self.definitions.get(asked["class_type"], {}).get("output_node")
        }

    def send(self, kind: str, told: Any, page: str | None = None) -> None:
        """An event to one page, or to all, as the server's WebSocket sends it."""
        self._in_loop(self._send(kind, told, page))

    async def _send(self, kind: str, told: Any, page: str | None = None) -> None:
        for client, socket in list(self._pages.items()):
            if page in (None, client) and not socket.closed:
                await socket.send_json({"type": kind, "data": told})

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = request.query.get("clientId") or uuid.uuid4().hex
        self._pages[client] = socket
        status = {"exec_info": {"queue_remaining": 0}}
        await socket.send_json({"type": "status", "data": {"status": status, "sid": client}})
        async for message in socket:
            if message.type == WSMsgType.TEXT and json.loads(message.data).get("type") == "feature_flags":
                await socket.send_json({"type": "feature_flags", "data": FEATURES})
        if self._pages.get(client) is socket:
            del self._pages[client]
        return socket

    # A prompt

    def _refusals(self, prompt: Prompt) -> dict[str, Any]:
        """What validation finds missing, by node."""
        found = {}
        for node, asked in prompt.items():
            known = self.definitions.get(asked["class_type"])
            if known is None:
                missing = [asked["class_type"]]
            else:
                missing = [name for name in known["input"].get("required", {}) if name not in asked["inputs"]]
            if missing:
                errors = [
                    {"type": "required_input_missing", "message": "Required input is missing", "details": name,
                     "extra_info": {"input_name": name}}
                    for name in missing
                ]  # fmt: skip
                found[node] = {"errors": errors, "dependent_outputs": [node], "class_type": asked["class_type"]}
        return found

    async def _queue(self, request: web.Request) -> web.Response:
        body = await request.json()
        refused = self._refusals(body["prompt"])
        if refused:
            error = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation",
                     "details": "", "extra_info": {}}  # fmt: skip
            return web.json_response({"error": error, "node_errors": refused}, status=HTTPStatus.BAD_REQUEST)
        self.prompts.append(body)
        number, prompt_id = len(self.prompts), body.get("prompt_id") or str(uuid.uuid4())
        run = asyncio.get_running_loop().create_task(self._run(body, number, prompt_id))
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        return web.json_response({"prompt_id": prompt_id, "number": number, "node_errors": {}})

    async def _run(self, body: dict[str, Any], number: int, prompt_id: str) -> None:
        page, prompt = body.get("client_id"), body["prompt"]
        begun = {"prompt_id": prompt_id, "timestamp": _now()}
        await self._send("status", {"status": {"exec_info": {"queue_remaining": 1}}})
        await self._send("execution_start", begun, page)
        await self._send("execution_cached", {"nodes": [], **begun}, page)
        outputs = self.execute(prompt)
        outputs = await outputs if inspect.isawaitable(outputs) else outputs
        for node in prompt:
            at = {"node": node, "display_node": node, "prompt_id": prompt_id}
            await self._send("executing", at, page)
            if node in outputs:
                await self._send("executed", {**at, "output": outputs[node]}, page)
        ended = {"prompt_id": prompt_id, "timestamp": _now()}
        self._history[prompt_id] = {
            "prompt": [number, prompt_id, prompt, body.get("extra_data", {}), list(outputs)],
            "outputs": outputs,
            "meta": {},
            "status": {
                "status_str": "success",
                "completed": True,
                "messages": [["execution_start", begun], ["execution_success", ended]],
            },
        }
        await self._send("executing", {"node": None, "prompt_id": prompt_id}, page)
        await self._send("execution_success", ended, page)
        await self._send("status", {"status": {"exec_info": {"queue_remaining": 0}}})

    def _jobs(self, wanted: str) -> dict[str, Any]:
        jobs = []
        for prompt_id, run in self._history.items():
            begun, ended = (told["timestamp"] for _, told in run["status"]["messages"])
            jobs.append(
                {"id": prompt_id, "status": "completed", "priority": run["prompt"][0], "create_time": begun,
                 "execution_start_time": begun, "execution_end_time": ended, "outputs_count": len(run["outputs"]),
                 "workflow_id": None, "preview_output": None}
            )  # fmt: skip
        jobs = jobs if "completed" in wanted or not wanted else []
        pages = {"offset": 0, "limit": 200, "total": len(jobs), "has_more": False}
        return {"jobs": jobs, "pagination": pages}

    # Files

    def _object_info(self) -> dict[str, Any]:
        """The definitions, with the files that are there now in the inputs that offer files."""
        offered = json.loads(json.dumps(self.definitions))
        for (node, name), suffixes in FILE_INPUTS.items():
            if node in offered:
                files = sorted(path.name for path in (self.folder / "input").iterdir() if path.suffix in suffixes)
                declared = offered[node]["input"]["required"][name]
                if declared[0] == "COMBO":
                    declared[1]["options"] = files
                else:
                    declared[0] = files
        return offered

    def _scripts(self) -> list[str]:
        """Every script below an extension's folder: the page imports them all."""
        return [
            f"/extensions/{pack}/{script.relative_to(folder).as_posix()}"
            for pack, folder in self.extensions.items()
            for script in sorted(folder.rglob("*.js"))
        ]

    async def _view(self, request: web.Request) -> web.StreamResponse:
        asked = request.query
        folder = self.folder / asked.get("type", "output")
        return _file(folder, f"{asked.get('subfolder', '')}/{asked['filename']}".lstrip("/"))

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        sent = form["image"]
        assert isinstance(sent, web.FileField)
        kind, subfolder = str(form.get("type", "input")), str(form.get("subfolder", ""))
        path = _inside(self.folder / kind, f"{subfolder}/{sent.filename}".lstrip("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sent.file.read())
        return web.json_response({"name": path.name, "subfolder": subfolder, "type": kind})

    async def _user_files(self, request: web.Request) -> web.Response:
        folder = _inside(self.folder / "user", request.query.get("dir", request.query.get("path", "")) or ".")
        files = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        if request.query.get("full_info", "").lower() == "true" or request.path.endswith("/v2/userdata"):
            return web.json_response([{**_described(path), "path": _below(path, folder)} for path in files])
        return web.json_response([_below(path, folder) for path in files])

    async def _user_file(self, request: web.Request) -> web.StreamResponse:
        folder, name = self.folder / "user", request.match_info["file"]
        if request.method == "GET":
            if name in UNWRITTEN and not _inside(folder, name).is_file():
                return web.Response(text=UNWRITTEN[name], content_type=mimetypes.guess_type(name)[0] or "text/plain")
            return _file(folder, name)
        name, _, target = name.partition("/move/")
        path = _inside(folder, name)
        if request.method == "DELETE":
            path.unlink(missing_ok=True)
            return web.Response(status=HTTPStatus.NO_CONTENT)
        if target:
            _inside(folder, target).parent.mkdir(parents=True, exist_ok=True)
            path = path.rename(_inside(folder, target))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(await request.read())
        return web.json_response({**_described(path), "path": _below(path, folder)})

    async def _set(self, request: web.Request) -> web.Response:
        name, value = request.match_info.get("id"), await request.json()
        self.settings.update({name: value} if name else value)
        return web.Response()

    async def _extension(self, request: web.Request) -> web.StreamResponse:
        folder = self.extensions.get(request.match_info["pack"])
        return _file(folder, request.match_info["path"]) if folder else web.Response(status=HTTPStatus.NOT_FOUND)

    # All routes

    def _application(self) -> web.Application:
        version = self.frontend.parents[1].name  # of the frontend: required, else a warning lies over the page
        stats = {"system": {"os": "posix", "ram_total": 1, "ram_free": 1, "comfyui_version": "0.18.1",
                            "required_frontend_version": version, "python_version": "3", "pytorch_version": "2",
                            "embedded_python": False, "argv": []}, "devices": []}  # fmt: skip
        constants: dict[str, Any] = {
            "/system_stats": stats,
            "/users": {"storage": "server", "migrated": True},
            "/features": FEATURES,
            "/i18n": _locales(),
            "/embeddings": [],
            "/queue": {"queue_running": [], "queue_pending": []},
            "/prompt": {"exec_info": {"queue_remaining": 0}},
            "/experiment/models": [],
            "/workflow_templates": {},
            "/global_subgraphs": {},
            "/node_replacements": {},
            "/internal/folder_paths": {},
            "/internal/logs": "",
            "/internal/logs/raw": {"entries": [], "size": {"cols": 80, "rows": 24}},
            "/releases": [],
        }
        app = web.Application(client_max_size=UPLOAD_LIMIT, middlewares=[self._noted])
        for prefix in ("", "/api"):
            for path, answer in constants.items():
                app.router.add_get(prefix + path, _answering(lambda _, answer=answer: answer))
            for path, compute in {
                "/settings": lambda _: self.settings,
                "/settings/{id}": lambda r: self.settings.get(r.match_info["id"]),
                "/extensions": lambda _: self._scripts(),
                "/object_info": lambda _: self._object_info(),
                "/object_info/{name}": lambda r: {
                    r.match_info["name"]: self._object_info().get(r.match_info["name"], {})
                },
                "/history": lambda _: self._history,
                "/history/{id}": lambda r: {
                    id: run for id, run in self._history.items() if id == r.match_info["id"]
                },
                "/jobs": lambda r: self._jobs(r.query.get("status", "")),
                "/jobs/{id}": lambda r: {"id": r.match_info["id"], "status": "completed"},
            }.items():  # fmt: skip
                app.router.add_get(prefix + path, _answering(compute))
            app.router.add_get(f"{prefix}/ws", self._events)
            app.router.add_post(f"{prefix}/prompt", self._queue)
            app.router.add_get(f"{prefix}/view", self._view)
            app.router.add_post(f"{prefix}/upload/image", self._upload)
            app.router.add_post(f"{prefix}/upload/mask", self._upload)
            app.router.add_post(f"{prefix}/settings", self._set)
            app.router.add_post(f"{prefix}/settings/{{id}}", self._set)
            for path in ("/userdata", "/v2/userdata"):
                app.router.add_get(prefix + path, self._user_files)
            app.router.add_route("*", f"{prefix}/userdata/{{file:.+}}", self._user_file)
            app.router.add_get(f"{prefix}/extensions/{{pack}}/{{path:.+}}", self._extension)
            for path in ("/interrupt", "/free", "/queue", "/history"):
                app.router.add_post(prefix + path, _answering(lambda _: {}))
        for path in ("/user.css", "/favicon.ico"):
            app.router.add_get(path, _nothing)
        app.router.add_get("/{path:.*}", self._page)
        return app

    async def _page(self, request: web.Request) -> web.StreamResponse:
        """The frontend's own files: their names change with what is in them."""
        name = request.match_info["path"]
        return (
            _file(self.frontend, name, {"Cache-Control": "max-age=3600"})
            if name
            else _file(self.frontend, "index.html")
        )

    @web.middleware
    async def _noted(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        try:
            return await handler(request)
        except web.HTTPNotFound:
            self.unanswered.append(f"{request.method} {request.path_qs}")
            raise


def _answering(compute: Callable[[web.Request], Any]) -> Any:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(compute(request))

    return answer


async def _nothing(request: web.Request) -> web.Response:
    return web.Response(content_type=mimetypes.guess_type(request.path)[0] or "text/plain")


def _now() -> int:
    return int(time.time() * 1000)


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise web.HTTPForbidden
    return path


def _file(folder: Path, name: str, keeping: Mapping[str, str] = FRESH) -> web.StreamResponse:
    path = _inside(folder, name)
    if not path.is_file():
        raise web.HTTPNotFound
    kind = "text/javascript" if path.suffix == ".js" else mimetypes.guess_type(path.name)[0]
    return web.FileResponse(path, headers={**keeping, "Content-Type": kind or "application/octet-stream"})


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder.resolve()).as_posix()


def _described(path: Path) -> dict[str, Any]:
    found = path.stat()
    changed = int(found.st_mtime * 1000)
    return {"size": found.st_size, "modified": changed, "created": changed}


def _locales() -> dict[str, Any]:
    """Our translations, gathered as ComfyUI does: by language, main.json at the top and the others below their name."""
    gathered: dict[str, Any] = {}
    for path in sorted((ROOT / "locales").glob("*/*.json")):
        words = json.loads(path.read_text("utf-8"))
        gathered.setdefault(path.parent.name, {}).update(words if path.stem == "main" else {path.stem: words})
    return gathered


def node_definitions() -> dict[str, Any]:
    """The snapshot of a real server's; tests/comfy/test_snapshot.py makes it and tells when it is stale."""
    return json.loads(DEFINITIONS.read_text("utf-8"))


def put_pictures(pictures: Path, host: Host) -> None:
    """Gives the host's input folder the files of a folder."""
    for path in pictures.iterdir():
        shutil.copy(path, host.folder / "input" / path.name)
