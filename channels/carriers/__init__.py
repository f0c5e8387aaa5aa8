"""Those who carry parcels: one folder each, a line in `registry` and one in `channels.sandbox`."""
