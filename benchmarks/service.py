"""Compare the service with the same service on a constant model, MLflow's model server, and `keras predict` in FastAPI.

    python -m benchmarks.service [--seconds N] [--rounds N] [--families baseline keras bert] [--overrides OVERRIDE ...]
        [--document "service keras"]
    python -m benchmarks.service --models runs:/RUN/model ... [--document "service models"]

With `--models`, compares models of the current MLflow store, each in the service. Otherwise, runs the pipeline once,
and for the best model of each family, compares
- the Bento built by `package`, in an environment with its requirements only;
- the same Bento with a challenger (`SERVICE_SHADOW`), which is the same model;
- the same Bento with a model that returns a constant;
- `mlflow models serve` of the same model;
- for the Keras network, `benchmarks/keras_service.py`, a service as in many public projects.
Needs wrk (a Debian package of that name).

Fairness: Each server has one worker and gets the same tweets from wrk on the same machine. In each round, every server
is started, load-tested and stopped in turn; each figure is a median over the rounds. The service runs with all its
features, including rate limits, metrics, the log of requests, languages, events, alerts and retention.
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import mlflow
from rich.progress import track

from benchmarks import bentos, corpus, documented, store
from benchmarks.servers import Running, Server
from benchmarks.store import PROJECT, Store
from pipeline import artifacts, candidates

SERVICE, CHALLENGED, NOTHING = "the service", "with a challenger", "a constant model"
MLFLOW, KERAS = "mlflow models serve", "keras predict"
OVERRIDES = ["data.sample_size=3000", "plan=quick", "select.floor.roc_auc=null", "export.max_auc_drop=0.02"]
CONNECTIONS = 32
TWEETS = 512
# Measurements by column name.
Figures = dict[str, float]
# Targets of the service: figure, reference server, and bound for the ratio of the service's figure to the reference's.
TARGETS = (
    ("p50 ms", NOTHING, "at most", 1.5),
    ("cold start s", NOTHING, "at most", 1.5),
    (f"tweets/s, {CONNECTIONS} connections", MLFLOW, "at least", 2.0),
    (f"tweets/s, {CONNECTIONS} connections", KERAS, "at least", 20.0),
)


def best(runs: Store, family: str) -> str:
    """Return the URI of the best model of a family."""
    best_run = max(runs.runs(f"train_{family}"), key=lambda run: run.data.metrics["val_roc_auc"])
    return f"runs:/{best_run.info.run_id}/{artifacts.MODEL}"


def serve(uri: str, folder: Path, name: str = SERVICE) -> Server:
    """Return the service of a model: the Bento that `package` builds, and its environment."""
    bento = bentos.make_bento(uri, folder)
    python = bentos.make_environment(bento, folder / "environment")
    return Server(
        name,
        [python, "-m", "service"],
        bento / "src",
        settings={
            "SERVICE_PORT": "{port}",
            "SERVICE_REQUESTS_PER_MINUTE": "100000000",
            "SERVICE_TWEETS_PER_MINUTE": "100000000",
            "TELEMETRY_DATABASE": f"sqlite:///{folder / 'events.db'}",
            "BENTOML_HOME": str(folder / "home"),
            "BENTOML_DO_NOT_TRACK": "true",
        },
    )


def servers(runs: Store, family: str, folder: Path) -> Iterator[Server]:
    """Yield the servers to compare for a model family."""
    uri = best(runs, family)
    service = serve(uri, folder)
    bento = service.folder.parent
    yield service
    challenger = {"SERVICE_SHADOW": str(bento / "src" / "model")}
    yield replace(service, name=CHALLENGED, settings={**service.settings, **challenger})
    yield replace(service, name=NOTHING, folder=bentos.with_constant_model(bento, folder / "empty") / "src")
    yield Server(
        MLFLOW,
        [Path(sys.executable).parent / "mlflow", "models", "serve", "-m", uri, "--env-manager=local", "-p", "{port}"],
        folder,
        path="/invocations",
        ready="/ping",
        question=lambda text: {"inputs": [text]},
        settings=runs.environment,
    )
    if family == "keras":
        run = mlflow.get_run(artifacts.run_id(uri))
        native = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/native", dst_path=str(folder))
        (network,) = Path(native).rglob("*.keras")
        classifier = bento / "src" / "model" / "classifier"
        command = [sys.executable, "-m", "benchmarks.keras_service", str(network), str(classifier), "{port}"]
        yield Server(KERAS, command, PROJECT)


def measure(running: Running, texts: Sequence[str], seconds: int) -> Figures:
    """Measure one server."""
    bodies = [running.server.question(text) for text in texts]
    running.ask(bodies, connections=CONNECTIONS, seconds=max(3, seconds // 4))  # warm up caches
    one = running.ask(bodies, connections=1, seconds=seconds)
    many = running.ask(bodies, connections=CONNECTIONS, seconds=seconds)
    figures = {
        "cold start s": running.cold_start,
        "p50 ms": one.p50,
        "p99 ms": one.p99,
        "tweets/s": one.rate,
        f"tweets/s, {CONNECTIONS} connections": many.rate,
    }
    if running.server.name not in (MLFLOW, KERAS):
        batch = [{"texts": (list(texts) * TWEETS)[:TWEETS]}]
        figures[f"tweets/s, {TWEETS} per request"] = running.ask(batch, connections=1, seconds=seconds).rate * TWEETS
    return figures | {"MB": running.megabytes}


@contextmanager
def tracked(runs: Store) -> Iterator[None]:
    """Set MLflow's tracking URI in this process to a store."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(runs.environment["MLFLOW_TRACKING_URI"])
    yield
    mlflow.set_tracking_uri(before)


