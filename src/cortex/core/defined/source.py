"""The text of a definition -> rules: Lark's notation, and regular expressions in it. Never says how a text is written.

Source of the notation: Lark's grammar reference, less what has no meaning without its parser: priorities, templates,
`%declare`, `%override`, imports from elsewhere than `common`, look-around and lazy quantifiers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cortex.core.chat import Input
from cortex.core.defined.common import COMMON
from cortex.core.defined.definition import (
    START,
    Definition,
    Item,
    Letter,
    Or,
    Ref,
    Seq,
    Times,
    definition,
    letters,
    literal,
    reached,
    refs,
)
from cortex.core.defined.letters import holds
from cortex.core.regex import QUANTIFIER, Anchor, Chars, Group, Many, NoPattern, Piece, Reader, Unknown, member

TOKEN = re.compile(
    r"""(?P<blank>(?:\s|//[^\n]*|\#[^\n]*)+)
    |(?P<string>"(?:\\.|[^"\\\n])*"i?)
    |(?P<regex>/(?!/)(?:\\.|[^/\\\n])+/[a-z]*)
    |(?P<name>[?!]*_*[A-Za-z]\w*)
    |(?P<command>%\w+)
    |(?P<number>\d+)
    |(?P<mark>->|\.\.|[-:|()\[\]*+?~{}.,<>@&=])""",
    re.VERBOSE,
)
FLAGS = re.compile(r"\(\?([ims]+)\)")
ESCAPE = re.compile(r"\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.))")
ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
QUOTE = '"'
ANY = Chars((), inverse=True)
NOT_NEWLINE = Chars((member(r"\n"),), inverse=True)
IGNORED = "%ignore"  # the name of what is passed over
MANY: Mapping[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}


class NoDefinition(ValueError):
    """This is no definition, or none that can be followed; the message says why."""


@lru_cache(maxsize=256)
def read(input: Input) -> Definition:
    """What the text of a custom tool has to follow. Raises NoDefinition."""
    try:
        if input.syntax == "regex":
            return known({START: expression(input.definition, edges=True)})
        return known(Source(input.definition).rules())
    except NoPattern as error:
        raise NoDefinition(f"is no regular expression: {error}") from error
    except Unknown as error:
        raise NoDefinition(f"{error} cannot be enforced") from error


def known(rules: Mapping[str, Item]) -> Definition:
    """The definition of these rules, of all of whose letters can be said what they are."""
    found = definition(rules)
    for each in letters(found):
        holds(each, QUOTE)
    return found


# Regular expressions


def expression(pattern: str, flags: str = "", *, edges: bool = False) -> Item:
    """A regular expression for a whole text; `edges`: it may begin with ^ and end with $, which say no more."""
    given = FLAGS.match(pattern)
    flags += given[1] if given else ""
    fold, dot = "i" in flags, ANY if "s" in flags else NOT_NEWLINE
    reader = Reader(pattern, given.end() if given else 0, dot)
    whole = reader.group("")
    if reader.at < len(pattern):
        raise NoPattern("a ')' too many")
    return item(whole, fold=fold, first=edges, last=edges)


def item(piece: Piece, *, fold: bool, first: bool = False, last: bool = False) -> Item:
    match piece:
        case Chars():
            return Letter(piece, fold)
        case Anchor(text):
            if (first and text == "^") or (last and text == "$"):
                return Seq()
            raise Unknown(f"'{text}'")
        case Many(inner, text):
            return Times(item(inner, fold=fold), *bounds(text))
        case Group(options, opening):
            fold = fold or opening == "?i:"
            return Or(tuple(sequence(option, fold=fold, first=first, last=last) for option in options))


def sequence(pieces: tuple[Piece, ...], *, fold: bool, first: bool, last: bool) -> Item:
    bare = [isinstance(piece, Anchor) for piece in pieces]
    each = (
        item(piece, fold=fold, first=first and all(bare[:at]), last=last and all(bare[at + 1 :]))
        for at, piece in enumerate(pieces)
    )
    return Seq(tuple(each))


def bounds(text: str) -> tuple[int, int | None]:
    """How often a quantifier says."""
    found = QUANTIFIER.fullmatch(text)
    if found is None:
        raise Unknown(f"the lazy quantifier '{text}'")
    if text in MANY:
        return MANY[text]
    least = int(found[1])
    return least, (int(found[3]) if found[3] else None) if found[2] else least


# Lark


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


END = Token("end", "", -1)


class Source:
    """Reads one grammar from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.in_rule = text, 0, True
        self.found: dict[str, Item] = {}
        self.ignored: list[Item] = []
        self.tokens = list(self.scanned())

    def scanned(self) -> Iterator[Token]:
        at = 0
        while at < len(self.text):
            token = TOKEN.match(self.text, at)
            if token is None:
                raise self.wrong("this means nothing here", at)
            if token.lastgroup != "blank":
                yield Token(token.lastgroup or "", token[0], at)
            at = token.end()

    def wrong(self, why: str, at: int) -> NoDefinition:
        line = self.text.count("\n", 0, at) + 1
        return NoDefinition(f"line {line}, at {self.text[at : at + 20]!r}: {why}")

    def rules(self) -> Mapping[str, Item]:
        while self.next is not END:
            self.command() if self.next.kind == "command" else self.rule()
        self.found[IGNORED] = Times(Or(tuple(self.ignored)), 0, None) if self.ignored else Seq()
        if START not in self.found:
            raise NoDefinition(f"has no rule {START!r}")
        for name, body in self.found.items():
            self.check(name, body)
        return self.found

    def check(self, name: str, body: Item) -> None:
        missing = next((other for other in refs(body) if other not in self.found), None)
        if missing is not None:
            raise NoDefinition(f"{name!r} needs {missing!r}, which is not defined")
        if is_terminal(name) and not all(map(is_terminal, refs(body))):
            raise NoDefinition(f"{name!r} is a terminal, and cannot be made of rules")
        if is_terminal(name) and name in reached(body, self.found):
            raise NoDefinition(f"{name!r} is a terminal, and cannot lead back to itself")

    # Tokens

    @property
    def next(self) -> Token:
        return self.peek(0)

    def peek(self, further: int) -> Token:
        at = self.at + further
        return self.tokens[at] if at < len(self.tokens) else END

    def take(self, *wanted: str) -> Token:
        """The next token; it must be one of these, by kind or text, if any are named."""
        found = self.next
        if wanted and found.kind not in wanted and found.text not in wanted:
            raise self.wrong(f"{' or '.join(wanted)} must stand here", found.at if found is not END else len(self.text))
        self.at += 1
        return found

    def maybe(self, *texts: str) -> bool:
        """Pass over a mark if it comes next."""
        found = self.next.kind == "mark" and self.next.text in texts
        self.at += found
        return found

    # Statements

    def rule(self) -> None:
        name = self.take("name")
        if self.next.text in (".", "{"):
            raise self.wrong("priorities and templates are not supported", name.at)
        self.take(":")
        self.define(name.text.lstrip("?!"), name.at, self.expansions(in_rule=not is_terminal(name.text)))

    def define(self, name: str, at: int, body: Item) -> None:
        if name in self.found:
            raise self.wrong("this is defined already", at)
        self.found[name] = body

    def command(self) -> None:
        command = self.take()
        match command.text:
            case "%ignore":
                self.ignored.append(self.expansions(in_rule=False))
            case "%import" if (self.peek(0).text, self.peek(1).text) == ("common", "."):
                self.at += 2
                name = self.take("name")
                self.imported(name, self.take("name") if self.maybe("->") else name)
            case "%import" if (self.peek(0).text, self.peek(1).text) == ("common", "("):
                self.at += 2
                while not self.maybe(")"):
                    self.imported(name := self.take("name"), name)
                    self.maybe(",")
            case _:
                raise self.wrong("of all commands, only %ignore and %import common are supported", command.at)

    def imported(self, name: Token, alias: Token) -> None:
        if name.text not in COMMON:
            raise self.wrong("the common library has no such terminal", name.at)
        self.define(alias.text, alias.at, expression(COMMON[name.text]))

    # What stands in a rule

    def expansions(self, *, in_rule: bool) -> Item:
        self.in_rule = in_rule
        return self.options()

    def options(self) -> Item:
        options = [self.sequence()]
        while self.maybe("|"):
            options.append(self.sequence())
        return options[0] if len(options) == 1 else Or(tuple(options))

    def sequence(self) -> Item:
        found = []
        while self.is_atom():
            found.append(self.repeated())
        if self.maybe("->"):
            self.take("name")
        return found[0] if len(found) == 1 else Seq(tuple(found))

    def is_atom(self) -> bool:
        """Whether the next token belongs to this sequence, and not to what follows it."""
        if self.next.kind == "name":
            return self.peek(1).text != ":" and not (self.peek(1).text == "." and self.peek(3).text == ":")
        return self.next.kind in ("string", "regex") or self.next.text in ("(", "[")

    def repeated(self) -> Item:
        at, found = self.next.at, self.atom()
        repeated = self.counted(found)
        if isinstance(repeated, Times) and repeated.most is not None and repeated.most < repeated.least:
            raise self.wrong("the bounds are the wrong way round", at)
        return repeated

    def counted(self, found: Item) -> Item:
        if self.next.kind == "mark" and self.next.text in MANY:
            return Times(found, *MANY[self.take().text])
        if self.maybe("~"):
            least = int(self.take("number").text)
            return Times(found, least, int(self.take("number").text) if self.maybe("..") else least)
        if self.maybe("{"):
            return Times(found, *self.bounds())
        return found

    def bounds(self) -> tuple[int, int | None]:
        least = int(self.take("number").text) if self.next.text != "," else 0
        most: int | None = least
        if self.maybe(","):
            most = int(self.take("number").text) if self.next.kind == "number" else None
        self.take("}")
        return least, most

    def atom(self) -> Item:
        token = self.take()
        match token:
            case Token("name", name):
                return self.word(Ref(name)) if is_terminal(name) else Ref(name)
            case Token("regex"):
                return self.word(self.pattern(token))
            case Token("string") if self.maybe(".."):
                return self.word(self.range(token, self.take("string")))
            case Token("string"):
                return self.word(literal(self.unquoted(token), fold=token.text.endswith("i")))
        inner = self.options()
        self.take(")" if token.text == "(" else "]")
        return inner if token.text == "(" else Times(inner, 0, 1)

    def word(self, terminal: Item) -> Item:
        """A terminal. In a rule, what is ignored may stand before it; so nothing of that ends a text."""
        return Seq((Ref(IGNORED), terminal)) if self.in_rule else terminal

    def pattern(self, token: Token) -> Item:
        pattern, _, flags = token.text[1:].rpartition("/")
        if strange := set(flags) - set("imsu"):
            raise self.wrong(f"the flag {min(strange)!r} is not supported", token.at)
        try:
            return expression(pattern, flags)
        except (NoPattern, Unknown) as error:
            raise self.wrong(f"{error}: no such regular expression can be followed", token.at) from error

    def range(self, low: Token, high: Token) -> Item:
        ends = self.unquoted(low), self.unquoted(high)
        if not all(len(end) == 1 for end in ends) or ends[0] > ends[1]:
            raise self.wrong("a range goes from one character to a later one", low.at)
        codes = [f"\\x{{{ord(end):x}}}" for end in ends]
        return Letter(Chars((("-".join(codes), ord(ends[0]), ord(ends[1])),)))

    def unquoted(self, token: Token) -> str:
        inner = token.text.removesuffix("i")[1:-1]
        return ESCAPE.sub(unescaped, inner)


def unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    return chr(int(code, 16)) if code else ESCAPED.get(found[4], found[4])


def is_terminal(name: str) -> bool:
    return name.lstrip("?!_")[:1].isupper() or name == IGNORED
