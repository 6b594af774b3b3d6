"""The conformance kit: one base class that checks what an adapter promises."""

from __future__ import annotations

from collections.abc import Callable

from antiphon_core.testkit.contract_checks import ContractChecks
from antiphon_core.testkit.guard import check_whole, reasons
from antiphon_core.testkit.life_checks import LifeChecks
from antiphon_core.testkit.refusal_checks import RefusalChecks
from antiphon_core.testkit.sound_checks import SoundChecks
from antiphon_core.testkit.stream_checks import StreamChecks
from antiphon_core.testkit.subject import Subject
from antiphon_core.testkit.text_checks import TextChecks
from antiphon_core.testkit.time_checks import TimeChecks


class AdapterConformance(LifeChecks, StreamChecks, TimeChecks, TextChecks, SoundChecks, RefusalChecks, ContractChecks):
    """Subclass it as `class TestMine(AdapterConformance): adapter = "mine"`. `Standard` says what else may be set."""

    def test_the_kit_is_whole(self, antiphon_subject: Subject, record_property: Callable[[str, object], None]) -> None:
        for reason in reasons(type(self)):
            record_property("antiphon_loosened", reason)
        check_whole(type(self), AdapterConformance, antiphon_subject)
