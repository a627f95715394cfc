"""The direction of imports, and who may import what; read from the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "models": {"models"},
    "data": {"data"},
    "studies": {"studies", "models", "data"},
    "search": {"search", "studies", "models", "data"},
}
USES_TENSORFLOW = {
    "models/adam.py",
    "models/batch_norm.py",
    "models/network.py",
    "models/fit.py",
    "models/feed.py",
    "models/saved.py",
    "models/hypermodel.py",
    "models/cam.py",
    "models/precision.py",
    "models/export.py",
    "search/quiet.py",
    "search/trial.py",
    "search/rivals_keras_tuner.py",  # KerasTuner's oracles, which touch no device
}
USES_OPTUNA = {
    "search/comparing.py",
    "search/dashboard.py",
    "search/engine.py",
    "search/records.py",
    "search/report.py",
    "search/rivals.py",
    "search/staged.py",
    "search/sampler.py",
    "search/serving.py",
    "search/patience.py",
    "search/storage.py",
    "search/storage_copy.py",
    "search/database.py",
    "search/timings.py",
    "search/waiting.py",
    "search/watch.py",
}
SOURCES = sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    """search/cli.py, whatever depth it has below its package."""
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Top-level names of everything the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_imports_are_ours_by_their_full_names() -> None:
    """A relative import would escape the rules below, which read names."""
    relative = [
        name_of(path)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert not relative


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_go_from_search_to_studies_to_models_and_data(path: Path) -> None:
    ours = imported(path) & set(ALLOWED)

    assert ours <= ALLOWED[name_of(path).partition("/")[0]]


@pytest.mark.parametrize(
    ("names", "users"),
    [
        ({"tensorflow", "keras", "keras_tuner"}, USES_TENSORFLOW),
        ({"optuna", "optuna_dashboard", "sqlalchemy"}, USES_OPTUNA),
        ({"ray"}, {"search/ray_executor.py"}),
        ({"pynvml"}, {"search/energy.py"}),
        ({"tensorboard"}, {"search/events.py"}),
        ({"ai_edge_litert", "onnxruntime", "tf2onnx"}, {"models/export.py"}),
    ],
)
def test_only_the_named_files_import(names: set[str], users: set[str]) -> None:
    found = {name_of(path) for path in SOURCES if imported(path) & names}

    assert found == users


def test_every_dependency_names_a_file_that_exists() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    dependencies = [line for line in lines if line.startswith('    "') and ("==" in line or ">=" in line)]

    for line in dependencies:
        _, _, reason = line.partition("# ")
        files = [word.rstrip(",:") for word in reason.split() if word.rstrip(",:").endswith(".py")]
        assert all((ROOT / file).exists() for file in files), line
