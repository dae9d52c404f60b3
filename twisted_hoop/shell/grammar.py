"""The shell command language as a tree (POSIX.1-2024, XCU 2.10), by recursive descent. Strict: what bash, dash and zsh
do not read alike is not read at all, so that no command hides behind another shell's grammar (C1).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted_hoop.shell.lexing import DEEPEST, Lexer, TooDeep, Unclear
from twisted_hoop.shell.tree import (
    Arithmetic,
    Assignment,
    Case,
    Command,
    Condition,
    For,
    Function,
    Group,
    HereDocument,
    If,
    Literal,
    Loop,
    Pipeline,
    Redirect,
    Redirected,
    Script,
    Seen,
    Simple,
    Statement,
    Word,
)

MOST_WORDS = 5000
"""Words of one command line; with more it is not read: the gateway must not be kept busy with it."""

_BLANK = re.compile(r"(?:[ \t]|\\\n)*(?:#[^\n\x00]*)?")
_RESERVED = re.compile(
    r"(if|then|elif|else|fi|do|done|case|esac|while|until|for|function|select|coproc|in|\{|\}|!|\[\[|\]\])(?=[\s;&|<>()]|\Z)"
)
_REDIRECT = re.compile(r"([0-9]*|\{[A-Za-z_]\w*\})(<<<|<<-|<<|<&|<>|<(?!\()|>&|>>|>\||>(?!\()|&>>|&>)", re.A)
_ASSIGNS = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_DEFINES = re.compile(r"([^\s;&|<>()$`'\"\\*?\[\]{}!#=~]+)[ \t]*\([ \t]*\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ONE_CHARACTER = re.compile(r"[\x80-\xff][\\|`{}\[\]~]")
_NOT_A_FUNCTION = frozenset({
    "nocorrect", "noglob", "repeat", "foreach", "end", "time", "coproc", "select", "function", "namespace", "declare",
    "export", "float", "integer", "local", "readonly", "typeset",
})  # fmt: skip
_NUMERIC_GLOB = re.compile(r"<[0-9]*-[0-9]*>")
_TEST_OPERATORS = re.compile(r"&&|\|\||[()<>|]|!(?=\s)|=~|==?")
_EMPTY = frozenset({""})


class Parser(Lexer):
    """One text. `parse` may be called once."""

    def __init__(self, text: str, depth: int = 0, base: int = 0, seen: Seen | None = None) -> None:
        super().__init__(text, depth, base)
        self.seen = Seen() if seen is None else seen
        self._waiting: list[HereDocument] = []

    def parse(self) -> Script:
        """The whole text. Raises Unclear."""
        if match := _NUMERIC_GLOB.search(self.text):
            raise Unclear(f"{match[0]} is a glob to one shell and two redirects to others")
        if _ONE_CHARACTER.search(self.text):
            raise Unclear("bytes that are one character in some locales, and a sign of the shell's in others")
        return self._script(_EMPTY)

    def substituted(self) -> Script:
        """The script up to the `)` that ends it, which is consumed."""
        self.deeper()
        script = self._script(frozenset({")"}))
        self.at += 1
        self.shallower()
        return script

    def backticked(self, text: str, base: int) -> Script:
        """The script that is the whole text; `base` is where it stands in the command line, -1 when it does not."""
        if self.depth >= DEEPEST:
            raise TooDeep("nested too deeply")
        return Parser(text, self.depth + 1, base, self.seen).parse()

    def _blind(self, span: tuple[int, int]) -> None:
        if self.base >= 0:
            self.seen.blind.append((self.base + span[0], self.base + span[1]))

    # What stands between commands

    def _skip_blank(self) -> None:
        match = _BLANK.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def _skip_lines(self) -> None:
        self._skip_blank()
        while self.peek() == "\n":
            self.at += 1
            self._read_documents()
            self._skip_blank()

    def _read_documents(self) -> None:
        for document in self._waiting:
            self._read_document(document)
        self._waiting.clear()

    def _read_document(self, document: HereDocument) -> None:
        lines, start = list[str](), self.at
        while True:
            end = self.text.find("\n", self.at)
            line = self.text[self.at : end if end >= 0 else len(self.text)]
            line = line.lstrip("\t") if document.tabs else line
            last = end < 0
            self.at = len(self.text) if last else end + 1
            if line == document.delimiter:
                break
            if last:
                raise Unclear("a here-document without end")
            if line.endswith("\\") and not document.quoted:
                raise Unclear("a here-document with a line that goes on")
            lines.append(line + "\n")
        self._blind((start, self.at))
        self._put_body(document, "".join(lines))

    def _put_body(self, document: HereDocument, body: str) -> None:
        if document.quoted:
            document.body = Word((Literal(body, quoted=True),), body)
            return
        self.deeper()
        document.body = Parser(body, self.depth, -1, self.seen).here_body()
        self.shallower()

    def _reserved(self) -> str:
        match = _RESERVED.match(self.text, self.at)
        return match[1] if match else ""

    def _expect(self, word: str) -> None:
        self._skip_lines()
        if self._reserved() != word:
            raise Unclear(f"{word} is missing")
        self.at += len(word)

    # Lists

    def _script(self, stops: frozenset[str], some: bool = False) -> Script:
        """Statements up to a stop, which is left: ")", ";;", a reserved word, or "" for the end of the text."""
        statements = list[Statement]()
        self._skip_lines()
        while not self._stopped(stops):
            statements.append(self._statement())
            self._skip_lines()
        if self._waiting:
            raise Unclear("a here-document without end")
        if some and not statements:
            raise Unclear("a list without commands")
        return tuple(statements)

    def _stopped(self, stops: frozenset[str]) -> bool:
        char = self.peek()
        if char == "":
            if "" not in stops:
                raise Unclear("the text ends too early")
            return True
        if char == ")":
            return ")" in stops
        if char == ";" and self.peek(1) and self.peek(1) in ";&":
            return ";;" in stops
        return self._reserved() in stops - _EMPTY

    def _statement(self) -> Statement:
        chain = [("", self._pipeline())]
        while (operator := self.text[self.at : self.at + 2]) in ("&&", "||"):
            self.at += 2
            self._skip_lines()
            chain.append((operator, self._pipeline()))
        background = self.peek() == "&"
        if background or (self.peek() == ";" and self.peek(1) not in (";", "&")):
            self.at += 1
        elif self.peek() not in ("", "\n", ")", ";"):
            raise Unclear("a command goes on where it should end")
        return Statement(tuple(chain), background)

    def _pipeline(self) -> Pipeline:
        self._skip_blank()
        while self._reserved() == "!":
            self.at += 1
            self._skip_blank()
        commands = [self._command()]
        self._skip_blank()
        while self.peek() == "|" and self.peek(1) != "|":
            self.at += 2 if self.peek(1) == "&" else 1
            self._skip_lines()
            commands.append(self._command())
            self._skip_blank()
        return Pipeline(tuple(commands))

    # Commands

    def _command(self) -> Command:
        self._skip_blank()
        self.deeper()
        try:
            if reader := _COMPOUND.get(self._reserved()):
                return self._redirected(reader(self))
            if self._reserved():
                raise Unclear(f"{self._reserved()} where a command should be")
            if self.text.startswith("((", self.at):
                return self._redirected(self._arithmetic_command())
            if self.peek() == "(":
                return self._redirected(self._subshell())
            if match := _DEFINES.match(self.text, self.at):
                self.at = match.end()
                return self._definition(match[1])
            return self._simple()
        finally:
            self.shallower()

    def _simple(self) -> Simple:
        assignments, words, redirects = list[Assignment](), list[Word](), list[Redirect]()
        start = -1
        while self._in_simple():
            if match := _REDIRECT.match(self.text, self.at):
                redirects.append(self._redirect(match))
            elif any(redirect.both for redirect in redirects):
                raise Unclear("words behind &>, which are another command to some shells")
            elif not words and (match := _ASSIGNS.match(self.text, self.at)):
                assignments.append(self._assignment(match))
            else:
                start = self.at if not words else start
                words.append(self._some_word())
            self._skip_blank()
        if not (assignments or words or redirects):
            raise Unclear("a command is missing")
        if start >= 0 and self.base >= 0:
            self.seen.names.add(self.base + start)
        return Simple(tuple(assignments), tuple(words), tuple(redirects), start)

    def _in_simple(self) -> bool:
        char = self.peek()
        if char == "(":
            raise Unclear("a parenthesis within a command")
        return char not in ("", "\n", ";", "|", ")") and (char != "&" or self.peek(1) == ">")

    def _some_word(self) -> Word:
        self._count()
        word = self.word()
        if not word.raw:
            raise Unclear("a word is missing")
        return self._within_a_line(word)

    def _within_a_line(self, word: Word) -> Word:
        """A here-document begins where the line ends: not within a word, where shells would disagree."""
        if self._waiting and "\n" in word.raw:
            raise Unclear("a here-document and a word that goes on in the next line")
        return word

    def _count(self) -> None:
        self.seen.words += 1
        if self.seen.words > MOST_WORDS:
            raise TooDeep("more words than are read")

    def _assignment(self, match: re.Match[str]) -> Assignment:
        self._count()
        self.at = match.end()
        if self.peek() != "(":
            return Assignment(match[1], self._within_a_line(self.word(assigned=True)), bool(match[2]))
        self.at += 1
        words = list[Word]()
        self._skip_lines()
        while self.peek() != ")":
            words.append(self._some_word())
            self._skip_lines()
        self.at += 1
        return Assignment(match[1], Word(()), bool(match[2]), tuple(words))

    def _redirect(self, match: re.Match[str]) -> Redirect:
        self.at = match.end()
        operator = match[2]
        if match[1].startswith("{"):
            raise Unclear("a redirect that sets a variable")
        self._skip_blank()
        target = self._some_word()
        if operator not in ("<<", "<<-"):
            return Redirect(operator, target)
        if any(not isinstance(part, Literal) for part in target.parts):
            raise Unclear("a here-document whose end is not plain")
        delimiter = "".join(part.text for part in target.parts if isinstance(part, Literal))
        quoted = any(part.quoted for part in target.parts if isinstance(part, Literal))
        document = HereDocument(delimiter, quoted, operator == "<<-")
        self._waiting.append(document)
        return Redirect(operator, target, document)

    def _redirected(self, command: Command) -> Command:
        redirects = list[Redirect]()
        self._skip_blank()
        while match := _REDIRECT.match(self.text, self.at):
            redirects.append(self._redirect(match))
            self._skip_blank()
        return Redirected(command, tuple(redirects)) if redirects else command

    def _group(self) -> Command:
        self.at += 1
        script = self._script(frozenset({"}"}), some=True)
        self.at += 1
        return Group(script, subshell=False)

    def _subshell(self) -> Command:
        self.at += 1
        script = self._script(frozenset({")"}), some=True)
        self.at += 1
        return Group(script, subshell=True)

    def _arithmetic_command(self) -> Command:
        self.at += 2
        return Condition((Word((self.arithmetic(),)),))

    def _definition(self, name: str) -> Command:
        self._skip_lines()
        if self._reserved() not in _COMPOUND and self.peek() != "(":
            raise Unclear("a function whose body is not a compound command")
        if name in _NOT_A_FUNCTION:
            raise Unclear("a function whose name is a reserved word of some shells")
        return Function(name, self._command())

    def _function(self) -> Command:
        self.at += len("function")
        self._skip_blank()
        match = _DEFINES.match(self.text, self.at) or re.compile(r"([\w.:+-]+)", re.A).match(self.text, self.at)
        if match is None:
            raise Unclear("a function without name")
        self.at = match.end()
        return self._definition(match[1])

    def _if(self) -> Command:
        self.at += 2
        branches = list[tuple[Script, Script]]()
        while True:
            condition = self._script(frozenset({"then"}), some=True)
            self._expect("then")
            branches.append((condition, self._script(frozenset({"elif", "else", "fi"}), some=True)))
            word = self._reserved()
            self.at += len(word)
            if word != "elif":
                break
        otherwise: Script = ()
        if word == "else":
            otherwise = self._script(frozenset({"fi"}), some=True)
            self._expect("fi")
        return If(tuple(branches), otherwise)

    def _while(self) -> Command:
        self.at += 5
        condition = self._script(frozenset({"do"}), some=True)
        return Loop(condition, self._do())

    def _do(self) -> Script:
        self._expect("do")
        body = self._script(frozenset({"done"}), some=True)
        self._expect("done")
        return body

    def _for(self) -> Command:
        self.at += 3
        self._skip_blank()
        if self.text.startswith("((", self.at):
            self.at += 2
            return self._counting()
        name = _NAME.match(self.text, self.at)
        if name is None:
            raise Unclear("a loop without a name")
        self.at = name.end()
        self._skip_lines()
        words: tuple[Word, ...] | None = None
        if re.compile(r"in(?=[\s;])").match(self.text, self.at):
            self.at += 2
            words = self._listed()
        self._end_head()
        return For(name[0], words, self._do())

    def _listed(self) -> tuple[Word, ...]:
        words = list[Word]()
        self._skip_blank()
        while self.peek() not in ("", "\n", ";"):
            words.append(self._some_word())
            self._skip_blank()
        return tuple(words)

    def _end_head(self) -> None:
        self._skip_blank()
        if self.peek() == ";":
            self.at += 1

    def _counting(self) -> Command:
        end = self.text.find("))", self.at)
        if end < 0 or re.search(r"[`$'\"\\(]", self.text[self.at : end]):
            raise Unclear("a counting loop that is not plain")
        clauses = self.text[self.at : end].replace(";", " , ")
        self.at = end + 2
        self._end_head()
        return For("", (), self._do(), Arithmetic(clauses))

    def _case(self) -> Command:
        self.at += 4
        self._skip_blank()
        word = self._some_word()
        self._skip_lines()
        if not re.compile(r"in(?=\s)").match(self.text, self.at):
            raise Unclear("in is missing")
        self.at += 2
        arms = list[tuple[tuple[Word, ...], Script]]()
        self._skip_lines()
        while self._reserved() != "esac":
            arms.append(self._arm())
            self._skip_lines()
        self.at += 4
        return Case(word, tuple(arms))

    def _arm(self) -> tuple[tuple[Word, ...], Script]:
        if self.peek() == "(":
            self.at += 1
        patterns = list[Word]()
        while True:
            self._skip_blank()
            patterns.append(self._some_word())
            self._skip_blank()
            if self.peek() != "|":
                break
            self.at += 1
        if self.peek() != ")":
            raise Unclear("a pattern without end")
        self.at += 1
        body = self._script(frozenset({";;", "esac"}))
        if self.peek() == ";":
            self.at += 3 if self.text.startswith(";;&", self.at) else 2
        return tuple(patterns), body

    def _test(self) -> Command:
        self.at += 2
        words = list[Word]()
        self._skip_lines()
        while self._reserved() != "]]":
            if match := _TEST_OPERATORS.match(self.text, self.at):
                self.at = match.end()
            elif self.peek() in (";", "&", ""):
                raise Unclear("a test without end")
            else:
                words.append(self._some_word())
            self._skip_lines()
        self.at += 2
        return Condition(tuple(words))


_COMPOUND: dict[str, Callable[[Parser], Command]] = {
    "{": Parser._group,
    "if": Parser._if,
    "while": Parser._while,
    "until": Parser._while,
    "for": Parser._for,
    "case": Parser._case,
    "function": Parser._function,
    "[[": Parser._test,
}
