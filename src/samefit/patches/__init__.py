"""Every touch of somebody else's code, each reversible; each file names the versions it was checked on."""
