"""The gate that every signed-in request goes through before its route runs: which route does what with which thing.

`services/registry/access.py` decides. A route that is not listed here is refused to everybody: whoever adds one says
here what it is, and `tests/contract/test_access.py` tries it as every role.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from services.api.problems import ProblemError
from services.registry.access import Action, Decision, Thing, allows
from services.registry.reach import Caller

Asked = tuple[Thing, Action]

_READ, _CHANGE, _MOVE, _OPEN = Action.READ, Action.CHANGE, Action.MOVE, Action.OPEN
_V1: Final = "/api/v1"
#: The longest that fits counts. By method, or for all of them; reading is GET, changing is all else.
_THINGS: Mapping[str, Thing] = MappingProxyType(
    {
        "/me": Thing.OWN,
        "/sign-out": Thing.OWN,
        "/alerts": Thing.ALERTS,
        "/alerts/{alert_id}/handover": Thing.HANDOVER,
        "/organizations": Thing.ORGANIZATIONS,
        "/organizations/{organization_id}/escalation": Thing.ESCALATION,
        "/organizations/{organization_id}/duty": Thing.ESCALATION,
        "/organizations/{organization_id}/place": Thing.ORGANIZATIONS,
        "/elders": Thing.ELDERS,
        "/elders/{elder_id}/rules": Thing.READINGS,
        "/elders/{elder_id}/fences": Thing.FENCES,
        "/elders/{elder_id}/consents": Thing.CONSENTS,
        "/elders/{elder_id}/personal-data": Thing.PERSON,
        "/care-categories": Thing.ORGANIZATIONS,
        "/ability-form": Thing.ORGANIZATIONS,
        "/devices": Thing.DEVICES,
        "/devices/{device_id}/readings": Thing.READINGS,
        "/device-models": Thing.DEVICES,
        "/devices/{device_id}/identity": Thing.TRAILS,
        "/rules": Thing.RULES,
        "/rules/trials": Thing.TRIALS,
        "/rules/{rule_id}/episodes": Thing.READINGS,
        "/covers": Thing.COVERS,
        "/visits": Thing.VISITS,
        "/visits/plans": Thing.VISITING,
        "/visits/due": Thing.VISITING,
        "/elders/{elder_id}/medication": Thing.MEDICATION,
        "/devices/{device_id}/commands": Thing.COMMANDS,
        "/organizations/{organization_id}/beds": Thing.BEDS,
        "/organizations/{organization_id}/cameras": Thing.CAMERAS,
        "/elders/{elder_id}/cameras": Thing.CAMERAS,
        "/map": Thing.MAP,
        "/exchange": Thing.EXCHANGE,
        "/fhir": Thing.EXCHANGE,
        "/webhooks": Thing.WEBHOOKS,
        "/held": Thing.COVERS,
        "/drills": Thing.DRILLS,
        "/button-tests": Thing.DRILLS,
        "/reports": Thing.REPORTS,
        "/quarantine": Thing.QUARANTINE,
        "/escalation": Thing.ESCALATION,
        "/duty": Thing.ESCALATION,
        "/calendar": Thing.ESCALATION,
        "/responders": Thing.RESPONDERS,
        "/family": Thing.FAMILY,
        "/accounts": Thing.ACCOUNTS,
        "/changes": Thing.TRAILS,
        "/trails": Thing.TRAILS,
        "/imports": Thing.IMPORTS,
        "/service-requests": Thing.SERVICES,
    }
)
#: What the method does not tell.
_OTHERWISE: Mapping[tuple[str, str], Asked] = MappingProxyType(
    {
        ("POST", "/rules/check"): (Thing.RULES, _CHANGE),
        ("POST", "/escalation/check"): (Thing.ESCALATION, _CHANGE),
        ("GET", "/imports/{kind}/template"): (Thing.IMPORTS, _CHANGE),
        ("POST", "/elders/{elder_id}/identity"): (Thing.IDENTITY, _OPEN),
        # Whoever the elder calls records it: a withdrawal must not wait for an administrator.
        ("POST", "/elders/{elder_id}/consents/{consent_id}/withdraw"): (Thing.CONSENTS, _MOVE),
        ("POST", "/elders/{elder_id}/phones"): (Thing.PHONES, _OPEN),
        ("POST", "/responders/{responder_id}/phone"): (Thing.PHONES, _OPEN),
        ("GET", "/visits/visitors"): (Thing.VISITING, _MOVE),
        ("PUT", "/visits/assignments"): (Thing.VISITING, _MOVE),
        ("POST", "/visits/visitors/{account_id}/password"): (Thing.VISITING, _CHANGE),
        ("GET", "/visits/rates"): (Thing.REPORTS, _READ),
        ("GET", "/alerts/{alert_id}/cameras"): (Thing.CAMERA_VIEWS, _OPEN),
        ("POST", "/alerts/{alert_id}/cameras/{camera_id}"): (Thing.CAMERA_VIEWS, _OPEN),
        ("GET", "/elders/{elder_id}/position"): (Thing.POSITION, _OPEN),
        ("GET", "/exchange/csv/{kind}"): (Thing.EXCHANGE, _CHANGE),
        ("POST", "/fhir/Observation"): (Thing.EXCHANGE, _MOVE),
        ("POST", "/elders/{elder_id}/opening"): (Thing.WITHHELD, _OPEN),
        ("DELETE", "/elders/{elder_id}/opening"): (Thing.WITHHELD, _OPEN),
    }
)
#: Without signing in: what opens them is a password, a provider's word, or a link that we made.
OPEN: Final = ("/token", "/oidc", "/tasks/{token}", "/handovers/{token}")
#: Of what is not theirs a caller learns nothing, not even that they may not: these say it once the thing is reached.
AFTER_REACH: Final = frozenset({(Thing.ALERTS, _MOVE)})

_WORDS: Mapping[Asked, str] = MappingProxyType(
    {
        (Thing.ALERTS, _MOVE): "您可以查看这条告警，但不能处置它",
        (Thing.SERVICES, _CHANGE): "您可以查看服务请求，但不能处理它",
        (Thing.HANDOVER, _READ): "只有值班员和管理员可以打开或发送交接单",
        (Thing.HANDOVER, _CHANGE): "只有值班员和管理员可以打开或发送交接单",
        (Thing.ELDERS, _CHANGE): "只有管理员可以新建、修改档案和机构",
        (Thing.ORGANIZATIONS, _CHANGE): "只有管理员可以新建、修改档案和机构",
        (Thing.DEVICES, _CHANGE): "只有管理员可以登记、停用设备或更换密钥",
        (Thing.FENCES, _CHANGE): "只有管理员可以新建、修改或删除围栏",
        (Thing.CONSENTS, _READ): "知情同意只对机构工作人员开放",
        (Thing.CONSENTS, _CHANGE): "只有管理员可以登记知情同意",
        (Thing.CONSENTS, _MOVE): "只有值班员和管理员可以登记撤回",
        (Thing.RULES, _CHANGE): "只有管理员可以新建或修改规则",
        (Thing.TRIALS, _READ): "只有管理员可以试运行规则和查看结果",
        (Thing.TRIALS, _CHANGE): "只有管理员可以试运行规则和查看结果",
        (Thing.COVERS, _CHANGE): "只有值班员和管理员可以设置或结束静默、维护、住院和外出",
        (Thing.VISITS, _CHANGE): "只有巡访员、值班员和管理员可以登记巡访",
        (Thing.VISITING, _READ): "只有工作人员可以查看巡访清单",
        (Thing.VISITING, _MOVE): "只有值班员和管理员可以安排巡访",
        (Thing.VISITING, _CHANGE): "只有管理员可以修改巡访计划和开通巡访员登录",
        (Thing.MEDICATION, _CHANGE): "您可以查看用药提醒，但不能修改",
        (Thing.COMMANDS, _READ): "只有值班员和管理员可以查看设备命令",
        (Thing.COMMANDS, _CHANGE): "只有值班员和管理员可以向设备发命令",
        (Thing.BEDS, _READ): "只有机构的工作人员可以查看床位",
        (Thing.BEDS, _CHANGE): "您可以查看床位，但不能修改",
        (Thing.CAMERAS, _READ): "只有机构的工作人员可以查看有哪些摄像头",
        (Thing.CAMERAS, _CHANGE): "只有管理员可以绑定或解除摄像头",
        (Thing.CAMERA_VIEWS, _OPEN): "只有值班员和管理员可以查看摄像头",
        (Thing.MAP, _READ): "只有机构的工作人员可以查看关爱地图",
        (Thing.POSITION, _OPEN): "只有管理员可以查看和修改老人的位置",
        (Thing.EXCHANGE, _READ): "只有机构的工作人员和系统可以使用交换接口",
        (Thing.EXCHANGE, _MOVE): "您不能写入观测值",
        (Thing.EXCHANGE, _CHANGE): "只有管理员可以导入或导出交换数据",
        (Thing.WEBHOOKS, _READ): "只有管理员可以查看和修改对外推送",
        (Thing.WEBHOOKS, _CHANGE): "只有管理员可以查看和修改对外推送",
        (Thing.DRILLS, _CHANGE): "只有值班员和管理员可以组织或结束演练",
        (Thing.REPORTS, _READ): "只有机构的工作人员可以查看响应报告和呼叫台账",
        (Thing.QUARANTINE, _CHANGE): "只有管理员可以重新处理隔离的数据",
        (Thing.ESCALATION, _READ): "值班和升级预案只对机构工作人员开放",
        (Thing.ESCALATION, _CHANGE): "只有管理员可以修改值班表、节假日和升级预案",
        (Thing.RESPONDERS, _READ): "只有值班员和管理员可以查看和修改响应者名册",
        (Thing.RESPONDERS, _CHANGE): "只有值班员和管理员可以查看和修改响应者名册",
        (Thing.FAMILY, _READ): "这是家属的页面",
        (Thing.FAMILY, _CHANGE): "这是家属的页面",
        (Thing.ACCOUNTS, _READ): "只有管理员可以管理人员",
        (Thing.ACCOUNTS, _CHANGE): "只有管理员可以管理人员",
        (Thing.IMPORTS, _CHANGE): "只有管理员可以导入",
        (Thing.TRAILS, _READ): "只有管理员和审计员可以查看变更和查阅记录",
        (Thing.PERSON, _READ): "只有管理员可以导出或删除个人信息",
        (Thing.PERSON, _CHANGE): "只有管理员可以导出或删除个人信息",
        (Thing.WITHHELD, _OPEN): "只有值班员和管理员可以紧急查看",
        (Thing.PHONES, _OPEN): "只有值班员和管理员可以查看完整号码",
        (Thing.IDENTITY, _OPEN): "只有管理员可以查看身份证号",
    }
)


def asked_of(method: str, path: str) -> Asked | None:
    """What a route does, by its template: `/api/v1/alerts/{alert_id}`. None: nobody has said."""
    below = path.removeprefix(_V1)
    if (otherwise := _OTHERWISE.get((method, below))) is not None:
        return otherwise
    fitting = [one for one in _THINGS if below == one or below.startswith(f"{one}/")]
    if not fitting:
        return None
    thing = _THINGS[max(fitting, key=len)]
    if method in ("GET", "HEAD"):
        return thing, _READ
    return thing, _MOVE if thing is Thing.ALERTS else _CHANGE


def is_open(path: str) -> bool:
    """Whether nobody signs in for it."""
    below = path.removeprefix(_V1)
    return below == path or any(below == one or below.startswith(f"{one}/") for one in OPEN)


def pass_gate(caller: Caller, method: str, path: str) -> None:
    """Raises ProblemError 403 for what the caller's role may not do, whoever's it is."""
    asked = asked_of(method, path)
    if asked is None:
        raise ProblemError(403, "这个接口没有列入权限表，请联系技术人员", title=f"not in the gate: {method} {path}")
    if caller.is_prober and asked[0] is not Thing.OWN:
        raise refusal(*asked)
    if caller.needs_second_factor and asked[0] is not Thing.OWN:
        raise ProblemError(
            403, "管理员必须先开启动态验证码，请在“我的账号”里设置", title="Second factor required", second_factor=True
        )
    if asked in AFTER_REACH and allows(caller.role, asked[0], _READ) is not Decision.REFUSED:
        return
    refuse_unless(caller, *asked)


def refuse_unless(caller: Caller, thing: Thing, action: Action) -> None:
    """For AFTER_REACH. Raises ProblemError 403."""
    if allows(caller.role, thing, action) is Decision.REFUSED:
        raise refusal(thing, action)


def refusal(thing: Thing, action: Action) -> ProblemError:
    return ProblemError(403, _WORDS.get((thing, action), "您的角色没有这项权限"))
