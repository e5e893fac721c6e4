"""From facts to a verdict, its points, and the words that a student reads. Pure rules, in order."""

from __future__ import annotations

from collections.abc import Sequence

from .limits import LIMIT_PROBLEM
from .types import Exit, Measurement, Outcome, Problem, Report, Status, TestResult, Verdict, format_bytes

__all__ = ["judge_error", "report", "result_of", "verdict_of"]


def verdict_of(outcome: Outcome) -> Verdict:
    """The verdict on one test cell."""
    problem = outcome.problem
    match outcome.exit:
        case Exit.PASSED:
            return Verdict.AC if outcome.credit is None or outcome.credit >= 1 else Verdict.WA
        case Exit.TIMEOUT:
            return Verdict.TLE
        case Exit.LIMIT:
            return Verdict.MLE
        case Exit.DIED:
            return Verdict.RTE
        case Exit.JUDGE_ERROR:
            return Verdict.JE
    if problem is None:
        return Verdict.JE
    if problem.type == "MemoryCeilingExceeded":
        # without a figure nobody can say that it was too much; it is not a pass either
        return Verdict.JE if any(block.peak_bytes is None for block in outcome.blocks) else Verdict.MLE
    if not problem.from_student:
        return Verdict.WA  # an assertion, or the test could not use the result
    if problem.type == "NotImplementedError" or (problem.type == "NotDefined" and _unanswered(outcome)):
        return Verdict.NS
    if problem.type == "MemoryError":
        return Verdict.MLE
    return Verdict.RTE


def _unanswered(outcome: Outcome) -> bool:
    """Whether the cell that should define the name is missing, empty, or still raises NotImplementedError."""
    return any(sign in note for note in outcome.notes for sign in ("is missing", "is empty", "NotImplementedError"))


def result_of(outcome: Outcome, max_points: float | None, *, practice: bool = False) -> TestResult:
    """The result of one test cell: full points, none, or the share that the test gave.

    Points are None for a judge error and in practice.
    """
    verdict = verdict_of(outcome)
    block = _nearest_to_failing(outcome.blocks)
    share = outcome.credit if outcome.credit is not None else float(verdict is Verdict.AC)
    points = None if practice or verdict is Verdict.JE or max_points is None else max_points * share
    return TestResult(
        notebook=outcome.notebook,
        test=outcome.test,
        verdict=verdict,
        points=points,
        max_points=None if practice else max_points,
        peak_bytes=None if block is None else block.peak_bytes,
        ceiling_bytes=None if block is None else block.ceiling_bytes,
        wall_seconds=round(outcome.wall_seconds, 3),
        meter=None if block is None else block.meter,
        message=_message(outcome, verdict),
    )


def judge_error(notebook: str, test: str, reason: str) -> Outcome:
    """The facts where the judge failed: nothing is known about the submission."""
    problem = Problem("JudgeError", reason, from_student=False)
    return Outcome(notebook=notebook, test=test, exit=Exit.JUDGE_ERROR, problem=problem)


def report(
    student: str,
    assignment: str,
    results: Sequence[TestResult],
    *,
    status: Status | None = None,
    sandbox: str | None = None,
    message: str = "",
) -> Report:
    """One submission: the sum of its points, and what became of it as a whole."""
    if status is None:
        waits = [result for result in results if result.verdict is None or result.verdict is Verdict.JE]
        errors = [result for result in results if result.verdict is Verdict.JE]
        status = Status.JUDGE_ERROR if errors else Status.MANUAL if waits else Status.GRADED
    known = [result.max_points for result in results if result.max_points is not None]
    return Report(
        student=student,
        assignment=assignment,
        status=status,
        sandbox=sandbox,
        message=message,
        score=sum(result.points or 0.0 for result in results) if known else None,
        max_score=sum(known) if known else None,
        tests=tuple(results),
    )


def _nearest_to_failing(blocks: Sequence[Measurement]) -> Measurement | None:
    """The block with the highest peak in relation to its ceiling; one that was not observed comes before all."""

    def nearness(block: Measurement) -> float:
        if block.peak_bytes is None:
            return float("inf")
        return block.peak_bytes / (block.ceiling_bytes or float("inf"))

    limited = [block for block in blocks if block.ceiling_bytes is not None]
    return max(limited, key=nearness, default=None)


