"""Requests to the dashboard that no browser sends: without a header, or with a body that is none. By the server as it runs."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from search.storage.opening import open_storage
from search.storage.sqlite import sqlite_url
from search.watch.serving import listen
from studies.preset import StudyError


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("run")
    storage = open_storage(sqlite_url(folder / "studies.db"))
    study = optuna.create_study(study_name="one", storage=storage)
    study.enqueue_trial({"x": 1})
    server = listen(storage, folder, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def sent(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """With these headers and no other; `_` in a name is a dash."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in ({"Content_Length": str(len(body))} | headers).items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_a_port_that_is_taken_and_an_address_of_no_machine_are_refused_with_what_to_give(
    port: int, tmp_path: Path
) -> None:
    storage = open_storage(sqlite_url(tmp_path / "studies.db"))
    with pytest.raises(StudyError, match=rf"^port {port} cannot be used .* with --port$"):
        listen(storage, tmp_path, "127.0.0.1", port)
    for host in ("192.0.2.7", "::1", "no such host", "x" * 70):
        with pytest.raises(StudyError, match=f"^{host} cannot be served on .* --host an IPv4 address of this machine"):
            listen(storage, tmp_path, host, 0)


@pytest.mark.parametrize("path", ["/favicon.ico", "/static/bundle.js", "/api/studies", "/dashboard"])
def test_a_request_that_says_nothing_of_encodings_is_answered(
    port: int, capfd: pytest.CaptureFixture[str], path: str
) -> None:
    status, body = sent(port, "GET", path)

    assert status == 200
    assert not body.startswith(b"\x1f\x8b"), "it is packed, and nobody said that it may be"
    assert "Traceback" not in capfd.readouterr().err
    assert sent(port, "GET", path, Accept_Encoding="gzip")[0] == 200


AS_JSON = {"Content_Type": "application/json; charset=utf-8"}
BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "empty": (b"", {}),
    "empty as JSON": (b"", AS_JSON),
    "nothing": (b"null", AS_JSON),
    "a list": (b"[1]", AS_JSON),
    "a number": (b"5", AS_JSON),
    "no JSON": (b"{", AS_JSON),
    "no text": (b"\xff\xfe\x00", AS_JSON),
    "very deep": (b"[" * 100_000, AS_JSON),
    "a form": (b"study_name=x", {"Content_Type": "application/x-www-form-urlencoded"}),
    "JSON as text": (b'{"study_name": "x", "directions": ["minimize"]}', {"Content_Type": "text/plain"}),
    "without a kind": (b"{}", {}),
    "an empty object": (b"{}", AS_JSON),
    "of no length": (b"", {"Content_Length": "many"}),
    "of a length below zero": (b"", {"Content_Length": "-5"}),
    "of a length beyond all": (b"", {"Content_Length": "9" * 5000}),
}
PATHS = [
    ("POST", "/api/studies"),
    ("POST", "/api/studies/1/rename"),
    ("PUT", "/api/studies/1/note"),
    ("POST", "/api/trials/1/tell"),
    ("POST", "/api/trials/1/user-attrs"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("what", BODIES)
def test_a_body_that_is_none_is_a_bad_request_and_no_traceback(
    port: int, capfd: pytest.CaptureFixture[str], method: str, path: str, what: str
) -> None:
    body, headers = BODIES[what]
    status, answer = sent(port, method, path, body, **headers)

    assert status == 400
    assert json.loads(answer)["reason"]
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert "Exception" not in said


def test_what_the_page_itself_sends_arrives(port: int) -> None:
    made = json.dumps({"study_name": "two", "directions": ["minimize"]}).encode()

    assert sent(port, "POST", "/api/studies", made, **AS_JSON)[0] == 201
    skipped = sent(port, "POST", "/api/studies/1/1/skip")  # by a button, without a body
    assert json.loads(skipped[1])["reason"] == "The study is not preferential.", "the app itself has answered"
    assert b'"two"' in sent(port, "GET", "/api/studies")[1]
