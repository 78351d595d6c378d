import os
import pickle
import signal
import subprocess
import sys

import joblib
import pytest

from rar_gluon.common import (
    InputError,
    Stopped,
    atomic_path,
    csv_text,
    in_this_folder,
    inside,
    owned,
    postponed_stop,
    read_json,
    read_text,
    stoppable,
    write_text,
)


def test_a_message_has_the_ends_of_a_word_that_no_name_is_as_long_as():
    message = str(pickle.loads(pickle.dumps(InputError(f"f.json: {'x' * 9000 + 'end'!r} has no box."))))
    assert message.startswith("f.json: 'xxx") and message.endswith("xxxend' has no box.") and len(message) < 150
    path = f"{'folder/' * 60}a.txt"
    assert str(InputError(f"{path} cannot be read.")) == f"{path} cannot be read."


def test_atomic_path_gives_the_whole_file_or_none(tmp_path):
    path = tmp_path / "new" / "out.mp4"
    with atomic_path(path) as temporary:
        assert temporary.parent == path.parent and temporary.suffix == ".mp4" and temporary != path
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole" and list(path.parent.iterdir()) == [path]


def test_atomic_path_leaves_nothing_behind_on_an_error(tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(KeyboardInterrupt), atomic_path(path):
        raise KeyboardInterrupt  # before anything was written
    assert list(tmp_path.iterdir()) == [path]


def test_atomic_path_of_a_folder_or_below_a_file_is_refused(tmp_path, refusal):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "out.txt"):
        refusal(write_text, path, "text")
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


OWNER = """import sys, time
from rar_gluon.common import owned
with owned(sys.argv[1]):
    print(flush=True)
    time.sleep(60)
"""


def test_a_folder_has_one_owner_and_a_killed_one_leaves_no_lock(tmp_path, refusal):
    folder = tmp_path / "new"

    def take():
        with owned(folder):
            return True

    process = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE)
    process.stdout.readline()
    assert "another process is writing" in refusal(take)
    process.kill()
    process.wait()
    assert take() and take() and not any(folder.iterdir())
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "below"
    refusal(take)


@pytest.mark.parametrize("name", ["..", "../a", "a/../../b", "/etc/passwd", "", ".", "a\0b"])
def test_a_name_stays_in_its_folder(tmp_path, name, refusal):
    assert "leads out of" in refusal(inside, tmp_path, name)
    assert inside(tmp_path, "val/ILSVRC/1") == tmp_path / "val" / "ILSVRC" / "1"


def test_texts_are_read_as_utf8(tmp_path, refusal):
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"name": "\xc3\xa4"}')
    assert read_json(path) == {"name": "\u00e4"} and read_text(path).startswith("{")
    for content, words in ((b"\xff", "no text in UTF-8"), (b"{", "no JSON"), (b"[1]", "no JSON object")):
        path.write_bytes(content)
        assert words in refusal(read_json, path)
    assert "cannot be read" in refusal(read_text, tmp_path / "nowhere")
    assert "cannot be read" in refusal(read_text, tmp_path)


def test_what_a_killed_process_left_is_taken_away_by_the_next(tmp_path):
    """Not what one that lives still writes, nor what another file's has left."""
    path, code = tmp_path / "out.mp4", "import sys, time; from rar_gluon.common import atomic_path\n"
    code += "with atomic_path(sys.argv[1]) as place: place.write_text('half'); print(flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    write_text(path, "beside it")
    (left,) = set(tmp_path.iterdir()) - {path}
    assert left.name.startswith(".") and left.suffix == ".mp4" and left.read_text() == "half"
    process.kill()
    process.communicate()
    write_text(tmp_path / "other.mp4", "")
    assert left.exists()
    write_text(path, "after it")
    assert path.read_text() == "after it" and not left.exists()


def test_csv_text_quotes_commas_and_writes_none_as_nothing():
    assert csv_text([("a", "b"), ["x, y", None], (1, 0.25)]) == 'a,b\n"x, y",\n1,0.25\n'


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_postponed_once(number):
    handler = signal.getsignal(number)
    with stoppable(), postponed_stop() as asked:
        os.kill(os.getpid(), number)
        assert asked == [number]
        with pytest.raises(KeyboardInterrupt):  # the second
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is handler


def test_who_does_not_heed_a_stop_goes_on():
    with postponed_stop(heeded=False) as asked:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert asked == []


def test_a_command_that_a_signal_stops_has_its_status():
    assert (Stopped(signal.SIGTERM).status, Stopped(signal.SIGINT).status) == (143, 130)


def test_workers_that_are_reused_work_in_the_callers_folder(tmp_path, monkeypatch):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        folders = joblib.Parallel(2)(joblib.delayed(in_this_folder(os.getcwd))() for _ in range(4))
        assert set(folders) == {str(tmp_path / name)}
