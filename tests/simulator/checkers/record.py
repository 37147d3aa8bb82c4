"""A record in the making: who is there, what the time is, what goes wrong, and what is called.

Time stands still until `at` or `after` moves it.
"""

from dataclasses import replace
from typing import Any, Self

from simulator.checkers.base import Checker, Judgement
from simulator.history.entry import Header, Json, JsonObject
from simulator.history.history import History
from simulator.history.recorder import HistoryRecorder

EPOCH = 1_700_000_000.0
SHAPE = ("8",)


class Operation:
    """A call that has begun; `ok`, `refused` or `lost` ends it."""

    def __init__(self, record: HistoryRecorder, actor: str, number: int, usual: JsonObject) -> None:
        self._record = record
        self._actor = actor
        self._usual = usual
        self.number = number

    def ok(self, **answer: Json) -> None:
        self._record.complete(self.number, "ok", {**self._usual, **answer})

    def refused(self, code: str, details: str = "no, because", **partial: Json) -> None:
        self._record.complete(self.number, "fail", {**partial, "code": code, "details": details})

    def lost(self, code: str = "UNAVAILABLE", details: str = "gone", **partial: Json) -> None:
        self._record.complete(self.number, "info", {**partial, "code": code, "details": details})

    def touched(self, type_: str, mode: str, direction: str = "request") -> "Operation":
        value: JsonObject = {
            "fault": "f1",
            "type": type_,
            "method": "",
            "direction": direction,
            "mode": mode,
        }
        self._record.note("fault.touch", value, actor=self._actor, call=self.number)
        return self


class Record:
    """A record in the making; identities are names, unless `speaks` says otherwise."""

    def __init__(
        self, identity: str = "plaintext", *, period_s: float = 10.0, transit_s: float = 0.5
    ) -> None:
        self._now = 0.0
        self._record = HistoryRecorder(lambda: self._now)
        self._connections: dict[str, int] = {}
        self._identities: dict[str, str] = {}
        self._header = Header(
            scenario="given",
            seed=1,
            case={},
            world="virtual",
            identity=identity,
            epoch=EPOCH,
            heartbeat_period_s=period_s,
            transit_s=transit_s,
            sample_shape=SHAPE,
            target_shape=SHAPE,
        )
        self.note("director.start")

    def told(self, **about: Any) -> Self:
        """Let more be known of the Director."""
        self._header = replace(self._header, **about)
        return self

    def finds(self, *envoys: JsonObject) -> Self:
        """Let the Director run elsewhere, and know envoys of earlier days."""
        return self.note("target", {"envoys": list(envoys)})

    # ------------------------------------------------------------ time, people and faults

    def at(self, time_s: float) -> Self:
        assert time_s >= self._now
        self._now = time_s
        return self

    def after(self, seconds: float) -> Self:
        return self.at(self._now + seconds)

    def note(self, topic: str, value: JsonObject | None = None, *, actor: str = "") -> Self:
        self._record.note(topic, value or {}, actor=actor)
        return self

    def there_are(self, kind: str, *names: str) -> Self:
        for name in names:
            about: JsonObject = {"kind": kind, "identity": name, "group": "", "labels": {}}
            self.note("actor.start", about, actor=name)
        return self

    def envoys(self, *names: str) -> Self:
        return self.there_are("envoy", *names)

    def frontends(self, *names: str) -> Self:
        return self.there_are("frontend", *names)

    def attackers(self, *names: str) -> Self:
        return self.there_are("attacker", *names)

    def speaks(self, actor: str, *, as_: str) -> Self:
        self._identities[actor] = as_
        return self

    def reconnects(self, actor: str) -> Self:
        self._connections[actor] = self._connections.get(actor, 1) + 1
        return self

    def fault(self, type_: str, *targets: str, opens: bool = True) -> Self:
        value: JsonObject = {"fault": "f1", "type": type_, "targets": list(targets)}
        return self.note("fault.open" if opens else "fault.close", value)

    def heals(self, type_: str, *targets: str) -> Self:
        return self.fault(type_, *targets, opens=False)

    def strikes(self, type_: str, actor: str, mode: str) -> Self:
        """Touch an actor as a whole."""
        value: JsonObject = {
            "fault": "f1",
            "type": type_,
            "method": "",
            "direction": "",
            "mode": mode,
        }
        return self.note("fault.touch", value, actor=actor)

    def restarts(self) -> Self:
        return self.note("director.kill").note("director.start")

    # ------------------------------------------------------------ calls, and the end

    def call(
        self, actor: str, topic: str, request: JsonObject | None = None, **usual: Json
    ) -> Operation:
        value: JsonObject = {
            "as": self._identities.get(actor, actor),
            "connection": self._connections.get(actor, 1),
            **(request or {}),
        }
        return Operation(self._record, actor, self._record.invoke(actor, topic, value), usual)

    def history(self) -> History:
        return self._record.finish(self._header)

    def judged_by(self, checker: Checker) -> Judgement:
        return checker.check(self.history())
