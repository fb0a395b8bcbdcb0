"""What the server does with a client that hangs in the middle of a transaction.

A process that is stopped, swapped out or cut off holds its row locks for as long as its session lives: the next
gateway would wait for the same event for ever, the next worker for the same station's feed. So the server ends a
session that leaves a transaction open and says nothing; what it did is rolled back, and somebody else does it.
"""

#: As long as a gateway's slot waits for its holder. Our transactions are silent for milliseconds.
LET_GO = "SET idle_in_transaction_session_timeout = '5s'"
#: For a process with several sessions: those that wait for the locks of the first to hang stop waiting before LET_GO
#: ends that one. Otherwise each would get the lock in its turn and hang with it for as long again.
GIVE_UP = "SET lock_timeout = '3s'"
#: For a transaction that talks to the broker in between, and holds what nobody waits for.
LET_GO_SLOWLY = "SET idle_in_transaction_session_timeout = '60s'"
