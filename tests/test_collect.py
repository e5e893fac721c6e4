"""What a platform exports comes to its place; what is hostile is refused as a whole; who is missing is told."""

from __future__ import annotations

import json
import os
import stat
import zipfile

import nbformat
import pytest
import toys
from click.testing import CliRunner

from autograde.cli import main
from autograde.collect import Person, collect, identify, read_people
from autograde.errors import CourseError
from autograde.release import release_solutions

NAMES = {"2-conversion": ["imaging", "ephys"], "3-parallel": ["blocks", "blocks_more"]}
PEOPLE = (Person("ada", ("Ada Lovelace",)), Person("mia", ("Mia Ó Söé",)))


def zip_of(path, entries):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in entries.items():
            archive.writestr(name, text)
    return path


def submitted(course):
    folder = course.root / "submitted"
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def statuses(done):
    return [(one.student, one.status) for one in done.notebooks]


# --- whose, and what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("Ada Lovelace_1234_assignsubmission_file_/imaging.ipynb", ("Ada Lovelace", "2-conversion", "imaging")),
        ("all/Ada B_1_assignsubmission_file_/release/2-conversion/ephys.ipynb", ("Ada B", "2-conversion", "ephys")),
        ("ada/imaging.ipynb", ("ada", "2-conversion", "imaging")),
        ("submitted/ada/2-conversion/imaging.ipynb", ("ada", "2-conversion", "imaging")),
        ("ada_imaging.ipynb", ("ada", "2-conversion", "imaging")),
        ("imaging-ada.ipynb", ("ada", "2-conversion", "imaging")),
        ("export/ada lovelace_imaging (2).ipynb", ("export", "2-conversion", "imaging")),
        ("ada/imaging-Copy1.ipynb", ("ada", "2-conversion", "imaging")),
        ("ada/blocks_more.ipynb", ("ada", "3-parallel", "blocks_more")),
        ("ada/IMAGING.ipynb", None),
        ("imaging.ipynb", None),
        ("adaimaging.ipynb", None),
        ("ada/notes.txt", None),
        ("ada/.ipynb_checkpoints/imaging.ipynb", None),
        ("__MACOSX/ada/imaging.ipynb", None),
        ("../imaging.ipynb", None),
        ("a:b/imaging.ipynb", None),
        ("a\nb/imaging.ipynb", None),
    ],
)
def test_a_path_stands_for_a_notebook_of_a_student_or_for_nothing(place, found):
    assert identify(place, NAMES) == found


def test_a_name_that_two_assignments_have_needs_a_word():
    names = {"one": ["exercise"], "two": ["exercise"]}
    with pytest.raises(CourseError, match="part of one, two; say which with --assignment"):
        identify("ada/exercise.ipynb", names)
    assert identify("ada/two/exercise.ipynb", names) == ("ada", "two", "exercise")


def test_a_roster_names_folders_first_and_no_folder_outside():
    assert read_people([["id", "name"], ["ada", "Ada Lovelace", ""], [""]]) == PEOPLE[:1]
    with pytest.raises(CourseError, match="cannot be the name of a folder"):
        read_people([["../ada"]])


# --- into submitted/ --------------------------------------------------------------------------------------------------


def test_a_moodle_export_goes_to_the_names_of_the_roster(course, tmp_path):
    source = zip_of(
        tmp_path / "export.zip",
        {
            "Ada  Lovelace_17_assignsubmission_file_/exercise.ipynb": "ada's",
            "Eve_18_assignsubmission_file_/exercise.ipynb": "eve's",
            "Ada  Lovelace_17_assignsubmission_file_/notes.pdf": "",
        },
    )
    done = collect(course, source, people=PEOPLE)
    assert submitted(course) == {"ada/toy/exercise.ipynb": "ada's"}
    assert statuses(done) == [("Eve", "unknown student"), ("ada", "collected")]
    assert done.missing == (("mia", "toy"),)
    assert done.ignored == ("Ada  Lovelace_17_assignsubmission_file_/notes.pdf",)


def test_the_folder_around_an_export_is_no_student(course, tmp_path):
    entries = {f"Export 3/{name}_exercise.ipynb": name for name in ("ada", "mia", "eve")}
    entries["Export 3/ada_card.yml"] = "a card"
    source = zip_of(tmp_path / "export.zip", entries)
    with pytest.raises(CourseError, match=r"folder 'Export 3'.* ada, eve, mia apart: .*--roster"):
        collect(course, source)
    assert submitted(course) == {}
    done = collect(course, source, people=PEOPLE, also=["card.yml"])
    assert submitted(course) == {
        "ada/toy/card.yml": "a card",
        "ada/toy/exercise.ipynb": "ada",
        "mia/toy/exercise.ipynb": "mia",
    }
    assert [row.place for row in done.notebooks if row.student == "ada"] == [
        "Export 3/ada_card.yml",
        "Export 3/ada_exercise.ipynb",
    ]
    assert statuses(done) == [("ada", "collected")] * 2 + [("eve", "unknown student"), ("mia", "collected")]
    assert done.ignored == ()


