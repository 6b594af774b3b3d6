"""Dialer: opens channels to workers, all of them plain or all of them over TLS."""

from __future__ import annotations

import grpc

from antiphon_core.expiry import Ends
from antiphon_core.tls import Certificates, Pems
from antiphon_core.wire.rpc import CHANNEL_OPTIONS


class Dialer:
    """Over TLS if it is given certificates: then it speaks to no worker that is not of their authority.

    The worker's certificate must be for the host that is dialled, or for `name`, where addresses come and go.
    """

    def __init__(self, certificates: Certificates | None = None, name: str = "") -> None:
        self._certificates = certificates
        self._options: tuple[tuple[str, int | str], ...] = CHANNEL_OPTIONS
        if name:
            self._options += (("grpc.ssl_target_name_override", name),)

    @property
    def tls(self) -> bool:
        return self._certificates is not None

    @property
    def shown(self) -> Pems | None:
        """What a channel that is opened now shows. One that was opened with something else should be replaced."""
        return None if self._certificates is None else self._certificates.now

    def ends(self) -> Ends:
        """Until when its certificates count, by file."""
        return {} if self._certificates is None else self._certificates.ends()

    def dial(self, address: str) -> grpc.aio.Channel:
        pems = self.shown
        if pems is None:
            return grpc.aio.insecure_channel(address, options=self._options)
        credentials = grpc.ssl_channel_credentials(pems.ca, pems.key, pems.cert)
        return grpc.aio.secure_channel(address, credentials, options=self._options)


PLAIN = Dialer()
