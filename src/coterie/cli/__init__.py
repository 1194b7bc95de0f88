"""The command line: parse, call a service, render. Heavy imports happen inside commands, so help is instant."""
