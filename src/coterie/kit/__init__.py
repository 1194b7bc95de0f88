"""Small tools that know nothing of customers: moments, progress, files."""
