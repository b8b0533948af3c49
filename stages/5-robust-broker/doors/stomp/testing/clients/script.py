"""The script of clients.test.ts, with stomp.py: python3 script.py PORT. Prints what it sees, line by line."""
import queue
import sys
import time

import stomp

PORT = int(sys.argv[1])
SECONDS = 20


class Inbox(stomp.ConnectionListener):
    def __init__(self):
        self.messages = queue.Queue()
        self.receipts = queue.Queue()

    def on_message(self, frame):
        self.messages.put(frame)

    def on_receipt(self, frame):
        self.receipts.put(frame.headers["receipt-id"])

    def on_error(self, frame):
        print("error", frame.headers.get("code"))


def connect(client_id=None, heartbeats=(0, 0), auto_decode=True):
    connection = stomp.Connection12([("127.0.0.1", PORT)], heartbeats=heartbeats, auto_decode=auto_decode)
    inbox = Inbox()
    connection.set_listener("inbox", inbox)
    headers = {} if client_id is None else {"client-id": client_id}
    connection.connect("ann", "secret", wait=True, headers=headers)
    return connection, inbox


def send(connection, inbox, destination, body, **headers):
    """Resolves when the receipt is there."""
    connection.send(destination, body, headers={**headers, "receipt": "r"}, content_type=headers.pop("content_type", None))
    assert inbox.receipts.get(timeout=SECONDS) == "r"


def get(inbox):
    return inbox.messages.get(timeout=SECONDS)


def leave(connection, inbox):
    connection.disconnect(receipt="bye")
    assert inbox.receipts.get(timeout=SECONDS) == "bye"


# send, receive, receipt, headers with escapes
one, inbox = connect()
send(one, inbox, "/queue/py", "hello", price="9:5", note="a\nb:c")
one.subscribe("/queue/py", id="s", ack="auto")
frame = get(inbox)
print("auto", frame.body, frame.headers["price"], repr(frame.headers["note"]))
one.unsubscribe(id="s")

# cumulative acks: the third comes again
for body in ("one", "two", "three"):
    send(one, inbox, "/queue/py-acks", body)
one.subscribe("/queue/py-acks", id="c", ack="client")
frames = [get(inbox) for _ in range(3)]
one.ack(frames[1].headers["ack"])
leave(one, inbox)
one, inbox = connect()
one.subscribe("/queue/py-acks", id="c", ack="client-individual", headers={"prefetch-count": "1"})
frame = get(inbox)
print("client", frame.body)

# nack: it comes again, and is counted
one.nack(frame.headers["ack"])
frame = get(inbox)
print("nack", frame.body, frame.headers["redelivered"], frame.headers["delivery-count"])
one.ack(frame.headers["ack"])

# transactions
one.subscribe("/queue/py-tx", id="t", ack="auto")
aborted = one.begin()
one.send("/queue/py-tx", "never", transaction=aborted)
one.abort(aborted)
committed = one.begin()
one.send("/queue/py-tx", "first", transaction=committed)
one.send("/queue/py-tx", "second", transaction=committed)
one.commit(committed)
print("transaction", get(inbox).body, get(inbox).body)
leave(one, inbox)

# a durable subscription of a topic
one, inbox = connect("py")
one.subscribe("/topic/py", id="d", headers={"activemq.subscriptionName": "news", "receipt": "in"})
assert inbox.receipts.get(timeout=SECONDS) == "in"
leave(one, inbox)
two, other = connect()
send(two, other, "/topic/py", "missed")
one, inbox = connect("py")
one.subscribe("/topic/py", id="d", headers={"activemq.subscriptionName": "news"})
print("durable", get(inbox).body)
one.unsubscribe(id="d", headers={"activemq.subscriptionName": "news"})
leave(one, inbox)
leave(two, other)

# bytes, and heart-beats that keep a quiet connection
one, inbox = connect(heartbeats=(200, 200), auto_decode=False)
time.sleep(1)
send(one, inbox, "/queue/py-bytes", bytes([0, 255, 10, 0]))
one.subscribe("/queue/py-bytes", id="b", ack="auto")
print("bytes", get(inbox).body.hex())
leave(one, inbox)
