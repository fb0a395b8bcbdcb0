"""A station screen's session as a state machine: frames and ticks in, actions out. No socket, no SQL, no clock;
times are seconds of any clock that does not go back.

    waiting ──hello──▶ judging ──admitted──▶ live ──▶ closed
       └── 10 s, or anything else ──▶ closed (4401)
"""

import json
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any
from uuid import UUID

HELLO_SECONDS = 10.0
#: Contract: at least every 15 s.
HEARTBEAT_SECONDS = 10.0
#: A screen answers each heartbeat, and one answer may be lost: until then it counts as alive.
ALIVE_SECONDS = 25.0
#: A screen that leaves so many new frames unread, beside what it missed before, or takes nothing for so long, is too
#: slow: it resumes later. More than services.stations.feed hands over at once: that is no slowness of the screen.
MOST_UNSENT = 5000
UNREAD_SECONDS = 10.0
#: What a screen may say once it is live.
FRAMES = ("alive", "seen", "watching", "present")
MOST_SHOWN = 1000
MAX_FRAME_BYTES = 16 * 1024

NO_TOKEN = 4401
OUT_OF_REACH = 4403
TOO_SLOW = 4408


class Phase(Enum):
    WAITING = auto()
    JUDGING = auto()
    LIVE = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Judge:
    """Ask who the token is, and whether it reaches the organisation; answer with `admitted` or `refused`."""

    token: str
    after: int
    #: not a screen: the prober of `anhu watch`, which is shown synthetic presses and nothing of any alert
    probing: bool = False


@dataclass(frozen=True, slots=True)
class MarkSeen:
    alert_id: UUID


@dataclass(frozen=True, slots=True)
class Close:
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class CheckEvery:
    """In the hours that the organisation has set: how often a screen asks whether somebody is there (在岗确认), and how
    long it may take to say so."""

    every: float
    answer_within: float


Action = Judge | MarkSeen | Close


