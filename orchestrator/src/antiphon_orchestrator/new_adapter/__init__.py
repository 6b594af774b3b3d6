"""A new engine's plug-in: a project that works from its first minute, with a placeholder where the engine comes."""
