"""Identity by a secret in a header: `authorization: Bearer`, or a key header such as Azure's `api-key`."""

import dataclasses
import re
from collections.abc import Mapping

from probes.base import Secrets, SigningError, WireRequest
from probes.target import Target

TAKES = ("api_key", "token", "token_file")
"""The credentials that this signer understands, in the order in which it looks for them."""

_SENDABLE = re.compile(r"[\x21-\x7e]+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """An `api_key` goes into the row's own header, a token always behind `Bearer`.

    Without credentials an `optional` row is asked anonymously; any other is not asked at all.
    """

    key_header: str = "authorization"
    optional: bool = False

    async def sign(self, request: WireRequest, target: Target, secrets: Secrets) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's: other signers sign the body
        return self._headers(target, secrets)

    async def renewed(
        self,
        signed: Mapping[str, str],
        request: WireRequest,  # noqa: ARG002 - the protocol's
        target: Target,
        secrets: Secrets,
    ) -> bool:
        return self._headers(target, secrets) != signed

    def _headers(self, target: Target, secrets: Secrets) -> Mapping[str, str]:
        kind = next((kind for kind in TAKES if target.credentials.get(kind)), None)
        if kind is None:
            if self.optional:
                return {}
            raise SigningError(
                f"target {target.name} has no credentials: give it credentials: {{api_key: ...}} or {{token: ...}}"
            )
        reference = target.credentials[kind]
        if kind == "token_file":
            # By way of the secrets, so that a token that was swapped on disk is read and blotted out too.
            reference = f"${{file:{secrets.resolve(reference)}}}"
        secret = secrets.resolve(reference).strip()
        if not _SENDABLE.fullmatch(secret):
            wrong = "is empty" if not secret else "holds spaces or signs that no header can carry"
            raise SigningError(
                f"credentials.{kind} of target {target.name} {wrong}: look at what it refers to"
            )
        if kind == "api_key" and self.key_header != "authorization":
            return {self.key_header: secret}
        return {"authorization": f"Bearer {secret}"}
