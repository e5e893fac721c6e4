"""One submission judged in two processes: what a student's code does over there costs what it should, and no more."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import toys

from autograde.errors import CourseError, JudgeError, SubmissionError
from autograde.jobs import run_job
from autograde.session import Job
from autograde.types import Exit, Outcome, Verdict, from_json, to_json
from autograde.verdict import result_of

MIB = 2**20
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the judge runs on Linux")

#: Exercise: the answer in the source notebook, the test, and what the student wrote instead.
EXERCISES = {
    "right": ("def right(): return 13", "assert right() == 13", "def right(): return 6 + 7"),
    "wrong": ("def wrong(): return 13", "assert wrong() == 13, 'it is thirteen'", "def wrong(): return 17"),
    "hungry": (
        "def hungry(n): return n",
        'with ceiling("16 MiB", data="40 MiB"):\n    r = hungry(40)\nassert r == 40',
        "def hungry(n):\n    everything = np.ones(n * MIB, np.uint8)\n    return len(everything) // MIB",
    ),
    "hungry_and_wrong": (
        "def hungry_and_wrong(n): return n",
        'with ceiling("16 MiB"):\n    r = hungry_and_wrong(40)\nassert r == 40, "forty it is"',
        "def hungry_and_wrong(n):\n    everything = np.ones(n * MIB, np.uint8)\n    return 0 * len(everything)",
    ),
    "runaway": (
        "def runaway(): return 1",
        'with ceiling("8 MiB"):\n    runaway()',
        "def runaway():\n    kept = []\n    while True:\n        kept.append(np.ones(MIB, np.uint8))",
    ),
    "leaves": ("def leaves(): return 1", "assert leaves() == 1", "def leaves():\n    import os\n    os._exit(0)"),
    "crashes": (
        "def crashes(): return 1",
        "assert crashes() == 1",
        "def crashes():\n    import os, signal\n    os.kill(os.getpid(), signal.SIGSEGV)",
    ),
    "after_the_crash": ("def after_the_crash(): return 1", "assert after_the_crash() == 1", None),
    "divides": ("def divides(): return 1", "assert divides() == 1", "def divides():\n    x = 3\n    return x / 0"),
    "stub": ("def stub(): return 1", "assert stub() == 1", "def stub():\n    raise NotImplementedError()"),
    "stub_cell": ("def stub_cell(): return 1", "assert stub_cell() == 1", "raise NotImplementedError()"),
    "empty": ("def empty(): return 1", "assert empty() == 1", ""),
    "syntax": ("def syntax(): return 1", "assert syntax() == 1", "def syntax():\n    return (1"),
    "raising": (
        "def raising(x):\n    raise ValueError('no such level')",
        "import pytest\nwith pytest.raises(ValueError, match='no such level'):\n    raising(3)\n"
        "with pytest.raises(KeyError):\n    raising('key')",
        "def raising(x):\n    if x == 'key':\n        return {}[x]\n    raise ValueError('no such level: 3')",
    ),
    "quits": ("def quits(): return 1", "assert quits() == 1", "def quits():\n    raise SystemExit(0)"),
    "interrupts": (
        "def interrupts(): return 1",
        "assert interrupts() == 1",
        "def interrupts():\n    raise KeyboardInterrupt",
    ),
    "patches": (
        "def patches(): return np.arange(3)",
        "np.testing.assert_array_equal(patches(), [0, 1, 2])",
        "np.testing.assert_array_equal = lambda *args, **kwargs: None\ndef patches(): return np.arange(3) + 7",
    ),
    "equals": (
        "def equals(): return 13",
        "assert equals() == 13",
        "class Same:\n    def __eq__(self, other): return True\ndef equals(): return Same()",
    ),
    "surrogate": (
        "def surrogate(): return 1",
        "assert surrogate() == 1",
        "def surrogate(): raise ValueError('\\ud800')",
    ),
    "strange_text": (
        "def strange_text(): return 'a'",
        "r = strange_text()\nassert r == 'a', f'got {r}'",
        "def strange_text(): return '\\udfff'",
    ),
    "prints": (
        "def prints(): return 1",
        "print('from the test')\nassert prints() == 1",
        "import os, sys\n"
        "def prints():\n"
        '    print(\'{"notebook": "exercise"}\', flush=True)\n'
        "    os.write(1, b'raw to stdout\\n')\n"
        "    print('to stderr', file=sys.stderr)\n"
        "    import warnings; warnings.warn('costs nothing')\n"
        "    return 1",
    ),
    "imports": (
        "def imports(n): return n",
        'with ceiling("8 MiB"):\n    r = imports(3)\nassert r == 3',
        "def imports(n):\n    import matplotlib.pyplot as plt\n    return n",
    ),
    "looks": (
        "def looks(): return 1",
        "### BEGIN HIDDEN TESTS\nassert looks() == 'the secret number is 4711'\n### END HIDDEN TESTS",
        "def looks():\n"
        "    import gc, os, sys\n"
        "    from pathlib import Path\n"
        "    frame, texts = sys._getframe(), [str(sys.modules['__main__'].__dict__.get('In', ''))]\n"
        "    while frame is not None:\n"
        "        texts.append(repr(frame.f_locals)[:100_000])\n"
        "        frame = frame.f_back\n"
        "    texts += [p.read_text(errors='replace') for p in Path().rglob('*') if p.is_file()]\n"
        "    texts += list(os.environ.values())\n"
        "    found = [text for text in texts if 'secret ' + 'number' in text]\n"
        "    return 'the secret ' + 'number is 4711' if found else 'not found'",
    ),
    "lazy": (
        "def lazy(): return 1",
        "r = lazy()\nassert r.shape == (4, 6) and r.chunks == ((2, 2), (3, 3))\n"
        "assert float(r.compute().sum()) == 24.0\nassert r[0, 0].compute() == 1",
        "def lazy():\n    import dask.array as da\n    return da.ones((4, 6), chunks=(2, 3))",
    ),
    "writes": (
        "def writes(path): return path",
        "import tempfile, zarr\nfrom pathlib import Path\nfolder = Path(tempfile.mkdtemp())\nwrites(folder / 'a.zarr')\n"
        "assert zarr.open_array(folder / 'a.zarr', mode='r')[:].tolist() == [7, 7]",
        "def writes(path):\n    import zarr\n    zarr.create_array(store=path, shape=(2,), dtype='uint8')[:] = 7",
    ),
    "data": ("data = 13", "assert data == 13", "data = 6 + 7"),
    "undefined": ("def undefined(): return 1", "assert undefined() == 1", "def other_name(): return 1"),
}


def exercise_cells(name, truth, test):
    yield toys.solution(name, f"### BEGIN SOLUTION\n{truth}\n### END SOLUTION")
    yield toys.test(f"test_{name}", test)


SOURCE = toys.book(
    toys.setup(toys.SETUP),
    *(cell for name, (truth, test, _) in EXERCISES.items() for cell in exercise_cells(name, truth, test)),
)
ANSWERS = {name: answer for name, (_, _, answer) in EXERCISES.items() if answer is not None}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Result and facts of every exercise, from one submission."""
    from conftest import judge_books

    outcomes = judge_books(tmp_path_factory.mktemp("judged"), SOURCE, toys.answered(SOURCE, ANSWERS))
    assert list(outcomes) == [f"test_{name}" for name in EXERCISES]
    return {test.removeprefix("test_"): (result_of(outcome, 2), outcome) for test, outcome in outcomes.items()}


