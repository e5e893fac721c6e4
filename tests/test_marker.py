"""`@pytest.mark.ceiling` in somebody else's project: what passes, what fails, and what is reported."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exact figures need the tree meter")


def run(tmp_path, tests, *options, **modules):
    """Run pytest on a project in a folder of its own; what it printed."""
    for name, text in {"test_it": tests, **modules}.items():
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers -p no:cacheprovider\n", encoding="utf-8")
    plugin = "autograde.pytest_plugin"
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import pytest, sys; sys.exit(pytest.main(['-p', '{plugin}', *sys.argv[1:]]))",
            *options,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**__import__("os").environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=False,
    )
    return found.returncode, found.stdout + found.stderr


TEST = """
    import numpy as np
    import pytest

    from mine import total

    @pytest.mark.ceiling("16 MiB")
    def test_small():
        assert total(8) == 8 * 2**20

    @pytest.mark.ceiling("16 MiB", data="1 GiB")
    def test_large():
        assert total(40) == 40 * 2**20

    def test_without_a_mark():
        assert total(40) == 40 * 2**20
"""
MINE = """
    import numpy as np

    def total(n):
        everything = np.ones(n * 2**20, np.uint8)
        return int(everything.sum())
"""


def test_a_test_that_holds_too_much_fails_and_names_the_line_of_the_code_under_test(tmp_path):
    code, printed = run(tmp_path, TEST, mine=MINE)
    assert code == 1
    assert "1 failed, 2 passed" in printed
    assert "MemoryCeilingExceeded: Too much memory: 40 MiB, 16 MiB allowed." in printed
    assert "of `total`, `everything = np.ones(n * 2**20, np.uint8)`" in printed
    assert "autograde/block.py" not in printed  # nobody wants to see our insides
    assert "peak 40 MiB of 16 MiB allowed" in printed


def test_a_failing_assertion_comes_first(tmp_path):
    code, printed = run(
        tmp_path,
        """
        import numpy as np, pytest

        @pytest.mark.ceiling("16 MiB")
        def test_both():
            everything = np.ones(40 * 2**20, np.uint8)
            assert len(everything) == 3
        """,
    )
    assert code == 1
    assert "assert 41943040 == 3" in printed
    assert "MemoryCeilingExceeded" not in printed


def test_a_fixture_does_not_count(tmp_path):
    code, printed = run(
        tmp_path,
        """
        import numpy as np, pytest

        @pytest.fixture
        def large():
            return np.ones(40 * 2**20, np.uint8)

        @pytest.mark.ceiling("16 MiB")
        def test_sum(large):
            assert large.sum() == 40 * 2**20
        """,
    )
    assert code == 0, printed


def test_a_size_without_a_meaning_is_an_error_that_says_what_is_expected(tmp_path):
    code, printed = run(
        tmp_path,
        """
        import pytest

        @pytest.mark.ceiling("100MBfoo")
        def test_it():
            pass
        """,
    )
    assert code == 1
    assert "expected a size such as '64 MiB' or '1.5 GB', got '100MBfoo'" in printed


def test_the_marker_is_listed(tmp_path):
    _, printed = run(tmp_path, "", "--markers")
    assert "@pytest.mark.ceiling(limit, data=None)" in printed
