import errno
import os
import re
import stat
from pathlib import Path

import pytest

from motion_core.errors import MotionError
from motion_core.whole_file import check_folder, whole_file, whole_folder

FRAMES = re.compile(r"frame_\d{4}\.png")


def names_in(folder):
    return sorted(entry.name for entry in folder.iterdir())


def write_then_fail(path, error):
    path.write_text("half")
    raise error


def test_a_file_appears_when_the_block_ends_and_not_before(tmp_path):
    with whole_file(tmp_path / "out.txt") as unfinished:
        unfinished.write_text("done")
        assert unfinished.parent == tmp_path
        assert unfinished.suffix == ".txt"
        assert not (tmp_path / "out.txt").exists()
    assert (tmp_path / "out.txt").read_text() == "done"
    assert names_in(tmp_path) == ["out.txt"]


def test_an_old_file_is_replaced(tmp_path):
    (tmp_path / "out.txt").write_text("old")
    with whole_file(str(tmp_path / "out.txt")) as unfinished:
        unfinished.write_text("new")
    assert (tmp_path / "out.txt").read_text() == "new"


@pytest.mark.parametrize("trouble", [RuntimeError, KeyboardInterrupt, SystemExit, MotionError])
def test_trouble_leaves_the_old_file_and_nothing_else(tmp_path, trouble):
    (tmp_path / "out.txt").write_text("old")
    with pytest.raises(trouble), whole_file(tmp_path / "out.txt") as unfinished:
        write_then_fail(unfinished, trouble("in the middle"))
    assert (tmp_path / "out.txt").read_text() == "old"
    assert names_in(tmp_path) == ["out.txt"]