@pytest.mark.parametrize(
    ("exercise", "verdict"),
    [
        ("right", Verdict.AC),
        ("wrong", Verdict.WA),
        ("hungry", Verdict.MLE),
        ("hungry_and_wrong", Verdict.WA),
        ("runaway", Verdict.MLE),
        ("leaves", Verdict.RTE),
        ("crashes", Verdict.RTE),
        ("after_the_crash", Verdict.AC),
        ("divides", Verdict.RTE),
        ("stub", Verdict.NS),
        ("stub_cell", Verdict.NS),
        ("empty", Verdict.NS),
        ("syntax", Verdict.RTE),
        ("raising", Verdict.AC),
        ("quits", Verdict.RTE),
        ("interrupts", Verdict.RTE),
        ("patches", Verdict.WA),
        ("equals", Verdict.RTE),
        ("surrogate", Verdict.RTE),
        ("strange_text", Verdict.WA),
        ("prints", Verdict.AC),
        ("imports", Verdict.AC),
        ("looks", Verdict.WA),
        ("lazy", Verdict.AC),
        ("writes", Verdict.AC),
        ("data", Verdict.AC),
    ],
)
def test_the_verdict_on_an_answer_that(judged, exercise, verdict):
    result, _ = judged[exercise]
    assert result.verdict is verdict, result.message


