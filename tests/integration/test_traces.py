"""The trace of a request reaches Application Insights as the operation id, with both exporters."""

import importlib
import time

import pytest

from telemetry.events import Prediction
from telemetry.forwarding import record
from tests.fake_ingestion import ingestion

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def prediction(trace_id: str | None) -> Prediction:
    return Prediction(
        id="1" * 16,
        time=time.time(),
        source="api",
        model_version="7",
        negative_probability=0.75,
        sentiment="negative",
        milliseconds=1.5,
        characters=20,
        text=None,
        trace_id=trace_id,
    )


@pytest.mark.parametrize("exporter", ["opencensus", "opentelemetry"])
def test_the_trace_of_a_request_is_the_operation_id_of_its_predictions(exporter: str) -> None:
    with ingestion() as endpoint:
        outlet = importlib.import_module(f"telemetry.outlets.{exporter}").connect(endpoint.connection_string, timeout=5)
        assert outlet.send([record(prediction(trace_id).body()) for trace_id in (TRACE, None)])
        tags = [envelope["tags"]["ai.operation.id"] for envelope in endpoint.envelopes]
    assert tags == [TRACE, "0" * 32]
