from __future__ import annotations

import os
from pathlib import Path

from policyc.runtime.stamp import stamp, stamp_of


def test_stamp_changes_with_size_time_and_identity(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    os.utime(file, (1, 1))
    stamps = [stamp(str(file))]
    file.write_text("12")
    os.utime(file, (1, 1))
    stamps.append(stamp(str(file)))
    os.utime(file, (2, 2))
    stamps.append(stamp(str(file)))
    (tmp_path / "b").write_text("34")
    os.utime(tmp_path / "b", (2, 2))
    os.replace(tmp_path / "b", file)
    stamps.append(stamp(str(file)))
    assert len(set(stamps)) == 4
    assert stamp_of(os.stat(file)) == stamp(str(file))


def test_a_file_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert stamp(str(tmp_path / "none")) is None
    assert stamp("a\0b") is None
