"""AWS: Secrets Manager, and log-ins at RDS by IAM. Signed by AWS's own common runtime (`awscrt`, extra `[aws]`).

Sources: Secrets Manager's API, GetSecretValue (JSON 1.1: `SecretString`, or `SecretBinary` in base64); "Connecting to
your DB instance using IAM authentication": the password is a presigned URL of the action `connect` without its scheme,
valid for 15 minutes. Credentials come from AWS's default chain: environment, profile, web identity, container,
instance; the runtime looks for them in the process itself and in threads of its own, and we wait in one of ours.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import io
import json
import re
import threading
import urllib.parse
from collections.abc import Mapping
from typing import Any

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.asking import Asker, Trust, is_safe, refused
from twisted_hoop.secrets.secret import Secret, secret_of
from twisted_hoop.settings.secrets import AwsSection

TOKEN_LIFE = 900
_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:([a-z0-9-]+):")
_RDS = re.compile(r".*\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.rds\.amazonaws\.com(?:\.cn)?")
_PASSING = ("ThrottlingException", "InternalServiceError", "RequestLimitExceeded")


class Aws:
    """See the module. `environ` is for the region alone."""

    def __init__(self, reactor: Any, environ: Mapping[str, str], section: AwsSection, timeout: float) -> None:
        self._reactor, self._environ, self._section, self._timeout = reactor, environ, section, timeout
        self._asker = Asker(reactor, Trust, timeout, "Secrets Manager")
        self._lock = threading.Lock()
        self._provider: Any = None

    async def read(self, name: str, field: str) -> Secret:
        """A secret, or one field of the JSON object it is. Raises SecretUnavailable."""
        arn = _ARN.match(name)
        region = arn[1] if arn else self._region()
        body = json.dumps({"SecretId": name}).encode()
        url = self._endpoint(region)
        headers = await self._in_thread(self._signed, url, region, body)
        status, answer = await self._asker.ask("POST", url, headers, body)
        if status != 200:
            raise _refused(name, status, answer)
        return _field(_text(answer, name), name, field)

    async def rds_token(self, region: str, host: str, port: int, user: str) -> Secret:
        """The password of `user` at that address, for 15 minutes. Raises SecretUnavailable."""
        found = region or _region_of(host) or self._region()
        token: Secret = await self._in_thread(self._presigned, found, f"{host}:{port}", user)
        return token

    def _region(self) -> str:
        environ = self._environ
        found = self._section.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        if not found:
            raise SecretUnavailable("no AWS region: write [secrets.aws] region, or set AWS_REGION")
        return found

    def _endpoint(self, region: str) -> str:
        given = self._section.endpoint
        if given and not is_safe(given):
            raise SecretUnavailable("[secrets.aws] endpoint is neither https nor loopback")
        suffix = ".cn" if region.startswith("cn-") else ""
        return given.rstrip("/") + "/" if given else f"https://secretsmanager.{region}.amazonaws.com{suffix}/"

    # -- in a thread ----------------------------------------------------------------------------------------------

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), work, *arguments)

    def _signed(self, url: str, region: str, body: bytes) -> dict[str, str]:
        """The headers of a request, with its signature in them."""
        auth, http = _runtime("auth"), _runtime("http")
        headers = {
            "host": urllib.parse.urlsplit(url).netloc,
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "secretsmanager.GetSecretValue",
        }
        request = http.HttpRequest("POST", "/", http.HttpHeaders(list(headers.items())), io.BytesIO(body))
        signed = self._sign(request, auth.AwsSignatureType.HTTP_REQUEST_HEADERS, region, "secretsmanager", None)
        return {name: value for name, value in signed.headers if name.lower() not in ("host", "content-length")}

    def _presigned(self, region: str, address: str, user: str) -> Secret:
        auth, http = _runtime("auth"), _runtime("http")
        query = urllib.parse.urlencode({"Action": "connect", "DBUser": user}, quote_via=urllib.parse.quote, safe="")
        request = http.HttpRequest("GET", f"/?{query}", http.HttpHeaders([("host", address)]))
        signed = self._sign(request, auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS, region, "rds-db", TOKEN_LIFE)
        return Secret(f"{address}{signed.path}")

    def _sign(self, request: Any, kind: Any, region: str, service: str, life: int | None) -> Any:
        auth = _runtime("auth")
        try:
            config = auth.AwsSigningConfig(
                algorithm=auth.AwsSigningAlgorithm.V4,
                signature_type=kind,
                credentials_provider=self._chain(),
                region=region,
                service=service,
                expiration_in_seconds=life,
            )
            return auth.aws_sign_request(request, config).result(self._timeout)
        except SecretUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  the runtime's errors are many; none is told but by its name
            name = getattr(error, "name", "") or type(error).__name__
            raise SecretUnavailable(f"no AWS credentials were found: {name}", passing=True) from None

    def _chain(self) -> Any:
        with self._lock:
            if self._provider is None:
                self._provider = _runtime("auth").AwsCredentialsProvider.new_default_chain()
            return self._provider


def _runtime(part: str) -> Any:
    """A module of AWS's runtime, which is imported when something needs it."""
    try:
        return importlib.import_module(f"awscrt.{part}")
    except ImportError:
        raise SecretUnavailable("aws-sm: and aws-rds-iam: need pip install twisted-hoop[aws]") from None


def _region_of(host: str) -> str:
    match = _RDS.fullmatch(host.lower())
    return match[1] if match else ""


def _refused(name: str, status: int, answer: bytes) -> SecretUnavailable:
    """Why not, by the type of the error, which is one of AWS's own words; its message is not told."""
    try:
        kind = str(json.loads(answer)["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError, RecursionError):
        return refused(f"aws-sm:{name} cannot be had", status)
    told = kind if re.fullmatch(r"[A-Za-z]{1,64}", kind) else f"status {status}"
    return SecretUnavailable(f"aws-sm:{name} cannot be had: {told}", passing=kind in _PASSING or status >= 500)


def _text(answer: bytes, name: str) -> Secret:
    try:
        found = json.loads(answer)
        text = found.get("SecretString")
        if text is None:
            text = base64.b64decode(found["SecretBinary"], validate=True).decode("utf-8")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise SecretUnavailable(f"aws-sm:{name} is no text") from None
    return secret_of(text, f"aws-sm:{name}")


def _field(text: Secret, name: str, field: str) -> Secret:
    if not field:
        return text
    try:
        value = json.loads(text)[field]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise SecretUnavailable(f"aws-sm:{name} has no field {field}") from None
    return secret_of(value, f"aws-sm:{name}#{field}")
