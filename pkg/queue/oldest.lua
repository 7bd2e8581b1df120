-- Looks up when the next task to be taken became pending.
--
-- KEYS: pending
-- ARGV: prefix of a task's hash (in the slot of the key)
-- Returns Unix nanoseconds as a string, "0" if no task is pending.

local id = redis.call("LINDEX", KEYS[1], -1)
return id and redis.call("HGET", ARGV[1] .. id, "pending_since") or "0"
