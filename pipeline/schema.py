"""The settings of conf/, for people to read: names as an override takes them, types, defaults and comments.

Reads the files as text and imports nothing that they configure, so that it takes a fraction of a second.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from textwrap import indent

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from sentiment.inference.errors import SettingsError

PROJECT = Path(__file__).parents[1]
CONF = PROJECT / "conf"
CONFIG = CONF / "config.yaml"
ALL = "all"
# Sections of config.yaml without settings of this project.
OF_HYDRA = ("defaults", "hydra")
TARGET = "_target_"
# A reference to a setting of the section that contains this one: `${..path}`.
OF_THE_PARENT = re.compile(r"\$\{\.\.(\w+)\}")
# Types that the default tells; null, `???` and references tell none.
TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str", "seq": "list", "map": "dict"}
UNTYPED = ("???", "${")
SENTENCE = re.compile(r".*?\S(?:[.?](?=\s)|[.:]$)", re.DOTALL | re.MULTILINE)
COMMENTS_AT_THE_END = re.compile(r"(?:\s*\n\s*#[^\n]*)*\s*$")
LEGEND = """\
name: type = default. ???: required. ${...}: the value of another setting. {search: [...]}: cross-validation chooses.
"""

Name = tuple[str, ...]
Summaries = dict[str, str]


@dataclass(frozen=True)
class Setting:
    """A setting of a file.

    Attributes:
        name: its parts; joined by dots, they are the key of an override.
        type: as annotated in the code that the setting configures, otherwise that of the default; empty if unknown.
        default: as written in the file.
        comment: the lines above it, and above each section that begins with it.
    """

    name: Name
    type: str
    default: str
    comment: tuple[str, ...]

    def __str__(self) -> str:
        """Return the comment and the setting, as lines."""
        typed = f": {self.type}" if self.type else ""
        block = "\n" in self.default or self.default.startswith("- ")
        default = f"\n{indent(self.default, '  ')}" if block else f" {self.default}"
        return "\n".join([*self.comment, f"{'.'.join(self.name)}{typed} ={default}"])


def overview() -> tuple[Summaries, Summaries]:
    """Return what each option of the groups is, the default of a group first, and each section of config.yaml."""
    of_options = {
        label(group, name): summary(option(group, name)) for group, names in options().items() for name in names
    }
    return of_options, {name: summary(settings) for name, settings in sections().items()}


def describe(name: str) -> str:
    """Return all settings of a group, an option (`embed=glove`) or a section, or of all of these (`all`).

    Raises:
        SettingsError: conf/ has nothing of this name, or a file contains no settings.
    """
    parts = {
        label(group, choice): option(group, choice)
        for group, choices in options().items()
        for choice in choices
        if name in (ALL, group, f"{group}={choice}")
    }
    parts |= {section: settings for section, settings in sections().items() if name in (ALL, section)}
    if not parts:
        known = ", ".join([*options(), *sections()])
        raise SettingsError(f"conf/ has no settings called {name!r}. Choose {known}, an option (embed=glove), or all.")
    blocks = {part: "\n".join(map(str, settings)) for part, settings in parts.items()}
    return "\n".join(f"{part}\n{indent(block, '  ')}\n" for part, block in blocks.items())


def label(group: str, name: str) -> str:
    """Return an option as an override chooses it, and whether it is the default."""
    return f"{group}={name}{' (default)' if name == defaults().get(group) else ''}"


@cache
def defaults() -> dict[str, str]:
    """Return the default option of each group."""
    entries = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["defaults"]
    return {group: name for entry in entries if isinstance(entry, dict) for group, name in entry.items()}


def options() -> dict[str, list[str]]:
    """Return the options of each group, the default first."""
    folders = sorted(folder for folder in CONF.iterdir() if folder.is_dir())
    files = {folder.name: sorted(file.stem for file in folder.glob("*.yaml")) for folder in folders}
    return {group: sorted(names, key=lambda name: name != defaults().get(group)) for group, names in files.items()}


def option(group: str, name: str) -> list[Setting]:
    """Return the settings of an option."""
    return read(CONF / group / f"{name}.yaml", (group,))


def sections() -> dict[str, list[Setting]]:
    """Return the settings of each section of config.yaml."""
    found: dict[str, list[Setting]] = {}
    for setting in read(CONFIG, ()):
        found.setdefault(setting.name[0], []).append(setting)
    return {name: settings for name, settings in found.items() if name not in OF_HYDRA}


def summary(settings: list[Setting]) -> str:
    """Return the first sentence of the first comment."""
    comment = "\n".join(line.lstrip("# ") for line in settings[0].comment)
    sentence = SENTENCE.match(comment)
    return (sentence[0] if sentence else comment).replace("\n", " ").rstrip(".:")


def read(file: Path, section: Name) -> list[Setting]:
    """Return the settings of a file that fills a section.

    Raises:
        SettingsError: the file contains no settings.
    """
    text = file.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, MappingNode):
        raise SettingsError(f"{file} contains no settings. Write them as `name: value`, one per line.")
    return list(leaves(root, section, text, annotations(root, section), ()))


def leaves(
    section: MappingNode, name: Name, text: str, types: Mapping[Name, str], above: tuple[str, ...]
) -> Iterator[Setting]:
    """Yield the settings below a section, in the order of the file."""
    for key, value in section.value:
        below = (*name, key.value)
        comment = (*above, *comment_above(text, key.start_mark.line))
        above = ()
        if isinstance(value, MappingNode) and not value.flow_style:
            yield from leaves(value, below, text, types, comment)
        else:
            yield Setting(below, types.get(below) or type_of(value), written(value, text), comment)


def comment_above(text: str, line: int) -> list[str]:
    """Return the lines of the comment that ends above a line."""
    before = (row.strip() for row in reversed(text.splitlines()[:line]))
    return list(takewhile(lambda row: row.startswith("#"), before))[::-1]


def written(node: Node, text: str) -> str:
    """Return a value as it is written, a list in several lines without its indentation."""
    value = COMMENTS_AT_THE_END.sub("", text[node.start_mark.index : node.end_mark.index])
    return value.replace("\n" + " " * node.start_mark.column, "\n")


def type_of(node: Node) -> str:
    """Return the type of a value; empty for null, `???` and references."""
    if isinstance(node, ScalarNode) and node.value.startswith(UNTYPED):
        return ""
    return TYPES.get(node.tag.rpartition(":")[2], "")


def annotations(section: MappingNode, name: Name) -> dict[Name, str]:
    """Return the types of the settings that code of this project takes, directly or by a reference (`${..path}`)."""
    entries = {key.value: value for key, value in section.value}
    found: dict[Name, str] = {}
    for key, value in entries.items():
        if isinstance(value, MappingNode):
            found |= annotations(value, (*name, key))
    for key, annotation in parameters(entries[TARGET].value).items() if TARGET in entries else ():
        if key in entries:
            found[*name, key] = annotation
            if reference := OF_THE_PARENT.fullmatch(str(entries[key].value)):
                found[*name[:-1], reference[1]] = annotation
    return found


@cache
def parameters(target: str) -> dict[str, str]:
    """Return the annotations of a function's parameters, or of a class's fields; none for those of libraries.

    An alias for a Literal in the same module is replaced by it: it says which values are allowed.
    """
    module, _, name = target.rpartition(".")
    file = PROJECT / f"{module.replace('.', '/')}.py"
    if not file.is_file():
        return {}
    body = ast.parse(file.read_text(encoding="utf-8")).body
    aliases = {
        ast.unparse(node.targets[0]): value
        for node in body
        if isinstance(node, ast.Assign) and (value := ast.unparse(node.value)).startswith("Literal[")
    }
    annotated = {
        parameter: ast.unparse(annotation)
        for node in body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
        for parameter, annotation in annotated_in(node)
    }
    return {parameter: aliases.get(annotation, annotation) for parameter, annotation in annotated.items()}


def annotated_in(definition: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """Yield the annotated parameters of a function, or the fields of a class and the parameters of its constructor."""
    match definition:
        case ast.FunctionDef(args=arguments):
            for argument in (*arguments.args, *arguments.kwonlyargs):
                if argument.annotation:
                    yield argument.arg, argument.annotation
        case ast.ClassDef(body=body):
            for statement in body:
                if isinstance(statement, ast.AnnAssign):
                    yield ast.unparse(statement.target), statement.annotation
                elif isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
                    yield from annotated_in(statement)
