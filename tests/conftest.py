"""What all tests share."""

import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import hypothesis
import pytest
import yaml
from filelock import FileLock

from steps.__main__ import COLLECT, QUIET
from telemetry.store import Store
from tests.postgresql import Cluster, running

Once = Callable[[str, Callable[[Path], None]], Path]
# Fixtures that start a database; tests that need one are slow.
SERVERS = {"postgresql", "own_postgresql"}
# The longest first, so that parallel workers finish together.
FOLDERS = ("e2e", "browser", "integration", "training", "unit")
# The first file makes the run of the pipeline. A second worker takes every other one of these: long files that do not
# wait for that run.
STARTED_FIRST = ("e2e/test_pipeline.py", "browser/test_page.py", "e2e/test_errors.py", "integration/test_ui_pages.py")

gc.set_threshold(*COLLECT)
# Hydra parses all files that it needs at each composition; libyaml does that several times faster than Python.
yaml.SafeLoader = yaml.CSafeLoader
# No test is one for speed, and other tests run at the same time.
hypothesis.settings.register_profile("parallel", deadline=None)
hypothesis.settings.load_profile("parallel")
# Workers share the cores; libraries that each use all of them hold each other up.
THREADS = str(max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
for name in (
    "LOKY_MAX_CPU_COUNT",  # processes of `n_jobs=-1`
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
):
    os.environ.setdefault(name, THREADS)
# Before any test imports what reads these. What the caller has set for runs of his own is not for tests.
OF_THE_CALLER = ("APPLICATIONINSIGHTS_", "MLFLOW_", "SERVICE_", "TELEMETRY_", "UI_")
for name in [name for name in os.environ if name.startswith(OF_THE_CALLER)]:
    del os.environ[name]
for name, value in QUIET.items():
    os.environ.setdefault(name, value)
# BentoML reads it once. Workers inherit the folder, which is gone when the tests are over.
if "PYTEST_XDIST_WORKER" not in os.environ:
    BENTOS = tempfile.TemporaryDirectory(prefix="bentoml-")
    os.environ["BENTOML_HOME"] = BENTOS.name


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start with the run of the pipeline that other tests wait for, and beside it with tests that do not need it."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    tests = Path(__file__).parent
    first = {tests / name: position for position, name in enumerate(STARTED_FIRST)}
    folders = {name: position for position, name in enumerate(FOLDERS)}
    items.sort(
        key=lambda item: (
            first.get(item.path, len(first)),
            folders.get(item.path.relative_to(tests).parts[0], len(folders)),
        )
    )


@pytest.fixture(scope="module", autouse=True)
def _frozen() -> None:
    """Exempt what is imported by now from garbage collection, which Streamlit runs after each rerun of the page."""
    gc.freeze()


@pytest.fixture(scope="session")
def own_path() -> list[str]:
    """Return Python's path before any test."""
    return list(sys.path)


@pytest.fixture(autouse=True)
def _own_code(own_path: list[str]) -> Iterator[None]:
    """Undo what loaded models and Streamlit's test of a page leave: MLflow puts a model's code on Python's path, and
    the page's script becomes the main module, which a process started by `multiprocessing` would run.
    """
    main = sys.modules["__main__"]
    yield
    sys.path[:] = own_path
    sys.modules["__main__"] = main


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Return a function that makes a folder once for all workers: the others wait until it is there.

    Source: https://pytest-xdist.readthedocs.io/en/stable/how-to.html#making-session-scoped-fixtures-execute-only-once
    """
    base = tmp_path_factory.getbasetemp()
    root = base if worker_id == "master" else base.parent

    def make_once(name: str, make: Callable[[Path], None]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with FileLock(root / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return make_once


@pytest.fixture(scope="session")
def new_store(once: Once) -> Callable[[Path], str]:
    """Return a function that puts an empty store into a folder, and returns its URI."""
    from mlflow.tracking import MlflowClient

    from pipeline import store

    def make(folder: Path) -> None:
        MlflowClient(store.sqlite_uri(folder / "mlflow.db")).search_experiments()

    empty = once("empty store", make) / "mlflow.db"

    def copy(folder: Path) -> str:
        file = Path(shutil.copy(empty, folder))
        with store.closing_connection(file) as connection:
            connection.execute("UPDATE experiments SET artifact_location = ?", (str(folder / "mlruns" / "0"),))
        return store.sqlite_uri(file)

    return copy


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """Run PostgreSQL."""
    with running() as cluster:
        yield cluster


@pytest.fixture
def own_postgresql() -> Iterator[Cluster]:
    """Run PostgreSQL for a test that stops it."""
    with running() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def empty_events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an empty store of events in SQLite, to be copied, because SQLite takes longer to create one."""
    file = tmp_path_factory.mktemp("empty") / "events.db"
    with closing(Store(f"sqlite:///{file}")) as store:
        store.create()
    return file


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def events_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Create an empty store of events, in SQLite and in PostgreSQL; return its URL."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copy(request.getfixturevalue('empty_events'), tmp_path)}"
    cluster: Cluster = request.getfixturevalue("postgresql")
    cluster.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with closing(Store(cluster.url())) as store:
        store.create()
    return cluster.url()


@pytest.fixture
def open_store(events_url: str) -> Iterator[Callable[..., Store]]:
    """Return a function that opens the store of events once more, with a clock if need be."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(closing(Store(events_url, **options)))


@pytest.fixture
def event_store(open_store: Callable[..., Store]) -> Store:
    """Open the store of events."""
    return open_store()
