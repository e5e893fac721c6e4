"""Grades a class: submissions are independent, each is judged in processes of its own, one writer keeps the marks.

Every finished test is journalled first (one line of JSON in build/facts). Stopped anywhere, kill -9 included, the next run
reads the journal and goes on; what has not changed is not run again. Nothing depends on a clock: hashes say what changed.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import machine
from .course import Course, Settings, find_course
from .errors import AutogradeError, CourseError, JudgeError, StorageError
from .jobs import warm_judges
from .journal import Kept, Ledger, changes, only_one
from .limits import Limits
from .marks import Marks
from .sandbox import choose_sandbox
from .submission import (
    Judged,
    facts_folder,
    failed,
    for_team,
    grader,
    grading_seed,
    judge_student,
    same_name,
    share_by_hand,
    sources_digest,
    teams_of,
)
from .types import GIB, Status

__all__ = ["Judged", "grade", "jobs_at_once", "strays"]

#: Memory that is left to the rest of the machine.
_RESERVE_BYTES = GIB
_CONNECT_SECONDS = 20.0


def jobs_at_once(limits: Limits) -> int:
    """How many submissions this machine judges side by side: a core for each, and the memory that each may take."""
    by_memory = (machine.available_bytes() - _RESERVE_BYTES) // limits.memory_bytes
    return max(1, min(machine.cores(), by_memory))


def strays(course: Course) -> list[Path]:
    """Folders in submitted/ that are no assignment of the course, where somebody's work may lie unseen."""
    known = course.assignments()
    students = {student for name in known for student in course.students(name)}
    return sorted(
        path
        for student in students
        for path in course.submitted(student, known[0]).parent.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name not in known
    )


def grade(
    course: Course,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    roster: Sequence[str] = (),
    jobs: int | None = None,
    scheduler: str | None = None,
    sandbox: str | None = None,
    again: bool = False,
    told: Callable[[Judged, int], None] = lambda judged, total: None,
) -> list[Judged]:
    """Grade an assignment for a class, in the order of the students' names.

    `students` limits it to some; `roster` names everybody who should have handed in. `scheduler` is the address of a
    dask.distributed scheduler whose workers see the same course directory. `again` draws new hidden data, so that
    everything is judged again. `sandbox` is auto, bubblewrap or process; by default what the course says. `told` hears of
    each submission when its marks are kept, with the number of all. Marks go into the gradebook in graded mode. The result
    of a team (`teams`) is also that of its members; marks given by hand are copied when it is graded again. Raises
    `CourseError` for an unknown assignment or student, `StorageError` when results cannot be kept, and `JudgeError` where
    the sandbox cannot be had.
    """
    wanted = sandbox or course.settings.sandbox
    if scheduler is None:
        choose_sandbox(wanted)
    course.check_assignment(assignment)
    with_folder = course.students(assignment)
    there = {same_name(student) for student in with_folder}
    everybody = sorted({*with_folder, *(name for name in roster if same_name(name) not in there)})
    teams = teams_of(course, assignment, roster)
    hands_in = {member: team.hands_in for team in teams.values() for member in team.members}
    if students is not None:
        if unknown := sorted(set(students) - set(everybody) - set(hands_in)):
            raise CourseError(
                f"no submission of {', '.join(unknown)} for {assignment}; there is {', '.join(everybody)}"
            )
        everybody = sorted(set(students))
    everybody = sorted({hands_in.get(student, student) for student in everybody})
    if not everybody:
        raise CourseError(
            f"nobody has handed in {assignment}: expected notebooks in {course.submitted('<student>', assignment)}"
        )
    facts = facts_folder(course, assignment)
    judged: list[Judged] = []
    total = len(everybody) + sum(len(teams[one].members) for one in everybody if one in teams)
    with only_one(facts / "lock", f"a grading of {assignment}"):
        with contextlib.ExitStack() as stack:
            if scheduler is None:  # first, because it imports while this process opens the gradebook
                stack.enter_context(warm_judges(course.notebooks(assignment).values()))
            marks = None if course.settings.practice else stack.enter_context(Marks(course, assignment))
            grading_seed(course, assignment, again=again)
            keep = _Keeper(Ledger(facts / "results.jsonl"), marks)
            jobs = jobs or jobs_at_once(course.settings.limits)
            for one in _spread(course, assignment, everybody, jobs, scheduler, wanted):
                team = teams.get(one.report.student)
                for copy in (one,) if team is None else for_team(course, assignment, one, team):
                    judged.append(keep(copy))
                    told(judged[-1], total)
        keep.rest()
        if marks is not None:
            for student in sorted(set(everybody) & set(teams)):
                share_by_hand(course, assignment, teams[student])
    return sorted(judged, key=lambda one: one.report.student)


