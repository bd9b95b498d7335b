"""Whether infra/*.bicep is Bicep, by a grammar of the language. Names and types are a compiler's to check."""

import pathlib
import sys

import tree_sitter
import tree_sitter_bicep

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))


def faults(node):
    """The places that are not Bicep, the first of a line each."""
    if node.is_error or node.is_missing:
        yield node.start_point
    elif node.has_error:
        for child in node.children:
            yield from faults(child)


def main():
    if not list(faults(PARSER.parse(b"param a string =\nvar = 1\n").root_node)):
        sys.exit("the grammar finds nothing wrong with what is not Bicep")
    folder = pathlib.Path(__file__).parents[2] / "infra"
    # Parameter files have a grammar of their own, which this one lacks.
    paths = sorted(folder.glob("*.bicep"))
    if len(paths) < 4:
        sys.exit(f"few files: {paths}")
    wrong = False
    for path in paths:
        for row, column in faults(PARSER.parse(path.read_bytes()).root_node):
            print(f"{path.name}:{row + 1}:{column + 1}: not Bicep", file=sys.stderr)
            wrong = True
    sys.exit(1 if wrong else 0)


main()
