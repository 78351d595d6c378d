from rar_gluon import cli
from rar_gluon.config import Config, dump, load, name_of


def test_config_prints_what_can_be_loaded(tmp_path, capsys):
    assert cli.main(["config"]) == 0
    path = tmp_path / "printed.yaml"
    path.write_text(capsys.readouterr().out)
    assert load(path) == Config()
    assert cli.main(["config", "rar_thin"]) == 0
    assert capsys.readouterr().out.strip() == dump(load("rar_thin")).strip()


def test_config_explains(capsys):
    assert cli.main(["config", "rar_thin", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "filter.lambda1" in out and "paper (Section 4.1)" in out and "[changed from 255]" in out


def test_rows_are_summarised_from_any_folder_by_their_names(tmp_path, monkeypatch):
    from rar_gluon.report import summary

    seen = {}
    monkeypatch.setattr(summary, "summary_table", seen.update)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["config", "--summary"]) == 0
    assert list(seen) == [f"row{number:02d}" for number in range(1, 16)]


def test_config_summary(small, capsys):
    path = small[1]
    assert cli.main(["config", path, "--summary"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["config", "parameters"] and row.startswith(name_of(path))
    assert "conv3 64x7" in row and row.endswith("64x7")
