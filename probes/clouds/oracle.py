"""Oracle's OCI Generative AI."""

from collections.abc import Mapping
from typing import Final

from probes.dialects.models_list import ModelsList
from probes.dialects.oci_chat import OciChat
from probes.dialects.openai_chat import OpenAIChat
from probes.provider import Api, Call, Provider, generating
from probes.signers.oci import Oci

_REALMS: Final[Mapping[str, str]] = {
    "us-(langley|luke)-1": "oraclegovcloud.com",
    "us-gov-.+": "oraclegovcloud.com",
    "uk-gov-.+": "oraclegovcloud.uk",
    "ap-(chiyoda|ibaraki)-1": "oraclecloud8.com",
    "me-(dcc-muscat|ibri)-1": "oraclecloud9.com",
    "ap-dcc-canberra-1": "oraclecloud10.com",
    "eu-dcc-(milan|dublin|rating)-[12]": "oraclecloud14.com",
    "ap-dcc-gazipur-1": "oraclecloud15.com",
    "eu-(madrid|frankfurt)-2": "oraclecloud.eu",
    "eu-jovanovac-1": "oraclecloud20.com",
    "me-(dcc-doha|alrayyan)-1": "oraclecloud21.com",
    "us-(somerset|thames)-1": "oraclecloud23.com",
    "eu-(dcc-zurich|crissier)-1": "oraclecloud24.com",
    "me-(abudhabi-3|alain-1)": "oraclecloud26.com",
    "me-abudhabi-[24]": "oraclecloud29.com",
    "ap-(seoul-2|suwon-1|chuncheon-2)": "oraclecloud35.com",
    "us-(ashburn-2|newark-1)": "oraclecloud42.com",
    "eu-budapest-1": "oraclecloud51.com",
    "sa-riodejaneiro-1": "oraclecloud52.com",
    "[a-z]+(-[a-z]+)+-[0-9]+": "oraclecloud.com",
}
"""A region's realm by its domain, as oci 2.189.0 has them (regions_definitions.py); a region that is not there is taken
for one of the commercial realm, as Oracle's own library does it."""

_REGIONS: Final[Mapping[str, str]] = {
    "aga": "us-saltlake-2", "ams": "eu-amsterdam-1", "arn": "eu-stockholm-1", "auh": "me-abudhabi-1",
    "bog": "sa-bogota-1", "bom": "ap-mumbai-1", "cdg": "eu-paris-1", "cwl": "uk-cardiff-1",
    "dxb": "me-dubai-1", "fra": "eu-frankfurt-1", "gru": "sa-saopaulo-1", "hsg": "ap-batam-1",
    "hyd": "ap-hyderabad-1", "iad": "us-ashburn-1", "icn": "ap-seoul-1", "jbp": "ap-kulai-2",
    "jed": "me-jeddah-1", "jnb": "af-johannesburg-1", "kix": "ap-osaka-1", "lej": "af-casablanca-1",
    "lhr": "uk-london-1", "lin": "eu-milan-1", "mad": "eu-madrid-1", "mel": "ap-melbourne-1",
    "mrs": "eu-marseille-1", "mty": "mx-monterrey-1", "mtz": "il-jerusalem-1", "nrq": "eu-turin-1",
    "nrt": "ap-tokyo-1", "onm": "ap-delhi-1", "ord": "us-chicago-1", "orf": "eu-madrid-3",
    "phx": "us-phoenix-1", "qro": "mx-queretaro-1", "ruh": "me-riyadh-1", "scl": "sa-santiago-1",
    "sin": "ap-singapore-1", "sjc": "us-sanjose-1", "syd": "ap-sydney-1", "vap": "sa-valparaiso-1",
    "vcp": "sa-vinhedo-1", "xsp": "ap-singapore-2", "yny": "ap-chuncheon-1", "yul": "ca-montreal-1",
    "yyz": "ca-toronto-1", "zrh": "eu-zurich-1",
}  # fmt: skip
"""The commercial realm's regions by their short names, as oci 2.189.0 has them."""

_MODELS: Final = Call(
    ModelsList(holds="items"),
    "/models?compartmentId={compartment}",
    root="/20231130",
    host=(r"^inference\.generativeai\.", "generativeai."),
    identities=("oci",),
)
"""The management plane's list, which takes no API key; the OpenAI-compatible path may have none."""


def _native(chat: OciChat) -> Api:
    return Api(root="/20231130", calls={**generating(chat, "/actions/chat"), "models": _MODELS})


ROWS: Final[Mapping[str, Provider]] = {
    "oci": Provider(
        cloud="oci",
        apis={
            "native": _native(OciChat()),
            "cohere-v2": _native(OciChat(cohere="COHEREV2")),
            "openai": Api(
                root="/20231130/actions/v1",
                calls={**generating(OpenAIChat(), "/chat/completions"), "models": _MODELS},
                headers={"compartmentid": "{compartment}", "opc-compartment-id": "{compartment}"},
            ),
        },
        signer=Oci(),
        endpoints={
            region: f"https://inference.generativeai.{{region}}.oci.{domain}"
            for region, domain in _REALMS.items()
        },
        needs=("region", "compartment"),
        regions=_REGIONS,
        credentials=("oci", "api_key"),
        environment={"api_key": "OCI_GENAI_API_KEY"},
        extra="oci",
        otel="oci.generative_ai",
        request_id=("opc-request-id",),
        remedies={
            "notauthenticated": (
                "check {credential}, that its key is still listed under the user's API keys, and that this machine's "
                "clock is right (Oracle takes a date that is 5 minutes off at most)"
            ),
            "notauthorizedornotfound": (
                'write the IAM policy "allow group GROUP to use generative-ai-family in compartment NAME" for '
                "{credential} (dynamic-group for instances), and see that model {model} is served in {region}"
            ),
            "toomanyrequests": (
                "the limit of requests to model {model} in {region} is reached: probe less often, or ask Oracle for a "
                "higher service limit"
            ),
            "limitexceeded": "a service limit of the tenancy in {region} is reached: request a service limit increase",
            "quotaexceeded": "a quota policy of the compartment is used up in {region}: change the quota statement",
        },
    ),
}