class Session:
    """What one screen has been sent, is owed, and may do.

    Its owner sends `next_frame()` as fast as the screen reads."""

    def __init__(self, now: float) -> None:
        self.phase = Phase.WAITING
        self.seq = 0
        self._opened_at = now
        self._heartbeat_at = now
        self._unsent: deque[dict[str, Any]] = deque()
        self._most_unsent = MOST_UNSENT
        #: what changed while the token was judged
        self._early: list[tuple[int, dict[str, Any]]] = []
        self._sending_since: float | None = None
        #: when the screen was last heard: a screen that answers is alive, not yet watched
        self.alive_at = now
        #: what it said of its page; one that never says it is taken to be in front
        self._visible = True
        self._present_at = now
        self._asked_at: float | None = None
        self._check: CheckEvery | None = None
        #: what it has shown while nobody was there
        self._shown: deque[UUID] = deque(maxlen=MOST_SHOWN)
        #: no screen, and nobody watches it
        self.probing = False
        self._probe: str | None = None

    def receive(self, text: str, now: float) -> list[Action]:
        """A frame from the screen."""
        if self.phase is Phase.CLOSED:
            return []
        frame = _parse(text)
        kind = frame.get("type") if frame is not None else None
        if self.phase is Phase.WAITING:
            return self._hello(frame or {}, kind)
        self.alive_at = now  # whatever it says
        match kind:
            case "alive":
                pass
            case "watching":
                return self._watching((frame or {}).get("visible"), now)
            case "present":
                self._present_at, self._asked_at = now, None
                return self._seen_after_all(now)
            case "seen" if self.phase is Phase.LIVE and not self.probing:
                return self._seen(_uuid((frame or {}).get("alert_id")), now)
            case _ if self.phase is Phase.LIVE:
                self._push({"type": "error", "detail": f"expected a JSON object of type {', '.join(FRAMES)}"})
        return []

    def _watching(self, visible: Any, now: float) -> list[Action]:
        if not isinstance(visible, bool):
            self._push({"type": "error", "detail": "watching needs visible, true or false"})
            return []
        self._visible = visible
        return self._seen_after_all(now)

    def _seen(self, alert_id: UUID | None, now: float) -> list[Action]:
        if alert_id is None:
            self._push({"type": "error", "detail": "seen needs alert_id, the id of an alert"})
            return []
        self._shown.append(alert_id)
        return self._seen_after_all(now)

    def _seen_after_all(self, now: float) -> list[Action]:
        """What was shown is seen once the page is in front and somebody is there."""
        if not self.watched(now):
            return []
        shown, self._shown = self._shown, deque(maxlen=MOST_SHOWN)
        return [MarkSeen(alert_id) for alert_id in shown]

    def watched(self, now: float) -> bool:
        """Whether a person may be taken to look at it: the page is in front, the screen answers, and so did somebody
        who was asked."""
        asked = self._check and self._asked_at is not None and now - self._asked_at > self._check.answer_within
        return self.phase is Phase.LIVE and self._visible and now - self.alive_at <= ALIVE_SECONDS and not asked

    def check_presence(self, check: CheckEvery | None, now: float) -> None:
        """Asks when it is time; called about once a second. None: these are no hours in which it asks."""
        if check is None:
            self._check, self._asked_at, self._present_at = None, None, now
            return
        if self._check is None:
            self._present_at = now
        self._check = check
        if self.phase is not Phase.LIVE or self._asked_at is not None or now - self._present_at < check.every:
            return
        self._asked_at = now
        self._push({"type": "presence_check", "answer_within_seconds": round(check.answer_within)})

    def _hello(self, frame: dict[str, Any], kind: Any) -> list[Action]:
        token = frame.get("token")
        if kind != "hello" or not isinstance(token, str) or not token:
            return self._close(NO_TOKEN, "the first frame must be hello with a token")
        after = frame.get("after")
        self.phase = Phase.JUDGING
        self.probing = frame.get("probe") is True
        return [Judge(token, after if type(after) is int and after > 0 else 0, self.probing)]

    def refused(self, *, known: bool) -> list[Action]:
        """The token is false (4401), or true but does not reach the organisation (4403)."""
        if known:
            return self._close(OUT_OF_REACH, "this account does not reach the organization, or there is none")
        return self._close(NO_TOKEN, "no valid token")

    def admitted(
        self,
        *,
        seq: int,
        open_alerts: list[dict[str, Any]],
        missed: list[tuple[int, dict[str, Any]]] | None,
        now: float,
    ) -> None:
        """`missed` is what a resumed session did not get, in order; None when it starts anew at `seq`."""
        if self.phase is not Phase.JUDGING:
            return
        self.phase = Phase.LIVE
        self.alive_at = self._present_at = now
        self.seq = seq
        # The first heartbeat follows at once: it carries the clock, and what is wrong with the system.
        self._heartbeat_at = now - HEARTBEAT_SECONDS
        self._most_unsent = MOST_UNSENT + len(missed or [])
        early, self._early = self._early, []
        resumed = missed is not None
        self._push({"type": "welcome", "seq": seq, "open": [] if self.probing else open_alerts, "resumed": resumed})
        for number, alert in (missed or []) + early:
            if number == self.seq + 1:
                self._owe(number, alert)

    def changed(self, number: int, alert: dict[str, Any]) -> list[Action]:
        """A frame of the organisation's feed. What the session has already is passed over; the feed has no gaps."""
        if self.phase is Phase.JUDGING:
            self._early.append((number, alert))
            return []
        if self.phase is not Phase.LIVE or number <= self.seq:
            return []
        if len(self._unsent) >= self._most_unsent or number != self.seq + 1:
            return self._close(TOO_SLOW, "the screen reads too slowly; it resumes where it was")
        self._owe(number, alert)
        return []

    def probed(self, probe: str) -> None:
        """A synthetic press came through the reader that brings alerts: told to the prober alone."""
        if self.probing and self.phase is Phase.LIVE and probe != self._probe:
            self._probe = probe
            self._push({"type": "probe", "probe": probe})

    def tick(self, now: float) -> list[Action]:
        """Called about once a second."""
        if self.phase in (Phase.WAITING, Phase.JUDGING):
            if now - self._opened_at >= HELLO_SECONDS:
                return self._close(NO_TOKEN, "no hello within 10 s")
        elif (
            self.phase is Phase.LIVE and self._sending_since is not None and now - self._sending_since >= UNREAD_SECONDS
        ):
            return self._close(TOO_SLOW, "the screen reads too slowly; it resumes where it was")
        return []

    def heartbeat_due(self, now: float) -> bool:
        """Whether a heartbeat is to be queued now; asking takes it as queued."""
        if self.phase is not Phase.LIVE or now - self._heartbeat_at < HEARTBEAT_SECONDS:
            return False
        self._heartbeat_at = now
        return True

    def heartbeat(self, at: str, problems: list[dict[str, str]]) -> None:
        """`problems`: what the station must know of the system itself, each with a code and a Chinese message."""
        frame: dict[str, Any] = {"type": "heartbeat", "at": at}
        if problems:
            frame["problems"] = problems
        self._push(frame)

    def next_frame(self, now: float) -> dict[str, Any] | None:
        """Takes the next frame to send; the clock of UNREAD_SECONDS runs until `sent`."""
        if self.phase is not Phase.LIVE or not self._unsent:
            return None
        self._sending_since = now
        return self._unsent.popleft()

    def sent(self) -> None:
        self._sending_since = None

    def signed_out(self) -> list[Action]:
        return self._close(NO_TOKEN, "signed out")

    def _owe(self, number: int, alert: dict[str, Any]) -> None:
        self.seq = number
        if not self.probing:
            self._push({"type": "alert", "seq": number, "alert": alert})

    def _push(self, frame: dict[str, Any]) -> None:
        self._unsent.append(frame)

    def _close(self, code: int, reason: str) -> list[Action]:
        if self.phase is Phase.CLOSED:
            return []
        self.phase = Phase.CLOSED
        self._unsent.clear()
        return [Close(code, reason)]


def _parse(text: str) -> dict[str, Any] | None:
    if len(text) > MAX_FRAME_BYTES:
        return None
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
