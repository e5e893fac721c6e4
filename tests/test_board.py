"""The room board counts what laptops tell, keeps no names, and stands whatever is sent to it."""

from __future__ import annotations

import csv
import http.client
import io
import re
import sys
from pathlib import Path

import pytest
import toys
from browser import CHROMIUM, REPOSITORY, chromium, new_page, screenshot
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from autograde import board, check
from autograde.board import (
    MAX_LAPTOPS,
    MAX_TEXT_BYTES,
    Count,
    Place,
    Told,
    add,
    counts,
    decode,
    encode,
    forget,
    laptop_token,
    places_of,
    read,
    send,
    tell,
)
from autograde.check import Exercise, Overview
from autograde.cli import main
from autograde.course import find_course
from autograde.errors import CourseError
from autograde.types import Exit, Outcome, Verdict

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))
import room  # the simulated laptops

PLACES = (Place("toy", "exercise", "double"), Place("toy", "exercise", "count", optional=True))
DOUBLE, COUNT = (place.number for place in PLACES)
ADA, BOB = b"ada's", b"bob's"

told_by_anybody = st.builds(
    Told,
    st.binary(min_size=5, max_size=5),
    st.dictionaries(st.integers(0, 2**20 - 1), st.sampled_from(sorted(Verdict)), max_size=60),
)


# --- the code -----------------------------------------------------------------------------------------------------------


@given(told_by_anybody)
def test_a_code_says_what_was_told_in_letters_that_survive_a_chat(told):
    code = encode(told)
    assert re.fullmatch("ag1[a-z2-7]+", code)
    assert decode(code) == (told,)
    assert decode(f"hello! my code is {code.upper()}, and\n> bye") == (told,)
    assert len(code) <= 17 + 5 * len(told.verdicts)


@given(st.lists(told_by_anybody, max_size=3), st.text())
def test_all_codes_in_a_text_are_found(some, between):
    text = f"\n{between}\n".join(["", *map(encode, some), ""])
    assert [one for one in decode(text) if one in some] == some


@given(st.one_of(st.text(), st.binary().map(lambda data: data.decode("utf-8", "replace"))))
def test_junk_is_no_code(text):
    assert decode(text) == ()
    assert decode("ag1" + text) == ()


@given(told_by_anybody, st.data())
def test_a_damaged_code_is_no_code(told, data):
    code = encode(told)
    at = data.draw(st.integers(3, len(code) - 1))
    other = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567".replace(code[at], "")))
    # the last letter has spare bits: another one may stand for the same
    assert decode(code[:at] + other + code[at + 1 :]) in ((), (told,))
    assert decode(code[:at]) == ()


def test_a_text_without_end_is_not_read_to_its_end():
    assert decode("x" * MAX_TEXT_BYTES + " " + encode(Told(ADA, {1: Verdict.AC}))) == ()


def test_a_laptop_tells_exercise_and_verdict_and_nothing_else():
    exercises = (
        Exercise("exercise", "double", False, 2, 2, Verdict.AC, "Well done, Ada."),
        Exercise("exercise (1)", "count", True, 0, 1, Verdict.MLE, "line 3 of /home/ada"),
        Exercise("exercise", "essay", False, 0, 0, None),
    )
    told = tell(ADA, Overview(exercises))
    assert told == Told(ADA, {DOUBLE: Verdict.AC, COUNT: Verdict.MLE})
    (back,) = decode(encode(told))
    assert back == told


def test_the_number_of_a_laptop_is_random_kept_and_drawn_anew_when_damaged(tmp_path):
    first = laptop_token(tmp_path / "a")
    assert laptop_token(tmp_path / "a") == first
    assert laptop_token(tmp_path / "b") != first
    (tmp_path / "a" / "board-token").write_text("not hexadecimal")
    assert laptop_token(tmp_path / "a") != first
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["board-token"]
    (tmp_path / "file").write_text("")
    with pytest.raises(CourseError, match=r"cannot be written .*, so the board would count you twice"):
        laptop_token(tmp_path / "file")


# --- what is kept -------------------------------------------------------------------------------------------------------


