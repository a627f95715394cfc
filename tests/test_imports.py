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
USES_TENSORFLOW = {  # from models/backend.py, which imports it
    "models/training/adam.py",
    "models/training/alike.py",
    "models/training/augmentation.py",
    "models/training/batch_norm.py",
    "models/network.py",
    "models/pretrained/start.py",
    "models/training/fit.py",
    "models/training/feed.py",
    "models/saved.py",
    "models/hypermodel.py",
    "models/cam.py",
    "models/training/precision.py",
    "models/export.py",
    "search/workers/quiet.py",
    "search/workers/worker.py",
    "search/machine/devices.py",
    "search/machine/predicted.py",  # in a process of its own
    "search/machine/on_a_gpu.py",  # in a process of its own
    "search/workers/step_time.py",  # in a process of its own
    "search/compare/rivals/keras_tuner.py",  # KerasTuner's oracles, which touch no device
}
USES_OPTUNA = {
    "search/compare/run.py",
    "search/watch/dashboard.py",
    "search/leader/engine.py",
    "search/storage/keys.py",
    "search/storage/records.py",
    "search/report/plotted.py",
    "search/report/read.py",
    "search/compare/rivals/sampled.py",
    "search/compare/staged.py",
    "search/leader/sampler.py",
    "search/watch/serving.py",
    "search/storage/fence.py",
    "search/storage/patience.py",
    "search/storage/opening.py",
    "search/storage/copy.py",
    "search/storage/checked/tables.py",
    "search/leader/timings.py",
    "search/leader/budget_kept.py",
    "search/leader/guards.py",
    "search/leader/leader.py",
    "search/leader/opened.py",
    "search/leader/schedule.py",
    "search/watch/watch.py",
}
GROUND = {
    "data.ranges",
    "data.shown",
    "data.written",
    "data.counted",
}  # every package may import them, and they import no others of ours
SOURCES = sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))

# The packages of search/ from the ground up: each imports from those before it. Those that share a line do not know each other.
ORDER = (
    ("output",),
    ("lease", "lock_holder"),
    ("storage",),
    ("run",),
    ("prepared", "planning"),
    ("workers",),
    ("leader", "machine"),
    ("show",),
    ("audit",),
    ("trained", "compare"),
    ("apply",),
    ("evaluate",),
    ("report",),
    ("watch",),
    ("commands",),
    ("cli",),
)
FLOOR = {name: floor for floor, names in enumerate(ORDER) for name in names}
STRANGERS = ({"trained", "compare"}, {"apply", "compare"})
MOST_FLOORS, MOST_FILES, MOST_LINES = 12, 12, 350
STARTS_PROCESSES = {"multiprocessing", "subprocess", "ray"}
OPTUNA_PRIVATE = {"_storage", "_study_id", "_trial_id", "_backend", "_engine", "_cached_trials", "scoped_session"}


def name_of(path: Path) -> str:
    """search/cli.py, whatever depth it has below its package."""
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> set[str]:
    """Top-level names of everything the file imports, anywhere in it."""
    return {module.split(".")[0] for module in modules(path)}


def modules(path: Path) -> list[str]:
    """Every module that the file imports, anywhere in it, in the order of its lines."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module))
    return [module for _, module in sorted(found, key=lambda one: one[0])]


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
    ours = {module.split(".")[0] for module in set(modules(path)) - GROUND} & set(ALLOWED)
    below = ALLOWED[name_of(path).partition("/")[0]]

    assert ours <= below, f"{name_of(path)} may import from {', '.join(sorted(below))} alone"


@pytest.mark.parametrize("module", sorted(GROUND))
def test_what_every_package_may_import_imports_nothing_of_ours(module: str) -> None:
    found = set(modules(ROOT / f"{module.replace('.', '/')}.py")) - GROUND

    assert not {name.split(".")[0] for name in found} & set(ALLOWED)


@pytest.mark.parametrize(
    ("names", "users"),
    [
        ({"tensorflow", "keras"}, {"models/backend.py"}),
        ({"keras_tuner"}, {"models/hypermodel.py", "search/compare/rivals/keras_tuner.py"}),
        ({"optuna", "optuna_dashboard", "sqlalchemy"}, USES_OPTUNA),
        ({"ray"}, {"search/workers/ray_cluster.py"}),
        ({"pynvml"}, {"models/training/energy.py"}),
        ({"torch"}, {"search/compare/rivals/sampled.py"}),
        ({"tensorboard"}, {"search/watch/tensorboard.py"}),
        ({"ai_edge_litert", "onnxruntime", "tf2onnx"}, {"models/export.py"}),
    ],
)
def test_only_the_named_files_import(names: set[str], users: set[str]) -> None:
    found = {name_of(path) for path in SOURCES if imported(path) & names}

    assert found == users, f"{', '.join(sorted(names))}: ask one of the files that import it, or name the new one here"


def test_only_the_named_files_use_tensorflow() -> None:
    found = {name_of(path) for path in SOURCES if "models.backend" in modules(path)}

    assert found == USES_TENSORFLOW, (
        "a leader must not import TensorFlow: what runs in workers alone is in USES_TENSORFLOW"
    )


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=name_of)
def test_whatever_imports_keras_imports_our_settings_first(path: Path) -> None:
    """`tensorflow`, `keras_tuner` and `tf2onnx` import Keras, whose settings are taken from the user's shell and home then."""
    found = modules(path)
    theirs = [
        n for n, module in enumerate(found) if module.split(".")[0] in {"tensorflow", "keras", "keras_tuner", "tf2onnx"}
    ]

    if theirs and path.name != "backend.py":
        assert "models.backend" in found[: theirs[0]]


