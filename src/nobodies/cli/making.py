"""Making what a command asks for: all of it, or as many chosen faces as are wanted in place of those turned away."""

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from nobodies.batch import FolderJob, Made, Order, orders_from_seeds
from nobodies.errors import SearchError
from nobodies.generator import Face

if TYPE_CHECKING:
    from nobodies.gate import Gate
    from nobodies.uniqueness.guard import Guard

_MOST_REFUSED: Final = 20
"""So many faces may be turned away for each that is wanted before the search is given up."""


class Making:
    """Faces of one command on their way into a folder."""

    def __init__(
        self, job: FolderJob, wanted: int, *, jobs: int, gate: "Gate | None" = None, guard: "Guard | None" = None
    ) -> None:
        """Take who may leave: a face must pass the gate, if there is one, and then the guard.

        Args:
            job: the folder.
            wanted: how many faces there shall be.
            jobs: encoding threads; 0 for one a core.
            gate: turns faulty faces away; others are chosen in their place.
            guard: turns away faces that resemble one given out; they are left out.
        """
        self.orders: list[Order] = []
        """Everything that was begun, in order."""
        self.num_made = self.num_kept = 0
        self._job, self._wanted, self._jobs, self._gate, self._guard = job, wanted, jobs, gate, guard

    def all_of(self, orders: Sequence[Order]) -> None:
        """Make these, but for those that are there.

        Raises:
            OutputError: a file cannot be written, or another stands in the way.
        """
        from tqdm import tqdm

        kept, todo = _sort_out(self._job, orders)
        self.orders += orders
        self.num_kept += len(kept)
        there = self.num_made + self.num_kept
        with tqdm(total=self._wanted, initial=there, unit="face", file=sys.stderr, disable=None) as bar:
            for _ in self._job.run(todo, jobs=self._jobs, lets_out=self._lets_out()):
                self.num_made += 1
                bar.update()

    def chosen(self, choose: Callable[[int], Iterable[int]]) -> None:
        """Make faces of chosen seeds until there are as many as wanted.

        Args:
            choose: gives so many seeds, each time others.

        Raises:
            SearchError: nearly all are turned away, or no more are found.
            OutputError: as for `all_of`.
        """
        while (missing := self._wanted - len(self.orders) + self._num_refused) > 0:
            if self._num_refused > _MOST_REFUSED * self._wanted:
                raise SearchError(
                    f"{self._num_refused} of {len(self.orders)} faces were turned away as faulty: lower psi, or let "
                    "them pass with --no-gate"
                )
            self.all_of(list(orders_from_seeds(choose(missing))))

    @property
    def _num_refused(self) -> int:
        return self._gate.num_refused if self._gate else 0

    def _lets_out(self) -> Callable[[Face], bool] | None:
        judges = [
            judge for judge in (self._gate and self._gate.accepts, self._guard and self._guard.lets_out) if judge
        ]
        return (lambda face: all(judge(face) for judge in judges)) if judges else None


def _sort_out(job: FolderJob, orders: Sequence[Order]) -> tuple[list[Made], list[Order]]:
    kept, todo = [], []
    for order in orders:
        made = job.finished(order)
        if made is None:
            todo.append(order)
        else:
            job.note(made)
            kept.append(made)
    return kept, todo
