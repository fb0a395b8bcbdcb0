"""`/n/{token}`: the link in a message. It proves itself; what it leads to asks who one is."""

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from alerts.open_notice import open_notice, show_notice
from services.api.dependencies import AppSettings, DatabaseConnection
from services.api.problems import ProblemError, responses
from services.registry import links

router = APIRouter(tags=["messages"])

#: Where each role goes on; `{token}` and `{alert}` are filled in. Whoever is not named here has the station's screen.
LEADS: Final = {"caregiver": "/family/#/alerts/{alert}", "responder": "/r/{token}"}
#: Whatever their role, those who are told for this reason.
WHY_LEADS: Final = {"visitor": "/visits"}
_ELSE: Final = "/#/alerts/{alert}"
#: Of a notice that is of no alert: a test of a channel.
_OF_NONE: Final = {"caregiver": "/family/"}
#: Chats and gateways look at a link before a person does. These say so.
_LOOKERS: Final = ("bot", "spider", "crawler", "preview", "facebookexternalhit", "whatsapp", "slack", "curl", "python")
_GONE: Final = "链接已失效，请登录后查看，或打电话给服务站"


@router.get("/n/{token}", status_code=303, response_class=RedirectResponse, responses=responses(404))
async def opened(request: Request, connection: DatabaseConnection, settings: AppSettings, token: str) -> Response:
    """Records that the message was opened, and leads on by the role of whom it was sent to."""
    notice_id = links.read(settings.secret_key.get_secret_value(), token)
    if notice_id is None:
        raise ProblemError(404, _GONE)
    headers = {"Cache-Control": "no-store"}
    if _only_looks(request):
        return Response(status_code=204, headers=headers)
    found = await open_notice(connection, notice_id)
    if found is None:
        raise ProblemError(404, _GONE)
    if (told := WHY_LEADS.get(found.why)) is not None:
        lead = told
    elif found.alert_id is None:
        lead = _OF_NONE.get(found.role, "/")
    else:
        lead = LEADS.get(found.role, _ELSE).format(token=token, alert=found.alert_id)
    return RedirectResponse(lead, 303, headers=headers)


@router.post("/n/{token}/shown", status_code=204, responses=responses(404))
async def shown(connection: DatabaseConnection, settings: AppSettings, token: str) -> None:
    """A service worker has shown the message."""
    notice_id = links.read(settings.secret_key.get_secret_value(), token)
    if notice_id is None or not await show_notice(connection, notice_id):
        raise ProblemError(404, _GONE)


def _only_looks(request: Request) -> bool:
    purpose = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    agent = request.headers.get("user-agent", "").lower()
    return "prefetch" in purpose or any(one in agent for one in _LOOKERS)