def test_a_right_answer_that_is_hungry_is_called_right_and_its_line_is_named(judged):
    result, _ = judged["hungry"]
    assert re.match(r"Right answer, too much memory: \d\d MiB, 16 MiB allowed", result.message)
    assert "allowed. Line 2 of `hungry`, `everything = np.ones(n * MIB, np.uint8)`" in result.message
    assert result.ceiling_bytes == 16 * MIB
    assert result.peak_bytes == pytest.approx(41 * MIB, rel=0.1)
    assert result.meter == "tree"


def test_a_wrong_answer_that_is_hungry_is_told_the_answer_first(judged):
    assert judged["hungry_and_wrong"][0].message.startswith("Not right yet: forty it is")
    assert "It also held 4" in judged["hungry_and_wrong"][0].message


def test_runaway_code_is_stopped_and_its_line_is_named(judged):
    result, outcome = judged["runaway"]
    assert outcome.exit is Exit.LIMIT
    assert outcome.blocks[0].stopped
    assert result.message.startswith("Too much memory: stopped at ")
    assert "Line 4 of `runaway`, `kept.append(np.ones(MIB, np.uint8))`" in result.message


def test_a_process_that_dies_says_how(judged):
    assert "exited with code 0" in judged["leaves"][0].message
    assert "ended by SIGSEGV" in judged["crashes"][0].message


def test_an_error_is_told_with_its_line(judged):
    assert judged["divides"][0].message == (
        "Your code stopped with ZeroDivisionError: division by zero (line 3 of `divides`: `return x / 0`)"
    )


def test_a_syntax_error_is_told_with_its_line(judged):
    message = judged["syntax"][0].message
    assert message == "The cell `syntax` stopped with SyntaxError: incomplete input, line 2: `return (1`"


def test_a_name_that_is_missing_though_its_cell_ran_is_told(judged):
    result, _ = judged["undefined"]
    assert result.verdict is Verdict.RTE
    assert result.message == "`undefined` is not defined. Was it renamed? The tests call it by this name."


def test_leaving_python_is_an_error_like_any_other(judged):
    assert judged["quits"][0].message.startswith("Your code stopped with SystemExit: 0")
    assert judged["interrupts"][0].message.startswith("Your code stopped with KeyboardInterrupt")


def test_an_object_with_an_opinion_is_refused_with_what_to_return(judged):
    assert (
        "returned a __main__.Same, which cannot be judged. Return what its docstring says"
        in judged["equals"][0].message
    )


def test_what_a_student_prints_is_kept_as_output_only(judged):
    _, outcome = judged["prints"]
    assert "raw to stdout" in outcome.output
    assert "to stderr" in outcome.output
    assert "from the test" not in outcome.output


