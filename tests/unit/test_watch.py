"""The watch's parts: records, sources, the state, and patience with the other side."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from telemetry import events
from telemetry.store import Store
from tests.unit.conftest import StartService
from watch import __main__ as command_line
from watch.errors import WatchError
from watch.patience import Patience, Refusal, client_for
from watch.progress import Progress
from watch.service import Service
from watch.sources import endpoint, files, lines, replay, x
from watch.status import alarm_of
from watch.tweets import BadRecord, Batch, Rejected, Tweet, tweet_of

NOON = "2026-11-29T12:00:00+00:00"


def nobody(_: str) -> None:
    """Hear nothing."""


def record(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": str(number), "text": f"late {number}", "time": NOON, "author": "anna", **fields}


def line(number: int) -> bytes:
    return json.dumps(record(number)).encode() + b"\n"


def numbers(batch: Batch) -> list[str]:
    return [tweet.id for tweet in batch.tweets]


def given(batches: Iterator[Batch], count: int) -> list[Batch]:
    return list(islice(batches, count))


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "7", "text": "late", "time": NOON, "author": "anna"},
        {"tweet_id": 7, "full_text": "late", "created_at": "2026-11-29T13:00:00+01:00", "author_id": "anna"},
        {"id": "7", "text": "late", "created_at": "2026-11-29T12:00:00Z", "user": "anna", "lang": None, "likes": 3},
    ],
)
def test_a_record_may_have_the_names_of_its_source(fields: dict[str, Any]) -> None:
    tweet = tweet_of(fields)
    assert (tweet.text, tweet.author, tweet.id) == ("late", "anna", "7")
    assert tweet.time is not None
    assert tweet.time[:10] == "2026-11-29"


def test_a_record_without_an_id_is_known_by_its_time_author_and_text() -> None:
    first, again, other = (tweet_of({"text": text, "time": NOON}) for text in ("late", "late", "rude"))
    assert first.id == again.id != other.id


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (["late"], "is not a JSON object"),
        ({"id": "1"}, "has no text"),
        ({"id": "1", "text": " "}, "has no text"),
        ({"text": "late"}, "has neither an id nor a time"),
        (
            {"id": "1", "text": "late", "time": "2026-11-29T12:00:00"},
            "has a field time that is not a time with an offset",
        ),
        ({"id": "1", "text": "late", "created_at": 5}, "has a field created_at that is not a time with an offset"),
        ({"id": ["1"], "text": "late"}, "has a field id that is neither"),
        ({"id": "1", "text": "late", "user": {"name": "anna"}}, "has a field user that is neither"),
    ],
)
def test_a_bad_record_is_refused_with_the_reason(bad: object, reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        tweet_of(bad)


def test_standard_input_is_read_as_it_comes_and_bad_lines_have_their_number() -> None:
    reading, writing = os.pipe()
    source = lines.batches(reading)
    os.write(writing, line(1) + line(2)[:10])
    assert numbers(next(source)) == ["1"]
    os.write(writing, line(2)[10:] + b"\n{broken\n" + line(5).rstrip())
    batch = next(source)
    assert numbers(batch) == ["2"]
    assert batch.rejected == [Rejected("line 4", "is not JSON in UTF-8", "{broken")]
    os.close(writing)
    assert [numbers(batch) for batch in source] == [["5"]]
    os.close(reading)


def test_a_growing_file_is_read_by_complete_lines_and_continued_where_it_was_left(tmp_path: Path) -> None:
    file = tmp_path / "tweets.ndjson"
    file.write_bytes(line(1) + b"\xff\n" + line(3)[:5])
    (first,) = given(files.batches(file, None, lambda _: None), 1)
    assert numbers(first) == ["1"]
    assert first.rejected[0].place == "tweets.ndjson, line 2"
    with file.open("ab") as growing:
        growing.write(line(3)[5:])
    (second,) = given(files.batches(file, first.position, lambda _: None), 1)
    assert numbers(second) == ["3"]
    replaced = tmp_path / "new"
    replaced.write_bytes(line(4))
    replaced.replace(file)
    (third,) = given(files.batches(file, json.loads(json.dumps(second.position)), lambda _: None), 1)
    assert numbers(third) == ["4"]


def test_the_files_of_a_folder_are_read_in_order_and_new_ones_too(tmp_path: Path) -> None:
    (tmp_path / "2.ndjson").write_bytes(line(2))
    (tmp_path / "1.jsonl").write_bytes(line(1))
    (tmp_path / "notes.txt").write_bytes(b"hello\n")
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        (tmp_path / "3.ndjson").write_bytes(line(3))

    batches = given(files.batches(tmp_path, None, pause), 4)
    assert [numbers(batch) for batch in batches] == [["1"], ["2"], [], ["3"]]
    assert waits == [files.POLL_SECONDS]


def test_a_line_without_an_end_is_rejected_and_does_not_fill_the_memory(tmp_path: Path) -> None:
    file = tmp_path / "tweets.ndjson"
    file.write_bytes(b"a" * files.CHUNK_BYTES + b"\n" + line(2))
    batches = given(files.batches(file, None, lambda _: None), 2)
    assert [len(batch.rejected) for batch in batches] == [1, 0]
    assert numbers(batches[1]) == ["2"]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WatchError, match="nothing does not exist"):
        next(files.batches(tmp_path / "nothing", None, lambda _: None))


def patience(
    answer: Callable[[httpx.Request], httpx.Response], waits: list[float], said: list[str] | None = None
) -> Patience:
    client = httpx.Client(base_url="http://other.example", transport=httpx.MockTransport(answer))
    return Patience("The other side", client, (said if said is not None else []).append, waits.append)


@pytest.mark.parametrize("form", ["list", "data", "lines"])
def test_an_endpoint_is_polled_and_what_it_repeats_is_not_sent_again(form: str) -> None:
    latest = [[record(1), record(2)], [record(2), {"id": "x"}, record(3)], [{"id": "x"}, record(3)]]

    def answer(_: httpx.Request) -> httpx.Response:
        records = latest.pop(0)
        if form == "lines":
            content = b"".join(json.dumps(each).encode() + b"\n" for each in records)
            return httpx.Response(200, content=content, headers={"Content-Type": "application/x-ndjson"})
        return httpx.Response(200, json=records if form == "list" else {"data": records})

    waits: list[float] = []
    batches = given(endpoint.batches(patience(answer, waits), "http://other.example/", None, 7), 3)
    assert [numbers(batch) for batch in batches] == [["1", "2"], ["3"], []]
    assert [[each.reason for each in batch.rejected] for batch in batches] == [[], ["has no text"], []]
    assert waits == [7, 7]
    assert batches[2].position == batches[1].position
    assert batches[1].position[:3] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.Response(404), "answers 404 .* Correct the address"),
        (httpx.Response(401), "answers 401 .* Set WATCH_TOKEN"),
        (httpx.Response(200, json=5), "neither a list"),
        (httpx.Response(200, text="<html>", headers={"Content-Type": "application/json"}), "not JSON"),
    ],
)
def test_an_endpoint_that_gives_no_tweets_is_refused(response: httpx.Response, message: str) -> None:
    with pytest.raises(WatchError, match=message):
        next(endpoint.batches(patience(lambda _: response, []), "http://other.example/", None, 1))


def test_patience_follows_retry_after_or_doubles_its_waits_and_says_so() -> None:
    answers = [
        httpx.Response(429, headers={"Retry-After": "7"}, json={"detail": "More than 5 tweets in a minute."}),
        httpx.Response(503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        httpx.Response(503),
        httpx.Response(200),
    ]
    waits: list[float] = []
    said: list[str] = []
    assert patience(lambda _: answers.pop(0), waits, said).request("GET", "/").is_success
    assert waits == [7, 0, 4]
    assert said[0] == ("The other side answers 429 (More than 5 tweets in a minute.); trying again in 7 s")


def test_patience_outlasts_a_side_that_is_down_and_passes_refusals_on() -> None:
    calls: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(1)
        if len(calls) < 9:
            raise httpx.ConnectError("down", request=request)
        return httpx.Response(400, json={"detail": "text is empty"})

    waits: list[float] = []
    with pytest.raises(Refusal, match="400: text is empty"):
        patience(answer, waits).request("GET", "/")
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture
def real(start_service: StartService, database: str) -> Iterator[TestClient]:
    with start_service(telemetry_database=database) as client:
        yield client


def test_the_service_gets_all_tweets_but_those_that_it_refuses(real: TestClient, database: str) -> None:
    tweets = [Tweet(text=f"late {number}", time=NOON, author="anna", id=str(number)) for number in range(600)]
    tweets[17] = Tweet(text="a" * 2_001, time=NOON, author=None, id="17")
    tweets[550] = Tweet(text="late", time="2126-11-29T12:00:00+00:00", author=None, id="550")
    service = Service(Patience("The service", real, nobody))
    outcomes = list(service.send(tweets))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    assert [(each.place, each.reason.partition(".")[0]) for each in refused] == [
        ("tweet 17", "text has more than 2,000 characters"),
        ("tweet 550", "time is in the future"),
    ]
    assert len(list(Store(database).read(events.Prediction))) == len(outcomes) - 2 == 598
    list(service.send(tweets[:5]))
    assert len(list(Store(database).read(events.Prediction))) == 598


@pytest.mark.parametrize(
    ("response", "advice"),
    [
        (httpx.Response(401, json={"detail": "no key"}), "SERVICE_KEY"),
        (httpx.Response(404), "SERVICE_URL"),
        (httpx.Response(200, text="<html>"), "Something else answers"),
    ],
)
def test_a_service_that_refuses_everything_stops_the_watch(response: httpx.Response, advice: str) -> None:
    service = Service(patience(lambda _: response, []))
    with pytest.raises(WatchError, match=advice):
        list(service.send([Tweet(text="late", time=None, author=None, id="1")]))


def test_the_state_is_kept_and_belongs_to_its_source(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    Progress(file, {"source": "files"}).save({"a": [1, 2, 3]})
    assert Progress(file, {"source": "files"}).position == {"a": [1, 2, 3]}
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
    with pytest.raises(WatchError, match="belongs to another source"):
        Progress(file, {"source": "x"})
    file.write_text("{", encoding="utf-8")
    with pytest.raises(WatchError, match="is not a state of the watch"):
        Progress(file, {"source": "files"})
    with pytest.raises(WatchError, match="cannot be written"):
        Progress(tmp_path / "none" / "state.json", {}).save(1)


TABLE = """\
tweet,date,user
late again,2015-02-16 10:00:00 +0000,anna
"lovely crew",2015-02-16 11:00:00 +0000,bob
,2015-02-16 11:10:00 +0000,bob
lost my bag,2015-02-16 13:00:00 +0000,
"""


class Time:
    """A clock that advances when somebody waits."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


