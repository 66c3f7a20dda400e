"""`pipeline.registry`: aliases are moved by one command at a time, and every move is recorded."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from pipeline import registry
from pipeline.registry import CHALLENGER, CHAMPION, RegistryError

NAME = "small"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]) -> Iterator[None]:
    """Give the tests a separate store, then restore MLflow's."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(new_store(tmp_path_factory.mktemp("store")))
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture
def client(store: None, tmp_path: Path) -> Iterator[MlflowClient]:  # noqa: ARG001
    """Register three empty versions."""
    client = MlflowClient()
    client.create_registered_model(NAME)
    for _ in range(3):
        client.create_model_version(NAME, source=tmp_path.as_uri())
    yield client
    client.delete_registered_model(NAME)


@pytest.mark.usefixtures("client")
def test_every_move_is_recorded_in_order_with_its_details() -> None:
    registry.move(NAME, CHALLENGER, "1", "the best")
    registry.move(NAME, CHAMPION, "1", "passed")
    registry.move(NAME, CHALLENGER, None, "it is the champion")
    registry.move(NAME, CHAMPION, "3", "by hand")
    registry.move(NAME, CHAMPION, "1", "back")
    moves = registry.history(NAME)
    recorded = [(move["alias"], move["from"], move["to"], move["why"]) for move in moves]
    assert recorded == [
        (CHALLENGER, None, "1", "the best"),
        (CHAMPION, None, "1", "passed"),
        (CHALLENGER, "1", None, "it is the champion"),
        (CHAMPION, "1", "3", "by hand"),
        (CHAMPION, "3", "1", "back"),
    ]
    times = [datetime.fromisoformat(move["when"]) for move in moves]
    assert times == sorted(times)
    assert {time.utcoffset() for time in times} == {timedelta(0)}
    assert all(move["by"] for move in moves)
    assert registry.aliases(NAME) == {CHAMPION: "1"}


@pytest.mark.usefixtures("client")
def test_a_move_to_the_same_version_is_not_recorded() -> None:
    registry.move(NAME, CHAMPION, "2", "passed")
    registry.move(NAME, CHAMPION, "2", "once more")
    registry.move(NAME, CHALLENGER, None, "there is none")
    assert [move["why"] for move in registry.history(NAME)] == ["passed"]


def test_holder_returns_the_version_of_an_alias(client: MlflowClient) -> None:
    assert registry.holder(NAME, CHAMPION) is None
    assert registry.holder("unknown", CHAMPION) is None
    client.set_registered_model_alias(NAME, CHAMPION, "2")
    holder = registry.holder(NAME, CHAMPION)
    assert holder is not None
    assert str(holder.version) == "2"


def test_deleting_a_version_removes_its_alias(client: MlflowClient) -> None:
    registry.move(NAME, CHAMPION, "2", "passed")
    client.delete_model_version(NAME, "2")
    assert registry.holder(NAME, CHAMPION) is None


@pytest.mark.usefixtures("client")
def test_aliases_are_listed_in_a_fixed_order() -> None:
    registry.move(NAME, CHAMPION, "2", "passed")
    registry.move(NAME, CHALLENGER, "1", "the best")
    assert list(registry.aliases(NAME)) == [CHALLENGER, CHAMPION]


@pytest.mark.usefixtures("client")
def test_a_concurrent_move_from_another_machine_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    set_alias = MlflowClient.set_registered_model_alias

    def overtaken(self: MlflowClient, name: str, alias: str, _: str) -> None:
        set_alias(self, name, alias, "3")

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", overtaken)
    with pytest.raises(RegistryError, match="should point to version 2, but points to 3"):
        registry.move(NAME, CHAMPION, "2", "passed")


@pytest.mark.usefixtures("client")
def test_an_interrupted_move_shows_in_the_record_of_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    registry.move(NAME, CHAMPION, "1", "passed")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MlflowClient, "set_registered_model_alias", killed)
        registry.move(NAME, CHAMPION, "2", "passed")
    registry.move(NAME, CHAMPION, "3", "passed")
    assert [(move["from"], move["to"]) for move in registry.history(NAME)] == [(None, "1"), ("1", "2"), ("1", "3")]


@pytest.mark.usefixtures("client")
def test_only_one_command_at_a_time_moves_the_aliases_of_a_model() -> None:
    with registry.locked(NAME, seconds=0):
        with (
            pytest.raises(RegistryError, match=f"Another command is moving the aliases of {NAME}"),
            registry.locked(NAME, seconds=0),
        ):
            pass
        with registry.locked("another model", seconds=0):
            pass
    with registry.locked(NAME, seconds=0):  # released
        pass


def test_the_description_of_the_model_lists_the_moves_the_latest_first(client: MlflowClient) -> None:
    registry.move(NAME, CHALLENGER, "1", "the best")
    registry.move(NAME, CHAMPION, "1", "passed | all checks")
    description = client.get_registered_model(NAME).description
    assert description.startswith("Reads a tweet and returns the probability that it is negative.")
    rows = [line.split(" | ") for line in description.splitlines() if line.startswith("| 20")]
    assert [row[1] for row in rows] == [CHAMPION, CHALLENGER]
    assert "passed \\| all checks" in description


def test_what_people_write_in_the_description_stays(client: MlflowClient) -> None:
    registry.move(NAME, CHAMPION, "1", "passed")
    moves = client.get_registered_model(NAME).description.partition(registry.MOVES)
    client.update_registered_model(NAME, "".join(("Ask Ana before you use it.\n\n", *moves[1:])))
    registry.move(NAME, CHAMPION, "2", "better")
    description = client.get_registered_model(NAME).description
    assert description.startswith("Ask Ana before you use it.\n\n## Moves")
    assert description.count("| champion |") == 2


@pytest.mark.slow
def test_a_description_with_many_long_moves_fits_into_the_registry(client: MlflowClient) -> None:
    for number in range(20):
        registry.move(NAME, CHAMPION, str(number % 2 + 1), "reason " * 100)
    description = client.get_registered_model(NAME).description
    assert len(description) <= 5_000
    assert "5 earlier moves are in the tags." in description
