"""The API keeps what its OpenAPI description promises, whatever is sent to it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from starlette.testclient import TestClient

from tests.web.conftest import Open, cut_out_half, find_one

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::schemathesis.errors.SchemathesisWarning")


@pytest.fixture
def api_schema(open_site: Open) -> Any:
    client = open_site(batch_limit=3)
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", client.app)


schema = schemathesis.pytest.from_fixture("api_schema")


@schema.parametrize()
@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_is_as_described(case: schemathesis.Case) -> None:
    case.call_and_validate()
