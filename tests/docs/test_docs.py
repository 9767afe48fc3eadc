"""The documentation says what the code says."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import samefit
from samefit.explain.slugs import SLUGS
from samefit.types import Stage

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The script that writes the generated pages."""
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "_generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date(generator: ModuleType) -> None:
    for name, page in generator.PAGES.items():
        assert (DOCS / name).read_text(encoding="utf-8") == page(), f"docs/{name}: run `make generate`"


def test_the_check_can_fail(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "DOCS", tmp_path)
    (tmp_path / "reference").mkdir()
    (tmp_path / "causes").mkdir()
    assert generator.main(check=True) == 1
    assert "docs/reference/cli.md is out of date" in capsys.readouterr().err
    assert generator.main(check=False) == 0
    assert generator.main(check=True) == 0


# -- causes -----------------------------------------------------------------------------------------------------------


def test_every_slug_has_a_page_and_every_page_a_slug() -> None:
    assert {path.stem for path in (DOCS / "causes").glob("*.md")} - {"index"} == set(SLUGS)


@pytest.mark.parametrize("slug", SLUGS)
def test_page_of_a_cause(slug: str) -> None:
    text = (DOCS / "causes" / f"{slug}.md").read_text(encoding="utf-8")
    title = SLUGS[slug].title
    assert text.startswith(f"# `{slug}`: {title[0].lower()}{title[1:]}\n")
    headings = re.findall(r"^## (.+)$", text, flags=re.MULTILINE)
    assert headings == ["What it means", "How samefit recognises it", "Confirm it by hand", "Fix it"]
    assert "```" in text, "no example"


def test_slugs() -> None:
    for name, slug in SLUGS.items():
        assert name == slug.name
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert slug.stages
        assert list(slug.stages) == sorted(set(slug.stages), key=lambda stage: slug.stages.index(stage))
        assert set(slug.stages) <= set(Stage)
        assert not slug.meaning.endswith(".")


def test_every_page_is_in_the_navigation() -> None:
    def files(node: object) -> set[str]:
        if isinstance(node, str):
            return {node}
        children = node.values() if isinstance(node, dict) else node
        assert not isinstance(children, str)
        return set().union(*(files(child) for child in children))  # type: ignore[union-attr]

    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert files(nav) == {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}


# -- what is shown ----------------------------------------------------------------------------------------------------


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(ROOT).as_posix()
        found += [(name, block) for block in re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)]
    return found


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_python_examples_can_be_parsed(page: str, code: str) -> None:
    ast.parse(code, page)


@pytest.mark.parametrize(("page", "code"), blocks("python"))
def test_python_examples_use_public_names_only(page: str, code: str) -> None:
    used = set(re.findall(r"\bsamefit\.([A-Za-z_]+)", code)) - {"report"}
    assert used <= set(samefit.__all__), page


@pytest.mark.parametrize(("page", "commands"), blocks("console"))
def test_commands_have_verbs_and_options_that_exist(page: str, commands: str) -> None:
    from samefit.cli import cli

    for line in commands.splitlines():
        found = re.match(r"\$ (?:\w+=\S+ )*samefit (\S+)(.*)", line.split("#  ")[0].split("   #")[0])
        if found is None:
            continue
        command = cli.commands.get(found[1])
        assert command is not None or found[1].startswith("--"), line
        if command is not None:
            known = {option for parameter in command.params for option in parameter.opts}
            of_scripts = {"-m", "--epochs"}
            assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", found[2])) <= known | of_scripts, line


def test_every_public_name_has_a_place_in_the_reference() -> None:
    text = (DOCS / "reference/python.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^::: samefit\.([A-Za-z_]+)$", text, flags=re.M)) == set(samefit.__all__)


def test_every_json_key_is_named_on_its_page() -> None:
    import json

    schema = json.loads((DOCS / "reference/comparison.schema.json").read_text(encoding="utf-8"))
    text = (DOCS / "reference/comparison.md").read_text(encoding="utf-8")
    missing = [key for key in schema["properties"] if f"`{key}`" not in text and key != "samefit_version"]
    assert missing == []
