"""An engine's own virtual environment on this machine: where its dependencies conflict with nobody's."""