def replayed(path: Path, time: Time, position: Any = None) -> list[tuple[float, Batch]]:
    recording = replay.load(path, None)
    return [(time.now, batch) for batch in replay.batches(recording, 3600, position, time.pause, time)]


def test_a_replay_ends_now_and_keeps_the_distances_between_tweets(tmp_path: Path) -> None:
    (tmp_path / "past.csv").write_text(TABLE, encoding="utf-8")
    time = Time(1_800_000_000.0)
    moments = replayed(tmp_path / "past.csv", time)
    rejected = [each for _, batch in moments for each in batch.rejected]
    assert rejected == [Rejected("past.csv, row 3", "has no text", "")]
    sent = [(at, tweet) for at, batch in moments for tweet in batch.tweets]
    assert [tweet.text for _, tweet in sent] == ["late again", "lovely crew", "lost my bag"]
    assert [tweet.author for _, tweet in sent] == ["anna", "bob", None]
    written = [written_at(tweet) for _, tweet in sent]
    assert [second - written[0] for second in written] == [0, 3600, 3 * 3600]
    assert [at - sent[0][0] for at, _ in sent] == [0, 1, 3]
    assert written[-1] == sent[-1][0]


def written_at(tweet: Tweet) -> float:
    assert tweet.time is not None
    return replay.datetime.fromisoformat(tweet.time).timestamp()


