"""The two ends of the SSH transport (RFC 4253): ServerTransport for clients, ClientTransport for targets.

Signatures (what others of the room write against):

    HostKey(algorithm: bytes, blob: bytes, sign: Callable[[bytes], bytes])                    # algorithms.py
        `algorithm` as negotiated (b"ssh-ed25519", b"rsa-sha2-512", b"ssh-ed25519-cert-v01@openssh.com"), `blob` what is
        sent as K_S (public key or certificate), `sign(data)` the whole signature with its algorithm's name.
        `host_keys_of(key: twisted.conch.ssh.keys.Key) -> tuple[HostKey, ...]` gives those of a plain private key.

    ServerTransport(
        reactor,
        host_keys: Sequence[HostKey],                                    # in the order of our preference
        authentication: Callable[[ServerTransport], SSHService],         # makes the ssh-userauth service of a connection
        connection: Callable[[Any], ConnectionHandler],                  # of the login that `authenticated` was given
        limits: Limits = Limits(),
        ended: Callable[[str], None] | None = None,                      # called once at the end, with the reason
    )
    ServerTransport.authenticated(login: Any) -> None
        Called by the ssh-userauth service: sends USERAUTH_SUCCESS and starts ssh-connection with `connection(login)`.
        Every later message of ssh-userauth and every later SERVICE_REQUEST ends the connection (S4).

    ClientTransport(
        reactor,
        verify_host_key: Callable[[bytes], Awaitable[Key]],              # K_S -> the public key that must have signed;
                                                                         # raises HoopError to refuse (S17)
        authenticator: Callable[[ClientTransport], SSHService],          # the ssh-userauth service, client side
        handler: ConnectionHandler,                                      # started once `authenticated` was called
        refused: Callable[[Exception], None],                            # instead, once: it ended before that
        host_key_algorithms: Sequence[bytes] = SIGNATURES,               # what to ask the target for
        limits: Limits = Limits(),
    )
    ClientTransport.authenticated() -> None                              # by the authenticator, on USERAUTH_SUCCESS

    Limits(grace=60.0, kexinit_wait=0.5, rekey_bytes=1 << 30, rekey_seconds=3600.0, channels=64, window=2 << 20,
           packet=32768, ...)                                            # limits.py; seconds and bytes

Both: `sessionID` (bytes), `otherVersionString` (bytes, of the peer), `sendPacket(number, payload)`, `getPeer()`,
`disconnect(code, text)`. A service is Conch's SSHService: `name`, `transport` (set for it), `serviceStarted()`,
`serviceStopped()`, `packetReceived(number, payload)`. They are ordinary Twisted protocols over any ITCPTransport.
"""
