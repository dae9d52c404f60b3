"""The first run of compose.yaml: keys, certificates, passwords and configurations, each into its owner's volume.

Nothing of it is in an image or in a file of the checkout. Secrets are made once and stay. hoop.toml is written at every
start, so that a change of it or of a port is taken on; certificates are, once their last month begins.

    /quickstart/authority   the certificate authority of this quick start: mounted in nothing but this run
    /quickstart/gateway     hoop.toml, its certificate, SSH keys, passwords at the shop, the store and the storage
    /quickstart/shop        certificate and first.sql of the shop's database; store: the same, of the gateway's store
    /quickstart/host        host key, and the authority whose certificates the host lets in
    /quickstart/storage     certificate of the object storage, and who may use it
    /quickstart/issuer      the provider's keys, and the certificate authority's certificate, to hand out
    /quickstart/agent       agent.toml; its join token is put beside it once the gateway runs (bin/enrol)
"""

from __future__ import annotations

import datetime
import json
import os
import re
import secrets
import shutil
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.demo.keyring import open_keyring
from twisted_hoop.demo.place import write_private

HERE = Path(__file__).parent
VOLUMES = ("authority", "gateway", "shop", "store", "host", "storage", "issuer", "agent")
PORTS = {"POSTGRES_PORT": "15432", "SSH_PORT": "12222", "CONSOLE_PORT": "18443", "ISSUER_PORT": "18081"}
"""Variables of the environment and what they are when nothing is said. They stand in hoop.toml as @NAME@."""
MONTH = datetime.timedelta(days=30)
_LOGIN = "create role hoop login password '{password}' nosuperuser nocreatedb nocreaterole;\n"
_DATABASE = "create database {name} owner hoop;\nrevoke all on database {name} from public;\n"
_AS_OWNER = "\\connect {name}\nset role hoop;\n{sql}\n"


class FirstRun:
    """`root` holds the volumes. Calling `make` again changes no secret."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self._root = root
        self._ports = {name: environment.get(name) or usual for name, usual in PORTS.items()}

    def make(self) -> None:
        """All of it, each file whole or not at all."""
        for volume in VOLUMES:
            (self._root / volume).mkdir(mode=0o700, exist_ok=True)
        self._certificates()
        self._host()
        self._database("shop", resources.files("twisted_hoop.demo_data").joinpath("shop.sql").read_text("utf-8"))
        self._database("store", "")
        self._storage()
        self._gateway()

    def _certificates(self) -> None:
        """One authority for the quick start; its key leaves its volume for nobody."""
        authority = self._root / "authority"
        make_ca(authority, "twisted-hoop quick start CA")
        for volume in ("gateway", "shop", "store", "storage"):
            if not _lasts(self._root / volume / "server.pem"):
                names = ["localhost", "127.0.0.1"] if volume == "gateway" else []
                certificate, key = issue(authority, [volume, *names], stem=volume)
                write_private(self._root / volume / "server.key", key.read_text("ascii"))
                write_private(self._root / volume / "server.pem", certificate.read_text("ascii"))
                key.unlink()
        for volume in ("gateway", "issuer", "agent"):
            shutil.copyfile(authority / "ca.pem", self._root / volume / "ca.pem")

    def _host(self) -> None:
        """The host lets in the gateway's certificates; the gateway knows the host's key before it ever meets it."""
        gateway, host = self._root / "gateway", self._root / "host"
        write_private(host / "user_ca.pub", f"{_ssh_key(gateway / 'user_ca')}\n")
        _ssh_key(gateway / "host_ca")
        _ssh_key(gateway / "ssh_host_key")

    def _database(self, name: str, sql: str) -> None:
        """What a server loads at its first start: a login that owns one database and nothing else."""
        password = self._secret(f"{name}-password")
        loaded = _LOGIN.format(password=password) + _DATABASE.format(name=name)
        write_private(self._root / name / "first.sql", loaded + (_AS_OWNER.format(name=name, sql=sql) if sql else ""))

    def _storage(self) -> None:
        keys = {"accessKey": self._secret("s3-access"), "secretKey": self._secret("s3-secret")}
        # Admin: the bucket is made when the first recording is put, which only an administrator may.
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identities = [{"name": "gateway", "credentials": [keys], "actions": actions}]
        write_private(self._root / "storage" / "s3.json", json.dumps({"identities": identities}))

    def _gateway(self) -> None:
        folder = self._root / "gateway"
        write_private(folder / "pgpass", f"store:5432:store:hoop:{self._secret('store-password')}\n")
        given = {**self._ports, "HOST_KEY": _ssh_key(self._root / "host" / "host_key")}
        template = (HERE / "hoop.toml").read_text("utf-8")
        open_keyring(self._root / "issuer" / "keys", f"http://127.0.0.1:{self._ports['ISSUER_PORT']}")
        shutil.copyfile(HERE / "agent.toml", self._root / "agent" / "agent.toml")
        write_private(folder / "hoop.toml", re.sub(r"@([A-Z_]+)@", lambda match: given[match[1]], template))

    def _secret(self, name: str) -> str:
        """A password of the gateway's, made once."""
        file = self._root / "gateway" / name
        if not file.exists():
            write_private(file, secrets.token_hex(24))
        return file.read_text("ascii")


def _lasts(certificate: Path) -> bool:
    """Whether it is there, and good for another month."""
    if not certificate.exists():
        return False
    end = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    return end > datetime.datetime.now(datetime.UTC) + MONTH


def _ssh_key(path: Path) -> str:
    """The public line of an Ed25519 key in OpenSSH's form, which is made when it is not there."""
    if not path.exists():
        fresh = ed25519.Ed25519PrivateKey.generate()
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
        write_private(path, fresh.private_bytes(*form).decode("ascii"))
    key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def main(words: list[str]) -> None:
    """Make it in the folder that is named, /quickstart by default."""
    root = Path(words[0] if words else "/quickstart")
    os.umask(0o077)
    FirstRun(root, os.environ).make()
    print(f"keys, certificates and configurations are in {root}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
