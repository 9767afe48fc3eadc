"""What processes say on its way to a scope."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samefit.pin.report import Limit, PinReport
from samefit.pin.spool import Spool, telling
from samefit.types import Location

LIMIT = Limit("os-entropy", "text", "remedy", Location("train.py", 3, "os.urandom(4)"))


def of_another_process(report: PinReport) -> PinReport:
    """Returns what a process has that was forked from one with a report."""
    copy = PinReport(report.seed, Spool(report.spool.path, os.getpid() + 1))
    assert not copy.is_here
    return copy


@pytest.fixture
def report() -> PinReport:
    return PinReport(1)


def test_a_limit_of_another_process_stands_in_the_report_once(report: PinReport) -> None:
    for copy in (of_another_process(report), of_another_process(report)):
        copy.limit(LIMIT)
        copy.limit(LIMIT)
    report.limit(LIMIT)
    assert report.limits == [LIMIT]
    report.close()
    assert report.limits == [LIMIT]


def test_a_file_is_made_only_where_it_is_needed_and_goes_with_the_scope(report: PinReport) -> None:
    report.limit(LIMIT)
    report.close()
    assert report._spool is None
    path = report.spool.path
    assert os.path.exists(path)
    report.close()
    report.close()
    assert not os.path.exists(path)


def test_what_is_said_after_the_end_is_for_nobody(report: PinReport) -> None:
    copy = of_another_process(report)
    assert not copy.is_over
    report.close()
    assert copy.is_over
    copy.limit(LIMIT)
    assert report.limits == []


def test_a_copy_removes_nothing(report: PinReport) -> None:
    of_another_process(report).close()
    assert report.spool.is_open
    report.close()


def test_a_task_tells_the_scope_that_gave_it(report: PinReport) -> None:
    earlier = PinReport(2)
    copy = of_another_process(earlier)
    copy.limit(LIMIT)
    with telling(report.spool):
        copy.limit(LIMIT)
    assert (earlier.limits, report.limits) == ([LIMIT], [LIMIT])
    earlier.close()
    report.close()


def test_a_line_that_is_on_its_way_is_not_read_yet(report: PinReport) -> None:
    of_another_process(report).limit(LIMIT)
    with open(report.spool.path, "a") as file:
        file.write('{"kind": "os-')
    assert report.limits == [LIMIT]
    report.close()


def test_a_process_that_cannot_write_goes_on_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Spool(str(tmp_path), 1).say({"text": "what it has to say"})
    assert "what it has to say" in capsys.readouterr().err
