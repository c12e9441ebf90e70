"""`--filter` and `--sort`: what matches, what is refused, and that definitions are never mixed."""

from __future__ import annotations

import math

import pytest

from scan.engine import file, folder, issue, metric, system
from tvae.cli.listing import order
from tvae.cli.listing.fields import ABSENT, missing, value
from tvae.cli.listing.filter import parse, select
from tvae.errors import ConfigError

RECORD = file(
    "tree/a/best.pt",
    size=1_500_000,
    metrics={"coverage": metric(0.5), "hierarchy_B": metric(math.nan), "level_richness": metric({"0": 1.0})},
    config={"lr": 0.1, "a.b": "x", "deep": {"on": True, "steps": [1, 2]}},
    issues=[issue("Z030"), issue("P001")],
    flags=["nan"],
    epoch=None,
)


@pytest.mark.parametrize(
    "expression",
    [
        "size>1MB",
        "size >= 1.5MB",
        "size<1.5MiB",
        "size=1500000",
        "size==1.5e6",
        "coverage<50.1%",
        "coverage=0.5",
        "coverage.family=tvae 1",
        "coverage.raw_key = 'x'",
        "config.lr<=1e-1",
        "config.a.b=x",
        "config.deep.on=true",
        "config.deep.steps=2",
        "config.deep.steps.0=1",
        "state_dicts.n_params>6",
        "issues.code=Z030",
        "issues.code!=Z031",
        "issues.code~^p0",
        "flags=nan",
        "flags!=coverage_collapse",
        "warnings=",
        "path~BEST",
        "path!=other",
        "status>nothing",
        "mtime>2023-01-01",
        "mtime<2024-01-01",
    ],
)
def test_what_matches(expression: str) -> None:
    assert select([RECORD], [parse(expression)], "file") == [RECORD]


@pytest.mark.parametrize(
    "expression",
    [
        "size>1.5MB",
        "coverage>=0.6",
        "hierarchy_B<1",
        "hierarchy_B>=-1",
        "hierarchy_A!=3",
        "epoch<3",
        "epoch!=3",
        "config.none=1",
        "config.deep=1",
        "level_richness!=1",
        "issues.code!=P001",
        "flags!=nan",
        "flags=",
        "path~^best",
        "config.deep.on=1",
    ],
)
def test_what_does_not_match(expression: str) -> None:
    assert select([RECORD], [parse(expression)], "file") == []


def test_repeated_filters_are_and() -> None:
    records = [file("a", size=1), file("b", size=9), file("c", size=20)]
    found = select(records, [parse("size>5"), parse("size<10")], "file")
    assert [one["path"] for one in found] == ["b"]


def test_metrics_of_a_directory_are_those_of_its_best_file() -> None:
    assert parse("coverage>0.9").matches(folder("tree/a"))
    assert value(folder("tree/a"), "hierarchy_A") is ABSENT


def test_a_shape_is_text() -> None:
    tensor = {"path": "a", "name": "w", "dtype": "float32", "shape": [3, 4], "stride": [4, 1], "nbytes": 48}
    assert parse("shape=3x4").matches(tensor)
    assert not parse("shape=4").matches(tensor)


@pytest.mark.parametrize("expression", ["", "size", "size>", "<3", "size ! 3", "path~["])
def test_what_is_no_condition(expression: str) -> None:
    with pytest.raises(ConfigError, match="--filter"):
        parse(expression)


@pytest.mark.parametrize(
    ("kind", "expression", "hint"),
    [
        ("dir", "coverag<1", "did you mean coverage"),
        ("dir", "recomendation=keep", "did you mean recommendation"),
        ("file", "sizes>1", "did you mean size"),
        ("dir", "mtime>1", "--by file has mtime"),
        ("file", "advice=keep", "--by dir has advice"),
        ("dir", "name=run", "did you mean path? --by tensor has name"),
        ("file", "n_params>3", "did you mean state_dicts.n_params?"),
        ("file", "lr>1", "did you mean config.lr?"),
        ("dir", "zzzz=1", "such as path, status"),
    ],
)
def test_an_unknown_field(kind: str, expression: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"a {kind}(ectory)? has no field") as caught:
        select([folder("a") if kind == "dir" else file("a")], [parse(expression)], kind)
    assert hint in caught.value.line
    assert len(caught.value.line) < 160


@pytest.mark.parametrize(
    ("kind", "expression", "hint"),
    [
        ("dir", "status=complet", "did you mean complete"),
        ("dir", "recommendation=remove", "one of keep, archive"),
        ("dir", "safety!=Dangerous", "did you mean dangerous"),
        ("dir", "flags=coverage_colapse", "did you mean coverage_collapse"),
        ("dir", "flag=colapsed", "flag is never 'colapsed' (expected one of collapsed, inverted, diverged,"),
        ("dir", "flags=colapsed", "did you mean collapsed?"),
        ("dir", "size>30XB", "--filter: size is a number"),
        ("dir", "n=many", "--filter: n is a number"),
        ("dir", "advice=kep", "did you mean keep"),
        ("file", "kind=torchzip", "did you mean torch_zip"),
        ("file", "status=complete", "one of ok"),
        ("file", "size=big", "is a number"),
        ("dir", "coverage=high", "is a number"),
        ("dir", "category=sweeps", "one of sweep, other); did you mean sweep?"),
        ("dir", "def=V5.11", "did you mean v5.11?"),
        ("dir", "def=a", "the legend below a table names"),
        ("file", "coverage.family=swep", "did you mean sweep?"),
        ("dir", "hier<low", "is a number"),
        ("file", "mtime>yesterday", "is a number"),
    ],
)
def test_a_value_that_a_field_never_has(kind: str, expression: str, hint: str) -> None:
    words = {"category": ["sweep", "other"]}
    with pytest.raises(ConfigError) as caught:
        select([], [parse(expression)], kind, words=lambda: words)
    assert hint in caught.value.line
    # A category that the rules know is none that is never given, and a later program may give others.
    assert select([folder("a")], [parse("category=other")], "dir", words=lambda: words) == []
    assert select([folder("a")], [parse("category=production")], "dir", words=lambda: words)
    assert select([folder("a", status="new")], [parse("status=new")], "dir")