def verdicts(medians: dict[str, Figures]) -> Iterator[str]:
    """Yield one line per target: the ratio, and whether the target was reached."""
    service = medians[SERVICE]
    for figure, other, bound, target in TARGETS:
        if other in medians:
            yield verdict(f"{figure}, relative to {other}", service[figure] / medians[other][figure], bound, target)
    ratio = medians[CHALLENGED]["p50 ms"] / service["p50 ms"]
    yield verdict("p50 ms with a challenger, relative to without", ratio, "at most", 1.05)
    yield verdict("p99 relative to p50", service["p99 ms"] / service["p50 ms"], "at most", 10)
    batched = service[f"tweets/s, {TWEETS} per request"]
    yield verdict(f"tweets/s, {TWEETS} per request relative to one", batched / service["tweets/s"], "at least", 5)
    yield verdict(f"MB more than {NOTHING}", service["MB"] - medians[NOTHING]["MB"], "at most", 250)


def verdict(quantity: str, value: float, bound: str, target: float) -> str:
    """Return a line on one target."""
    reached = value <= target if bound == "at most" else value >= target
    return f"{quantity}: {value:.2f} (target {bound} {target:g}: {'reached' if reached else 'MISSED'})"


def main() -> None:
    """Measure all families; print their tables and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=8, help="duration of each load test (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds (%(default)s)")
    parser.add_argument("--families", nargs="+", default=["baseline", "keras", "bert"], help="(%(default)s)")
    parser.add_argument("--overrides", nargs="+", default=OVERRIDES, help="overrides of the pipeline (%(default)s)")
    parser.add_argument(
        "--models", nargs="+", metavar="URI", help="models to compare in the service, without the others"
    )
    documented.add_option(parser, "service")
    options: Any = parser.parse_args()
    names = ["service models"] if options.models else [f"service {family}" for family in options.families]
    if options.document and [options.document.name] != names:
        parser.error(
            f"--document {options.document.name!r} does not fit: it would be that of {' and '.join(names)}. `service "
            "models` needs --models; another result needs --families with the one family that it names."
        )
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk, or brew install wrk.")

    texts = corpus.read(corpus.TWEETS)["text"].drop_duplicates().head(TWEETS).tolist()
    if options.models:
        models = {candidates.read(uri)["name"]: uri for uri in options.models}
        if len(models) < len(options.models):
            parser.error(f"--models: candidates need different names, these have only: {', '.join(models)}.")
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            compared = [serve(uri, Path(folder) / name.replace(" ", "_"), name) for name, uri in models.items()]
            medians = measure_all(compared, texts, options.rounds, options.seconds)
        documented.publish(f"{markdown(medians)}\n\nMedians of {options.rounds} rounds; {load()}", options.document)
        return
    with store.temporary() as runs, tracked(runs):
        runs.mlflow_run(PROJECT, options.overrides)
        for family in options.families:
            compared = list(servers(runs, family, runs.folder / family))
            medians = measure_all(compared, texts, options.rounds, options.seconds)
            targets = "\n".join(f"- {line}" for line in verdicts(medians))
            machine = f"Family `{family}`, medians of {options.rounds} rounds; {load()}"
            documented.publish(f"{markdown(medians)}\n\n{machine}\n\n{targets}", options.document)


def measure_all(compared: Sequence[Server], texts: Sequence[str], rounds: int, seconds: int) -> dict[str, Figures]:
    """Return the medians of servers that are started, measured and stopped in turn, some times."""
    measured: dict[str, list[Figures]] = {server.name: [] for server in compared}
    for _ in track(range(rounds), description="rounds", transient=True):
        for server in compared:
            with server.started() as running:
                measured[server.name].append(measure(running, texts, seconds))
    return {name: {key: median(f[key] for f in each) for key in each[0]} for name, each in measured.items()}


def markdown(medians: dict[str, Figures]) -> str:
    """Return a table in Markdown, with a row for each server."""
    columns = list(next(iter(medians.values())))
    rows = [
        [name, *(f"{figures[key]:,.1f}" if key in figures else "" for key in columns)]
        for name, figures in medians.items()
    ]
    return documented.table(["", *columns], rows)


def load() -> str:
    """Return what the machine was busy with, which slows every server."""
    return f"load {os.getloadavg()[0]:.1f} at the end."


if __name__ == "__main__":
    main()