class _Keeper:
    """Puts results where they stay: first the gradebook, then the ledger, which says that they are there."""

    def __init__(self, ledger: Ledger, marks: Marks | None) -> None:
        self._ledger = ledger
        self._marks = marks
        self._waiting: dict[str, Kept] = {}

    def __call__(self, judged: Judged) -> Judged:
        student = judged.report.student
        before = self._ledger[student]
        kept = Kept(judged.report, judged.submissions, judged.sources, grader())
        self._waiting[student] = kept
        if self._marks is None:
            self._note(student)
        else:
            resubmitted = before is not None and before.submissions != judged.submissions
            for entry in self._marks.put(judged.entry(resubmitted=resubmitted)):
                self._note(entry.report.student)
        return judged if before is None else replace(judged, changes=changes(before.report, judged.report))

    def _note(self, student: str) -> None:
        kept = self._waiting.pop(student)
        if kept.report.status is not Status.JUDGE_ERROR:  # nothing is known of it: what was known stays
            self._ledger.keep(kept)

    def rest(self) -> None:
        """Note what the gradebook took only at the end."""
        for student in list(self._waiting):
            self._note(student)


# --- side by side -----------------------------------------------------------------------------------------------------


def _spread(
    course: Course, assignment: str, students: Sequence[str], jobs: int, scheduler: str | None, sandbox: str
) -> Iterator[Judged]:
    """Judge submissions on dask.distributed; yields them as they are done, and holds no more than a few at a time."""
    import dask
    from distributed import Client, Scheduler, SpecCluster, Worker, as_completed

    dask.config.set(
        {
            # Its profiler calls sys._current_frames a hundred times a second, which can deadlock with the garbage collector
            # and a thread that is just starting (Python 3.11, gh-106883); a grading stood still for that.
            "distributed.worker.profile.enabled": False,
            # A clock that is set forward would make every worker look dead.
            "distributed.scheduler.worker-ttl": None,
        }
    )
    logging.getLogger("distributed").setLevel(
        logging.CRITICAL
    )  # when a class is stopped it tells of every task it drops
    with contextlib.ExitStack() as stack:
        if scheduler is None:
            # As LocalCluster would, in this process; without its pages of figures, which take a second to import. An
            # address of None would mean port 8787 on every network, and two classes may be graded at once.
            options = {"protocol": "inproc", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
            worker = {"cls": Worker, "options": {**options, "nthreads": jobs, "memory_limit": 0}}
            cluster = stack.enter_context(
                SpecCluster(scheduler={"cls": Scheduler, "options": options}, workers={"judges": worker})
            )
            client = stack.enter_context(Client(cluster, set_as_default=False))
        else:
            try:
                client = stack.enter_context(Client(scheduler, set_as_default=False, timeout=_CONNECT_SECONDS))
            except (OSError, ValueError) as error:
                raise CourseError(f"no dask scheduler answers at {scheduler}: {error}") from error
            jobs = _examine(client, course, assignment, scheduler, sandbox)
            stack.enter_context(_warm_workers(client, course.root, assignment))
        left = iter(students)

        of: dict[str, str] = {}

        def submit(student: str) -> Any:
            future = client.submit(_judge_one, course.root, course.settings, assignment, student, sandbox, pure=False)
            of[future.key] = student
            return future

        running = as_completed([submit(student) for student in itertools.islice(left, 2 * jobs)], loop=client.loop)
        for future in running:
            yield _result(course, assignment, of.pop(future.key), future)
            future.release()
            for student in itertools.islice(left, 1):
                running.add(submit(student))


@dataclass(frozen=True, slots=True)
class _Workplace:
    """What a worker says of where it runs."""

    host: str
    jobs: int  # submissions that its machine takes at once
    grader: str
    sources: str | None  # None: it does not see the course
    sandbox: str | None  # None: it cannot have the one that is wanted


def _workplace(root: Path, assignment: str, sandbox: str, limits: Limits) -> _Workplace:
    seen: str | None = None
    with contextlib.suppress(CourseError, OSError):
        seen = sources_digest(find_course(root), assignment)
    used: str | None = None
    with contextlib.suppress(JudgeError):
        used, _ = choose_sandbox(sandbox)
    return _Workplace(socket.gethostname(), jobs_at_once(limits), grader(), seen, used)


@contextlib.contextmanager
def _warm_workers(client: Any, root: Path, assignment: str) -> Iterator[None]:
    """Let every worker fork its judges from a warm process while the block runs; one that comes later as well."""
    from distributed import WorkerPlugin

    class WarmJudges(WorkerPlugin):
        name = "autograde-warm-judges"

        def setup(self, worker: Any) -> None:
            self._stack = contextlib.ExitStack()
            self._stack.enter_context(warm_judges(_course(root).notebooks(assignment).values()))

        def teardown(self, worker: Any) -> None:
            self._stack.close()

    client.register_plugin(WarmJudges())
    try:
        yield
    finally:
        client.unregister_worker_plugin(WarmJudges.name)


def _examine(client: Any, course: Course, assignment: str, scheduler: str, sandbox: str) -> int:
    """See that workers can judge as this machine would; returns how many submissions they take at once."""
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
    except TimeoutError:
        raise CourseError(
            f"the scheduler at {scheduler} has no workers: start some (`dask worker {scheduler} --nthreads 1`)"
        ) from None
    threads: dict[str, int] = client.nthreads()
    looked_at = (course.root, assignment, sandbox, course.settings.limits)
    ours = _workplace(*looked_at)
    places: dict[str, _Workplace] = client.run(_workplace, *looked_at)
    on_host: dict[str, int] = {}
    for address, place in places.items():
        if place.sources is None:
            raise CourseError(
                f"the worker {address} does not see the course: expected the same folder {course.root} there"
            )
        if place.sources != ours.sources:
            raise CourseError(f"the worker {address} sees another version of {assignment} in {course.root}")
        if place.grader != ours.grader:
            raise CourseError(f"the worker {address} has another version of autograde: install the same one there")
        if place.sandbox is None:
            raise CourseError(
                f"the worker {address} cannot have the {sandbox} sandbox: install it there, or take another one"
            )
        on_host[place.host] = on_host.get(place.host, 0) + threads.get(address, 1)
        if on_host[place.host] > place.jobs:
            raise CourseError(
                f"the workers on {place.host} have {on_host[place.host]} threads, its cores and memory are enough for "
                f"{place.jobs} submissions at once: start them with fewer (--nthreads)"
            )
    return sum(threads.values())


def _result(course: Course, assignment: str, student: str, future: Any) -> Judged:
    """What came of a submission. What ends a class is raised; a worker that was killed again and again is a judge error."""
    from distributed import KilledWorker

    try:
        found = future.result()
    except KilledWorker as error:
        return failed(course, assignment, student, error)
    if isinstance(found, AutogradeError):
        raise found
    assert isinstance(found, Judged)
    return found


def _judge_one(
    root: Path, settings: Settings, assignment: str, student: str, sandbox: str
) -> Judged | CourseError | StorageError:
    """One submission, on a worker. What ends a class comes back as a value: raised, dask would log it at length."""
    try:
        return judge_student(replace(_course(root), settings=settings), assignment, student, sandbox=sandbox)
    except (CourseError, StorageError) as error:
        return error


@functools.lru_cache(maxsize=4)
def _course(root: Path) -> Course:
    return find_course(root)
