"""One connection: what waits for the socket is bounded, but a frame that is allowed always goes."""

import socket

LARGEST = 256 << 20


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname())
        return listening.accept()[0], theirs


def test_the_largest_frame_and_those_behind_it_go_whole(engine):
    from maya_mcp_helper import frames, link

    ours, theirs = tcp_pair()
    with ours, theirs:
        sending = link.Link(ours, ("here", 0), None, 0.0, lambda link: None)
        reading = frames.Reader()
        reading.limits = frames.AFTER_WELCOME
        sending.send(frames.encode({"picture": 1}, bytes(LARGEST)))
        sending.send(frames.encode({"answer": 2}))
        taken = []
        while sending.has_outgoing:
            reading.receive_from(theirs)
            sending.flush()
            taken += iter(reading.take, None)
        theirs.setblocking(False)
        while len(taken) < 2:
            reading.receive_from(theirs)
            taken += iter(reading.take, None)
    assert [(message, len(binary)) for message, binary in taken] == [
        ({"picture": 1}, LARGEST),
        ({"answer": 2}, 0),
    ]
    assert not sending.broken


def test_who_leaves_too_much_behind_it_unread_is_cut_off(engine):
    from maya_mcp_helper import frames, link

    ours, theirs = tcp_pair()
    with ours, theirs:
        sending = link.Link(ours, ("here", 0), None, 0.0, lambda link: None)
        for _ in range(2 * (link.OUTGOING_LIMIT >> 20)):
            sending.send(frames.encode({"more": True}, bytes(1 << 20)))
        assert sending.broken
        assert sending._pending <= link.OUTGOING_LIMIT + (2 << 20)