def test_modules_that_an_answer_imports_do_not_count_against_it(judged):
    result, outcome = judged["imports"]
    assert result.peak_bytes < 8 * MIB
    assert outcome.blocks[0].ceiling_bytes == 8 * MIB


def test_points_are_all_or_nothing(judged):
    assert {result.points for result, _ in judged.values()} == {0, 2}


# --- cells ------------------------------------------------------------------------------------------------------------

POOL = "pool = np.ones(64 * MIB, np.uint8)"


def only_count(**answers):
    return toys.answered(toys.source_book(), toys.RIGHT | answers)


def test_memory_held_by_an_earlier_cell_counts_and_is_named(judge):
    submitted = toys.before(only_count(), "test_count_memory", toys.plain(POOL))
    result = result_of(judge(toys.source_book(), submitted)["test_count_memory"], 5)
    assert result.verdict is Verdict.MLE
    assert "well done. But before it was called the notebook already held 6" in result.message
    assert "`pool` (64 MiB)" in result.message


def test_an_array_that_has_a_name_counts_whoever_made_it_as_in_check(judge):
    source = toys.before(toys.source_book(), "test_count_memory", toys.plain(POOL))
    assert result_of(judge(source, toys.answered(source, toys.RIGHT))["test_count_memory"], 5).verdict is Verdict.MLE


def test_what_libraries_hold_in_the_notebook_as_handed_out_is_not_the_students(judge):
    cache = "import types\nlibrary = types.SimpleNamespace(cache=np.ones(64 * MIB, np.uint8))"
    source = toys.before(toys.source_book(), "test_count_memory", toys.plain(cache))
    outcome = judge(source, toys.answered(source, toys.RIGHT))["test_count_memory"]
    assert result_of(outcome, 5).verdict is Verdict.AC
    assert outcome.blocks[0].peak_bytes < 16 * MIB


def test_a_cell_that_ends_the_process_is_left_out_when_the_notebook_is_replayed(judge):
    submitted = toys.before(
        only_count(), "test_double", toys.plain("import os\nos._exit(7)"), toys.plain("def later(): return 1")
    )
    outcomes = judge(toys.source_book(), submitted)
    assert [outcome.exit for outcome in outcomes.values()] == [Exit.PASSED, Exit.PASSED]


def test_a_solution_cell_that_ends_the_process_costs_its_own_exercise_alone(judge):
    outcomes = judge(toys.source_book(), only_count(double="import os\nos._exit(7)"))
    first, second = (result_of(outcome, 1) for outcome in outcomes.values())
    assert first.verdict is Verdict.RTE
    assert "this cell ended the Python process: it exited with code 7" in first.message
    assert second.verdict is Verdict.AC


def test_a_cell_that_never_ends_is_stopped_and_left_out(judge):
    submitted = toys.before(only_count(), "test_double", toys.plain("while True:\n    pass"))
    outcomes = judge(toys.source_book(), submitted, cell_seconds=2.0)
    assert [outcome.exit for outcome in outcomes.values()] == [Exit.PASSED, Exit.PASSED]


def test_a_loop_that_swallows_every_exception_is_time_exceeded_and_costs_that_test_alone(judge):
    loop = (
        "import signal\n"
        "def double(values):\n"
        "    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):\n"
        "        signal.signal(number, signal.SIG_IGN)\n"
        "    while True:\n"
        "        try:\n"
        "            while True: pass\n"
        "        except BaseException:\n"
        "            pass\n"
    )
    outcomes = judge(toys.source_book(), only_count(double=loop), test_seconds=2.0)
    first, second = (result_of(outcome, 1) for outcome in outcomes.values())
    assert first.verdict is Verdict.TLE
    assert first.message.startswith("Still running after 2 s, so it was stopped.")
    assert second.verdict is Verdict.AC


COUNTS_ITS_CALLS = """\
calls = 0
def count(n_mib):
    global calls
    calls += 1
    print("call", calls)
    everything = np.ones({size}, np.uint8)
    return int(everything.sum()) * {times}"""