def test_a_file_has_the_permissions_any_new_file_would_have(tmp_path):
    (tmp_path / "plain").touch()
    with whole_file(tmp_path / "whole"):
        pass
    assert stat.S_IMODE((tmp_path / "whole").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_a_link_is_followed(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "out.txt").symlink_to(tmp_path / "far" / "real.txt")
    with whole_file(tmp_path / "out.txt") as unfinished:
        unfinished.write_text("new")
    assert (tmp_path / "out.txt").is_symlink()
    assert (tmp_path / "far" / "real.txt").read_text() == "new"


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(MotionError, match="is a folder"), whole_file(tmp_path):
        pytest.fail("the work must not begin")


def test_a_device_is_not_replaced():
    with pytest.raises(MotionError, match="not a file that can be replaced"), whole_file("/dev/null"):
        pytest.fail("the work must not begin")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_a_missing_folder_is_named(tmp_path, whole):
    with pytest.raises(MotionError, match=r"there is no folder .*missing"), whole(tmp_path / "missing" / "out.txt"):
        pytest.fail("the work must not begin")
    assert names_in(tmp_path) == []


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(MotionError, match="there is no folder"), whole_file(tmp_path / "file" / "out.txt"):
        pytest.fail("the work must not begin")


def test_a_name_too_long_for_the_disk_is_an_error_in_words(tmp_path):
    with pytest.raises(MotionError, match="could not be written"), whole_file(tmp_path / ("x" * 300 + ".png")):
        pass
    assert names_in(tmp_path) == []


def test_a_folder_that_is_missing_or_closed_can_be_told_before_the_work(tmp_path, monkeypatch):
    check_folder(tmp_path / "out.txt")
    check_folder("out.txt")
    with pytest.raises(MotionError, match=r"there is no folder .*missing"):
        check_folder(tmp_path / "missing" / "out.txt")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # root may write anywhere
    with pytest.raises(MotionError, match="no permission to write"):
        check_folder(tmp_path / "out.txt")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_no_permission_is_an_error_in_words_before_the_work(tmp_path, whole, monkeypatch):
    def closed(*_args, **_kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", closed)
    monkeypatch.setattr(os, "mkdir", closed)
    with pytest.raises(MotionError, match="no permission to write"), whole(tmp_path / "out"):
        pytest.fail("the work must not begin")


def test_a_read_only_file_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "out.txt").write_text("old")
    monkeypatch.setattr(os, "access", lambda _path, mode: mode != os.W_OK)  # root may write anything
    with pytest.raises(MotionError, match="no permission to write"), whole_file(tmp_path / "out.txt"):
        pytest.fail("the work must not begin")
    assert (tmp_path / "out.txt").read_text() == "old"


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_a_full_disk_is_an_error_in_words_and_leaves_nothing(tmp_path, whole):
    with pytest.raises(MotionError, match="no space left"), whole(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names_in(tmp_path) == []


def test_a_folder_appears_whole(tmp_path):
    with whole_folder(tmp_path / "frames") as unfinished:
        (unfinished / "frame_0000.png").touch()
        assert not (tmp_path / "frames").exists()
    assert names_in(tmp_path / "frames") == ["frame_0000.png"]
    assert names_in(tmp_path) == ["frames"]


def test_an_empty_folder_and_an_earlier_sequence_are_replaced(tmp_path):
    target = tmp_path / "frames"
    target.mkdir()
    for names in (["frame_0000.png", "frame_0001.png"], ["frame_0000.png"]):
        with whole_folder(target, replaces=FRAMES) as unfinished:
            for name in names:
                (unfinished / name).touch()
        assert names_in(target) == names
        (target / ".DS_Store").touch()
    assert names_in(tmp_path) == ["frames"]


@pytest.mark.parametrize("other", ["thesis.txt", "frame_0001.png.bak", "frame_1.png"])
def test_a_folder_of_other_things_is_refused(tmp_path, other):
    (tmp_path / "frame_0000.png").touch()
    (tmp_path / other).write_text("dear")
    with pytest.raises(MotionError, match=f"holds other things .*{other}"), whole_folder(tmp_path, replaces=FRAMES):
        pytest.fail("the work must not begin")
    assert names_in(tmp_path) == sorted(["frame_0000.png", other])


def test_a_folder_named_like_a_frame_is_no_frame(tmp_path):
    (tmp_path / "out" / "frame_0000.png").mkdir(parents=True)
    with pytest.raises(MotionError, match="holds other things"), whole_folder(tmp_path / "out", replaces=FRAMES):
        pytest.fail("the work must not begin")


def test_things_put_into_the_folder_during_the_work_are_not_lost(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(MotionError, match="holds other things"), whole_folder(tmp_path / "out", replaces=FRAMES):
        (tmp_path / "out" / "thesis.txt").write_text("dear")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "dear"
    assert names_in(tmp_path) == ["out"]


@pytest.mark.parametrize("trouble", [RuntimeError, KeyboardInterrupt])
def test_trouble_leaves_the_old_folder_and_nothing_else(tmp_path, trouble):
    target = tmp_path / "frames"
    target.mkdir()
    (target / "frame_0000.png").write_text("old")
    with pytest.raises(trouble), whole_folder(target, replaces=FRAMES) as unfinished:
        write_then_fail(unfinished / "frame_0000.png", trouble("in the middle"))
    assert (target / "frame_0000.png").read_text() == "old"
    assert names_in(tmp_path) == ["frames"]


def test_a_failed_last_step_brings_the_old_folder_back(tmp_path, monkeypatch):
    target = tmp_path / "frames"
    target.mkdir()
    (target / "frame_0000.png").write_text("old")
    rename, calls = os.rename, []

    def interrupted_between(source, destination):
        calls.append(source)
        if len(calls) == 2:
            raise KeyboardInterrupt
        rename(source, destination)

    monkeypatch.setattr(os, "rename", interrupted_between)
    with pytest.raises(KeyboardInterrupt), whole_folder(target, replaces=FRAMES):
        pass
    assert (target / "frame_0000.png").read_text() == "old"
    assert names_in(tmp_path) == ["frames"]


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "out").write_text("old")
    with pytest.raises(MotionError, match="is a file"), whole_folder(tmp_path / "out"):
        pytest.fail("the work must not begin")


def test_the_folder_we_are_in_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MotionError, match="the folder we are in"), whole_folder("."):
        pytest.fail("the work must not begin")


def test_a_library_that_puts_a_private_file_there_does_not_make_ours_private(tmp_path):
    (tmp_path / "usual").touch()
    with whole_file(tmp_path / "ours") as unfinished:
        private = unfinished.with_name("private")
        private.touch(mode=0o600)
        private.replace(unfinished)
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode
