"""`twistd hoop-agent`."""

from twisted.application.service import ServiceMaker

hoop_agent = ServiceMaker(
    "twisted-hoop-agent", "twisted_hoop.agent_tap", "An agent of twisted-hoop inside a private network", "hoop-agent"
)
