"""What a workspace holds, as definitions: entities, datasets, fields, tags."""
