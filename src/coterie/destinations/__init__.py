"""The ways out: signed HTTP, with retry and idempotency keys."""
