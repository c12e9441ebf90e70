"""The wheel holds what git holds, whichever way it was built, and works without the checkout.

Direct wheel, wheel from the source distribution and editable install can each leave files out without a word.
"""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from collections.abc import Callable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXTENSION = "tvae/_core.abi3.so"


def contents(wheel: Path) -> set[str]:
    """The files of a wheel without its metadata folder."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata(wheel: Path, name: str) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        member = next(member for member in archive.namelist() if member.endswith(f".dist-info/{name}"))
        return Parser().parsestr(archive.read(member).decode())


@pytest.fixture(scope="session")
def promised(root: Path, tracked: list[Path]) -> set[str]:
    """What a wheel has to hold, by git's list of files."""
    names = {EXTENSION}
    for path in tracked:
        if path.is_relative_to("python") and not (root / path).is_symlink():
            names.add(path.relative_to("python").as_posix())
        elif path.is_relative_to("kernels") and path.suffix == ".py":
            names.add(f"tvae/{path.as_posix()}")
        elif path.is_relative_to("configs") and path.suffix in {".yaml", ".safetensors"}:
            names.add(f"tvae/presets/{path.relative_to('configs').as_posix()}")
    return names


def test_the_wheel_holds_what_git_holds(wheel: Path, promised: set[str]) -> None:
    assert sorted(contents(wheel)) == sorted(promised)


def test_both_ways_of_building_agree(build: Callable[[str], Path]) -> None:
    direct, from_sdist = build("direct"), build("sdist")
    assert direct.name.rpartition("-cp")[0] == from_sdist.name.rpartition("-cp")[0]
    assert contents(direct) == contents(from_sdist)
    assert metadata(direct, "METADATA").as_string() == metadata(from_sdist, "METADATA").as_string()


def test_the_source_distribution_holds_folders_not_links(sdist: Path, promised: set[str]) -> None:
    with tarfile.open(sdist) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    assert not [name for name, member in members.items() if member.issym() or member.islnk()]
    missing = {f"python/{name}" for name in promised - {EXTENSION}} | {"LICENSE", "README.md", "Cargo.lock"}
    assert not missing - members.keys()


def test_one_wheel_serves_every_python_from_3_11(wheel: Path) -> None:
    assert re.search(r"-cp311-abi3-\w+\.whl$", wheel.name)
    assert all(tag.startswith("cp311-abi3-") for tag in metadata(wheel, "WHEEL").get_all("Tag", []))


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 5_000_000


def test_no_text_in_the_wheel_names_the_folder_it_was_built_in(root: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = [name for name in archive.namelist() if not name.endswith((".so", ".safetensors"))]
        assert not [name for name in texts if bytes(root) in archive.read(name)]


def test_the_metadata(wheel: Path) -> None:
    about = metadata(wheel, "METADATA")
    assert (about["Name"], about["License-Expression"], about["License-File"]) == (
        "tvae",
        "Apache-2.0",
        "LICENSE",
    )
    assert about["Requires-Python"] == ">=3.11"
    required = [line for line in about.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert {re.split(r"[<>=!~ ]", line)[0] for line in required} == {
        "msgspec",
        "numpy",
        "rich",
        "ruamel-yaml",
        "safetensors",
        "torch",
        "typer",
    }
    assert set(about.get_all("Provides-Extra", [])) >= {"dev", "plot", "tensorboard"}
    assert "tvae=tvae.__main__:main" in metadata(wheel, "entry_points.txt").as_string().replace(" ", "")
    with zipfile.ZipFile(wheel) as archive:
        licence = next(name for name in archive.namelist() if name.endswith("/LICENSE"))
        assert b"Apache License" in archive.read(licence)


def test_it_imports(installed: Callable[..., str]) -> None:
    installed(
        "-c", "import tvae, tvae._core; assert tvae.TernarySpace(depth=9).size == 19683; tvae.__version__"
    )


def test_it_brings_the_kernels(root: Path, installed: Callable[..., str]) -> None:
    modules = sorted(path.stem for path in (root / "kernels").glob("*.py"))
    if not modules:
        pytest.skip("there are no kernels")
    pytest.importorskip("triton")
    installed("-c", "".join(f"import tvae.kernels.{name}\n" for name in modules))


def test_it_brings_the_presets(root: Path, installed: Callable[..., str]) -> None:
    shown = json.loads(installed("-m", "tvae", "config", "presets", "--json"))
    names = {path.stem for path in (root / "configs").glob("*.yaml")}
    assert names
    assert all(name in json.dumps(shown) for name in names)
    assert installed("-m", "tvae", "config", "show", "smoke").strip()


def test_its_command_answers(installed: Callable[..., str]) -> None:
    assert "train" in installed("-m", "tvae", "--help")


def test_it_trains_in_an_empty_folder(installed: Callable[..., str], tmp_path: Path) -> None:
    installed("-m", "tvae", "train", "smoke", "--name", "first", cwd=tmp_path)
    models = tmp_path / "outputs" / "models" / "first"
    assert {"best.safetensors", "latest.safetensors", "summary.json"} <= {
        path.name for path in models.iterdir()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]
