"""HTTP: `/api/v1`, bearer tokens, the same error shape as everywhere."""
