"""What a person sees whose browser was led into an error: by a link in a message that is too old, cut off, or wrong.
Programs get problem JSON. Pure but for the answer itself."""

from html import escape

from fastapi import Request
from fastapi.responses import HTMLResponse

#: Asked by programs, whatever they say that they accept.
_OF_PROGRAMS = ("/api/", "/assets/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs")

_LINKS = ("n", "r", "h", "v")
_HEADS = {
    404: "这个链接打不开",
    410: "这个链接已失效",
    429: "打开得太频繁了",
    503: "系统暂时打不开",
}
_ELSE = "打开时出了问题"
_ADVICE = {
    404: "链接可能不完整、已失效，或不是发给您的。请回到原来的消息里再点一次，不要手工抄写地址。",
    410: "事情可能已经结束，或链接已被收回。",
    429: "请等一分钟再打开。",
    503: "我们的技术人员会收到提示。请过一分钟再打开。",
}

_PAGE = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{head} · 安护</title>
<style>
body {{ max-width: 34rem; padding: 1.5rem 1.25rem; margin: 0 auto; font: 1.125rem/1.6 system-ui, 'PingFang SC',
  'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif; color: #13202b; background: #fff; }}
h1 {{ margin: 1rem 0 0.5rem; font-size: 1.75rem; }}
.call {{ padding: 0.75rem 1rem; font-weight: 700; background: #fdeaea; border-left: 6px solid #c4121a;
  border-radius: 8px; }}
a {{ display: block; padding: 0.9rem 1rem; margin: 0.75rem 0; font-weight: 600; text-align: center;
  color: #0b5f5c; text-decoration: none; border: 2px solid #0b6461; border-radius: 10px; }}
.quiet {{ font-size: 0.9375rem; color: #4b5b69; }}
@media (prefers-color-scheme: dark) {{
  body {{ color: #eaf0f5; background: #131c25; }}
  .call {{ background: #3a1519; }}
  a {{ color: #6ad5cb; border-color: #3fc1b6; }}
  .quiet {{ color: #a9b9c6; }}
}}
</style>
</head>
<body>
<main>
<h1>{head}</h1>
<p>{advice}</p>
<p class="call">如果是老人求助的消息：请直接打电话给老人，或给发消息的养老服务站。有生命危险请拨打 120。</p>
{ways}<p class="quiet">{detail}（{status}）</p>
</main>
</body>
</html>
"""
_WAYS = '<a href="/family/">我是家属：登录家属端</a>\n<a href="/">我是工作人员：登录值守屏</a>\n'


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks: it names HTML, and no program's JSON beside it."""
    accepts = request.headers.get("accept", "").lower()
    path = request.url.path
    return (
        request.method in ("GET", "HEAD")
        and "text/html" in accepts
        and "json" not in accepts
        and not path.startswith(_OF_PROGRAMS)
    )


def problem_page(path: str, status: int, detail: str, headers: dict[str, str] | None) -> HTMLResponse:
    """`detail`: why, as the problem says it."""
    head, advice = _HEADS.get(status, _ELSE), _ADVICE.get(status, "请过一会儿再试。")
    if status == 404 and path.split("/")[1] not in _LINKS:
        head, advice = "没有这个页面", "请检查地址。"
    page = _PAGE.format(head=head, advice=advice, ways=_WAYS, detail=escape(detail), status=status)
    own = {"Cache-Control": "no-store", "Vary": "Accept"}
    return HTMLResponse(page, status, {**(headers or {}), **own})