PROMISES = """\
calls = 0
def promise(n_mib):
    global calls
    calls += 1
    print("call", calls)
    {then}
    return da.arange(n_mib * MIB // 8, chunks=-1, dtype="int64")"""


@pytest.mark.parametrize(("size", "times"), [("MIB", "n_mib"), ("n_mib * MIB", "1")])
def test_a_test_runs_once_within_its_ceiling_and_where_the_line_was_seen(judge, size, times):
    text = COUNTS_ITS_CALLS.format(size=size, times=times)
    outcome = judge(toys.source_book(), only_count(count=text))["test_count_memory"]
    assert outcome.exit is (Exit.PASSED if size == "MIB" else Exit.RAISED)
    assert outcome.output.split() == ["call", "1"]
    if size != "MIB":
        assert outcome.blocks[0].line.text == "everything = np.ones(n_mib * MIB, np.uint8)"


@pytest.mark.parametrize(
    ("then", "explained"),
    [
        ("pass", True),
        ("if calls > 1: raise ValueError('not again')", False),
        ("if calls > 1: return np.ones(n_mib)", False),
        ("if calls > 1: import os; os._exit(3)", False),
        ("while calls > 1: pass", False),
    ],
)
def test_a_broken_ceiling_that_no_line_is_known_for_is_explained_by_a_second_run_that_decides_nothing(
    judge, then, explained
):
    """The first run told figures and verdict; the next test does not suffer from the second."""
    source = toys.book(
        toys.setup("import dask.array as da\nimport numpy as np\nfrom autograde import ceiling\nMIB = 2**20"),
        toys.solution("promise", "def promise(n_mib): return 0"),
        toys.test(
            "test_promise",
            'with ceiling("24 MiB"):\n    few = promise(48)[5:9].compute()\nassert list(few) == [5, 6, 7, 8]',
        ),
        toys.solution("last", "def last(): return 1"),
        toys.test("test_last", "assert last() == 1"),
    )
    submitted = toys.answered(source, {"promise": PROMISES.format(then=then), "last": "def last(): return 1"})
    outcomes = judge(source, submitted, test_seconds=15.0)
    outcome = outcomes["test_promise"]
    found = result_of(outcome, 1)
    assert found.verdict is Verdict.MLE
    assert re.match(r"Right answer, too much memory: \d\d MiB, 24 MiB allowed", found.message)
    assert 44 * MIB <= outcome.blocks[0].peak_bytes < 80 * MIB
    assert outcome.output.split() == ["call", "1"]
    assert outcome.blocks[0].line is None
    assert ("of it came from `" in found.message) == explained
    assert outcomes["test_last"].exit is Exit.PASSED


def test_only_the_tests_that_are_asked_for_run(judge):
    assert list(judge(toys.source_book(), only_count(), only=["test_count_memory"])) == ["test_count_memory"]


def test_the_first_failure_is_the_last_test_when_that_is_asked_for(judge):
    assert list(judge(toys.source_book(), only_count(**toys.WRONG), stop_at_failure=True)) == ["test_double"]


def test_another_ceiling_for_one_exercise_and_a_scale_for_all_are_heeded(judge, tmp_path):
    hungry = only_count(count=toys.HUNGRY)
    outcome = judge(toys.source_book(), hungry, ceilings={"count": 96 * MIB}, ceiling_scale=0.5)["test_count_memory"]
    assert outcome.exit is Exit.PASSED
    assert outcome.blocks[0].ceiling_bytes == 96 * MIB
    scaled = judge(toys.source_book(), hungry, ceiling_scale=4.0)["test_count_memory"]
    assert scaled.blocks[0].ceiling_bytes == 64 * MIB


