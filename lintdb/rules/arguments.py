"""What can be seen of the arguments of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import libcst as cst

    from lintdb.effects import Argument
    from lintdb.syntax.literals import Evaluator


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call with visible `**` dicts merged in; `is_hidden` if some cannot be seen."""

    positional: tuple[cst.BaseExpression, ...]
    keywords: dict[str, cst.BaseExpression]
    is_hidden: bool

    def find(self, argument: Argument) -> cst.BaseExpression | None:
        """Return the expression given for an argument."""
        if argument.keyword is not None and argument.keyword in self.keywords:
            return self.keywords[argument.keyword]
        if argument.position is not None and argument.position < len(self.positional):
            return self.positional[argument.position]
        return None


def arguments_of(evaluator: Evaluator, call: cst.Call) -> Arguments:
    """Return the arguments of the opening call."""
    positional: list[cst.BaseExpression] = []
    keywords: dict[str, cst.BaseExpression] = {}
    is_hidden = False
    for argument in call.args:
        if argument.star == "**":
            inner = evaluator.mapping(argument.value)
            if inner is None:
                is_hidden = True
            else:
                keywords.update(inner)
        elif argument.star:
            is_hidden = True
        elif argument.keyword is not None:
            keywords[argument.keyword.value] = argument.value
        else:
            positional.append(argument.value)
    return Arguments(tuple(positional), keywords, is_hidden)
