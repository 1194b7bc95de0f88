"""Ways to a customer, each with the parts its messages have. More come as plugins, by the entry point
`coterie.channels`."""
