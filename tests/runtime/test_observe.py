"""The access log: batches, JSON of anything, rotation."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from policyc.engine.values import Duration, Timestamp
from policyc.runtime.observe import AccessLog, Record, timestamp


def test_lines_wait_for_a_flush_or_for_many() -> None:
    stream = io.StringIO()
    log = AccessLog(stream)
    log.add({"status": 200})
    assert stream.getvalue() == ""
    log.flush()
    assert json.loads(stream.getvalue()) == {"status": 200}
    for _ in range(AccessLog.BATCH):
        log.add({"status": 204})
    assert stream.getvalue().count("\n") == 1 + AccessLog.BATCH


def test_what_a_policy_logs_is_written_whatever_it_is() -> None:
    stream = io.StringIO()
    log = AccessLog(stream)
    values = {"b": b"\xff", "t": Timestamp(0), "d": Duration(1_500_000_000), "s": "\udcff\n", "l": [1, None]}
    log.add({"logs": [{"metadata": values}]})
    log.flush()
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().isascii()
    logged = json.loads(stream.getvalue())["logs"][0]["metadata"]
    assert (logged["t"], logged["d"], logged["l"]) == ("1970-01-01T00:00:00Z", "1.5s", [1, None])


def test_file_is_opened_anew_after_rotation(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = AccessLog(path=str(path))
    log.add({"status": 1})
    log.flush()
    path.rename(tmp_path / "old")
    log.add({"status": 2})
    log.reopen()
    log.add({"status": 3})
    log.close()
    assert [json.loads(line)["status"] for line in (tmp_path / "old").read_text().splitlines()] == [1, 2]
    assert json.loads(path.read_text())["status"] == 3


def test_path_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory"):
        AccessLog(path=str(tmp_path))


def test_default_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log = AccessLog()
    log.add({"status": 200})
    log.close()
    assert json.loads(capsys.readouterr().err) == {"status": 200}


def test_timestamps_are_rfc_3339() -> None:
    assert timestamp(1.5) == "1970-01-01T00:00:01.500Z"


def test_full_disk_loses_lines_says_so_once_and_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    path = tmp_path / "log"
    path.symlink_to("/dev/full")
    log = AccessLog(path=str(path))
    for _ in range(3):
        log.add({"status": 200})
        log.flush()
    assert log.lost == 3
    assert [each.message for each in caplog.records if "cannot be written" in each.message] == [
        "the access log cannot be written, lines are lost: [Errno 28] No space left on device"
    ]
    path.unlink()
    log.reopen()
    log.add({"status": 201})
    log.close()
    assert json.loads(path.read_text()) == {"status": 201}
    assert "is written again, lines lost so far: 3" in caplog.text


def test_line_that_was_cut_off_stays_apart_from_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    log = AccessLog(path=str(path))

    class Full(io.FileIO):
        def write(self, octets: object) -> int:
            assert isinstance(octets, bytes)
            return super().write(octets[:5])

    with Full(str(path), "a") as full, monkeypatch.context() as patch:
        patch.setattr(log, "_file", full)
        log.add({"status": 200})
        log.flush()
    log.add({"status": 201})
    log.close()
    torn, line = path.read_text().splitlines()
    assert torn == '{"sta'
    assert json.loads(line) == {"status": 201}
    assert log.lost == 1


def test_processes_share_a_file_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "log"
    logs = [AccessLog(path=str(path)), AccessLog(path=str(path))]
    for number in range(20):
        logs[number % 2].add({"status": number, "path": "/" + "x" * 5000})
        logs[number % 2].flush()
    for log in logs:
        log.close()
    assert [json.loads(line)["status"] for line in path.read_text().splitlines()] == list(range(20))


def test_record_of_a_plain_request_reads_as_any_other() -> None:
    stream = io.StringIO()
    log = AccessLog(stream)
    passed, acted = ["http://a.example", "http://in.internal"], ['a "rule"']
    record: Record = {
        "ts": timestamp(1795599000.125),
        "client": "192.0.2.1",
        "method": "GET",
        "host": 'a"b',
        "path": "/\udcff",
        "status": 200,
        "bytes": 5,
        "duration_ms": 1.5,
        "endpoints": passed,
        "rules": acted,
        "upstream": "http://127.0.0.1:9",
    }
    log.add(record)
    frame = log.frame("192.0.2.1", 'a"b', log.closing(passed, acted, "http://127.0.0.1:9"))
    log.add_framed(frame, 1795599000.125, "GET", "/\udcff", 200, 5, 1.5)
    log.flush()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert list(first.items()) == list(second.items())