def test_a_second_report_replaces_the_first_and_other_exercises_stay(tmp_path):
    path = tmp_path / "build" / "board.txt"
    assert (
        add(path, [Told(ADA, {DOUBLE: Verdict.WA, COUNT: Verdict.MLE}), Told(BOB, {DOUBLE: Verdict.AC})], PLACES) == 2
    )
    assert add(path, [Told(ADA, {DOUBLE: Verdict.AC})], PLACES) == 1
    assert [count.words for count in counts(read(path).values(), PLACES)] == [
        "2 of 2 through",
        "0 of 1 through; 1 of 1: memory exceeded",
    ]


def test_exercises_that_the_course_does_not_have_are_dropped(tmp_path):
    path = tmp_path / "board.txt"
    strange = next(n for n in range(9) if n not in (DOUBLE, COUNT))
    assert add(path, [Told(ADA, {strange: Verdict.AC})], PLACES) == 0
    assert not path.exists()
    add(path, [Told(ADA, {strange: Verdict.AC, COUNT: Verdict.AC})], PLACES)
    assert read(path) == {ADA: Told(ADA, {COUNT: Verdict.AC})}


def test_a_room_of_strangers_cannot_fill_the_disk(tmp_path):
    path = tmp_path / "board.txt"
    crowd = [Told(n.to_bytes(5, "big"), {DOUBLE: Verdict.AC}) for n in range(MAX_LAPTOPS + 20)]
    assert add(path, crowd, PLACES) == MAX_LAPTOPS
    assert path.stat().st_size < 20 * MAX_LAPTOPS + 17 * MAX_LAPTOPS
    assert add(path, [Told(b"later", {DOUBLE: Verdict.AC})], PLACES) == 0
    assert add(path, [Told(crowd[0].token, {DOUBLE: Verdict.WA})], PLACES) == 1
    assert len(read(path)) == MAX_LAPTOPS


def test_a_damaged_file_loses_a_line_and_no_more(tmp_path):
    path = tmp_path / "board.txt"
    add(path, [Told(ADA, {DOUBLE: Verdict.AC}), Told(BOB, {DOUBLE: Verdict.WA})], PLACES)
    lines = path.read_text().splitlines()
    path.write_bytes(f"{lines[0][:-4]}\n".encode() + b"\xff\x00\n" + f"{lines[1]}\n".encode())
    assert read(path) == {BOB: Told(BOB, {DOUBLE: Verdict.WA})}


def test_a_new_day_begins_with_nothing(tmp_path):
    path = tmp_path / "board.txt"
    add(path, [Told(ADA, {DOUBLE: Verdict.AC})], PLACES)
    assert forget(path) == 1
    assert forget(path) == 0
    assert read(path) == {}


def test_the_words_on_the_board():
    assert Count(PLACES[0], {}).words == "nobody yet"
    assert Count(PLACES[0], {Verdict.NS: 3}).words == "3 not begun"
    mixed = Count(PLACES[0], {Verdict.MLE: 9, Verdict.AC: 12, Verdict.RTE: 1, Verdict.JE: 2})
    assert mixed.words == "12 of 22 through; 9 of 22: memory exceeded; 1 of 22: error"


def test_no_two_exercises_of_this_course_have_one_number():
    places = places_of(find_course(REPOSITORY))
    assert len({place.number for place in places}) == len(places) > 30
    assert Place("2-conversion", "imaging", "downsample2") in places


# --- over the network ---------------------------------------------------------------------------------------------------


@pytest.fixture
def running(tmp_path):
    """A board of the toy exercises: its address and its file."""
    path = tmp_path / "board.txt"
    with room.running_board(path, PLACES) as address:
        yield address, path


