"""Read Bicep files, for tests: what they declare, name and contain. No compiler: types are not known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

DECLARATIONS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
# What a loop calls its item, or its position.
LOOP_NAMES = ("loop_variable", "loop_enumerator")


@dataclass(frozen=True)
class Declaration:
    """A parameter, variable, resource, module or output.

    Attributes:
        kind: one of the values of DECLARATIONS.
        name: as the file calls it.
        node: all of it.
        decorators: what is written above it, without the "@".
    """

    kind: str
    name: str
    node: Node
    decorators: tuple[str, ...]

    @property
    def secret(self) -> bool:
        """Whether it is a parameter that Azure keeps out of its logs."""
        return "secure()" in self.decorators

    @property
    def described(self) -> bool:
        """Whether a sentence above it says what it is."""
        return any(decorator.startswith("description('") for decorator in self.decorators)

    @property
    def type(self) -> str:
        """The type of a parameter or output."""
        (written,) = [text(child) for child in self.node.children if child.type == "type"]
        return written

    @property
    def value(self) -> Node:
        """What a variable or output is set to."""
        return self.node.children[-1]

    @property
    def has_default(self) -> bool:
        """Whether it is a parameter that may be left out."""
        return any(child.type == "=" for child in self.node.children)


@dataclass(frozen=True)
class Bicep:
    """A Bicep file, or a parameter file: to the grammar, which does not know these, its parameters are variables."""

    file: Path

    @cached_property
    def root(self) -> Node:
        """The syntax tree."""
        source = self.file.read_text(encoding="utf-8")
        if self.file.suffix == ".bicepparam":
            source = re.sub(
                r"^using '.+'$", "", re.sub(r"^param ", "var ", source, flags=re.MULTILINE), flags=re.MULTILINE
            )
        return Parser(Language(tree_sitter_bicep.language())).parse(source.encode()).root_node

    @cached_property
    def declarations(self) -> dict[str, Declaration]:
        """Everything but outputs, by name; names are unique."""
        return {declaration.name: declaration for declaration in self._declarations() if declaration.kind != "output"}

    @cached_property
    def outputs(self) -> dict[str, Declaration]:
        """The outputs, by name."""
        return {declaration.name: declaration for declaration in self._declarations() if declaration.kind == "output"}

    @property
    def parameters(self) -> dict[str, Declaration]:
        """The parameters, by name."""
        return {name: declared for name, declared in self.declarations.items() if declared.kind == "param"}

    @property
    def secrets(self) -> set[str]:
        """The names of the parameters that are secret."""
        return {name for name, parameter in self.parameters.items() if parameter.secret}

    def nodes(self, *kinds: str, within: Node | None = None) -> Iterator[Node]:
        """Yield the nodes of some kinds, in the order of the file."""
        root = within or self.root
        if root.type in kinds:
            yield root
        for child in root.children:
            yield from self.nodes(*kinds, within=child)

    def names(self, within: Node | None = None) -> list[str]:
        """Return the names that stand for values: neither keys, declared names, members nor functions."""
        return [text(node) for node in self.nodes("identifier", within=within) if stands_for_value(node)]

    def loop_names(self) -> set[str]:
        """Return what loops call their items and positions."""
        in_parentheses = {text(node) for node in self.nodes(*LOOP_NAMES)}
        return in_parentheses | {text(loop.children[2]) for loop in self.nodes("for_statement")}

    def functions(self) -> set[str]:
        """Return the functions that are called, but for those of resources (`listKeys`)."""
        return {
            text(call.children[0]) for call in self.nodes("call_expression") if call.children[0].type == "identifier"
        }

    def objects(self) -> Iterator[dict[str, Node]]:
        """Yield all objects, as the nodes of their values by key."""
        return (properties(node) for node in self.nodes("object"))

    def _declarations(self) -> Iterator[Declaration]:
        decorators: tuple[str, ...] = ()
        for node in self.root.children:
            if node.type == "decorators":
                decorators = tuple(text(child).removeprefix("@") for child in node.children)
            elif node.type in DECLARATIONS:
                yield Declaration(DECLARATIONS[node.type], text(node.children[1]), node, decorators)
                decorators = ()


@cache
def bicep(file: Path) -> Bicep:
    """Return a file, read once."""
    return Bicep(file)


def text(node: Node) -> str:
    """Return the source of a node."""
    return (node.text or b"").decode()


def literal(node: Node) -> str | None:
    """Return the content of a string without interpolation, or None."""
    is_literal = node.type == "string" and all(child.type in ("'", "string_content") for child in node.children)
    return text(node)[1:-1] if is_literal else None


def properties(node: Node) -> dict[str, Node]:
    """Return the values of an object by key."""
    pairs = [child.children for child in node.children if child.type == "object_property"]
    return {text(pair[0]).strip("'"): pair[-1] for pair in pairs}


def stands_for_value(node: Node) -> bool:
    """Return whether an identifier is one that something must declare."""
    parent = node.parent
    if parent is None or parent.type in ("decorator", "type"):
        return False
    first = parent.children[0] == node
    match parent.type:
        case "object_property" | "call_expression":
            return not first
        case "for_statement":
            return parent.children[2] != node
        case _:
            return parent.type not in DECLARATIONS or parent.children[1] != node
