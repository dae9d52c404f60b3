"""Programs that run a command somewhere else: in a container, a pod, a network namespace (C2).

Files there are not those of the host; rules see the paths as they are written.
"""

from __future__ import annotations

from collections.abc import Mapping

from twisted_hoop.shell.doing import Doing
from twisted_hoop.shell.handling import Handler, Runs
from twisted_hoop.shell.options import Unreadable, given, takes
from twisted_hoop.shell.values import State
from twisted_hoop.shell.walk import Ends


def _in_namespace(runner: Runs, doing: Doing) -> Ends | None:
    """`ip netns exec NAME command`, `ip vrf exec NAME command`; ip takes any beginning of its words."""
    texts = [value.text for value in doing.argv]
    if any(text.startswith(("-b", "-force")) for text in texts[1:]):
        raise Unreadable("a batch of commands")
    for at in range(1, len(texts) - 1):
        object_ = any(len(texts[at]) > 1 and name.startswith(texts[at]) for name in ("netns", "vrf"))
        if object_ and texts[at + 1] and "exec".startswith(texts[at + 1]):
            doing.flags.add("privileged")
            runner.inner(doing, doing.argv[at + 3 :])
    return None


def _kubectl(runner: Runs, doing: Doing) -> Ends | None:
    texts = [value.text for value in doing.argv]
    if "--" not in texts and "exec" not in texts and "debug" not in texts:
        return None
    if "--" not in texts:
        raise Unreadable("a command in a container that is not set apart by --")
    runner.inner(doing, doing.argv[texts.index("--") + 1 :], State())
    return None


def _container(runner: Runs, doing: Doing) -> Ends | None:
    """docker and podman: exec and run have a command inside, in a file system of its own."""
    found = given(_DOCKER, doing.argv)
    rest = found.rest
    while rest < len(doing.argv) and doing.argv[rest].text in ("container", "compose"):
        rest = given(_COMPOSE, doing.argv, rest + 1).rest
    verb = doing.argv[rest].text if rest < len(doing.argv) else ""
    if verb not in ("exec", "run", "create"):
        return None
    within = given(_DOCKER_EXEC, doing.argv, rest + 1)
    if within.has("privileged", "volume", "v", "mount", "pid", "entrypoint"):
        doing.flags.add("privileged")
    runner.inner(doing, [*within.values("entrypoint"), *doing.argv[within.rest + 1 :]], State())
    return None


_DOCKER = takes(
    "Dqr", "Hlc", "debug tls tlsverify remote", "host context log-level config tlscacert tlscert tlskey url"
)
_COMPOSE = takes(
    "", "fp", "all-resources compatibility dry-run", "file project-name project-directory profile env-file"
)
_DOCKER_EXEC = takes(
    "ditPqT", "aceghlmpuvw",
    "detach interactive tty rm privileged init publish-all quiet read-only no-TTY no-deps sig-proxy latest"
    " oom-kill-disable",
    "env env-file user workdir name volume mount network net publish entrypoint label memory cpus hostname restart pid"
    " detach-keys index pull platform log-driver log-opt ulimit tmpfs dns add-host cap-add cap-drop security-opt device"
    " gpus ipc shm-size stop-signal stop-timeout userns expose link cidfile attach volumes-from preserve-fds",
)  # fmt: skip


CONTAINERS: Mapping[str, Handler] = {
    "ip": _in_namespace,
    "kubectl": _kubectl,
    **dict.fromkeys(("docker", "podman", "docker-compose", "nerdctl"), _container),
}
"""Program → who finds out what it runs."""
