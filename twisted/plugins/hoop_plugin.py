"""`twistd hoop`."""

from twisted.application.service import ServiceMaker

hoop = ServiceMaker("twisted-hoop", "twisted_hoop.tap", "An identity-aware layer-7 gateway", "hoop")
