"""The deployment's own gateways of SMS, of voice and of mail. By them people are reached at a number or an address that
they know by heart, without an account at any service; and responders, who enter nothing, at that of their register."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from alerts.channels.apprise_urls import AppriseUrls
from alerts.channels.port import Answer
from alerts.domain.delivery import Outcome
from alerts.domain.message import Message

#: Each by its name, and what people call it.
WORDS: Final = {"sms": "短信", "voice": "电话", "mail": "邮件"}
#: Those that reach a telephone, in the order in which they are tried.
OF_TELEPHONES: Final = ("sms", "voice")


class Gateways:
    each = AppriseUrls.each

    def __init__(self, urls: Mapping[str, str], apprises: AppriseUrls) -> None:
        """`urls`: of Apprise, with {to} where the number or address goes."""
        self._urls, self._apprises = urls, apprises

    async def send(self, target: Mapping[str, Any], message: Message) -> Answer:
        url = self._urls.get(str(target["gateway"]))
        if url is None:
            return Answer(Outcome.REFUSED, f"there is no gateway of {target['gateway']}")
        to = quote(str(target["to"]), safe="")
        return await self._apprises.send({"url": url.replace("{to}", to)}, message)

    def lane(self, target: Mapping[str, Any]) -> str:
        return f"gateway {target['gateway']}"
