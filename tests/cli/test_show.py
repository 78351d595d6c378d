import cv2

from rar_gluon import cli

INIT = ["--init", "52,42,36,32"]


def test_a_picture_of_a_frame(folder, small, tmp_path, capsys):
    output = tmp_path / "new" / "maps.png"
    assert cli.main(["show", "attention", str(folder), *INIT, *small, "--output", str(output), "--frame", "2"]) == 0
    picture = cv2.imread(str(output))
    assert min(picture.shape[:2]) > 100 and picture.std() > 10  # something is drawn
    assert [path.name for path in output.parent.iterdir()] == ["maps.png"] and not capsys.readouterr().err


def test_what_cannot_be_drawn(refused, folder, small, tmp_path):
    command = ["show", "attention", folder, *INIT, *small, "--output"]
    assert "has 8 frames: give --frame below that" in refused(*command, tmp_path / "maps.png", "--frame", "99")
    assert "maps.nef" in refused(*command, tmp_path / "maps.nef")
    assert not list(tmp_path.glob("maps.*"))
