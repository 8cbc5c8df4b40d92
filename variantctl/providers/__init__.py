"""Who answers what is supported here: static lists, plugins, profiles, trust."""