def test_every_dependency_names_a_file_that_exists() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    dependencies = [line for line in lines if line.startswith('    "') and ("==" in line or ">=" in line)]

    for line in dependencies:
        _, _, reason = line.partition("# ")
        files = [word.rstrip(",:") for word in reason.split() if word.rstrip(",:").endswith(".py")]
        assert all((ROOT / file).exists() for file in files), line


@pytest.mark.parametrize("path", sorted((ROOT / "tests").glob("*.py")), ids=lambda path: path.name)
def test_no_test_file_is_imported_from_another(path: Path) -> None:
    """What several need is a fixture in conftest.py, or in a file of its own that says what it is for."""
    assert not [name for name in imported(path) if name.startswith("test_")]


def name_of_module(path: Path) -> str:
    return name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


MODULES = {name_of_module(path): path for path in SOURCES}


def imports_of(module: str) -> set[str]:
    """The modules of ours that a module imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return (found & MODULES.keys()) - {module}


IMPORTS = {module: imports_of(module) for module in MODULES}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Some circle of a graph; empty where it has none."""
    done: set[str] = set()

    def walked(node: str, path: list[str]) -> list[str]:
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        for following in sorted(graph[node]):
            if found := walked(following, [*path, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walked(node, []))), [])


def house(top: str) -> dict[str, set[str]]:
    """Who imports whom in one of the top-level packages, the others left out. In search/ and data/ a sub-package is one node,
    whatever it holds, and so is every file beside them. In models/ and studies/, which are small, every file is a node."""
    graph: dict[str, set[str]] = {}
    for module, imported_modules in IMPORTS.items():
        if module.startswith(f"{top}."):
            node = room(module)
            theirs = {room(other) for other in imported_modules if other.startswith(f"{top}.")}
            graph.setdefault(node, set()).update(theirs - {node})
    return graph


def room(module: str) -> str:
    return ".".join(module.split(".")[:2]) if module.startswith(("search.", "data.")) else module


def floors(graph: dict[str, set[str]]) -> list[str]:
    """The longest way down, every step an import."""
    longest: dict[str, list[str]] = {}

    def down(node: str) -> list[str]:
        if node not in longest:
            longest[node] = [node, *max((down(following) for following in graph[node]), key=len, default=[])]
        return longest[node]

    return max(map(down, graph), key=len)


def test_no_import_runs_in_a_circle() -> None:
    assert not circle(IMPORTS)


def test_a_circle_is_found_where_there_is_one() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_every_package_of_search_has_its_place_in_the_order() -> None:
    there = {node.split(".")[1] for node in house("search")}

    assert there == set(FLOOR), "name a new package in ORDER above, and in the table of ARCHITECTURE.md"


@pytest.mark.parametrize("module", sorted(module for module in MODULES if module.startswith("search.")))
def test_packages_of_search_import_from_those_below_alone(module: str) -> None:
    own = module.split(".")[1]
    theirs = {other.split(".")[1] for other in IMPORTS[module] if other.startswith("search.")} - {own}

    above = {name for name in theirs if FLOOR[name] >= FLOOR[own]}
    assert not above, f"search/{own} stands below or beside these: import the other way round (ORDER), or move the code"
    assert not {name for name in theirs if {own, name} in STRANGERS}, "these do not know each other (STRANGERS)"


@pytest.mark.parametrize("top", sorted(ALLOWED))
def test_the_house_has_few_floors(top: str) -> None:
    graph = house(top)

    assert not circle(graph)
    assert len(floors(graph)) <= MOST_FLOORS, " > ".join(floors(graph))


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=name_of)
def test_no_folder_holds_many_files(folder: Path) -> None:
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]

    assert len(files) <= MOST_FILES, (
        f"{name_of(folder)}/ holds {len(files)} files: put some that belong together into a folder of their own"
    )


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_file_is_long(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())

    assert lines <= MOST_LINES, f"{name_of(path)} has {lines} lines: move one of its jobs into a file of its own"


def test_only_workers_start_processes() -> None:
    found = {name_of(path) for path in SOURCES if imported(path) & STARTS_PROCESSES}

    assert all(name.startswith("search/workers/") for name in found), found


def test_only_storage_touches_what_optuna_keeps_to_itself() -> None:
    found = {
        name_of(path)
        for path in SOURCES
        if name_of(path) in USES_OPTUNA and not name_of(path).startswith("search/storage/")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in OPTUNA_PRIVATE
    }

    assert found == set()
