"""A site of two servers on this machine, loaded while things go wrong: `python -m benchmarks.servers`.

Starts PostgreSQL, two `nobodies serve` and nginx as `deploy/` has them, all on loopback. Then visitors ask for new
faces, exclusive ones, lists, known pictures and pages, while a server is killed, the database is stopped and started,
and the servers are restarted one after the other. Prints what was answered, and holds every exclusive face against
the ledger. Needs nginx and PostgreSQL; asserts nothing.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.web import fleet as site
from tests.web.fleet import Fleet, Server, Visits

from nobodies.generator import recipe
from nobodies.models import Store
from nobodies.provenance.marks import digest_of
from nobodies.settings import DEFAULT_MODEL, FaceSettings


def main() -> None:
    """Run the site and what happens to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20, help="how long each state of the site is watched")
    parser.add_argument("--pause-s", type=float, default=0.05, help="between a visitor's requests")
    chosen = parser.parse_args()
    if (reason := site.missing()) is not None:
        sys.exit(reason)
    options = {"threads": 1, "drain_s": 2, "listen_late": True, "pool_faces": 32}
    with (
        tempfile.TemporaryDirectory() as folder,
        site.running_fleet(Path(folder), site.real_server, options) as fleet,
    ):
        with site.visitors(fleet.nginx.port, chosen.visitors, pause_s=chosen.pause_s) as visits:
            time.sleep(3)
            visits.taken()
            for happening in (calm, killed, outage, rolling):
                happening(fleet, visits, chosen.seconds)
        print(site.audit(fleet, visits, name_of()))


def calm(_: Fleet, visits: Visits, seconds: float) -> None:
    """Nothing happens."""
    time.sleep(seconds)
    told("all is well", visits, seconds)


def killed(fleet: Fleet, visits: Visits, seconds: float) -> None:
    """Kill one server, and start it again."""
    fleet.servers[0].kill()
    time.sleep(seconds / 2)
    told("one server killed (SIGKILL)", visits, seconds / 2)
    begun = time.monotonic()
    fleet.servers[0].start()
    told(f"started again, ready after {time.monotonic() - begun:.1f} s", visits, time.monotonic() - begun)


def outage(fleet: Fleet, visits: Visits, seconds: float) -> None:
    """Stop the database in the middle of its work, and start it again."""
    fleet.database.stop(how="immediate")
    time.sleep(seconds)
    told("database stopped (immediate)", visits, seconds)
    begun = time.monotonic()
    fleet.database.start()
    up = time.monotonic()
    site.until(lambda: all(map(records, fleet.servers)), 60)
    lag = time.monotonic() - up
    told(f"database up after {up - begun:.1f} s, exclusive faces again {lag:.1f} s later", visits, up - begun + lag)


def rolling(fleet: Fleet, visits: Visits, _: float) -> None:
    """Restart the servers one after the other."""
    begun = time.monotonic()
    fleet.rolling_restart()
    taken_s = time.monotonic() - begun
    told(f"rolling restart of {len(fleet.servers)} servers in {taken_s:.1f} s", visits, taken_s)


def told(what: str, visits: Visits, seconds: float) -> None:
    """Print the counts since the last time."""
    counts = visits.taken()
    total = sum(counts.values())
    print(f"{what}: {total} answers in {seconds:.1f} s; {counts}", flush=True)


def records(server: Server) -> bool:
    """Whether a server gives exclusive faces."""
    return site.status(f"http://127.0.0.1:{server.port}/face.jpeg?exclusive=true") == 200


def name_of() -> Callable[[int], str]:
    """How the ledger names the face of a seed."""
    model = Store().load(DEFAULT_MODEL)
    return lambda seed: f"{digest_of(recipe(model.name, model.fingerprint, FaceSettings(), seed=seed)):016x}"


if __name__ == "__main__":
    main()
