"""Audiences: saved rules, exact counts, snapshots of members, reasons, exports."""
