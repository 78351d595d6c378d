import pytest

from rar_gluon.common import InputError
from rar_gluon.report.published import DOUBTFUL, SAME_AS, find_name, read_published, same_as


def test_names_are_found_in_any_spelling_and_never_by_likeness():
    names = {"SA_Siam": 0, "SiamRPN": 0, "KCF": 0}
    assert find_name("SA-Siam", names) == "SA_Siam" and find_name("siamrpn", names) == "SiamRPN"
    for other in ("SiamRPN++", "DaSiamRPN", "opencv-kcf", "", "Siam"):
        assert find_name(other, names) is None


def test_aliases_have_reasons():
    assert same_as("siamfc_3s")[0] == "SiamFC" and same_as("CFNet-conv2")[0] == "CFNet"
    assert same_as("SiamRPN") == ("SiamRPN", "")
    assert same_as("rar_thin")[0] == "", "not the paper's network"
    assert all(reason for _, reason in SAME_AS.values())


def test_tables_are_read(published_folder):
    published = read_published(published_folder)
    assert published.paper["RAR"] == {
        "otb2013_auc": 0.682,
        "otb2013_dp": 0.896,
        "otb2015_auc": 0.664,
        "otb2015_dp": 0.873,
        "fps": 37,
    }
    assert published.recomputed["matlab"]["SiamFC-3s"]["otb2013_auc"] == 0.607, "the first row counts"
    ((note, numbers),) = published.others["SiamFC-3s"]
    assert note == "another release" and numbers["otb2013_auc"] == 0.5


def test_damaged_tables(published_folder):
    (published_folder / "table2.csv").write_text("name,auc\n")
    with pytest.raises(InputError, match=r"table2\.csv holds no table with a column 'tracker'"):
        read_published(published_folder)
    (published_folder / "table2.csv").unlink()
    with pytest.raises(InputError, match=r"table2\.csv cannot be read"):
        read_published(published_folder)


def test_the_packages_tables_have_what_is_said_of_them():
    published = read_published()
    assert {name for name, _ in SAME_AS.values() if name} <= set(published.paper)
    assert all(column in published.paper[name] for name, column in DOUBTFUL)
    for name, (printed, _) in SAME_AS.items():  # an alias is justified by equal numbers
        if printed and name.startswith("CFNet"):
            recomputed = published.recomputed["matlab"][name]
            for column in ("otb2013_auc", "otb2013_dp", "otb2015_auc"):
                assert recomputed[column] == published.paper[printed][column]
