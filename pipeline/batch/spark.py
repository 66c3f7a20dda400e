"""The engine `spark`: MLflow's Spark UDF scores, on this machine or on a cluster.

This machine reads and writes the files, as with any other engine, so that the output and what happens after an
interruption are the same; Spark scores each chunk as a job with one task. PySpark and Java are not part of every
installation: `check` looks for both, and only functions import PySpark.
"""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import pyarrow as pa
from mlflow.utils.logging_utils import suppress_logs

from pipeline.batch.engine import ONE_THREAD, SECONDS_TO_END, Answers, ScoreError
from sentiment.inference.errors import SettingsError

if TYPE_CHECKING:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

# Spark 4 is compiled for it.
MIN_JAVA = 17
JAVA_VERSION = re.compile(r'version "(\d+)')
RESULT = "negative_probability double, sentiment string, uncertain boolean"
# The workers import the model's code, not that of the folder they run in.
WORKERS = {**ONE_THREAD, "PYTHONSAFEPATH": "1"}
SETTINGS = {
    "spark.app.name": "score",
    "spark.ui.showConsoleProgress": "false",
    # A chunk is one task and one batch, as with the engine `processes`: the last digits of answers depend on the batch.
    "spark.default.parallelism": "1",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(2**31 - 1),
    **{f"spark.executorEnv.{name}": value for name, value in WORKERS.items()},
}
# Nothing on this machine needs to be reached from another one.
LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.ui.enabled": "false",
}
# MLflow's warning that the workers have the environment of this process: so they have with every engine.
SAME_ENVIRONMENT = re.compile("does not recreate the same environment")


@dataclass(frozen=True, kw_only=True)
class Spark:
    """The engine.

    Attributes:
        master: the URL of the cluster; None is this machine.
    """

    master: str | None

    def check(self, processes: int | None) -> None:
        """Check that PySpark and Java are installed; see `Engine.check`."""
        if importlib.util.find_spec("pyspark") is None:
            raise SettingsError("engine=spark needs PySpark, which is not installed: make setup-spark.")
        require_java()
        if self.master is not None and processes is None:
            raise SettingsError(
                f"engine.master={self.master}: set score.processes to the number of chunks that the cluster scores at "
                "a time, which is at most the number of its cores."
            )

    @contextmanager
    def started(self, *, model: Path, processes: int, scratch: Path) -> Iterator["Jobs"]:
        """Start Spark, and end it afterwards; see `Engine.started`. The first chunks load the model."""
        local = {**LOCAL, "spark.local.dir": str(scratch)} if self.master is None else {}
        settings = {**SETTINGS, **local, "spark.master": self.master or f"local[{processes}]"}
        with connected(settings, scratch / "spark.log") as session:
            yield Jobs(session, model)


def require_java() -> None:
    """Check the version of the Java that Spark would start.

    Raises:
        SettingsError: there is none, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else "java"
    if shutil.which(java) is None:
        where = f"JAVA_HOME={home} has no bin/java" if home else "there is no `java`, and JAVA_HOME is not set"
        raise SettingsError(
            f"engine=spark needs Java {MIN_JAVA} or newer, but {where}. Install Java, or set JAVA_HOME."
        )
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    version = JAVA_VERSION.search(answer.stderr)
    if version is None or int(version[1]) < MIN_JAVA:
        lines = (answer.stderr or answer.stdout).splitlines() or [f"exit code {answer.returncode}"]
        raise SettingsError(
            f"engine=spark needs Java {MIN_JAVA} or newer, but `{java} -version` says: {lines[0]}. Set JAVA_HOME "
            "to a newer one."
        )


@contextmanager
def connected(settings: Mapping[str, str], log: Path) -> Iterator["SparkSession"]:
    """Start Java and Spark, and end both afterwards.

    Args:
        settings: those of Spark.
        log: the file for what Spark and its workers print.

    Raises:
        ScoreError: one of them cannot be started.
    """
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    conf, interrupt = SparkConf().setAll(list(settings.items())), signal.getsignal(signal.SIGINT)
    with ExitStack() as stack:
        gateway = launch(conf, log)
        stack.callback(end, gateway)
        with reported("Spark cannot be started"):
            context = SparkContext(conf=conf, gateway=gateway)
        stack.callback(stop, context)
        signal.signal(signal.SIGINT, interrupt)  # Spark has replaced the handler of `pipeline.door`
        if "PYSPARK_PYTHON" not in os.environ:
            context.pythonExec = sys.executable
        yield SparkSession(context)


def launch(conf: "SparkConf", log: Path) -> Any:
    """Start Java; return PySpark's gateway to it.

    Raises:
        ScoreError: Java ends at once.
    """
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    with log.open("wb") as file:
        try:
            return launch_gateway(conf, {"stdout": file, "stderr": file})
        except PySparkException as error:
            first, *_ = [*filter(str.strip, log.read_text(errors="replace").splitlines()), "no message"]
            raise ScoreError(f"Java cannot be started for Spark: {first}") from error


def stop(context: "SparkContext") -> None:
    """End the application of Spark."""
    with suppress(ConnectionError):  # Java has ended
        context.stop()
    context.stop()  # what remains in this process


def end(gateway: Any) -> None:
    """End Java, and make PySpark forget it: PySpark and MLflow would call it again."""
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    gateway.shutdown()
    gateway.proc.stdin.close()  # Java ends with this pipe, also if this process is killed
    with suppress(subprocess.TimeoutExpired):
        gateway.proc.wait(SECONDS_TO_END)
    gateway.proc.kill()
    gateway.proc.wait(SECONDS_TO_END)
    SparkContext._gateway = SparkContext._jvm = SparkSession._instantiatedSession = None


class Jobs:
    """Scores each list of texts as a job of Spark."""

    def __init__(self, session: "SparkSession", model: Path) -> None:
        """Prepare jobs with the model in a folder."""
        self.session = session
        with suppress_logs("mlflow.pyfunc", SAME_ENVIRONMENT):
            self.udf = mlflow.pyfunc.spark_udf(session, str(model), result_type=RESULT, env_manager="local")

    def score(self, texts: Sequence[str]) -> Answers:
        """Score texts; see `Scorer.score`."""
        with reported("A chunk could not be scored on Spark"):
            table = self.session.createDataFrame(pa.table({"text": list(texts)}))
            rows = table.select(self.udf("text").alias("answer")).toArrow()["answer"].to_pylist()
        columns = ([row[name] for row in rows] for name in Answers._fields)
        return Answers(*columns).checked(len(texts))

    def kill(self) -> None:
        """End the waiting for answers; `connected` ends the processes."""
        from py4j.protocol import Py4JError

        with suppress(ConnectionError, Py4JError):  # Java has ended, and the waiting, too
            self.session.sparkContext.cancelAllJobs()


@contextmanager
def reported(what: str) -> Iterator[None]:
    """Turn errors of Spark into one line: the last one of a message that is not part of a traceback.

    Raises:
        ScoreError: Spark failed.
    """
    from py4j.protocol import Py4JError, Py4JNetworkError
    from pyspark.errors import PySparkException

    try:
        yield
    except (ConnectionError, Py4JNetworkError) as error:
        raise ScoreError(f"{what}: Java has ended. Memory may be short: use fewer score.processes.") from error
    except (PySparkException, Py4JError) as error:
        reason = [line for line in str(error).splitlines() if line[:1].strip()][-1]
        raise ScoreError(f"{what}: {reason.removeprefix(': ').removeprefix('Caused by: ')}") from error
