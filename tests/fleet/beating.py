"""Beats once for each of so many workers, all of them busy: `beating.py REDIS_PORT NUMBER`."""

from __future__ import annotations

import sys

from antiphon_core.registry.base import Load, WorkerRecord
from antiphon_core.registry.documents import Beat, revision_of, write_beat, write_document
from redis import Redis
from registry_party import description


def main(port: int, number: int) -> None:
    with Redis(port=port) as client:
        for place in range(number):
            worker = description(f"w{place}")
            revision = revision_of(write_document(WorkerRecord(f"h{place}:1", worker)))
            client.publish("{antiphon}:beats", write_beat(Beat(worker.incarnation, 2, revision, Load(in_flight=1))))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
