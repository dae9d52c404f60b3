"""What is allowed, and what is hidden."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section


class RuleSection(Section):
    """[[rules]]: the first rule that matches decides; no match means deny.

    Lists match when one element does. For `allow`, every table, column, function, class, statement kind … the statement
    has must be covered by the rule's list, and there must be one, unless "" is in the list of schemas, tables, columns
    or functions: that stands for having none. For `deny` and `review`, one that matches is enough.
    Patterns are RE2, matched against the whole value, and may be written plain ("public.customers").
    """

    name: str
    """Stands on decisions, in errors and recordings."""
    effect: Literal["allow", "deny", "review"]
    """What happens."""
    reason: str = ""
    """Told to the person who is refused or asked to wait."""
    issuers: list[str] = Field(default_factory=list)
    """Patterns: the principal's issuer (URL, or short name)."""
    subjects: list[str] = Field(default_factory=list)
    """Patterns: the principal's subject."""
    groups: list[str] = Field(default_factory=list)
    """Patterns: one of the principal's groups."""
    except_groups: list[str] = Field(default_factory=list)
    """Patterns: the rule is passed over when the principal has one of these groups."""
    kind: Literal["human", "machine", ""] = ""
    """People only, or programs only."""
    let_in_by: Literal["group", "request", ""] = ""
    """Only principals the target is open to by one of its groups, or only those whose request for access was granted.
    """
    actors: list[str] = Field(default_factory=list)
    """Patterns: somebody in the delegation chain (an agent acting for the subject)."""
    delegated_by: list[str] = Field(default_factory=list)
    """Patterns: the subject, when somebody acts for it."""
    targets: list[str] = Field(default_factory=list)
    """Patterns: target names."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Label → pattern; all must match the target's labels."""
    protocols: list[str] = Field(default_factory=list)
    """Protocol names."""
    classes: list[str] = Field(default_factory=list)
    """Patterns: what the command does. SQL: read, write, ddl, privilege, session, transaction, dynamic, program, file,
    encoding, administration, maintenance, notify, copy-in, copy-out, large-object, function-call, execute, cursor.
    SSH: exec, shell, subsystem, transfer, file-read, file-write, file-remove, file-change, forward, listen, agent, x11,
    dynamic. HTTP: read, write, websocket (of Kubernetes: by proxy). Kubernetes: read, write, exec, shell, dynamic,
    attach, forward, proxy, and escape (what mints a way round the gateway: tokens, certificates, ephemeral containers,
    roles, webhooks, nodes/proxy). All: unknown, oversize. To allow dynamic, program, file, encoding, execute, cursor,
    unknown, oversize, forward, listen, agent, x11, proxy, escape or websocket, a rule must name it: `.*` does not."""
    statements: list[str] = Field(default_factory=list)
    """Patterns: statement kinds: select, insert, update, delete, merge, truncate, drop, create, alter, copy, set, …"""
    access: list[Literal["read", "write"]] = Field(default_factory=list)
    """What is done to the tables named below."""
    schemas: list[str] = Field(default_factory=list)
    """Patterns: schemas."""
    tables: list[str] = Field(default_factory=list)
    """Patterns: `schema.table`; `table` means `public.table` to allow, a table of any schema to deny or review."""
    columns: list[str] = Field(default_factory=list)
    """Patterns: `schema.table.column`, `table.column`."""
    functions: list[str] = Field(default_factory=list)
    """Patterns: functions called. To allow one that is not PostgreSQL's own, a rule must name it here (or the class
    `dynamic`): what it does cannot be told."""
    programs: list[str] = Field(default_factory=list)
    """Patterns: programs a shell command runs, wrappers (sudo, env, sh -c, xargs …) and what they run alike; each is
    judged by itself. To allow, `rm` covers the plain word and `rm` in /bin, /usr/bin, /sbin, /usr/sbin, /usr/local/bin
    and /usr/local/sbin; a program given by another path needs a pattern for that path (`~/` for relative ones). To deny
    or review, `rm` is met by every path that ends in it. A rule that allows programs or commands does not cover files
    the shell itself writes (`>file`) unless it has paths or the flag redirect-write."""
    commands: list[str] = Field(default_factory=list)
    """Patterns: each simple command as it would run, the program's name and its words joined by single spaces:
    `systemctl restart [a-z-]+`. To allow, every form of it must be covered: by its path too where that is unusual."""
    arguments: list[str] = Field(default_factory=list)
    """Patterns: words after the program. To allow, every one must be covered; "" stands for having none. A glob may be
    anything it could expand to, here, in commands and in paths: that much must be covered, and one match forbids."""
    paths: list[str] = Field(default_factory=list)
    """Patterns: files a command names, redirects to or a transfer opens, without `.` and `..`: `/etc/.*`; relative ones
    begin with `~/`, the home directory of who logs in. A directory given to a recursive command is everything below it.
    To allow, every one must be covered; "" stands for having none. Links at the target are not followed. HTTP: the
    path of a request as it was sent, without the target's name and the query: `/v1/orders/[0-9]+`."""
    destinations: list[str] = Field(default_factory=list)
    """Patterns: `host:port` that a forward leads to or listens on; `unix:/path` for a socket; `pod:port` in Kubernetes,
    where the request itself names no port: to allow, "" covers it, and each port is judged when it is used."""
    methods: list[str] = Field(default_factory=list)
    """Patterns: methods of HTTP requests: GET, POST, …"""
    hosts: list[str] = Field(default_factory=list)
    """Patterns: the host an HTTP request names, in lower case and without a port."""
    content_types: list[str] = Field(default_factory=list)
    """Patterns: media type of an HTTP request's body, in lower case and without parameters: `application/json`. To
    allow, it must be covered; "" stands for having none."""
    verbs: list[str] = Field(default_factory=list)
    """Patterns: Kubernetes: get, list, watch, create, update, patch, delete, deletecollection, and connect: exec,
    attach, port-forward and proxy, whatever the HTTP method. To deny or review, get and create mean connect as well.
    Requests that are about no resource (`/metrics`): get, head, post, put, patch, delete."""
    resources: list[str] = Field(default_factory=list)
    """Patterns: Kubernetes: `pods`, `pods/exec`, `deployments.apps`, `deployments.apps/scale`. To allow, the group may
    be left out of what is Kubernetes' own, or where api_groups is given, and `pods` is not `pods/exec`. To deny or
    review, `pods` is met by its subresources, and by pods of any group."""
    api_groups: list[str] = Field(default_factory=list)
    """Patterns: Kubernetes: API groups: `apps`, `.*\\.cert-manager\\.io`; the core group is called `core`."""
    namespaces: list[str] = Field(default_factory=list)
    """Patterns: Kubernetes: namespaces. A list, watch or deletion over all namespaces is about each of them: to allow,
    `.*` covers it, and it meets every deny. "" stands for what lies in none, such as nodes."""
    names: list[str] = Field(default_factory=list)
    """Patterns: Kubernetes: names of objects. A collection is about every name it may hold, unless a field selector
    names one, and so is a creation whose body does not tell. "" stands for having none."""
    flags: list[str] = Field(default_factory=list)
    """Properties: no-where (UPDATE or DELETE of every row), cascade, explain, explain-analyze, multi-statement,
    masked-predicate (compares a masked column), oracle (tells of data without showing it), returning, locks, sleeps,
    temp, writing-cte, concurrently, security-definer, copy-program, user-function. Files: listing (looks at names and
    attributes without reading content). Shell: recursive, force, remove (rm, unlink, find -delete …), privileged (sudo,
    su, doas, chroot …, and what runs inside), redirect-write (the shell writes a file), pipe-to-shell (`… | sh`),
    background, glob. Kubernetes: dry-run. To allow, every one the statement has must be covered."""
    hours: str = Field(default="", pattern=r"^([0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9])?$")
    """Time window, `09:00-17:30`; may span midnight."""
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(default_factory=list)
    """Days of the week."""
    timezone: str = "UTC"
    """IANA name for the two above."""
    approvers: list[str] = Field(default_factory=list)
    """review: groups of which people may decide."""
    approvals: int = Field(default=1, ge=1, le=10)
    """review: distinct people needed."""
    valid: Duration = 900.0
    """review: how long an approval may be used."""
    uses: int = Field(default=1, ge=1)
    """review: how often."""
    wait: Duration = 300.0
    """review: how long the command waits in the live session; 0 refuses at once and lets a retry pass."""
    record_content: bool = False
    """Whether forwards and file transfers that this rule admits are recorded with their bytes, not only by size."""
    record_rows: int = Field(default=0, ge=0, le=10000)
    """PostgreSQL: how many rows of each result are recorded, as the client sees them: masked. 0: they are counted."""
    masks: list[str] = Field(default_factory=list)
    """Names of masks with `default = false` that apply to what this rule admits."""