def _message(outcome: Outcome, verdict: Verdict) -> str:
    problem = outcome.problem
    also = [note for note in outcome.notes if verdict is not Verdict.AC]
    match verdict:
        case Verdict.AC:
            block = _nearest_to_failing(outcome.blocks)
            if block is None:
                return "Accepted."
            used = format_bytes(block.peak_bytes)
            return f"Accepted: peak {used} of {format_bytes(block.ceiling_bytes)} allowed."
        case Verdict.TLE:
            if problem is not None:
                return " ".join([_where(problem), *also])
            seconds = f" after {outcome.limit_seconds:.0f} s" if outcome.limit_seconds else ""
            text = (
                f"Still running{seconds}, so it was stopped. Try: run it on a few planes first; "
                "look for a loop that never ends or goes over single voxels, or for data that is read again and again."
            )
        case Verdict.MLE:
            assert problem is not None
            text = _where(problem)
            if problem.type == "MemoryCeilingExceeded":
                text = problem.message
            elif problem.type != LIMIT_PROBLEM:
                text = f"Out of memory: {text}"
        case Verdict.NS:
            text = "Nothing here yet: the function still has to be written."
            also = [note for note in also if "NotImplementedError" not in note]
        case Verdict.WA:
            share = f"{100 * (outcome.credit or 0):.0f} %"
            text = _wrong(problem) if problem else f"Partly right: the test gives {share} of its points."
            over = next((block for block in outcome.blocks if block.exceeded), None)
            if over is not None:
                text += (
                    f" It also held {format_bytes(over.peak_bytes)} where {format_bytes(over.ceiling_bytes)} "
                    "are allowed; mend the answer first."
                )
        case Verdict.RTE:
            assert problem is not None
            text = _where(problem)
            if problem.type == "NotDefined" and also:  # why it is not defined says more
                text, also = also[0], also[1:]
        case Verdict.JE:
            reason = problem.message if problem else "nothing is known"
            text = f"The autograder itself failed here; this costs nothing, and a person will look at it. ({reason})"
    return " ".join([text, *also])


#: What the system says at a limit that it holds itself, and what that means.
_LIMIT_SIGNS = {
    "[Errno 27]": " This is the limit on the size of one file.",
    "[Errno 28]": " This is the limit on files in memory (/tmp, /dev/shm), or the disk is full.",
    "[Errno 24]": " This is the limit on open files.",
    "[Errno 11] Resource temporarily unavailable": " This is the limit on processes and threads.",
    "can't start new thread": " This is the limit on processes and threads.",
}


def _wrong(problem: Problem) -> str:
    if problem.type != "AssertionError":
        return (
            f"Not right yet: the test could not use the result ({problem.type}: {problem.message}). "
            "Try: look at what the function returns, and compare it with the docstring."
        )
    if problem.message.strip():
        return f"Not right yet: {problem.message.strip()}"
    line = problem.traceback.splitlines()[0] if problem.traceback else "an assertion"
    return f"Not right yet: this does not hold: `{line}`"


def _where(problem: Problem) -> str:
    if problem.type == "Died":
        return f"{problem.message[:1].upper()}{problem.message[1:]}. Try: find the line that ends Python or crashes it."
    if problem.type == LIMIT_PROBLEM:
        return f"{problem.message[:1].upper()}{problem.message[1:]}."
    if problem.type == "NotDefined":
        return f"{problem.message}. Was it renamed? The tests call it by this name."
    if problem.type == "SubmissionError":
        return f"The result cannot be judged: {problem.message}"
    text = f"Your code stopped with {problem.type}: {problem.message}"
    if problem.line is not None:
        place = f"line {problem.line.number}"
        place += f" of `{problem.line.function}`" if problem.line.function else ""
        text += f" ({place}: `{problem.line.text}`)"
    return text + "".join(hint for sign, hint in _LIMIT_SIGNS.items() if sign in problem.message)
