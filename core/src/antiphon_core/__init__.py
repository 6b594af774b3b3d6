"""What servers, workers and engines share. Whoever imports it keeps to himself what he does."""

from antiphon_core import privacy as privacy
