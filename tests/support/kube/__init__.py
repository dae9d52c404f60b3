"""A Kubernetes API server for tests: a process with TLS, objects, watches, logs, exec and port-forwards.

    with api_server(folder) as server:
        server.url, server.ca, server.token        # an administrator's token
        server.seen()                              # what arrived, with headers: impersonation and all

kubectl and the client libraries cannot tell it from a small cluster in what the tests do with it. It stands beside the
gateway's own code and shares none of it: what both misunderstand alike would go unnoticed.
"""
