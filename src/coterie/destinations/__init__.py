"""The ways out: signed HTTP and e-mail, with retry and keys by which a receiver knows repeats."""
