"""Metrics of several processes are those of one, and never fall because a process ended."""

from __future__ import annotations

from antiphon_orchestrator.metrics import Metrics
from antiphon_orchestrator.processes.sums import counted, summed
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families


def process(sessions: int, answers_s: tuple[float, ...], workers: int = 3) -> str:
    metrics = Metrics()
    metrics.watch("workers", "Speech workers that are known", lambda: workers)
    metrics.watch_each("sessions", "Conversations", "state", lambda: {"idle": sessions})
    for answer_s in answers_s:
        metrics.answered(answer_s)
        metrics.response_ended("completed")
    return generate_latest(metrics.registry).decode()


def value(text: str, name: str, **labels: str) -> float | None:
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return next((one.value for one in samples if one.name == name and labels.items() <= one.labels.items()), None)


def test_counters_and_histograms_and_gauges_are_summed() -> None:
    together = summed([process(2, (0.3, 0.6)), process(5, (0.3,))])
    assert value(together, "antiphon_responses_total", status="completed") == 3
    assert value(together, "antiphon_voice_to_voice_seconds_bucket", le="0.5") == 2
    assert value(together, "antiphon_voice_to_voice_seconds_count") == 3
    assert value(together, "antiphon_sessions", state="idle") == 7


def test_what_all_of_them_see_is_not_summed() -> None:
    assert value(summed([process(0, (), workers=3), process(0, (), workers=4)]), "antiphon_workers") == 4


def test_of_what_is_left_of_a_certificate_the_least_counts() -> None:
    def showing(left_s: float) -> str:
        metrics = Metrics()
        metrics.watch_each("certificate_left_seconds", "How long it counts", "file", lambda: {"tls.crt": left_s})
        return generate_latest(metrics.registry).decode()

    together = summed([showing(86_400.5), showing(86_399.5)])
    assert value(together, "antiphon_certificate_left_seconds", file="tls.crt") == 86_399.5


def test_a_process_that_ended_leaves_its_counts_and_nothing_else() -> None:
    left = counted(process(2, (0.3, 0.6)))
    together = summed([left, process(5, (0.3,))])
    assert value(together, "antiphon_responses_total", status="completed") == 3
    assert value(together, "antiphon_sessions", state="idle") == 5
    assert value(counted(left), "antiphon_responses_total", status="completed") == 2


def test_the_age_of_all_is_that_of_the_oldest() -> None:
    texts = [process(0, ()), process(0, ())]
    starts = [value(text, "process_start_time_seconds") for text in texts]
    assert value(summed(texts), "process_start_time_seconds") == starts[0] == starts[1]


def test_one_alone_is_what_it_is() -> None:
    text = process(2, (0.3,))
    assert summed([summed([text]), ""]) == summed([text])


def test_labels_that_need_escapes_stay_as_they_are() -> None:
    metrics = Metrics()
    metrics.refused('a "b"\\c\nd')
    text = generate_latest(metrics.registry).decode()
    assert value(summed([text, text]), "antiphon_requests_refused_total", reason='a "b"\\c\nd') == 2
