"""The lake: Delta tables, published in one workspace-wide sequence of data versions."""
