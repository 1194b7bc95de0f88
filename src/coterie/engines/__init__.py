"""Engines: where SQL runs. The only room that imports an engine's driver."""