def ask(address, method, target, body=b"", headers=None):
    """(status, headers, text) of a request."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    try:
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def test_thirty_laptops_that_report_at_once_are_counted_right(tmp_path):
    places = [Place("toy", "exercise", f"f{n}") for n in range(8)]
    path = tmp_path / "board.txt"
    with room.running_board(path, places) as address:
        assert len(room.run(address, places, laptops=30, rounds=4)) == 120
        page = ask(address, "GET", "/")[2]
    last = [list(room.laptop(number, places, 4))[-1] for number in range(30)]
    assert counts(read(path).values(), places) == counts(last, places)
    assert "30 laptops have reported." in page
    for count in counts(last, places):
        assert count.words in page
    assert len(path.read_text().splitlines()) == 30


def test_nothing_but_codes_is_kept_and_nothing_of_a_request_is_shown(running):
    address, path = running
    code = encode(Told(ADA, {DOUBLE: Verdict.AC}))
    body = f"name=Ada Lovelace <script>alert(1)</script> {code}".encode()
    status, _, text = ask(address, "POST", "/report", body, {"User-Agent": "Ada's laptop", "Cookie": "ada=1"})
    assert (status, text) == (200, "taken")
    assert path.read_text() == f"{code}\n"
    assert sorted(one.name for one in path.parent.iterdir() if not one.name.endswith(".lock")) == ["board.txt"]
    assert "script>alert" not in ask(address, "GET", "/")[2]


@given(st.binary(max_size=300))
def test_junk_is_refused_and_changes_nothing(junk):
    assert add(Path("nowhere") / "board.txt", decode(junk.decode("utf-8", "replace")), ()) == 0
    assert not Path("nowhere").exists()


@pytest.mark.parametrize("body", [b"", b"junk", b"\xff" * 1000, b"ag1" + b"a" * 500, b"codes=%00%ff", b"{" * 60_000])
def test_the_server_refuses_junk_and_goes_on(running, body):
    address, path = running
    assert ask(address, "POST", "/report", body)[0] == 422
    status, _, page = ask(address, "POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert (status == 200 and "No whole code of this course in it" in page) or (status, page) == (400, "400")
    assert not path.exists()
    send(address, Told(ADA, {DOUBLE: Verdict.AC}))
    assert ADA in read(path)


def test_the_server_takes_no_flood_and_has_no_other_pages(running):
    address, path = running
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/report")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()
    assert connection.getresponse().status == 400, "refused before a byte of it has come"
    connection.close()
    for target in ("/../board.txt", "/board.txt", "/static/board.txt", "/%2e%2e/etc/passwd", "/<script>"):
        status, headers, text = ask(address, "GET", target)
        assert status == 404
        assert "<" not in text
    assert "script-src 'self'" in headers["Content-Security-Policy"]
    assert not path.exists()


def test_a_board_that_does_not_answer_is_told_with_what_to_do():
    with pytest.raises(CourseError, match=r"did not take it \(.*same network\? Otherwise paste what"):
        send("127.0.0.1:9", Told(ADA, {DOUBLE: Verdict.AC}))
    for address in ("file:///etc/passwd", "ftp://127.0.0.1", "http://", "http://[1"):
        with pytest.raises(CourseError, match=r"expected the address of a board|did not take it"):
            send(address, Told(ADA, {}))


def test_a_board_of_another_course_says_that_it_took_nothing(running):
    with pytest.raises(CourseError, match="422"):
        send(running[0], Told(ADA, {5: Verdict.AC}))


# --- the commands -------------------------------------------------------------------------------------------------------


@pytest.fixture
def checked(monkeypatch, tmp_path):
    """A notebook whose check needs no processes: `double` passes; a laptop with a home of its own."""

    def run(job, facts, *, told=lambda outcome: None):
        return [Outcome("exercise", test, Exit.PASSED) for test in job.only if test == "test_double"]

    monkeypatch.setattr(check, "run_job", run)
    monkeypatch.setattr(board.platformdirs, "user_data_dir", lambda name: str(tmp_path / "home"))
    monkeypatch.delenv("AUTOGRADE_BOARD", raising=False)
    return toys.write(toys.source_book(), tmp_path / "exercise.ipynb")


def test_nobody_is_told_unless_the_student_asks_for_it(checked, running):
    done = CliRunner().invoke(main, ["check", str(checked)])
    assert done.exit_code == 0, done.output
    assert "told" not in done.output
    assert not running[1].exists()
    assert not (checked.parent / "home").exists()


@pytest.mark.parametrize("way", ["option", "environment"])
def test_check_tells_the_board_when_asked(checked, running, monkeypatch, way):
    address, path = running
    if way == "environment":
        monkeypatch.setenv("AUTOGRADE_BOARD", address)
    done = CliRunner().invoke(main, ["check", str(checked), *(["--board", address] if way == "option" else [])])
    assert done.exit_code == 0, done.output
    assert f"told {address}: 1 exercises and their verdicts, no name" in done.stderr
    assert [one.verdicts for one in read(path).values()] == [{DOUBLE: Verdict.AC}]


@pytest.mark.parametrize("way", ["option", "environment"])
def test_the_call_in_a_notebook_tells_the_board_in_the_same_words(checked, running, monkeypatch, way):
    address, path = running
    if way == "environment":
        monkeypatch.setenv("AUTOGRADE_BOARD", address)
    shown = check.show(checked, board=address if way == "option" else None)
    assert shown.board == (f"told {address}: 1 exercises and their verdicts, no name",)
    assert shown.board[0] in str(shown)
    assert shown.board[0] in shown._repr_html_()
    assert [one.verdicts for one in read(path).values()] == [{DOUBLE: Verdict.AC}]


def test_the_call_in_a_notebook_tells_nobody_unasked_and_shows_a_code_to_paste(checked, running, monkeypatch):
    assert check.show(checked).board == ()
    assert not running[1].exists()
    assert not (checked.parent / "home").exists()
    (words,) = check.show(checked, code=True).board
    assert [told.verdicts for told in decode(words)] == [{DOUBLE: Verdict.AC}]
    away = check.show(checked, board="http://127.0.0.1:9")
    assert "did not take it" in away.board[0]
    assert away.exercises == check.show(checked).exercises
    monkeypatch.setenv("AUTOGRADE_JUDGED", "1")
    assert check.show(checked, board=running[0]).board == ()
    assert not running[1].exists()


def test_a_board_that_is_away_changes_no_result(checked):
    done = CliRunner().invoke(main, ["check", str(checked), "--board", "http://127.0.0.1:9", "--format", "json"])
    assert done.exit_code == 0
    assert "did not take it" in done.stderr


def test_a_code_can_be_printed_and_added(checked, course):
    printed = CliRunner().invoke(main, ["check", str(checked), "--code"]).stderr
    (told,) = decode(printed)
    assert told.verdicts == {DOUBLE: Verdict.AC}
    there = ["--course", str(course.root), "board"]
    assert "1 taken" in CliRunner().invoke(main, [*there, "--add", "-"], input=f"Ada wrote: {printed}").stderr
    shown = CliRunner().invoke(main, [*there, "--counts", "--format", "csv"])
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert [(row["exercise"], row["through"], row["tried"]) for row in rows] == [
        ("double", "1", "1"),
        ("count", "0", "0"),
    ]
    assert "1 of 1 through" in CliRunner().invoke(main, [*there, "--counts"]).stdout
    assert CliRunner().invoke(main, [*there, "--reset"]).stdout == "forgot 1 laptops\n"
    assert "ada" not in (course.build("board.txt").read_text() if course.build("board.txt").exists() else "").lower()


def test_a_port_that_is_taken_is_wrong_use(running, course):
    port = running[0].rpartition(":")[2]
    done = CliRunner().invoke(main, ["--course", str(course.root), "board", "--host", "127.0.0.1", "--port", port])
    assert done.exit_code == 2
    assert "is one running already? Otherwise --port" in done.stderr


# --- the page -----------------------------------------------------------------------------------------------------------

ATTACK = "<img src=x onerror=document.title='pwned'><script>document.title='pwned'</script>"

expect = pytest.importorskip("playwright.sync_api").expect


@pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium")
def test_the_page_counts_live_takes_codes_and_runs_nothing_foreign(tmp_path):
    places = [*places_of(find_course(REPOSITORY), ["1-zarr-and-dask", "2-conversion"]), Place("9-x", ATTACK, ATTACK)]
    path = tmp_path / "board.txt"
    with room.running_board(path, places, title="out-of-core") as address, chromium() as browser:
        with new_page(browser, width=1280, height=1500) as page:
            page.goto(address)
            assert "0 laptops have reported." in page.inner_text("#board")
            room.run(address, places, laptops=30, rounds=3)
            expect(page.locator("#board")).to_contain_text("30 laptops have reported.")
            page.fill("#codes", f"Ada: {encode(Told(ADA, {places[0].number: Verdict.MLE}))}\nBob: junk {ATTACK}")
            page.click("button")
            expect(page.locator("#board")).to_contain_text("31 laptops have reported.")
            assert page.inner_text("[role=status]") == "1 taken."
            assert page.title() == "out-of-core: the room"
            assert ATTACK in page.inner_text("#board")
            assert page.locator("#board rect.AC").count() > 5
            assert page.locator("#board script, #board img").count() == 0
            screenshot(page, "board")
        with new_page(browser, width=400, height=700) as page:
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 400