@pytest.mark.parametrize(
    ("expression", "inner"),
    [
        ("imports~os", "imports.module"),
        ("config=x", "config.lr"),
        ("issues=Z1", "issues.code"),
        ("config!=1", "config.lr"),
    ],
)
def test_an_object_is_no_value(expression: str, inner: str) -> None:
    records = [file("a"), file("b", imports=[system()], issues=[issue()])]
    with pytest.raises(ConfigError, match=f"such as {inner}"):
        select(records, [parse(expression)], "file")
    assert select(records, [parse("issues=")], "file") == records[:1]


@pytest.mark.parametrize(
    ("expression", "right"), [("size=>5", "size>=5"), ("size =< 5", "size<=5"), ("size<>5", "size!=5")]
)
def test_a_swapped_sign(expression: str, right: str) -> None:
    with pytest.raises(ConfigError, match=f"write {right}"):
        parse(expression)


def test_the_heads_of_the_tables_are_fields() -> None:
    found = [folder("a", flags=["nan"], bytes=7, n_files=2)]
    for expression in ("cover=1", "hier<0", "def=tvae 1", "flag=nan", "advice=keep", "n=2", "size=7"):
        assert select(found, [parse(expression)], "dir") == found, expression
        assert order.arrange(found, parse(expression).field, descending=False, kind="dir")[0] == found


def test_a_metric_that_nothing_has_is_no_mistake() -> None:
    assert select([file("a", metrics={})], [parse("ultrametric>0.5")], "file") == []
    assert select([file("a", metrics={"odd": metric(1.0)}), file("b")], [parse("odd=1")], "file")


def test_a_number_does_not_compare_with_a_word() -> None:
    with pytest.raises(ConfigError, match="size is a number"):
        select([RECORD], [parse("size>big")], "file")


def paths(field: str, records: list[dict[str, object]], *, descending: bool = False) -> tuple[str, list[str]]:
    found, families = order.arrange(records, field, descending=descending, kind="file")
    return "".join(str(one["path"]) for one in found), families


def test_sorting() -> None:
    records = [
        file("a", metrics={"coverage": metric(0.5)}),
        file("b", metrics={}),
        file("c", metrics={"coverage": metric(0.25)}),
        file("d", metrics={"coverage": metric(math.nan)}),
    ]
    assert paths("coverage", records) == ("cabd", [])
    assert paths("coverage", records, descending=True) == ("acbd", [])
    assert paths("path", records, descending=True) == ("dcba", [])


def test_definitions_are_never_mixed() -> None:
    values = [("a", 0.1, "v5"), ("b", 0.2, "tvae 1"), ("c", 0.3, "v5"), ("d", 0.4, "tvae 1")]
    records = [file(path, metrics={"Q": metric(number, family=name)}) for path, number, name in values]
    assert paths("Q", records, descending=True) == ("dbca", ["tvae 1", "v5"])


@pytest.mark.parametrize("text", ["", ":desc", "size:down"])
def test_what_is_no_order(text: str) -> None:
    with pytest.raises(ConfigError, match="--sort"):
        order.parse(text)


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("config.lr", None),
        ("config.a.b", None),
        ("coverage", None),
        ("config.l", "no file has a field config.l; did you mean config.lr?"),
        ("issues.cod", "no file has a field issues.cod; did you mean issues.code?"),
        ("coverage.famly", "no file has a field coverage.famly; did you mean coverage.family?"),
        ("salvaged.present", "no file has a field salvaged"),
        (
            "metrics.coverage",
            "metrics.coverage is no single value; name one that it holds, such as metrics.coverage.value",
        ),
    ],
)
def test_fields_below_others_that_no_record_has(field: str, told: str | None) -> None:
    found = missing(field, "file", [RECORD])
    assert found == told if told is None else str(found).startswith(told.rstrip("?"))
    assert missing(field, "file", []) is None


def test_a_number_with_an_unknown_unit() -> None:
    with pytest.raises(
        ConfigError, match=r"is a number \(expected one such as 1000, 1.5MB, 2GiB or 95%, got"
    ):
        select([RECORD], [parse("size>1XB")], "file")


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("path=a", ["runs/a"]),
        ("path=runs/a", ["runs/a"]),
        ("path!=a", ["runs", "runs/b/a"]),
        ("path!=runs/a", ["runs", "runs/b/a"]),
        ("path~^a", ["runs/a"]),
        ("path~^runs/a", ["runs/a"]),
        ("path=.", ["runs"]),
        ("path<runs/b", ["runs", "runs/a"]),
    ],
)
def test_a_path_matches_as_the_table_shows_it(expression: str, shown: list[str]) -> None:
    records = [folder("runs"), folder("runs/a"), folder("runs/b/a")]
    assert [one["path"] for one in select(records, [parse(expression)], "dir", root="runs")] == shown
    # Without one folder above them all a table shows paths as they are.
    assert select(records, [parse("path=a")], "dir") == []