@pytest.mark.parametrize("names", [["exercise_v1", "exercise_v2"], ["exercise (1)", "exercise"], ["exercise_final"]])
def test_a_folder_with_the_tries_of_a_student_on_the_roster_is_theirs(course, tmp_path, names):
    source = zip_of(tmp_path / "ada.zip", {f"ada/{name}.ipynb": name for name in names})
    collect(course, source, people=PEOPLE)
    assert list(submitted(course)) == ["ada/toy/exercise.ipynb"]


def test_a_folder_of_folders_and_files_by_name_need_no_roster(course, tmp_path):
    for name in ("bob/exercise.ipynb", "cy_exercise.ipynb", "exercise_zoë.ipynb"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(name)
    done = collect(course, tmp_path / "in")
    assert sorted(submitted(course)) == [f"{name}/toy/exercise.ipynb" for name in ("bob", "cy", "zoë")]
    assert done.missing == ()
    assert course.students("toy") == ("bob", "cy", "zoë")


def test_of_two_the_newer_one_counts_and_the_other_is_told(course, tmp_path):
    for age, name in ((7, "exercise.ipynb"), (3, "exercise (1).ipynb"), (5, "exercise (2).ipynb")):
        path = tmp_path / "in" / "ada" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    done = collect(course, tmp_path / "in")
    assert submitted(course) == {"ada/toy/exercise.ipynb": "exercise (1).ipynb"}
    assert sorted(one.status for one in done.notebooks) == ["collected", "duplicate", "duplicate"]


def test_in_a_zip_the_newer_one_counts_too(course, tmp_path):
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for year, name in ((2024, "ada/exercise.ipynb"), (2023, "ada/exercise-Copy1.ipynb")):
            archive.writestr(zipfile.ZipInfo(name, (year, 12, 31, 23, 59, 58)), str(year))
    collect(course, tmp_path / "in.zip")
    assert submitted(course) == {"ada/toy/exercise.ipynb": "2024"}


def test_what_lies_there_stays_unless_it_is_to_be_replaced(course, tmp_path):
    source = zip_of(tmp_path / "in.zip", {"ada/exercise.ipynb": "new"})
    assert statuses(collect(course, source)) == [("ada", "collected")]
    assert statuses(collect(course, source)) == [("ada", "unchanged")]
    path = course.submitted("ada", "toy") / "exercise.ipynb"
    path.write_text("changed by hand")
    assert statuses(collect(course, source)) == [("ada", "kept")]
    assert path.read_text() == "changed by hand"
    assert statuses(collect(course, source, replace=True)) == [("ada", "replaced")]
    assert submitted(course) == {"ada/toy/exercise.ipynb": "new"}


# --- hostile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../exercise.ipynb", "a/../../exercise.ipynb", "/etc/exercise.ipynb", "C:\\exercise.ipynb", "..\\exercise.ipynb"],
)
def test_an_archive_with_a_path_that_leads_out_is_refused_as_a_whole(course, tmp_path, name):
    source = zip_of(tmp_path / "in.zip", {"ada/exercise.ipynb": "good", name: "bad"})
    with pytest.raises(CourseError, match=r"leads out of the archive; in\.zip was refused and nothing collected"):
        collect(course, source)
    assert not (course.root / "submitted").exists()


def test_an_archive_with_a_link_is_refused(course, tmp_path):
    link = zipfile.ZipInfo("ada/exercise.ipynb")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    source = zip_of(tmp_path / "in.zip", {link: "/etc/passwd"})
    with pytest.raises(CourseError, match="is a link"):
        collect(course, source)


def test_huge_notebooks_are_refused_whatever_size_they_claim(course, tmp_path, monkeypatch):
    monkeypatch.setattr("autograde.collect._MAX_FILE_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ada/exercise.ipynb", bytes(1_000_001))
    with pytest.raises(CourseError, match=r"at most 0 are taken; in\.zip was refused"):
        collect(course, tmp_path / "in.zip")
    text = (tmp_path / "in.zip").read_bytes()
    (tmp_path / "lie.zip").write_bytes(text.replace((1_000_001).to_bytes(4, "little"), (17).to_bytes(4, "little")))
    with pytest.raises(CourseError, match=r"cannot be read|more than"):
        collect(course, tmp_path / "lie.zip")
    assert not (course.root / "submitted").exists()


