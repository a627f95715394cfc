"""Who may talk to the dashboard: by table, and with another origin's page in a real Chromium."""

import contextlib
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.watch.same_origin import guarded, is_ours, refusal, safe

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PORT = 8080
HEADERS = [("Content-Type", "application/json"), ("Access-Control-Allow-Origin", "*"), ("X-Frame-Options", "ALLOWALL")]


def asked(app: Any, **environ: str) -> tuple[str, dict[str, str], bytes]:
    answered: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> None:
        answered.extend((status, headers))

    body = b"".join(app({"REQUEST_METHOD": "GET", "PATH_INFO": "/", **environ}, start))
    status, headers = answered
    assert len({name.lower() for name, _ in headers}) == len(headers)
    return status, dict(headers), body


def app(environ: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", list(HEADERS))
    return [b"secret"]


@pytest.mark.parametrize(
    ("listens", "host", "answered"),
    [
        ("127.0.0.1", "127.0.0.1:8080", True),
        ("127.0.0.1", "localhost:8080", True),
        ("localhost", "LOCALHOST:8080", True),
        ("127.0.0.1", "[::1]:8080", True),
        ("127.0.0.1", "evil.example:8080", False),  # DNS rebinding
        ("127.0.0.1", "localhost.evil.example:8080", False),
        ("127.0.0.1", "127.0.0.1.evil.example:8080", False),
        ("127.0.0.1", "evil.example:8080@127.0.0.1:8080", False),
        ("127.0.0.1", "127.0.0.1:8081", False),
        ("127.0.0.1", "127.0.0.1", False),  # port 80
        ("127.0.0.1", "127.0.0.1:", False),
        ("127.0.0.1", "127.0.0.1:８０８０", False),
        ("127.0.0.1", "127.0.0.1:8080,127.0.0.1:8080", False),
        ("127.0.0.1", "192.168.0.5:8080", False),
        ("127.0.0.1", "", False),
        ("192.168.0.5", "192.168.0.5:8080", True),
        ("192.168.0.5", "192.168.0.6:8080", False),
        ("hand.local", "Hand.local:8080", True),
        ("hand.local", "other.local:8080", False),
        ("0.0.0.0", "192.168.0.5:8080", True),  # of an address in numbers nobody makes another
        ("0.0.0.0", "[fe80::1]:8080", True),
        ("::", "192.168.0.5:8080", True),
        ("0.0.0.0", "evil.example:8080", False),
        ("0.0.0.0", ":8080", False),
    ],
)
def test_the_host_is_the_one_that_was_asked_for(listens: str, host: str, answered: bool) -> None:
    status, _, body = asked(guarded(app, listens, PORT), HTTP_HOST=host)

    assert status == ("200 OK" if answered else "403 Forbidden")
    assert (body == b"secret") is answered
    if not answered:
        assert b"the address that it printed" in body


def test_port_80_is_left_out_of_a_host() -> None:
    assert is_ours("localhost", "127.0.0.1", 80)
    assert is_ours("[::1]", "127.0.0.1", 80)
    assert not is_ours("evil.example", "127.0.0.1", 80)


ORIGINS = {
    "none": ({}, True),
    "own": ({"HTTP_ORIGIN": "http://127.0.0.1:8080"}, True),
    "behind a proxy with TLS": ({"HTTP_ORIGIN": "https://127.0.0.1:8080"}, True),
    "another name of this machine": ({"HTTP_ORIGIN": "http://localhost:8080"}, False),
    "another port": ({"HTTP_ORIGIN": "http://127.0.0.1:8081"}, False),
    "another site": ({"HTTP_ORIGIN": "http://evil.example"}, False),
    "begins like ours": ({"HTTP_ORIGIN": "http://127.0.0.1:8080.evil.example"}, False),
    "a file or a sandbox": ({"HTTP_ORIGIN": "null"}, False),
    "empty": ({"HTTP_ORIGIN": ""}, False),
    "typed": ({"HTTP_SEC_FETCH_SITE": "none"}, True),
    "from its own page": ({"HTTP_SEC_FETCH_SITE": "same-origin"}, True),
    "an image on another port's page": ({"HTTP_SEC_FETCH_SITE": "same-site", "HTTP_SEC_FETCH_DEST": "image"}, False),
    "a script on another site": ({"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_DEST": "script"}, False),
    "a frame on another site": (
        {"HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "iframe"},
        False,
    ),
    "what nobody knows": ({"HTTP_SEC_FETCH_SITE": "elsewhere"}, False),
}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("origin", ORIGINS)
def test_requests_of_other_origins_are_refused_whatever_they_ask(origin: str, method: str) -> None:
    headers, answered = ORIGINS[origin]
    for path in ("/", "/api/studies/1", "/artifacts/1/2/3", "/dashboard"):
        environ = {"HTTP_HOST": "127.0.0.1:8080", "REQUEST_METHOD": method, "PATH_INFO": path, **headers}
        status, _, body = asked(guarded(app, "127.0.0.1", PORT), **environ)
        assert status == ("200 OK" if answered else "403 Forbidden")
        assert (body == b"secret") is answered


@pytest.mark.parametrize(
    ("path", "method", "dest", "answered"),
    [
        ("/", "GET", "document", True),
        ("/dashboard", "GET", "document", True),
        ("/dashboard/studies/1", "GET", "document", True),
        ("/dashboards", "GET", "document", False),
        ("/dashboard", "POST", "document", False),
        ("/dashboard", "GET", "iframe", False),
        ("/dashboard", "GET", "embed", False),
        ("/artifacts/1/2/3", "GET", "document", False),
        ("/csv/1", "GET", "document", False),
    ],
)
def test_a_link_elsewhere_opens_pages_and_nothing_else(path: str, method: str, dest: str, answered: bool) -> None:
    environ = {
        "HTTP_HOST": "localhost:8080",
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "HTTP_SEC_FETCH_SITE": "cross-site",
        "HTTP_SEC_FETCH_MODE": "navigate",
        "HTTP_SEC_FETCH_DEST": dest,
    }
    assert (not refusal(environ, "127.0.0.1", PORT)) is answered


@pytest.mark.parametrize("path", ["/api/studies", "/artifacts/1/2/a", "//artifacts/1/a"])
@pytest.mark.parametrize(
    ("kind", "picture"),
    [("image/png", True), ("image/svg+xml; charset=utf-8", True), ("IMAGE/PNG", True)]
    + [(kind, False) for kind in ("text/html", "application/pdf", "image/svg", "application/xhtml+xml", "")],
)
def test_an_artifact_that_is_no_picture_is_a_download_and_none_runs_scripts(
    path: str, kind: str, picture: bool
) -> None:
    def of_kind(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", kind)] if kind else [])
        return [b""]

    status, headers, _ = asked(guarded(of_kind, "127.0.0.1", PORT), HTTP_HOST="127.0.0.1:8080", PATH_INFO=path)
    artifact = "artifacts" in path

    assert status == "200 OK"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert (headers.get("Content-Disposition") == "attachment") is (artifact and not picture)
    assert headers.get("Content-Security-Policy", "").startswith("sandbox") is artifact


names = st.sampled_from(
    ["Access-Control-Allow-Origin", "access-control-expose-headers", "Content-Type", "X-Frame-Options", "Etag"]
)


@settings(deadline=None)
@given(
    st.lists(st.tuples(names, st.sampled_from(["*", "text/html", "1"])), unique_by=lambda one: one[0].lower()),
    st.booleans(),
)
def test_no_leave_for_other_origins_is_passed_on_and_nothing_else_is_lost(
    headers: list[tuple[str, str]], artifact: bool
) -> None:
    passed = dict(safe(headers, artifact))

    assert not [name for name in passed if name.lower().startswith("access-control-")]
    assert passed["X-Frame-Options"] == "DENY"
    assert passed["Cross-Origin-Resource-Policy"] == "same-origin"
    assert {name: value for name, value in headers if name in ("Content-Type", "Etag")}.items() <= passed.items()


class Elsewhere(BaseHTTPRequestHandler):
    """A page of another origin."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title>")

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join(30)


ATTACK = """
async ([base, picture, study]) => {
  const found = {};
  const attempt = async (name, ask) => { try { found[name] = await ask(); } catch (error) { found[name] = 'failed'; } };
  await attempt('fetch', async () => (await (await fetch(base + picture)).blob()).size);
  await attempt('opaque', async () => (await fetch(base + picture, {mode: 'no-cors'})).type);
  await attempt('image', () => new Promise((resolve, reject) => {
    const image = new Image();
    image.crossOrigin = 'anonymous';
    image.onerror = reject;
    image.onload = () => {
      const canvas = document.createElement('canvas');
      canvas.getContext('2d').drawImage(image, 0, 0);
      resolve(canvas.toDataURL().length);
    };
    image.src = base + picture;
  }));
  await attempt('shown', () => new Promise((resolve, reject) => {
    const image = new Image();
    image.onerror = reject;
    image.onload = () => resolve(image.naturalWidth);
    image.src = base + picture;
  }));
  await attempt('delete', async () => (await fetch(base + study, {method: 'DELETE'})).status);
  await attempt('post', async () => (await fetch(base + '/api/studies', {
    method: 'POST', mode: 'no-cors', body: JSON.stringify({study_name: 'intruder', directions: ['minimize']}),
  })).type);
  const frame = document.createElement('iframe');
  frame.name = 'there';
  const form = document.createElement('form');
  Object.assign(form, {method: 'POST', action: base + '/api/studies', enctype: 'text/plain', target: 'there'});
  const field = document.createElement('input');
  Object.assign(field, {name: '{"study_name": "intruder", "directions": ["minimize"], "x": "', value: '"}'});
  form.append(field);
  document.body.append(frame, form);
  await new Promise(resolve => { frame.onload = resolve; form.submit(); });
  return found;
}
"""


@pytest.mark.slow
def test_another_origins_page_reads_and_changes_nothing_and_the_own_page_works(
    browser: "Browser", tmp_path: Path
) -> None:
    from search.storage.opening import open_storage
    from search.storage.sqlite import sqlite_url
    from search.watch.dashboard import leave
    from search.watch.serving import listen
    from studies.study import Trial

    storage = open_storage(sqlite_url(tmp_path / "studies.db"))
    study = optuna.create_study(storage=storage, study_name="a study")
    trial = study.ask()
    svg = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><script>document.title = "ran"</script></svg>'
    )
    ids = leave(trial, tmp_path, Trial(0, {}, "complete", folder="1"), {"drawing.svg": svg})
    trial.report(1.0, 1)
    study.tell(trial, 1.0)
    picture = f"/artifacts/{study._study_id}/{trial._trial_id}/{ids['drawing.svg']}"
    study_path = f"/api/studies/{study._study_id}"

    def studies() -> list[str]:
        return [one.study_name for one in storage.get_all_studies()]

    with (
        serving(ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)) as elsewhere,
        serving(listen(storage, tmp_path, "127.0.0.1", 0)) as port,
    ):
        base = f"http://127.0.0.1:{port}"
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{elsewhere}/")
        found = page.evaluate(ATTACK, [base, picture, study_path])
        assert found == dict.fromkeys(("fetch", "opaque", "image", "shown", "delete", "post"), "failed")
        assert studies() == ["a study"]
        page.goto(f"http://localhost:{elsewhere}/")
        assert set(page.evaluate(ATTACK, [base, picture, study_path]).values()) <= {"failed", "opaque"}
        assert studies() == ["a study"]

        page.goto(base + picture)  # as a page of its own the drawing runs nothing
        assert page.title() != "ran"

        # A link elsewhere opens the dashboard, and its own page works: it reads, shows the picture, and deletes.
        page.goto(f"http://localhost:{elsewhere}/")
        page.evaluate("base => { location = base + '/dashboard' }", base)
        page.get_by_text("a study").wait_for(timeout=30_000)
        own = page.evaluate(ATTACK, [base, picture, study_path])
        assert own["fetch"] == len(svg)
        assert own["shown"] == 64
        assert own["delete"] in (200, 204)
        assert "a study" not in studies()

        # DNS rebinding: the browser believes to talk to another name.
        asking = urllib.request.Request(base + "/api/studies", headers={"Host": f"evil.example:{port}"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(asking, timeout=30)
        with urllib.request.urlopen(base + "/api/studies", timeout=30) as answer:
            assert "study_summaries" in json.load(answer)
            assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
        page.close()


def test_an_artifact_whose_file_is_gone_is_not_found(tmp_path: Path) -> None:
    from search.storage.opening import open_storage
    from search.storage.sqlite import sqlite_url
    from search.watch.dashboard import leave
    from search.watch.serving import listen
    from studies.study import Trial

    storage = open_storage(sqlite_url(tmp_path / "studies.db"))
    study = optuna.create_study(storage=storage, study_name="a study")
    trial = study.ask()
    drawn = leave(trial, tmp_path, Trial(0, {}, "complete", folder="1"), {"a.svg": b"<svg/>", "b.svg": b"<svg/>"})
    (tmp_path / "artifacts" / drawn["b.svg"]).unlink()

    def status(artifact: str, port: int) -> int:
        try:
            path = f"/artifacts/{study._study_id}/{trial._trial_id}/{artifact}"
            return int(urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").status)
        except urllib.error.HTTPError as error:
            return error.code

    with serving(listen(storage, tmp_path, "127.0.0.1", 0)) as port:
        assert [status(artifact, port) for artifact in (drawn["a.svg"], drawn["b.svg"], "0")] == [200, 404, 404]