class MaskSection(Section):
    """[[masks]]: values that are replaced."""

    name: str
    """Stands in recordings and may be named by rules."""
    default: bool = True
    """Whether it applies wherever its selectors match; false means only where a rule names it."""
    targets: list[str] = Field(default_factory=list)
    """Patterns: target names; empty means all."""
    groups: list[str] = Field(default_factory=list)
    """Patterns: principals with one of these groups; empty means all."""
    except_groups: list[str] = Field(default_factory=list)
    """Patterns: principals with one of these groups see clear values."""
    columns: list[str] = Field(default_factory=list)
    """Patterns on `schema.table.column` (`.*\\.card_number`)."""
    fields: list[str] = Field(default_factory=list)
    """Patterns on names of JSON members, CSV columns and form fields in streams of text and bodies: `card_number`,
    `.*_token`."""
    objects: list[str] = Field(
        default_factory=lambda: ["Secret/data/.*", "Secret/stringData/.*", "TokenRequest/status/token"]
    )
    """Patterns on places in Kubernetes objects: `Kind/path`, the path of members' names without indexes of lists:
    `ConfigMap/data/.*password.*`, `Certificate/spec/keystores/.*`; `*/` in front means every kind. Short forms:
    `Pod/env/.*_TOKEN` (by the variable's name), `Pod/args`, `Pod/command` in pods and in whatever makes pods,
    `*/annotations/.*` in every object. Masks of responses that apply hide Secrets unless this says otherwise; `[]`
    means nothing by its place. What is hidden so becomes a word that the gateway does not let back in."""
    sentinels: Literal["refuse", "restore"] = "refuse"
    """Kubernetes: what becomes of such a word in a write. refuse: nothing is sent; restore: the gateway reads the
    object and puts the value back where the word stands for it, in the version that is written over."""
    detect: list[str] = Field(default_factory=list)
    """Detectors run over text: card, ssn, iban, email, phone, api-key, jwt, private-key."""
    patterns: list[str] = Field(default_factory=list)
    """Further RE2 patterns to find in text."""
    strategy: Literal["redact", "partial", "hash", "null"] = "redact"
    """redact: a fixed neutral value; partial: keeps the last four characters; hash: keyed and join-preserving; null."""
    direction: Literal["response", "request"] = "response"
    """`request` looks at what goes in: COPY IN rows, parameters and literals, stdin of commands, bodies of requests."""
    action: Literal["mask", "deny", "review"] = "mask"
    """request: what happens to a value that is found."""
    approvers: list[str] = Field(default_factory=list)
    """request + review: groups of which people may decide."""
    opaque: Literal["mask", "deny"] = "mask"
    """What happens to a result column whose origin cannot be shown."""
    predicates: Literal["record", "deny"] = "record"
    """What happens when a masked column is compared, joined or sorted on (M5)."""
