"""The Optuna dashboard, served on an address until Ctrl-C.

Each request is answered in a thread of its own and the main thread only listens: wsgiref swallows whatever is raised while it
answers, a Ctrl-C too, and a browser's idle connection would hold up everybody else's.
"""

import errno
import json
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from optuna.storages import BaseStorage
from optuna_dashboard import wsgi

from search.storage.copy import ARTIFACTS
from search.watch.dashboard import artifact_store
from search.watch.same_origin import App, Environ, guarded, is_artifact
from studies.preset import StudyError

WRITES = ("POST", "PUT")  # the requests whose bodies the app reads
LONGEST = 128 * 1024**2  # bytes of a body: an artifact that somebody uploads
DIGITS = 20  # of a length
OF_PORT = (errno.EADDRINUSE, errno.EACCES)  # why a port cannot be listened on; any other reason is the address's
JSON = "application/json"


class Threaded(ThreadingMixIn, WSGIServer):
    """A server whose open connections do not keep the process alive."""

    daemon_threads = True


class Unlogged(WSGIRequestHandler):
    """A handler that says nothing of requests: the page asks for news every few seconds. Errors are still printed."""

    def log_request(self, *_: Any) -> None:
        pass


def listen(storage: BaseStorage, folder: Path, host: str, port: int) -> WSGIServer:
    """A server that holds the port and answers once it is told to `serve_forever`; StudyError where the port is taken, or
    the address is none of this machine's."""
    app = wsgi(storage, artifact_store(folder))
    try:
        server = make_server(host, port, app, Threaded, Unlogged)
    except (OSError, UnicodeError) as error:  # the second of a name that is too long
        if isinstance(error, OSError) and error.errno in OF_PORT:
            raise StudyError(f"port {port} cannot be used ({error}); name another with --port") from None
        raise StudyError(
            f"{host} cannot be served on ({error}); give --host an IPv4 address of this machine, or leave it out"
        ) from None
    server.set_app(guarded(complete(there_only(app, folder / ARTIFACTS)), host, server.server_port))
    return server


def complete(app: App) -> App:
    """The app, which by itself answers 500, and prints a traceback, where a header is missing that browsers send, or a body is no JSON
    object."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ.setdefault("HTTP_ACCEPT_ENCODING", "identity")
        if environ["REQUEST_METHOD"] in WRITES and not environ.get("HTTP_TRANSFER_ENCODING"):
            length = environ.get("CONTENT_LENGTH") or "0"
            if not length.isascii() or not length.isdecimal() or len(length) > DIGITS:
                return refused(start_response, "Content-Length is no number of bytes")
            if int(length) <= LONGEST:  # of a longer one the app says that it is too long
                body = environ["wsgi.input"].read(int(length))
                if body and not (is_json(environ) and is_object(body)):
                    return refused(start_response, f"the body is no JSON object that is sent as {JSON}")
                whole = body or b"{}"
                environ |= {"wsgi.input": BytesIO(whole), "CONTENT_LENGTH": str(len(whole)), "CONTENT_TYPE": JSON}
        return app(environ, start_response)

    return answer


def refused(start_response: Callable[..., Any], why: str) -> Iterable[bytes]:
    start_response("400 Bad Request", [("Content-Type", JSON)])
    return [json.dumps({"reason": why}).encode()]


def is_json(environ: Environ) -> bool:
    return str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower() == JSON


def is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def there_only(app: App, artifacts: Path) -> App:
    """The app, which by itself answers 500 where an artifact's file is gone: it is not found."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if is_artifact(environ) and not (artifacts / Path(environ["PATH_INFO"]).name).is_file():
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"the run's folder has no such artifact\n"]
        return app(environ, start_response)

    return answer
