"""Judges that are forked from a warm process judge as those that are started anew, and end as they do."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import replace

import psutil
import pytest
import toys

from autograde import jobs
from autograde.errors import JudgeError, SubmissionError
from autograde.jobs import run_job, warm_judges
from autograde.notebook import read_notebook, rebuild
from autograde.session import Job
from autograde.types import Exit

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="judges are forked on Linux only")


def job_of(folder, **answers):
    source = toys.write(toys.source_book(), folder / "source" / "exercise.ipynb")
    path = toys.write(toys.answered(toys.source_book(), toys.RIGHT | answers), folder / "submission.ipynb")
    return Job("exercise", str(source), str(path), str(source.parent), test_seconds=60.0)


@pytest.fixture
def warm(tmp_path):
    source = toys.write(toys.source_book(), tmp_path / "released" / "exercise.ipynb")
    with warm_judges([rebuild("exercise", read_notebook(source), read_notebook(source))]):
        yield jobs._Warm.here


def plainly(outcomes):
    return [(one.test, one.exit, one.credit, one.problem, len(one.blocks)) for one in outcomes]


def test_a_forked_judge_finds_what_one_that_is_started_finds(tmp_path, warm):
    job = job_of(tmp_path, double="def double(values):\n    return 3 * values")
    told = []
    forked = run_job(job, tmp_path / "forked", told=told.append)
    assert told == forked
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs._Warm, "here", None)
        assert plainly(run_job(job, tmp_path / "started")) == plainly(forked)
    assert [one.exit for one in forked] == [Exit.RAISED, Exit.PASSED]
    assert (tmp_path / "forked").read_text().count("\n") == 2


def test_a_forked_judge_has_the_environment_of_the_moment(tmp_path, warm, monkeypatch):
    monkeypatch.setenv("AUTOGRADE_SCALE", "nonsense of now")
    says = "import os\ndef double(values):\n    raise ValueError(os.environ['AUTOGRADE_SCALE'])"
    (first, _) = run_job(job_of(tmp_path, double=says), tmp_path / "facts")
    assert first.problem.message == "nonsense of now"


def test_what_is_wrong_with_a_submission_is_told_alike(tmp_path, warm):
    job = job_of(tmp_path)
    (tmp_path / "submission.ipynb").write_text("{")
    with pytest.raises(SubmissionError, match="is not a Jupyter notebook"):
        run_job(job, tmp_path / "facts")


def test_a_forked_judge_that_is_killed_is_a_judge_error_and_the_next_one_judges(tmp_path, warm):
    with pytest.raises(JudgeError, match="ended with code -9"):
        run_job(
            job_of(tmp_path, double="import os\ndef double(values):\n    os.kill(os.getppid(), 9)"), tmp_path / "facts"
        )
    outcomes = run_job(job_of(tmp_path), tmp_path / "again")
    assert [one.exit for one in outcomes] == [Exit.PASSED, Exit.PASSED]


def test_where_the_warm_process_is_gone_judges_start_by_themselves(tmp_path, warm):
    warm._process.send_signal(signal.SIGKILL)
    warm._process.wait()
    assert [one.exit for one in run_job(job_of(tmp_path), tmp_path / "facts")] == [Exit.PASSED, Exit.PASSED]


def test_what_still_runs_when_the_block_ends_is_ended(tmp_path):
    pids = tmp_path / "pids"
    hangs = f"""
import os, time
def double(values):
    with open({str(pids)!r}, "a") as file:
        file.write(f"{{os.getpid()}} {{os.getppid()}}\\n")
    while True:
        time.sleep(0.05)
"""
    job = replace(job_of(tmp_path, double=hangs), test_seconds=300.0)
    failed = []

    def judge():
        try:
            run_job(job, tmp_path / "facts")
        except JudgeError as error:
            failed.append(str(error))

    thread = threading.Thread(target=judge)
    with warm_judges([]):
        thread.start()
        toys.wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    thread.join(60)
    (noted,) = pids.read_text().splitlines()
    psutil.wait_procs([psutil.Process(pid) for pid in map(int, noted.split()) if psutil.pid_exists(pid)], timeout=60)
    assert [pid for pid in map(int, noted.split()) if psutil.pid_exists(pid)] == []
    assert failed
