"""The API keeps what its OpenAPI description promises, whatever is sent to it."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from nobodies.generator import Generator
from nobodies.settings import WebSettings
from nobodies.web.app import create_app
from nobodies.web.features import Features
from tests.conftest import NumpyEngine, tiny_model
from tests.web.conftest import cut_out_half, find_one, running


@pytest.fixture(scope="module")
def api_schema() -> Iterator[Any]:
    features = Features(detect=find_one, cut_out=cut_out_half)
    web = WebSettings(batch_limit=3, pool_faces=4)
    app = create_app(web, load=lambda: (Generator(tiny_model(), NumpyEngine()), features))
    with running(app) as address:
        yield schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json")


OPERATIONS = (
    ("/face.{ending}", "GET"),
    ("/face/{seed}.{ending}", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
    ("/api/v1/faces", "GET"),
    ("/api/v1/batch", "POST"),
    ("/api/v1/detect", "POST"),
    ("/api/v1/check", "POST"),
    ("/game/round", "GET"),
    ("/game/{name}.jpeg", "GET"),
    ("/game/{name}/answer", "GET"),
)


def test_every_operation_is_tried(api_schema: Any) -> None:
    described = {(path, method.upper()) for path in api_schema for method in api_schema[path]}
    assert described == set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_api_is_as_described(api_schema: Any, path: str, method: str) -> None:
    operation = api_schema[path][method]
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
    for mode in modes:
        if mode == modes[1] and not (operation.query or operation.path_parameters or path.endswith("batch")):
            continue  # there is nothing that could be wrong: a body of any bytes is one to look at

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        def holds(case: Any) -> None:
            # A description cannot say all that must hold between values; for that there is 422, which is described.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        holds()
