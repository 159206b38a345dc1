"""Call URLs that users provide, safely."""