def test_the_baseline_is_kept_and_used_again(judge, tmp_path):
    kept = tmp_path / "baselines.json"
    first = judge(toys.source_book(), only_count(), baselines=str(kept))["test_count_memory"]
    text = kept.read_text()
    second = judge(toys.source_book(), only_count(), baselines=str(kept))["test_count_memory"]
    assert kept.read_text() == text
    assert second.blocks[0].baseline_bytes == pytest.approx(first.blocks[0].baseline_bytes, abs=2 * MIB)


def test_a_file_beside_the_submission_cannot_stand_in_for_a_library(judge, tmp_path):
    (tmp_path / "numpy.py").write_text("raise SystemExit('not the real one')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('not the real one')")
    assert judge(toys.source_book(), only_count())["test_double"].exit is Exit.PASSED


def test_a_test_that_is_tagged_or_rewritten_in_the_submission_runs_as_in_the_source(judge):
    submitted = only_count(double="def double(values): return 0")
    for cell in submitted.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]
            cell.source = "pass"
    assert judge(toys.source_book(), submitted)["test_double"].exit is Exit.RAISED


# --- what goes wrong on our side ----------------------------------------------------------------------------------------


def test_a_set_up_cell_that_fails_is_the_authors(judge):
    source = toys.book(toys.setup("1 / 0"), *toys.source_book().cells[2:])
    with pytest.raises(CourseError, match=r"the set-up cell `setup` failed: ZeroDivisionError.*must run by themselves"):
        judge(source, source)


def test_a_test_cell_that_is_not_python_is_the_authors(judge):
    source = toys.book(toys.setup(toys.SETUP), toys.solution("f", "f = 1"), toys.test("test_f", "assert f =="))
    with pytest.raises(CourseError, match="cell `test_f` is not valid Python"):
        judge(source, source)


def test_an_argument_that_cannot_cross_is_the_authors(judge):
    source = toys.book(
        toys.setup(toys.SETUP), toys.solution("f", "def f(x): return 1"), toys.test("test_f", "f(n for n in [1])")
    )
    with pytest.raises(CourseError, match=r"an argument of f cannot cross to the student process .*no generators"):
        judge(source, source)


def test_an_unreadable_submission_is_the_students(judge, tmp_path):
    source = toys.write(toys.source_book(), tmp_path / "source" / "exercise.ipynb")
    broken = tmp_path / "broken.ipynb"
    broken.write_text("{")
    with pytest.raises(SubmissionError, match=r"broken\.ipynb is not a Jupyter notebook"):
        run_job(Job("exercise", str(source), str(broken), str(source.parent)), tmp_path / "facts")


def test_a_judge_that_dies_is_a_judge_error(tmp_path):
    """The facts cannot be written: nothing is known of the submission, and nobody loses a point for it."""
    source = toys.write(toys.source_book(), tmp_path / "source" / "exercise.ipynb")
    with pytest.raises(JudgeError, match=r"(?s)ended with code 1: .*IsADirectoryError"):
        run_job(Job("exercise", str(source), str(source), str(source.parent)), tmp_path)


# --- processes --------------------------------------------------------------------------------------------------------


def job_of(tmp_path: Path, submitted, **options) -> Job:
    source = toys.write(toys.source_book(), tmp_path / "source" / "exercise.ipynb")
    path = toys.write(submitted, tmp_path / "submission.ipynb")
    return replace(Job("exercise", str(source), str(path), str(source.parent)), **options)


def alive(pids):
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


#: Notes the pid of the student process and of a child that outlives everything.
STARTS_CHILD = """\
import os, subprocess, sys
def note(pid):
    with open({pids!r}, "a") as file:
        file.write(f"{{pid}}\\n")
def double(values):
    note(os.getpid())
    child = subprocess.Popen(["sleep", "600"], start_new_session={session})
    note(child.pid)
    {then}
    return 2 * values
"""


