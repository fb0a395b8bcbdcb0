"""What the server does with a client that hangs in the middle of a transaction.

A process that is stopped, swapped out or cut off holds its row locks for as long as its session lives: the next
gateway would wait for the same event for ever, the next worker for the same station's feed. So the server ends a
session that leaves a transaction open and says nothing; what it did is rolled back, and somebody else does it.

In the middle of a pipeline or of a COPY the server takes such a session for one at work, and no limit of its own ends
it (PostgreSQL 17 has one, 15 and 16 have not). Nor has it one just after a pipeline: it stops its clock at whatever
comes next, psycopg ends a pipeline with a Flush behind the Sync, and a Flush starts no clock. Those END_HUNG ends,
which every alerts worker runs each second.
"""

#: As long as a gateway's slot waits for its holder. Our transactions are silent for milliseconds.
LET_GO = "SET idle_in_transaction_session_timeout = '5s'"
#: For a process with several sessions: those that wait for the locks of the first to hang stop waiting before LET_GO
#: ends that one. Otherwise each would get the lock in its turn and hang with it for as long again.
GIVE_UP = "SET lock_timeout = '3s'"
#: For a transaction that talks to the broker in between, and holds what nobody waits for. Its name says so.
LET_GO_SLOWLY = """
SELECT set_config('idle_in_transaction_session_timeout', '60s', false),
       set_config('application_name', current_setting('application_name') || '-slowly', false)
"""
#: "Active" and waiting for its client's next word. A COPY has longer: the whole of it is one statement. Of those in a
#: transaction only whoever has promised LET_GO, and a little later than by that.
END_HUNG = """
SELECT pid, application_name, pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user AND application_name LIKE 'anhu-%'
  AND wait_event = 'ClientRead' AND pid <> pg_backend_pid()
  AND CASE state
      WHEN 'active' THEN
        state_change < clock_timestamp() - CASE WHEN query ILIKE 'copy%' THEN interval '15 s' ELSE interval '5 s' END
      WHEN 'idle in transaction' THEN
        state_change < clock_timestamp() - interval '6 s'
        AND application_name ~ '^anhu-(gateway|alerts|rules|delivery|api)' AND application_name !~ '-slowly$'
      ELSE false END
"""
