"""Values → sections, each for itself, so that one bad key does not hide what is wrong elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from twisted_hoop.config.lines import Key, Problem
from twisted_hoop.settings import (
    AccountSection,
    AgentSection,
    ApiSection,
    ConsoleSection,
    GatewaySection,
    IssuerSection,
    ListenerSection,
    MaskSection,
    NotifySection,
    OwnIssuerSection,
    RecordingSection,
    RetentionSection,
    RuleSection,
    SamlSection,
    SecretsSection,
    Section,
    Settings,
    SshSection,
    StoreSection,
    TargetSection,
    TracingSection,
    VaultSection,
)

_S = TypeVar("_S", bound=Section)

Numbered = list[tuple[int, _S]]
"""Sections that are well formed, with their place in the file's list."""


@dataclass(slots=True)
class Draft:
    """Every well-formed section of a file; of single ones, the defaults where the file's are ill formed."""

    data: Mapping[str, Any]
    gateway: GatewaySection = field(default_factory=GatewaySection)
    console: ConsoleSection = field(default_factory=ConsoleSection)
    recording: RecordingSection = field(default_factory=RecordingSection)
    own_issuer: OwnIssuerSection = field(default_factory=OwnIssuerSection)
    tracing: TracingSection = field(default_factory=TracingSection)
    secrets: SecretsSection = field(default_factory=SecretsSection)
    vault: VaultSection = field(default_factory=VaultSection)
    issuers: Numbered[IssuerSection] = field(default_factory=list)
    saml: Numbered[SamlSection] = field(default_factory=list)
    accounts: Numbered[AccountSection] = field(default_factory=list)
    listeners: Numbered[ListenerSection] = field(default_factory=list)
    agents: Numbered[AgentSection] = field(default_factory=list)
    targets: Numbered[TargetSection] = field(default_factory=list)
    rules: Numbered[RuleSection] = field(default_factory=list)
    masks: Numbered[MaskSection] = field(default_factory=list)
    notify: Numbered[NotifySection] = field(default_factory=list)
    retention: Numbered[RetentionSection] = field(default_factory=list)

    def names(self, section: str, key: str = "name") -> list[str]:
        """What the sections of a list are called, the ill-formed ones as well: others may refer to them."""
        found = self.data.get(section)
        elements = found if isinstance(found, list) else []
        values = [element.get(key) for element in elements if isinstance(element, Mapping)]
        return [value for value in values if isinstance(value, str)]


def make_draft(data: Mapping[str, Any]) -> tuple[Draft, list[Problem]]:
    """The draft of a file's values, and what is ill formed in it: unknown keys among them (R12)."""
    draft = Draft(data)
    problems = [Problem((key,), _unknown(key, Settings)) for key in data if key not in Settings.model_fields]
    draft.gateway = _single(data, "gateway", GatewaySection, problems)
    _single(data, "store", StoreSection, problems)
    draft.recording = _single(data, "recording", RecordingSection, problems)
    _single(data, "api", ApiSection, problems)
    _single(data, "ssh", SshSection, problems)
    draft.tracing = _single(data, "tracing", TracingSection, problems)
    draft.own_issuer = _single(data, "own_issuer", OwnIssuerSection, problems)
    draft.secrets = _single(data, "secrets", SecretsSection, problems)
    draft.vault = _single(data, "vault", VaultSection, problems)
    draft.console = _single(data, "console", ConsoleSection, problems)
    draft.issuers = _several(data, "issuers", IssuerSection, problems)
    draft.saml = _several(data, "saml", SamlSection, problems)
    draft.accounts = _several(data, "accounts", AccountSection, problems)
    draft.listeners = _several(data, "listeners", ListenerSection, problems)
    draft.agents = _several(data, "agents", AgentSection, problems)
    draft.targets = _several(data, "targets", TargetSection, problems)
    draft.rules = _several(data, "rules", RuleSection, problems)
    draft.masks = _several(data, "masks", MaskSection, problems)
    draft.notify = _several(data, "notify", NotifySection, problems)
    draft.retention = _several(data, "retention", RetentionSection, problems)
    return draft, problems


def _single(data: Mapping[str, Any], name: str, model: type[_S], problems: list[Problem]) -> _S:
    return _section(data.get(name, {}), (name,), model, problems) or model()


def _several(data: Mapping[str, Any], name: str, model: type[_S], problems: list[Problem]) -> Numbered[_S]:
    elements = data.get(name, [])
    if not isinstance(elements, list):
        problems.append(Problem((name,), f"there may be several: write [[{name}]], in double brackets"))
        return []
    sections = ((n, _section(element, (name, n), model, problems)) for n, element in enumerate(elements))
    return [(n, section) for n, section in sections if section is not None]


def read_section(value: Any, key: Key, model: type[_S], problems: list[Problem]) -> _S | None:
    """One section of a document of any kind; what is ill formed in it is added to `problems`, and there is none."""
    return _section(value, key, model, problems)


def _section(value: Any, key: Key, model: type[_S], problems: list[Problem]) -> _S | None:
    if isinstance(value, list):
        problems.append(Problem(key, f"there is only one: write [{key[0]}], in single brackets"))
        return None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems.extend(_problems(error, key, value, model))
        return None


def _problems(error: ValidationError, key: Key, value: Any, model: type[BaseModel]) -> Iterator[Problem]:
    told: set[Key] = set()
    for item in error.errors(include_url=False):
        place = item["loc"]
        here = _existing(place, value)
        if item["type"] == "extra_forbidden":
            what = _unknown(str(place[-1]), _model_at(place[:-1], model))
        elif item["type"] == "missing":
            here, what = place, "is missing: write it"
        else:
            what = _advice(item["type"], item["msg"])
        if here not in told:
            told.add(here)
            yield Problem((*key, *here), what)


def _existing(place: Key, value: Any) -> Key:
    """The part of a pydantic location that is in the file: alternatives of a type are not."""
    for depth, step in enumerate(place):
        if not _has(value, step):
            return place[:depth]
        value = value[step]
    return place


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, Mapping) and step in value


def _model_at(place: Key, model: type[BaseModel]) -> type[BaseModel]:
    for step in place:
        info = model.model_fields.get(str(step))
        for inner in (info.annotation, *getattr(info.annotation, "__args__", ())) if info is not None else ():
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    return model


def _unknown(name: str, model: type[BaseModel]) -> str:
    """R12: a key nobody reads is refused, for a rule that lost a key may allow what it was meant to forbid."""
    return "unknown key: " + (closest(name, model.model_fields) or "remove it")


def closest(name: str, known: Any) -> str:
    """`did you mean "x"?` where something is near, else ""."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f'did you mean "{near[0]}"?' if near else ""


_TYPES = {
    "string_type": 'write a text in quotes, "like this"',
    "list_type": 'write a list, ["like", "this"]',
    "bool_type": "write true or false, without quotes",
    "int_type": "write a whole number, without quotes",
    "dict_type": 'write a table, { like = "this" }',
    "model_type": "write a table",
    "model_attributes_type": "write a table",
}


def _advice(kind: str, message: str) -> str:
    if kind in _TYPES:
        return _TYPES[kind]
    text = message.removeprefix("Value error, ")
    return text[:1].lower() + text[1:]