def test_a_replay_continues_with_the_same_times_and_ids(tmp_path: Path) -> None:
    (tmp_path / "past.csv").write_text(TABLE, encoding="utf-8")
    whole = [tweet for _, batch in replayed(tmp_path / "past.csv", Time(1e9)) for tweet in batch.tweets]
    continued = [
        tweet for _, batch in replayed(tmp_path / "past.csv", Time(1e9 + 60), [1e9, 1]) for tweet in batch.tweets
    ]
    assert continued == whole[1:]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("tweet,date\nlate,2015-02-16 10:00:00\n", "1 times without a time zone. Pass --zone"),
        ("tweet,author\nlate,anna\n", "has no column of times"),
        ("tweet,date\n,2015-02-16T10:00:00Z\n", "has no row with a text and a time"),
        ("", "The file is empty"),
    ],
)
def test_a_table_that_cannot_be_replayed_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "past.csv").write_text(content, encoding="utf-8")
    with pytest.raises(WatchError, match=message):
        replay.load(tmp_path / "past.csv", None)


@contextmanager
def stand_in_of_x(tweets: list[dict[str, str]]) -> Iterator[tuple[str, list[dict[str, list[str]]]]]:
    """Run a server that answers as X's recent search, two tweets a page, after one refusal for its rate."""
    asked: list[dict[str, list[str]]] = []

    class Search(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            query = parse_qs(address.query)
            status, answer, headers = 200, dict[str, Any](), dict[str, str]()
            if self.headers["Authorization"] != "Bearer a-token" or address.path != x.PATH:
                status, answer = 401, {"title": "Unauthorized", "detail": "Unauthorized"}
            elif not asked:
                status, headers = 429, {"x-rate-limit-reset": "1"}
            else:
                since = int(query.get("since_id", ["0"])[0])
                found = sorted((each for each in tweets if int(each["id"]) > since), key=lambda each: -int(each["id"]))
                start = int(query.get("next_token", ["0"])[0])
                answer = {"data": found[start : start + 2], "meta": {"result_count": len(found[start : start + 2])}}
                if found:
                    answer["meta"]["newest_id"] = found[start]["id"]
                if start + 2 < len(found):
                    answer["meta"]["next_token"] = str(start + 2)
            asked.append(query)
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Search) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def test_a_search_of_x_gives_each_tweet_once_page_by_page_and_continues_at_the_newest() -> None:
    tweets = [
        {"id": str(number), "text": f"late {number}", "created_at": "2026-11-29T12:00:00.000Z", "author_id": "5"}
        for number in (8, 9, 10)
    ]
    with stand_in_of_x(tweets) as (url, asked), client_for(url, "a-token") as client:
        waits: list[float] = []
        source = x.batches(Patience("X", client, nobody, waits.append), "@AirParadis", None, 60)
        pages = given(source, 2)
        assert [numbers(page) for page in pages] == [["10", "9"], ["8"]]
        assert [page.position for page in pages] == [None, "10"]
        assert pages[0].tweets[0].author == "5"
        tweets.append(tweets[0] | {"id": "11"})
        assert [numbers(page) for page in given(source, 1)] == [["11"]]
    assert waits == [1, 60]
    assert asked[-1]["since_id"] == ["10"]
    assert asked[-1]["query"] == ["@AirParadis"]