def test_too_many_entries_and_too_much_in_all_are_refused(course, tmp_path, monkeypatch):
    source = zip_of(tmp_path / "in.zip", {f"s{n}/exercise.ipynb": "12345" for n in range(3)})
    monkeypatch.setattr("autograde.collect._MAX_FILES", 2)
    with pytest.raises(CourseError, match="3 entries, at most 2 are taken"):
        collect(course, source)
    monkeypatch.setattr("autograde.collect._MAX_FILES", 3)
    monkeypatch.setattr("autograde.collect._MAX_TOTAL_BYTES", 14)
    with pytest.raises(CourseError, match="to read, at most"):
        collect(course, source)


def test_a_folder_with_a_link_is_refused(course, tmp_path):
    (tmp_path / "in" / "ada").mkdir(parents=True)
    (tmp_path / "in" / "ada" / "exercise.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(CourseError, match="is a link, which may lead anywhere"):
        collect(course, tmp_path / "in")


@pytest.mark.parametrize("text", [b"", b"PK\x03\x04 no", b"not a zip"])
def test_what_is_no_zip_is_refused_with_what_to_do(course, tmp_path, text):
    (tmp_path / "in.zip").write_bytes(text)
    with pytest.raises(CourseError, match="neither a folder nor a zip"):
        collect(course, tmp_path / "in.zip")
    with pytest.raises(CourseError, match="there is no"):
        collect(course, tmp_path / "out.zip")


def test_an_entry_that_is_damaged_leaves_nothing_half_collected(course, tmp_path):
    source = zip_of(tmp_path / "in.zip", {"ada/exercise.ipynb": "first", "mia/exercise.ipynb": "second"})
    source.write_bytes(source.read_bytes().replace(b"second", b"sec0nd"))
    with pytest.raises(CourseError, match=r"'mia/exercise\.ipynb' cannot be read"):
        collect(course, source)
    assert not (course.root / "submitted").exists()


# --- the commands -------------------------------------------------------------------------------------------------------


def test_the_command_tells_of_unknown_missing_and_older_ones(course, tmp_path):
    source = zip_of(tmp_path / "in.zip", {"ada/exercise.ipynb": "a", "eve/exercise.ipynb": "e", "eve/x.txt": ""})
    (tmp_path / "roster.csv").write_text("id,name\nada,Ada\nmia,Mia\n")
    arguments = ["--course", str(course.root), "collect", str(source), "--roster", str(tmp_path / "roster.csv")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "collected" in done.stdout
    assert "eve/exercise.ipynb: not on the roster, not collected" in done.stderr
    assert "mia has handed in nothing for toy" in done.stderr
    assert "1 in submitted/<student>/<assignment>; next: autograde grade toy --roster " in done.stdout
    assert "1 files are no notebook of the course: eve/x.txt" in done.stderr
    rows = json.loads(CliRunner().invoke(main, [*arguments, "--format", "json"]).stdout)
    assert [(row["student"], row["status"]) for row in rows] == [
        ("ada", "unchanged"),
        ("eve", "unknown student"),
        ("mia", "missing"),
    ]


def test_solutions_are_released_into_a_folder_of_their_own(course):
    (course.root / "source" / "toy" / "table.csv").write_text("1")
    done = CliRunner().invoke(main, ["--course", str(course.root), "release", "toy", "--solutions"])
    assert done.exit_code == 0, done.output
    folder = course.root / "release-solutions" / "toy"
    book = nbformat.read(folder / "exercise.ipynb", 4)
    text = "\n".join(cell.source for cell in book.cells)
    assert "    doubled_by_hand = 2 * values\n    return doubled_by_hand\n" in text
    assert "which is secret" in text
    assert "BEGIN" not in text
    assert (folder / "table.csv").read_text() == "1"
    assert not course.release("toy").exists()


def test_solutions_never_go_where_releases_or_sources_lie(course):
    for step in ("source", "release"):
        with pytest.raises(CourseError, match="choose another folder"):
            release_solutions(course, "toy", course.root / step)
    done = CliRunner().invoke(main, ["--course", str(course.root), "release", "toy", "--out", "x"])
    assert done.exit_code == 2
    assert toys.source_book().cells[2].source == toys.DOUBLE


# --- other files ------------------------------------------------------------------------------------------------------


def test_files_that_are_named_come_along_and_others_stay_out(course, tmp_path):
    folder = "Ada Lovelace_1_assignsubmission_file_"
    export = zip_of(
        tmp_path / "export.zip",
        {
            f"{folder}/exercise.ipynb": "notebook",
            f"{folder}/data_card.yml": "shape: [1]",
            f"{folder}/notes.yml": "mine",
            "Mia_2_assignsubmission_file_/data_card.yml": "shape: [2]",
            "data_card.yml": "nobody's",
        },
    )
    done = collect(course, export, people=(*PEOPLE,), also=["data_card.yml"])
    assert submitted(course) == {
        "ada/toy/exercise.ipynb": "notebook",
        "ada/toy/data_card.yml": "shape: [1]",
        "mia/toy/data_card.yml": "shape: [2]",
    }
    assert sorted(done.ignored) == [f"{folder}/notes.yml", "data_card.yml"]
    assert ("mia", "toy") in done.missing, "a file is no notebook"
    again = collect(course, export, people=PEOPLE, also=["data_card.yml"])
    assert {one.status for one in again.notebooks} == {"unchanged"}
    assert submitted(course).keys() == {"ada/toy/exercise.ipynb", "ada/toy/data_card.yml", "mia/toy/data_card.yml"}


def test_of_several_assignments_a_file_belongs_to_that_of_its_folder_or_of_the_notebook_beside_it(course, tmp_path):
    toys.write(toys.source_book(), course.root / "source" / "later" / "more.ipynb")
    for place in ("ada/later/card.yml", "mia/more.ipynb", "mia/card.yml", "zoe/card.yml"):
        (tmp_path / "in" / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / place).write_text(place)
    done = collect(course, tmp_path / "in", also=["card.yml"])
    assert set(submitted(course)) == {"ada/later/card.yml", "mia/later/more.ipynb", "mia/later/card.yml"}
    assert done.ignored == ("zoe/card.yml",)
    collect(course, tmp_path / "in", also=["card.yml"], assignment="toy")


def test_a_team_file_comes_along_where_the_assignment_is_for_teams(course, tmp_path):
    """What says so is a team.yml beside the notebooks in source/."""
    toys.write(toys.source_book(), course.root / "source" / "project" / "talk.ipynb")
    (course.root / "source" / "project" / "team.yml").write_text("members: []")
    export = {
        "Ada Lovelace_1_assignsubmission_file_/talk.ipynb": "talk",
        "Ada Lovelace_1_assignsubmission_file_/exercise.ipynb": "exercise",
        "Ada Lovelace_1_assignsubmission_file_/team.yml": "members: [ada]",
        "mia_talk.ipynb": "talk",
        "mia_team.yml": "members: [mia]",
        "zoe_exercise.ipynb": "exercise",
        "zoe_team.yml": "members: [zoe]",
        "ada/toy/team.yml": "members: [eve]",
        "ada/project/old-team.yml": "members: [eve]",
    }
    done = collect(course, zip_of(tmp_path / "export.zip", export), people=(*PEOPLE, Person("zoe")))
    assert {place: text for place, text in submitted(course).items() if place.endswith("yml")} == {
        "ada/project/team.yml": "members: [ada]",
        "mia/project/team.yml": "members: [mia]",
    }
    assert sorted(done.ignored) == ["ada/project/old-team.yml", "ada/toy/team.yml", "zoe_team.yml"]


def test_nobody_is_missing_whose_team_has_handed_in(course, tmp_path):
    (course.source("toy") / "team.yml").write_text("members: []")
    export = zip_of(tmp_path / "export.zip", {"ada/exercise.ipynb": "a", "ada/team.yml": "members: [ada, mia]"})
    assert collect(course, export, people=(*PEOPLE, Person("zoe"))).missing == (("zoe", "toy"),)


@pytest.mark.parametrize("name", ["../evil.yml", "a/b", "", ".hidden", "more.ipynb", "*"])
def test_only_plain_names_of_files_may_come_along(course, tmp_path, name):
    with pytest.raises(CourseError, match="--also wants the name of a file"):
        collect(course, tmp_path, also=[name])


def test_the_command_collects_other_files(course, tmp_path):
    export = zip_of(tmp_path / "export.zip", {"ada/exercise.ipynb": "a", "ada/team.yml": "members: [ada]"})
    done = CliRunner().invoke(main, ["--course", str(course.root), "collect", str(export), "--also", "team.yml"])
    assert done.exit_code == 0, done.output
    assert "team.yml" in done.stdout
    assert submitted(course)["ada/toy/team.yml"] == "members: [ada]"
