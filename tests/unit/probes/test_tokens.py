"""Which secrets say when they end, and that all others say nothing."""

import base64

import pytest

from probes.tokens import Life, life
from support.secrets import token


def short_term(query: str) -> str:
    """Return a key as Amazon's generator makes one: a presigned URL without its scheme."""
    return "bedrock-api-key-" + base64.b64encode(f"bedrock.amazonaws.com/?{query}".encode()).decode()


@pytest.mark.parametrize(
    ("secret", "found"),
    [
        (token(iat=1_000, exp=4_600), Life(1_000.0, 4_600.0)),
        (token(nbf=1_000, exp=4_600.5), Life(1_000.0, 4_600.5)),
        (token(exp=4_600), Life(None, 4_600.0)),
        (
            short_term(
                "Action=CallWithBearerToken&X-Amz-Date=20261128T180000Z&X-Amz-Expires=43200&Version=1"
            ),
            Life(1_795_888_800.0, 1_795_932_000.0),
        ),
        (token(sub="somebody"), None),
        (token(exp="soon"), None),
        (token(exp=True), None),
        (token(exp=-1), None),
        ("sk-proj-0123456789", None),
        ("a.b.c", None),
        ("....", None),
        ("é.ü.ö", None),
        ("", None),
        ("e30.W10.e30", None),
        (short_term("X-Amz-Date=yesterday&X-Amz-Expires=1"), None),
        (short_term("X-Amz-Date=20261128T180000Z"), None),
        ("bedrock-api-key-0123456789", None),
        ("bedrock-api-key-é", None),
    ],
)
def test_a_secret_tells_of_its_end_or_it_does_not(secret: str, found: Life | None) -> None:
    assert life(secret) == found
