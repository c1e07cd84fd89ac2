"""Two servers, nginx and PostgreSQL: killed, stopped and restarted while visitors ask. Servers draw in no time."""

import json
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from nobodies.generator import recipe
from nobodies.provenance.marks import digest_of
from nobodies.settings import FaceSettings, UniqueSettings
from tests.conftest import tiny_model
from tests.web import fleet as site
from tests.web.fleet import Fleet, Visits, visitors


def good(visits: Visits, *, and_also: tuple[str, ...] = ()) -> dict[str, int]:
    """Take the counts, of 20 visits or more, and make sure that all answers are good ones."""
    site.until(lambda: visits.statuses.total() >= 20, 60)
    counts = visits.taken()
    fine = {"new: 200 ?1", "exclusive: 200 ?1", "exclusive list: 200", "known: 200", "page: 200", *and_also}
    assert set(counts) <= fine, counts
    return counts


@pytest.mark.timeout(900)
def test_a_site_of_two_servers_bears_what_happens_to_it(tmp_path: Path) -> None:
    if (reason := site.missing()) is not None:
        pytest.skip(reason)
    options = {"pool_faces": 4, "drain_s": 0.5, "listen_late": True, "rate_per_minute": 60_000}
    with site.running_fleet(tmp_path, site.tiny_server, options) as fleet:
        with visitors(fleet.nginx.port, 4, pause_s=0.01) as visits:
            site.until(lambda: visits.statuses["exclusive: 200 ?1"] > 10, 30, lambda: str(visits.statuses))
            _until_both_record(fleet, visits)

            fleet.servers[0].kill()
            time.sleep(1.0)
            good(visits)
            fleet.servers[0].start()

            fleet.database.stop(how="immediate")
            site.until(lambda: visits.statuses["exclusive: 503"] > 5, 30, lambda: str(visits.statuses))
            time.sleep(0.5)
            counts = good(visits, and_also=("new: 200 ?0", "exclusive: 503", "exclusive list: 503"))
            assert counts["new: 200 ?0"] > 0, "those who do not insist are served"
            fleet.database.start()
            _until_both_record(fleet, visits)
            good(visits)

            fleet.rolling_restart()
            good(visits)
        checked = site.audit(fleet, visits, _name_of)
        _without_any_server(fleet)
    assert checked.given > 50
    assert (checked.given_twice, checked.unrecorded) == (0, 0)
    assert checked.least_distance > UniqueSettings.distance


def _until_both_record(fleet: Fleet, visits: Visits) -> None:
    """Wait until both servers give exclusive faces (again), then begin to count."""
    for server in fleet.servers:
        address = f"http://127.0.0.1:{server.port}/face.jpeg?exclusive=true"
        site.until(lambda address=address: site.status(address) == 200, 30)  # type: ignore[misc]
    time.sleep(0.3)
    visits.taken()


def _without_any_server(fleet: Fleet) -> None:
    """What nginx has kept is given; everything else is refused in a way that a client understands."""
    address = f"http://127.0.0.1:{fleet.nginx.port}"
    with urlopen(f"{address}/face/7.jpeg?size=32") as kept:
        picture, etag = kept.read(), kept.headers["ETag"]
        assert "immutable" in kept.headers["Cache-Control"]
        assert not {"Vary", "Set-Cookie"} & set(kept.headers), "so that any CDN keeps it"
    for server in fleet.servers:
        server.kill()
    with urlopen(f"{address}/face/7.jpeg?size=32") as kept:
        assert (kept.read(), kept.headers["ETag"], kept.headers["X-Cache"]) == (picture, etag, "HIT")
    with pytest.raises(HTTPError) as refused:
        urlopen(f"{address}/face.jpeg")
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "5")
    assert json.loads(refused.value.read())["status"] == 503
    refused.value.close()


def _name_of(seed: int) -> str:
    made = recipe("tiny", tiny_model().fingerprint, FaceSettings(), seed=seed)
    return f"{digest_of(made):016x}"
