"""A chat template as transformers runs it: jinja2 in a sandbox, with the same settings and functions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Environment, TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lutwerk.chat.refusal import NotCarried

Message = Mapping[str, str]


class _Generation(Extension):
    """``{% generation %}`` marks answers for training; the text is that of its body."""

    def __init__(self, environment: Environment):
        super().__init__(environment)
        self.tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The body of the block."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


class ChatTemplate:
    """The template of a checkpoint.

    A template that prints today's date prints its own default instead, since a bundle is the same on
    every day.

    Attributes:
        constants: Texts in its expressions and those of its special tokens, by which it may tell one
            message from another.
        asks_for_date: It has a use for today's date.

    Args:
        source: Jinja text.
        special_tokens: Names such as ``bos_token`` and their texts; None for one that the tokenizer
            says it does not have.

    Raises:
        NotCarried: It is no template, or it needs a special token that nothing names.
    """

    def __init__(self, source: str, special_tokens: Mapping[str, str | None]):
        self._environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
        )
        self._environment.filters["tojson"] = _to_json
        self._environment.globals["raise_exception"] = _raise_exception
        self._tokens = {name: text for name, text in special_tokens.items() if text is not None}
        try:
            tree = self._environment.parse(source)
            self._template = self._environment.from_string(source)
        except TemplateError as error:
            raise NotCarried(f"it is not valid: {error}") from None
        variables = find_undeclared_variables(tree)
        self.asks_for_date = "strftime_now" in variables
        missing = {
            name for name in variables if name.endswith("_token") and name not in special_tokens
        }
        if missing:
            raise NotCarried(
                f"it uses {min(missing)}, which tokenizer_config.json does not name; add it there"
            )
        self.constants = sorted({*_constants(tree), *filter(None, self._tokens.values())})

    def render(self, messages: Sequence[Message]) -> str:
        """The text of a conversation up to where the answer begins.

        Raises:
            NotCarried: the template refuses the conversation, or fails.
        """
        try:
            return self._template.render(
                messages=[dict(message) for message in messages],
                tools=None,
                documents=None,
                add_generation_prompt=True,
                **self._tokens,
            )
        # A template can do what expressions of Python can: every kind of error is possible.
        except Exception as error:
            if self.asks_for_date and "strftime_now" in str(error):
                raise NotCarried(
                    "it asks for today's date and has no other, but a bundle is the same on every day"
                ) from None
            raise NotCarried(str(error) or type(error).__name__) from None


def _constants(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all(nodes.Const):
        if isinstance(node.value, str) and node.value.strip():
            # Constants can be of a class that escapes what is added to them.
            yield "".join(node.value)