def test_x_refuses_a_wrong_token_with_advice() -> None:
    refused = pytest.raises(WatchError, match="X answers 401 .* Check X_BEARER_TOKEN")
    with stand_in_of_x([]) as (url, _), client_for(url, "another") as client, refused:
        next(x.batches(Patience("X", client, nobody), "late", None, 60))


@pytest.mark.parametrize(
    ("buzz", "words"),
    [
        (None, "unknown"),
        ({"learning": True, "crises": []}, "learning"),
        ({"learning": False, "crises": [{"over_since": NOON}]}, "calm"),
        (
            {"learning": False, "crises": [{"over_since": None, "level": "alarm", "kind": "negative", "since": NOON}]},
            "ALARM",
        ),
    ],
)
def test_the_state_of_the_alarm_is_said_in_a_word(buzz: dict[str, Any] | None, words: str) -> None:
    assert alarm_of(buzz).startswith(words)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: source"),
        (["x", "late"], "X needs a bearer token: set X_BEARER_TOKEN"),
        (["files", "/nothing"], "/nothing does not exist"),
        (["replay", "/nothing.csv"], "/nothing.csv cannot be read"),
        (["replay", "past.csv", "--speed", "0"], "0 is not a number above 0"),
    ],
)
def test_what_cannot_work_ends_with_a_message_and_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line.signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as exited:
        command_line.main(arguments)
    assert exited.value.code == 2
    assert message in capsys.readouterr().err
