"""The Optuna dashboard, served on an address until Ctrl-C.

Each request is answered in a thread of its own and the main thread only listens: wsgiref swallows whatever is raised while it
answers, a Ctrl-C too, and a browser's idle connection would hold up everybody else's.
"""

from collections.abc import Callable, Iterable
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


class Threaded(ThreadingMixIn, WSGIServer):
    """A server whose open connections do not keep the process alive."""

    daemon_threads = True


class Unlogged(WSGIRequestHandler):
    """A handler that says nothing of requests: the page asks for news every few seconds. Errors are still printed."""

    def log_request(self, *_: Any) -> None:
        pass


def listen(storage: BaseStorage, folder: Path, host: str, port: int) -> WSGIServer:
    """A server that holds the port and answers once it is told to `serve_forever`; StudyError where the port is taken."""
    app = wsgi(storage, artifact_store(folder))
    try:
        server = make_server(host, port, app, Threaded, Unlogged)
    except (OSError, OverflowError) as error:
        raise StudyError(f"port {port} cannot be used ({error}); name another with --port") from None
    server.set_app(guarded(there_only(app, folder / ARTIFACTS), host, server.server_port))
    return server


def there_only(app: App, artifacts: Path) -> App:
    """The app, which by itself answers 500 where an artifact's file is gone: it is not found."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if is_artifact(environ) and not (artifacts / Path(environ["PATH_INFO"]).name).is_file():
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"the run's folder has no such artifact\n"]
        return app(environ, start_response)

    return answer
