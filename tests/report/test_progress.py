"""Progress is shown on a terminal, and nowhere else."""

from __future__ import annotations

import io

import pytest

from samefit.report.progress import Live, Progress, Silent, make


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def use(progress: Progress) -> None:
    progress.phase("running train.py twice")
    progress.step("baseline", 1, None)
    progress.step("baseline", 3, 45)
    progress.step("candidate", 3, 45)
    progress.phase("comparing")
    progress.done()
    progress.done()


def test_silent_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    progress = make(stream=stream)
    use(progress)
    assert isinstance(progress, Silent)
    assert stream.getvalue() == ""


def test_quiet_is_silent_on_a_terminal() -> None:
    assert isinstance(make(quiet=True, stream=Terminal()), Silent)


def test_live_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = make(stream=stream)
    use(progress)
    assert isinstance(progress, Live)
    assert "comparing" in stream.getvalue()
