"""Simulate a set being made by one machine, by ten and by a hundred: hours, cost, and what failures take.

    python -m benchmarks.fleet --faces-per-s 25 --price 0.10

Assumed, besides what is given: machines are alike; a shard takes the time of its faces at the measured rate, give or
take 5%; a worker that is lost costs the shard it was at, which is done again; machines fail independently of each
other, once in so many hours, and are replaced after ten minutes; each new worker loads its model first. Shards are
read back for the audit at 50 MB a second and worker. The store takes whatever the machines write; what that comes to
is printed, to be held against what it can take. Failures of the store and of the machine that gives the tasks are
left out: after one of those the same command is run again, and loses what was under way.
"""

import argparse
import heapq
import random
from dataclasses import dataclass

REPLACED_AFTER_S = 600.0
AUDIT_MB_PER_S = 50.0
SPREAD = 0.05


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What is assumed of the machines and of the set."""

    num_faces: int
    shard_faces: int
    face_kb: float
    faces_per_s: float
    """Of one machine, all cores, encoding included."""
    workers: int
    """Of one machine."""
    start_s: float
    failure_hours: float
    """Mean time between failures of one machine."""
    price: float
    """Of one machine an hour."""


@dataclass(frozen=True)
class Outcome:
    """How it went."""

    hours: float
    machine_hours: float
    num_failures: int
    num_shards: int
    num_redone: int


def simulate(fleet: Fleet, num_machines: int, seed: int = 0) -> Outcome:
    """Let machines take shards until all are made and read back."""
    draws = random.Random(seed)
    num_shards = -(-fleet.num_faces // fleet.shard_faces)
    sizes = [fleet.shard_faces] * (num_shards - 1) + [fleet.num_faces - fleet.shard_faces * (num_shards - 1)]
    worker_rate = fleet.faces_per_s / fleet.workers
    fails_at = [_next_failure(draws, fleet, 0.0) for _ in range(num_machines)]
    # Workers by the time at which they are free.
    free = [(fleet.start_s, machine) for machine in range(num_machines) for _ in range(fleet.workers)]
    heapq.heapify(free)
    down: set[int] = set()
    redone = failures = 0
    last = 0.0
    while sizes:
        now, machine = heapq.heappop(free)
        if now >= fails_at[machine] + REPLACED_AFTER_S:
            fails_at[machine] = _next_failure(draws, fleet, now)
            down.discard(machine)
        size = sizes.pop()
        ends = now + size / worker_rate * draws.uniform(1 - SPREAD, 1 + SPREAD)
        if ends > fails_at[machine]:
            sizes.append(size)
            redone += 1
            failures += machine not in down
            down.add(machine)
            heapq.heappush(free, (fails_at[machine] + REPLACED_AFTER_S + fleet.start_s, machine))
            continue
        last = max(last, ends)
        heapq.heappush(free, (ends, machine))
    audit_s = fleet.num_faces * fleet.face_kb / 1e3 / AUDIT_MB_PER_S / (num_machines * fleet.workers)
    total_s = last + audit_s
    return Outcome(total_s / 3600, total_s / 3600 * num_machines, failures, num_shards, redone)


def _next_failure(draws: random.Random, fleet: Fleet, now: float) -> float:
    return now + draws.expovariate(1 / (fleet.failure_hours * 3600))


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=1_000_000)
    parser.add_argument(
        "--faces-per-s", type=float, required=True, help="of one machine, as benchmarks.bulk prints it"
    )
    parser.add_argument("--workers", type=int, default=1, help="of one machine")
    parser.add_argument("--shard-faces", type=int, default=1500)
    parser.add_argument("--face-kb", type=float, default=22.0, help="of a face within a shard")
    parser.add_argument("--start-s", type=float, default=10.0, help="from a new worker to its first face")
    parser.add_argument("--failure-hours", type=float, default=500.0, help="mean time between failures of a machine")
    parser.add_argument("--price", type=float, required=True, help="of a machine an hour")
    asked = parser.parse_args()
    fleet = Fleet(
        num_faces=asked.faces, shard_faces=asked.shard_faces, face_kb=asked.face_kb, faces_per_s=asked.faces_per_s,
        workers=asked.workers, start_s=asked.start_s, failure_hours=asked.failure_hours, price=asked.price,
    )  # fmt: skip
    print("machines    hours  efficiency    cost  failures  shards  redone  written MB/s")
    ideal = fleet.num_faces / fleet.faces_per_s / 3600
    for num_machines in (1, 10, 100):
        seen = simulate(fleet, num_machines)
        print(
            f"{num_machines:8}{seen.hours:9.2f}{ideal / seen.machine_hours:12.1%}"
            f"{seen.machine_hours * fleet.price:8.2f}"
            f"{seen.num_failures:10}{seen.num_shards:8}{seen.num_redone:8}"
            f"{fleet.faces_per_s * num_machines * fleet.face_kb / 1e3:14.1f}"
        )


if __name__ == "__main__":
    main()
