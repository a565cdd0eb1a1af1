"""Identity by a secret in a header: `authorization: Bearer`, or a key header such as Azure's `api-key`."""

import dataclasses
from collections.abc import Mapping

from probes import secret_header
from probes.base import Secrets, SigningError, WireRequest
from probes.target import Target


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """An `api_key` goes into the row's own header, a token always behind `Bearer`.

    Without credentials an `optional` row is asked anonymously; any other is not asked at all.
    """

    key_header: str = secret_header.AUTHORIZATION
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
        found = secret_header.headers(target, secrets, self.key_header)
        if found is None and not self.optional:
            raise SigningError(
                f"target {target.name} has no credentials: give it credentials: {{api_key: ...}} or {{token: ...}}"
            )
        return found or {}
