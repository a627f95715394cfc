"""Who may talk to the dashboard: its own pages, and programs that are no browsers. A WSGI middleware.

The dashboard has no login and shows radiographs. Any page that is open in a browser on this machine can send requests to it;
what tells such a request apart are its headers, which the browser writes and the page cannot:

- `Host` names what the browser believes to talk to. A page whose name was made to point here (DNS rebinding) says its own.
- `Origin` and `Sec-Fetch-Site` say where the request comes from. A link elsewhere may open the dashboard's pages, which hold
  no data themselves; nothing else may come from elsewhere.

What goes back may be read, framed or embedded by no other origin, and an artifact runs nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
App = Callable[..., Iterable[bytes]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERYWHERE = ("0.0.0.0", "::", "")  # addresses to listen on that are no names
READS = ("GET", "HEAD")
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml")
ALWAYS: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
]
# An artifact may come from anyone who was let near the run; as a page of its own, even an SVG could run scripts here.
OF_ARTIFACTS: Headers = [("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")]


def guarded(app: App, host: str, port: int) -> App:
    """The app, for whoever reaches it as `host` (the address it listens on) or from this machine."""

    def answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        said = refusal(environ, host, port)
        if said:
            start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8"), *ALWAYS])
            return [f"{said}\n".encode()]
        artifact = is_artifact(environ)

        def start(status: str, headers: Headers, *error: Any) -> Any:
            return start_response(status, safe(headers, artifact), *error)

        return app(environ, start)

    return answer


def refusal(environ: Environ, host: str, port: int) -> str:
    """Why a request is not answered; empty where it is."""
    named = str(environ.get("HTTP_HOST", "")).lower()
    if not is_ours(named, host, port):
        return f"the dashboard has no address {named!r}: open it under the address that it printed when it was started"
    origin = environ.get("HTTP_ORIGIN")
    if origin is not None and str(origin).lower() not in (f"http://{named}", f"https://{named}"):
        return f"a page of {origin} sent this request: the dashboard answers only its own pages"
    site = environ.get("HTTP_SEC_FETCH_SITE", "none")
    if site not in ("none", "same-origin") and not is_link(environ):
        return "a page of another origin sent this request: the dashboard answers only its own pages"
    return ""


def is_ours(named: str, host: str, port: int) -> bool:
    """Whether a Host header names this server: `host` is what it listens on."""
    name, at = split(named)
    if at != port:
        return False
    if name in LOOPBACK or name == bracketed(host.lower()):
        return True
    # On every address: of an address given in numbers nobody can make another, and this machine's own name is its own.
    return host in EVERYWHERE and (is_address(name) or name in (socket.gethostname().lower(), socket.getfqdn().lower()))


def split(named: str) -> tuple[str, int]:
    """Name and port of a Host header; port -1 where there is no such header."""
    name, colon, port = named.rpartition(":")
    if not colon or named.endswith("]"):  # an IPv6 address has colons of its own
        return named, 80
    return name, int(port) if port.isascii() and port.isdecimal() else -1


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def is_link(environ: Environ) -> bool:
    """A person goes to a page of the dashboard, in a tab of its own, from a page elsewhere."""
    path = environ.get("PATH_INFO", "")
    return (
        environ.get("REQUEST_METHOD") in READS
        and environ.get("HTTP_SEC_FETCH_MODE") == "navigate"
        and environ.get("HTTP_SEC_FETCH_DEST") == "document"
        and (path == "/" or path == "/dashboard" or path.startswith("/dashboard/"))
    )


def is_artifact(environ: Environ) -> bool:
    return str(environ.get("PATH_INFO", "")).lstrip("/").startswith("artifacts/")


def safe(headers: Headers, artifact: bool) -> Headers:
    """What the app answered, without leave for other origins; an artifact that is no picture is a download."""
    ours = [*ALWAYS, *(OF_ARTIFACTS if artifact else [])]
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    if artifact and kind.partition(";")[0].strip().lower() not in PICTURES:
        ours.append(("Content-Disposition", "attachment"))
    replaced = {name.lower() for name, _ in ours}
    kept = [
        (name, value)
        for name, value in headers
        if name.lower() not in replaced and not name.lower().startswith("access-control-")
    ]
    return kept + ours