@pytest.mark.parametrize("session", [False, True], ids=["same session", "session of its own"])
@pytest.mark.parametrize("then", ["pass", "os._exit(0)"], ids=["returns", "leaves"])
def test_no_process_of_a_student_is_left_behind(judge, tmp_path, children_before, then, session):
    pids = tmp_path / "pids"
    answer = STARTS_CHILD.format(pids=str(pids), session=session, then=then)
    judge(toys.source_book(), only_count(double=answer))
    noted = [int(line) for line in pids.read_text().split()]
    assert len(noted) >= 2
    assert alive(noted) == []
    assert [child.pid for child in psutil.Process().children(recursive=True)] == children_before


HANGS = """\
import os, time
def double(values):
    with open({pids!r}, "a") as file:
        file.write(f"{{os.getpid()}} {{os.getppid()}}\\n")
    while True:
        time.sleep(0.05)
"""
RUNS_JOB = """\
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests in the background has it ignored
from contextlib import nullcontext
from pathlib import Path
from autograde.jobs import run_job, warm_judges
from autograde.session import Job
from autograde.types import from_json
with warm_judges([]) if sys.argv[2] == "forked" else nullcontext():
    run_job(from_json(Job, sys.stdin.read()), Path(sys.argv[1]))
"""


@pytest.mark.parametrize("judge", ["started", "forked"])
@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["killed", "interrupted", "asked"]
)
def test_whoever_asked_being_ended_in_the_middle_leaves_no_process(tmp_path, number, judge):
    pids = tmp_path / "pids"
    job = job_of(tmp_path, only_count(double=HANGS.format(pids=str(pids))), test_seconds=300.0)
    asker = subprocess.Popen(
        [sys.executable, "-c", RUNS_JOB, str(tmp_path / "facts"), judge],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    asker.stdin.write(to_json(job).encode())
    asker.stdin.close()
    toys.wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    asker.send_signal(number)
    asker.wait()
    noted = [int(pid) for pid in pids.read_text().split()]
    toys.wait_until(lambda: not alive(noted))


def test_a_judge_that_is_killed_leaves_no_student_process(tmp_path):
    pids = tmp_path / "pids"
    job = job_of(tmp_path, only_count(double=HANGS.format(pids=str(pids))), test_seconds=300.0)
    judge = subprocess.Popen(
        [sys.executable, "-m", "autograde.judge", str(tmp_path / "facts")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    judge.stdin.write(to_json(job).encode())
    judge.stdin.close()
    toys.wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    judge.kill()
    judge.wait()
    noted = [int(pid) for pid in pids.read_text().split()]
    toys.wait_until(lambda: not alive(noted))


def test_the_judge_says_nothing_but_outcomes_whatever_anybody_prints(tmp_path):
    noisy = textwrap.dedent("""
        import os, sys
        print("noise", flush=True)
        os.write(1, b"noise\\n")
        def double(values):
            os.write(1, b"noise\\n")
            os.write(2, b"noise\\n")
            print("noise")
            return 2 * values
    """)
    job = job_of(tmp_path, only_count(double=noisy))
    done = subprocess.run(
        [sys.executable, "-m", "autograde.judge", str(tmp_path / "facts")],
        input=to_json(job).encode(),
        capture_output=True,
        check=True,
        env={**os.environ, "AUTOGRADE_DATA": str(tmp_path)},
    )
    outcomes = [from_json(Outcome, line) for line in done.stdout.splitlines()]
    assert [outcome.test for outcome in outcomes] == ["test_double", "test_count_memory"]
    assert b"noise" not in done.stderr
    facts = (tmp_path / "facts").read_bytes()
    assert facts == done.stdout


def test_outcomes_are_told_and_written_one_by_one(tmp_path):
    facts = tmp_path / "facts"
    lines = []
    run_job(
        job_of(tmp_path, only_count()),
        facts,
        told=lambda outcome: lines.append((outcome.test, len(facts.read_text().splitlines()) >= len(lines) + 1)),
    )
    assert lines == [("test_double", True), ("test_count_memory", True)]
