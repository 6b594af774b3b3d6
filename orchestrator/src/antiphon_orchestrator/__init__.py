"""The server: conversations, and whom they are spoken by."""

from antiphon_core import privacy as privacy
