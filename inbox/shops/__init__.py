"""The kinds of shops whose pushes are understood. A new one is a module here and a line below."""

from collections.abc import Mapping

from inbox.shops.generic import Generic
from inbox.shops.shop import ShopKind
from inbox.shops.shopify import Shopify
from inbox.shops.woocommerce import WooCommerce

SHOPS: Mapping[str, ShopKind] = {kind.name: kind for kind in (WooCommerce(), Shopify(), Generic())}
"""By name."""
