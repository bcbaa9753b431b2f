"""Mail servers for the C tests: real ones of aiosmtpd, and one that misbehaves.

Prints `name port` lines, then `ready`; ends when its standard input is closed. A mail
that was taken is in the directory `dir`, as `last`: a line with the sender, one with
the recipients, then what was received, before its sender is told so.

    plain      neither STARTTLS nor AUTH; the sizes of mails are not bounded
    starttls   offers STARTTLS; starttls-self has a certificate that nobody signed
    tls        is TLS from the first byte
    login      wants AUTH after STARTTLS: PLAIN, or LOGIN alone on login-login, or
               CRAM-MD5 alone on login-cram; "ann", "s3cret"
    open-login wants AUTH PLAIN and has no TLS
    bad        does with the step STEP what the name in EHLO says: `hang-STEP`,
               `close-STEP`, `busy-STEP` (421), `no-STEP` (554)
    hang, close, busy, no, noise, banner, endless: instead of a greeting

Recipients: no-...@ is refused with 550, later-...@ with 450.
"""
import asyncio
import hashlib
import hmac
import logging
import os
import shutil
import ssl
import tempfile
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from badserver import end_with_parent, make_certificates, tls_context

ANSWERS = {"busy": b"421 4.3.2 too busy for you\r\n", "no": b"554 5.7.1 not for you\r\n"}


class Handler:
    def __init__(self, folder):
        self.folder = folder

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("no-"):
            return "550 5.1.1 no such user"
        if address.startswith("later-"):
            return "450 4.2.0 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        with open(f"{self.folder}/new", "wb") as f:
            f.write(f"{envelope.mail_from}\n{','.join(envelope.rcpt_tos)}\n".encode())
            f.write(envelope.content)
        os.rename(f"{self.folder}/new", f"{self.folder}/last")
        return "250 2.0.0 taken"


class CramHandler(Handler):
    async def auth_CRAM__MD5(self, server, args):
        challenge = b"<1896.697170952@localhost>"
        answer = await server.challenge_auth(challenge)
        want = hmac.new(b"s3cret", challenge, hashlib.md5).hexdigest()
        ok = answer == b"ann " + want.encode()
        return AuthResult(success=ok, handled=False, auth_data="ann")


def authenticate(server, session, envelope, mechanism, data):
    ok = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ann", b"s3cret")
    return AuthResult(success=ok, handled=False)


# ---- one that misbehaves --------------------------------------------------------

async def misbehave(how, r, w):
    """Returns whether the step is answered as usual."""
    if how in ANSWERS:
        w.write(ANSWERS[how])
        await w.drain()
        return False
    if how == "hang":
        await r.read()
    elif how == "noise":
        w.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    elif how == "banner":
        w.write(b"".join(b"220-%04d %s\r\n" % (i, b"x" * 60) for i in range(2000)))
        await r.read()
    elif how == "endless":
        w.write(b"220-" + b"x" * 1000000)
        await r.read()
    return False


async def upgrade(r, w, ctx):
    loop = asyncio.get_running_loop()
    protocol = w.transport.get_protocol()
    transport = await loop.start_tls(w.transport, protocol, ctx, server_side=True)
    r._transport = w._transport = transport


async def read_body(r, w, how):
    if how == "slow":  # reads no more
        await asyncio.sleep(3600)
    if how == "early":
        w.write(b"552 5.3.4 enough of that\r\n")
        await w.drain()
        await r.read()
        return False
    while (await r.readline()).rstrip(b"\r\n") != b".":
        if r.at_eof():
            return False
    return True


async def talk(r, w, ctx):
    how = step = None
    w.write(b"220 bad.example ESMTP\r\n")
    while line := await r.readline():
        verb = line.split()[0].upper().decode() if line.strip() else ""
        if verb == "EHLO" and how is None:
            how, _, step = line.split()[1].decode().partition("-")
        if (verb == step or (verb, step) == ("HELO", "EHLO")) and not await misbehave(how, r, w):
            if how not in ANSWERS:
                return
            continue
        if verb == "EHLO":
            w.write(b"250-bad.example\r\n250-AUTH PLAIN\r\n")
            w.write(b"250-STARTTLS\r\n250 HELP\r\n" if step in ("STARTTLS", "handshake") else b"250 HELP\r\n")
        elif verb == "STARTTLS":
            w.write(b"220 go ahead\r\n")
            await w.drain()
            if step == "handshake":
                await misbehave(how, r, w)
                return
            await upgrade(r, w, ctx)
        elif verb == "AUTH":
            w.write(b"235 ok s3cret\r\n" if len(line.split()) > 2 else b"334 \r\n")
        elif verb == "DATA":
            w.write(b"354 go\r\n")
            if not await read_body(r, w, how):
                return
            if step != "body":
                w.write(b"250 taken\r\n")
            elif not await misbehave(how, r, w) and how not in ANSWERS:
                return
        elif verb == "QUIT":
            w.write(b"221 bye\r\n")
            return
        elif how == "odd" and verb == step:
            w.write(b"what?\r\n")
        else:
            w.write(b"235 ok s3cret\r\n" if verb not in ("MAIL", "RCPT") else b"250 ok\r\n")


def closing(serve, *args):
    async def run(r, w):
        try:
            await serve(*args, r, w) if args and isinstance(args[0], str) else await serve(r, w, *args)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            w.close()
    return run


# ---- all of them ------------------------------------------------------------------

async def main(folder):
    loop = asyncio.get_running_loop()
    make_certificates(folder)
    good, own = tls_context(folder, "good"), tls_context(folder, "self")
    handler, cram = Handler(folder), CramHandler(folder)
    login = {"authenticator": authenticate, "auth_required": True}

    async def serve(name, to, ctx=None, **options):
        options = {"hostname": "mail.example", "data_size_limit": 0, **options}
        server = await loop.create_server(lambda: SMTP(to, **options), "127.0.0.1", 0, ssl=ctx)
        print(name, server.sockets[0].getsockname()[1])
        return server

    keep = [await serve("plain", handler), await serve("starttls", handler, tls_context=good),
            await serve("starttls-self", handler, tls_context=own),
            await serve("tls", handler, good),
            await serve("login", handler, tls_context=good, **login),
            await serve("login-login", handler, tls_context=good,
                        auth_exclude_mechanism=["PLAIN"], **login),
            await serve("login-cram", cram, tls_context=good,
                        auth_exclude_mechanism=["PLAIN", "LOGIN"], **login),
            await serve("open-login", handler, auth_require_tls=False, **login)]
    for name, run in (("bad", closing(talk, good)),
                      *((how, closing(misbehave, how)) for how in
                        ("hang", "close", "busy", "no", "noise", "banner", "endless"))):
        server = await asyncio.start_server(run, "127.0.0.1", 0)
        print(name, server.sockets[0].getsockname()[1])
        keep.append(server)
    print("dir", folder)
    print("ready", flush=True)
    await loop.create_future()


if __name__ == "__main__":
    tmp = tempfile.mkdtemp(prefix="mailserver-")
    logging.disable()
    threading.Thread(target=end_with_parent, args=(tmp,), daemon=True).start()
    try:
        asyncio.run(main(tmp))
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
